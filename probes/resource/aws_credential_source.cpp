#include "resource/aws_credential_source.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "liveness/http_run.hpp"
#include "resource/local_probe.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t longest_file = 64 * 1024;
constexpr std::size_t longest_answer = 64 * 1024;
constexpr Duration before_the_end = 5min;
constexpr const char* where_to_write_them =
    "write `credentials: FILE`, or give the daemon AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "the instance a role";

Instant now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

// Where every instance has its metadata service, unless the variable of AWS's own programs says
// otherwise.
std::string metadata_service() {
  const char* other =
      std::getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");  // NOLINT(concurrency-mt-unsafe)
  std::string url = other == nullptr || *other == '\0' ? "http://169.254.169.254" : other;
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}
bool is_metadata_service_off() {
  const char* off = std::getenv("AWS_EC2_METADATA_DISABLED");  // NOLINT(concurrency-mt-unsafe)
  return off != nullptr && lower(off) == "true";
}

}  // namespace

AwsCredentialSource::AwsCredentialSource(std::string file, std::string profile)
    : file_(std::move(file)), profile_(std::move(profile)) {}

AwsCredentialSource::~AwsCredentialSource() {
  cancel();
}

void AwsCredentialSource::cancel() {
  done_ = nullptr;
  if (run_) run_->cancel();
  run_.reset();
  token_.clear();
}

void AwsCredentialSource::get(io::Runtime& runtime, Duration timeout,
                              std::function<void(Result<AwsCredentials>)> done) {
  done_ = std::move(done);
  if (!file_.empty()) {
    auto text = read_whole_file(file_, longest_file);
    if (!text)
      return end(failure_of(fmt::format("the file of `credentials`, {}", text.error().message)));
    auto found = credentials_in(*text, profile_);
    if (!found)
      found = failure_of(
          fmt::format("the file of `credentials`, {}: {}", file_, found.error().message));
    return end(std::move(found));
  }
  auto environment = credentials_of_environment();
  if (!environment) return end(tl::unexpected(std::move(environment.error())));
  if (*environment) return end(**std::move(environment));
  if (kept_ && kept_->expires && now() + before_the_end < *kept_->expires) return end(*kept_);
  if (is_metadata_service_off()) {
    return end(
        failure_of(fmt::format("there are no credentials for AWS: {}", where_to_write_them)));
  }
  runtime_ = &runtime;
  timeout_ = timeout;
  ask_for_token();
}

void AwsCredentialSource::ask_for_token() {
  ask(HttpRequest::Method::put, "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds: 300"},
      [this](const std::string& body) {
        if (body.empty() || body.size() > 1000 || body.find_first_of("\r\n\0 ", 0, 4) != body.npos)
          return end(failure_of("the instance's metadata service gave no token"));
        token_ = body;
        ask_for_role();
      });
}

void AwsCredentialSource::ask_for_role() {
  ask(HttpRequest::Method::get, "/latest/meta-data/iam/security-credentials/",
      {"X-aws-ec2-metadata-token: " + token_}, [this](const std::string& body) {
        role_ = body.substr(0, body.find_first_of("\r\n"));
        if (!is_role_name(role_))
          return end(failure_of("the instance's metadata service names no role"));
        ask_for_credentials();
      });
}

void AwsCredentialSource::ask_for_credentials() {
  ask(HttpRequest::Method::get, "/latest/meta-data/iam/security-credentials/" + role_,
      {"X-aws-ec2-metadata-token: " + token_}, [this](const std::string& body) {
        auto found = credentials_of_instance(body);
        if (!found)
          return end(failure_of("the instance's metadata service: " + found.error().message));
        kept_ = *found;
        end(std::move(found));
      });
}

void AwsCredentialSource::ask(HttpRequest::Method method, const std::string& path,
                              std::vector<std::string> headers,
                              std::function<void(const std::string& body)> then) {
  auto url = parse_http_url(metadata_service() + path);
  if (!url)
    return end(
        failure_of(fmt::format("AWS_EC2_METADATA_SERVICE_ENDPOINT: {}", url.error().message)));
  HttpExtras extras;
  extras.headers = std::move(headers);
  if (!token_.empty()) extras.secrets = {token_};
  HttpRequest request;
  request.url = *std::move(url);
  request.method = method;
  request.set(std::move(extras));
  request.redirects = 0;
  request.keep_body = true;
  request.body_limit = longest_answer;
  body_.clear();
  const auto judge = [this, place = request.url.place(), path](const HttpPage& page) -> Finding {
    if (page.status == 404 && path.ends_with('/')) {
      return {
          Verdict::unknown, fmt::format("this instance has no role: {}", where_to_write_them), {}};
    }
    if (page.status != 200) {
      return {Verdict::unknown,
              fmt::format("the instance's metadata service ({}) answered {} with status {}", place,
                          one_line(path, 100), page.status),
              {}};
    }
    if (page.body_cut)
      return {Verdict::unknown, "the metadata service's answer is longer than 64 KiB", {}};
    body_ = page.body;
    return {};
  };
  const auto done = [this, then = std::move(then)](const Finding& finding) {
    auto ended = std::exchange(run_, nullptr);  // it is on the stack
    if (finding.verdict == Verdict::ok) return then(std::exchange(body_, {}));
    // What kept ones are good for still, the metadata service need not answer for.
    if (kept_ && kept_->expires && now() < *kept_->expires) return end(*kept_);
    end(failure_of(
        fmt::format("no credentials for AWS ({}): {}", where_to_write_them, finding.reason)));
  };
  const std::string host = request.url.host();
  run_ = fetch_page(*runtime_, ProbeRun{{}, timeout_},
                    std::make_shared<const HttpRequest>(std::move(request)), judge, done);
  run_->start(host);
}

void AwsCredentialSource::end(Result<AwsCredentials> result) {
  token_.clear();
  auto done = std::exchange(done_, nullptr);
  if (done) done(std::move(result));
}

}  // namespace yagura
