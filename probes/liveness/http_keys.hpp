// The keys by which a page is asked for, alike in every kind that asks over HTTP: url, headers,
// auth, client_certificate, client_key, redirects, verify_tls, ca_file, body_limit. Owned by http
// and metric.
#pragma once

#include "http_request.hpp"
#include "node.hpp"

namespace yagura {

// Of the key `body_limit`: what is judged on the loop has to be judged in milliseconds.
struct BodyLimits {
  std::size_t otherwise = 0;
  std::size_t most = 0;
};

// Problems are reported; then the request is of no use.
HttpRequest read_http_request(Reader& reader, BodyLimits limits);

// "1 MiB", "1.5 MiB", "500 kB": as in "the first 1 MiB of the body".
std::string limit_words(std::size_t bytes);

}  // namespace yagura
