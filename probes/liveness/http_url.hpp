// A URL that is asked over HTTP, read as libcurl reads it: of the configuration, or where a hostile
// page redirects to. One string and where in it the host stands, as very many probes keep one.
#pragma once

#include <cstdint>
#include <string>

#include "result.hpp"

namespace yagura {

struct HttpUrl {
  std::string text;  // "http://…" or "https://…", at most some KiB of ASCII without spaces
  std::uint16_t port = 0;
  std::uint16_t host_at = 0, host_size = 0;  // in `text`

  bool is_https() const { return text.starts_with("https:"); }
  std::string host() const { return text.substr(host_at, host_size); }  // "::1" without brackets
  std::string place() const;                                            // "www.example.jp port 443"
  bool same_origin(const HttpUrl& other) const {
    return is_https() == other.is_https() && host() == other.host() && port == other.port;
  }
};

// Error: what is wrong with it, in words that say what to write instead.
Result<HttpUrl> parse_http_url(const std::string& text);
// Where a `location` of the page at `base` leads, raw; "" for nowhere.
std::string location_from(const HttpUrl& base, const std::string& location);

}  // namespace yagura
