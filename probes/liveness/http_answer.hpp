// Plain HTTP/1.1 in bytes: the request as it goes out, and the answer as it comes in (Boost.Beast's
// parser). No socket: bytes are given. What is not understood strictly here, a run leaves to
// libcurl, which is more forgiving. Owned by liveness/.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace yagura {

struct HttpRequest;  // http_request.hpp
struct HttpUrl;      // http_url.hpp

// `authorization`: the value of that header; "" for none. The request's own headers go only to the
// origin of its own URL.
std::string http_request_bytes(const HttpRequest& request, const HttpUrl& url,
                               const std::string& authorization);

class HttpAnswer {
 public:
  // All of them together, interim answers too.
  static constexpr std::size_t most_headers = std::size_t{64} * 1024;

  // Of the body at most `body_limit` bytes are taken, and kept where `keep_body`. To a HEAD no body
  // comes.
  HttpAnswer(bool to_head, std::size_t body_limit, bool keep_body);
  ~HttpAnswer();
  HttpAnswer(const HttpAnswer&) = delete;
  HttpAnswer& operator=(const HttpAnswer&) = delete;

  enum class State {
    incomplete,
    complete,
    cut,  // more than `body_limit` bytes of body came: as good as complete
    too_many_headers,
    broken_off,  // the connection ended within it
    nothing,     // … before a whole header came
    not_understood,
  };
  State take(std::string_view bytes);
  State end();  // the other side closed the connection

  bool has_begun() const;  // a first line came
  std::size_t body_bytes() const;
  int status() const;
  std::string phrase() const;    // at most 200 bytes, raw
  std::string location() const;  // as it was sent; "" where there was none
  bool body_cut() const;
  std::string take_body();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace yagura
