// With what AWS lets in: a key with its secret, and for a while only with a session's token. Read
// from a file in AWS's shared-credentials format, from the environment, or from what the metadata
// service of an EC2 instance says (aws_credential_source.hpp asks it). No word of a secret is in
// any error. Pure, but for the environment.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

struct AwsCredentials {
  std::string key_id, secret;
  std::string session_token;       // "": they are not of a session
  std::optional<Instant> expires;  // none: when somebody takes them back
};

// Of a file's text: sections "[profile]" (also "[profile name]") with lines "key = value"; # and ;
// begin comments. Error: the profile is not there, or not whole.
Result<AwsCredentials> credentials_in(std::string_view file, std::string_view profile);

// Of the metadata service's JSON.
Result<AwsCredentials> credentials_of_instance(std::string_view json);

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; nothing where the first two are not
// set.
Result<std::optional<AwsCredentials>> credentials_of_environment();

// What the metadata service calls an instance's role: it becomes a part of a path.
bool is_role_name(std::string_view name);

}  // namespace yagura
