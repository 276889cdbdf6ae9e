// The secret that a request is let in with (`auth`): read from its file in each run, sent to the
// origin of the request's URL only, and taken out of whatever a server says.
#pragma once

#include <string>
#include <vector>

#include "http_request.hpp"
#include "result.hpp"

namespace yagura {

struct HttpSecret {
  HttpAuth::Kind kind = HttpAuth::Kind::basic;
  std::string user, password;      // of `bearer` the token as the password
  std::vector<std::string> forms;  // in which a server can quote it

  std::string authorization() const;  // the value of that header
};

// Error: what is wrong with the file, or what has to be in it.
Result<HttpSecret> read_http_secret(const HttpAuth& auth);

// "[secret]" in the place of each. Before anything is cut, so that no half of one stays.
void take_out_secrets(std::string& text, const std::vector<std::string>& secrets);

}  // namespace yagura
