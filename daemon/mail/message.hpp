// One mail as bytes: RFC 5322 headers, RFC 2047 words, a UTF-8 body in base64 (MAIL-FACTS: lines,
// folding, CRLF).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "instant.hpp"
#include "result.hpp"
#include "zone.hpp"

namespace yagura {

struct Mailbox {
  std::string name;     // may be empty
  std::string address;  // addr-spec
};
// "運用監視 <kanshi@example.jp>", "\"A, B\" <a@b.example>" or "kanshi@example.jp". Error: CR, LF,
// NUL, other controls, no domain, not one address.
Result<Mailbox> parse_mailbox(std::string_view text);
// The checks on an addr-spec alone.
Result<void> check_address(std::string_view address);

struct Message {
  Mailbox from;
  std::vector<Mailbox> to;
  std::string subject;
  Instant date{};
  std::string message_id;   // "<…@…>"
  std::string in_reply_to;  // empty: starts a thread
  std::vector<std::string> references;
  std::vector<std::pair<std::string, std::string>> headers;  // X-Yagura-…: ASCII values
  std::string body;                                          // UTF-8, LF
};

// Error: anything with CR, LF or NUL that would reach a header, or is not well-formed. Other
// control and invisible characters are made visible, in the body too (text.hpp). A header with an
// empty value is left out; Auto-Submitted: auto-generated is added; References end in in_reply_to,
// and lose their middle over 60 kB. The same message gives the same bytes.
Result<std::string> encode(const Message& message, const Zone& zone);

}  // namespace yagura
