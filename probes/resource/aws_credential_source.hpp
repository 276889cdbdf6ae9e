// Where credentials for AWS come from: a file, if there is one in the configuration; else the
// environment; else the instance's metadata service, in its second version (IMDSv2): a token by
// PUT, with it the name of the instance's role, with that the role's credentials. File and
// environment are read anew for each call; the instance's credentials are kept until five minutes
// before they expire. Owned by what makes the calls (cloudwatch_calls.cpp); destroying it cancels.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "liveness/http_request.hpp"
#include "liveness/network.hpp"
#include "probe.hpp"
#include "resource/aws_credentials.hpp"

namespace yagura {

class AwsCredentialSource {
 public:
  // `file`: "" for none.
  AwsCredentialSource(std::string file, std::string profile);
  ~AwsCredentialSource();
  AwsCredentialSource(const AwsCredentialSource&) = delete;
  AwsCredentialSource& operator=(const AwsCredentialSource&) = delete;

  // `done` is called once, at once or from the loop; each of the three steps to the instance's
  // credentials takes at most `timeout`. Never called again before `done` or cancel().
  void get(io::Runtime& runtime, Duration timeout,
           std::function<void(Result<AwsCredentials>)> done);
  void cancel();
  // They were refused: the next ones are not those that are kept.
  void forget() { kept_.reset(); }

 private:
  void ask_for_token();
  void ask_for_role();
  void ask_for_credentials();
  void ask(HttpRequest::Method method, const std::string& path, std::vector<std::string> headers,
           std::function<void(const std::string& body)> then);
  void end(Result<AwsCredentials> result);

  std::string file_, profile_;
  std::optional<AwsCredentials> kept_;
  io::Runtime* runtime_ = nullptr;  // while it is being asked
  Duration timeout_{};
  std::function<void(Result<AwsCredentials>)> done_;
  std::string token_, role_;
  std::string body_;
  std::shared_ptr<NetworkRun> run_;
};

}  // namespace yagura
