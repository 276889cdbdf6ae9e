// What a relay answers (RFC 5321, 4.2), read from bytes as they come.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace yagura {

struct SmtpReply {
  int code = 0;
  std::vector<std::string> lines;  // Without the code; raw bytes.

  bool positive() const { return code / 100 == 2; }
  bool transient() const { return code / 100 == 4; }
  bool permanent() const { return code / 100 == 5; }
  // "550 5.1.1 no such user": all lines as one, safe to show, at most 300 bytes.
  std::string text() const;
};

class SmtpReplyReader {
 public:
  // False, from then on: this is not SMTP, or beyond all measure (a line over 2,000 bytes, a reply
  // over 100 lines).
  bool feed(std::string_view bytes);
  std::optional<SmtpReply> take();

 private:
  bool take_line(std::string_view line);

  std::string unfinished_;
  SmtpReply reply_;
  std::deque<SmtpReply> finished_;
  bool broken_ = false;
};

}  // namespace yagura
