// What is asked over HTTP, and how far to follow it. It stays as it is once it is made, and its
// runs share it with whoever keeps it. Owned by liveness/; metric, CloudWatch, the heartbeat and
// others ask with it too (http_run.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http_url.hpp"

namespace yagura {

// A secret in a file, read in each run: "user:password", or a token.
struct HttpAuth {
  enum class Kind { basic, bearer } kind = Kind::basic;
  std::string file;
};

// What AWS lets a request in with: a signature (SigV4, libcurl's) over the method, the path, all of
// the request's `headers` and the body, made with a secret that is not sent itself.
struct AwsSigning {
  std::string region, service;  // "ap-northeast-1", "monitoring"
  std::string key_id, secret;
};

// What few requests have. All but `ca_file` is for the origin of the request's `url` only.
struct HttpExtras {
  std::vector<std::string> headers;  // whole lines; "Name;" for one without a value
  std::string body;                  // of a POST
  std::optional<HttpAuth> auth;
  std::shared_ptr<const AwsSigning> signing;  // none: unsigned
  // What the headers hold that is for nobody's eyes: taken out of the answer, as the secret of
  // `auth` is.
  std::vector<std::string> secrets;
  std::string client_certificate, client_key;  // PEM files; "" for none, or both in one
  std::string ca_file;                         // "": the system's

  bool empty() const {
    return headers.empty() && body.empty() && !auth && !signing && secrets.empty() &&
           client_certificate.empty() && client_key.empty() && ca_file.empty();
  }
};
// Those of a request that has none; all of them share it.
const std::shared_ptr<const HttpExtras>& no_http_extras();

struct HttpRequest {
  enum class Method : std::uint8_t { get, head, post, put };
  HttpUrl url;
  std::shared_ptr<const HttpExtras> extras = no_http_extras();  // never null
  std::size_t body_limit = std::size_t{1024} * 1024;            // so much of the body is read
  int redirects = 5;
  Method method = Method::get;
  bool verify_tls = true;
  bool keep_body = false;

  void set(HttpExtras given) { extras = std::make_shared<const HttpExtras>(std::move(given)); }
};

}  // namespace yagura
