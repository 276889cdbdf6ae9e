// What one request to one URL comes to, whichever way it is asked: by libcurl (http_curl.hpp), or
// plainly over a socket of our own (http_plain.hpp). The run (http_run.hpp) puts faults into words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace yagura {

// What came, where something came. Phrase and body are as they were sent.
struct HttpPage {
  int status = 0;
  std::string phrase;  // of the status line, at most 200 bytes
  std::string body;    // at most body_limit; empty unless kept
  bool body_cut = false;
  double seconds = 0;                      // of the whole run, redirects included
  std::optional<double> certificate_days;  // until the server's certificate ends
};

struct HttpReply {
  HttpPage page;
  std::string location;  // where it leads, a whole URL, as raw as the page; "" for nowhere
};

// Why no page came.
struct HttpFault {
  enum class Kind : std::uint8_t {
    could_not_ask,  // Ours; all others are the other side's.
    not_connected,  // by `error`
    tls_failed,
    no_answer,  // closed before there was one
    broken_off,
    too_many_headers,  // more than 64 KiB
    endless_header,    // one line that is longer than can be taken
    not_understood,
  };
  Kind kind = Kind::could_not_ask;
  std::string words;  // further ones
  int error = 0;      // errno
};

using HttpOutcome = tl::expected<HttpReply, HttpFault>;
// Called once, from the loop; it may destroy whoever calls.
using HttpDone = std::function<void(HttpOutcome)>;

// How far a request is.
struct HttpProgress {
  enum class Stage : std::uint8_t { connecting, handshake, waiting, reading };
  Stage stage = Stage::connecting;
  std::size_t body_bytes = 0;  // that were read
};

}  // namespace yagura
