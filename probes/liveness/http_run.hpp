// One run of an http probe: the page fetched, redirects followed one by one, each of their names
// looked up as the first was. libcurl fetches it; a GET or HEAD in the clear, which most of very
// many checks are, is asked over a socket of our own, which costs half (http_answer.hpp). Owned by
// http.cpp, which reads the keys and judges the page.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network.hpp"
#include "result.hpp"

namespace yagura {

struct HttpUrl {
  std::string text;
  std::string scheme;  // "http" or "https"
  std::string host;    // without the brackets of an IPv6 address
  std::uint16_t port = 0;

  std::string place() const;  // "www.example.jp port 443"
  bool same_origin(const HttpUrl& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};
// Error: what is wrong with it, in words that say what to write instead.
Result<HttpUrl> parse_http_url(const std::string& text);

// A secret in a file, read in each run: "user:password", or a token.
struct HttpAuth {
  enum class Kind { basic, bearer } kind = Kind::basic;
  std::string file;
};

// What AWS lets a request in with: a signature (SigV4, libcurl's) over the method, the path, all of
// `headers` and the body, made with a secret that is not sent itself.
struct AwsSigning {
  std::string region, service;  // "ap-northeast-1", "monitoring"
  std::string key_id, secret;
};

// The request, and how far to follow it. Headers, secret, body and client certificate are for the
// origin of `url` only.
struct HttpRequest {
  enum class Method { get, head, post, put };
  HttpUrl url;
  Method method = Method::get;
  std::string body;                  // of a POST
  std::vector<std::string> headers;  // whole lines
  std::optional<HttpAuth> auth;
  std::optional<AwsSigning> signing;
  // What the headers hold that is for nobody's eyes: taken out of the answer, as the secret of
  // `auth` is.
  std::vector<std::string> secrets;
  std::string client_certificate, client_key;  // PEM files; "" for none, or both in one
  bool verify_tls = true;
  std::string ca_file;  // "": the system's
  int redirects = 5;
  bool keep_body = false;
  std::size_t body_limit = 1024 * 1024;  // so much of the body is read
};

// What came, where something came.
struct HttpPage {
  int status = 0;
  // Status line and body are raw, but a secret of `auth` or `secrets` that they quote is taken out.
  std::string phrase;  // of the status line
  std::string body;    // raw, at most body_limit; empty unless kept
  bool body_cut = false;
  double seconds = 0;
  std::optional<double> certificate_days;  // until the server's certificate ends
};

// `judge` is asked where a page came; all else ends in a finding of its own.
std::shared_ptr<NetworkRun> fetch_page(io::Runtime& runtime, const ProbeRun& run,
                                       const HttpRequest& request,
                                       std::function<Finding(const HttpPage&)> judge,
                                       std::function<void(Finding)> done);

}  // namespace yagura
