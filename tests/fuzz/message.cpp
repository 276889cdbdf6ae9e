// A mail made of texts from outside: whatever they hold, it has the headers that it is to have.
#include "message.hpp"

#include <algorithm>

#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

void check_lines(std::string_view mail) {
  bool header = true;
  std::size_t subjects = 0, recipients = 0;
  while (!mail.empty()) {
    const std::size_t end = mail.find("\r\n");
    require(end != std::string_view::npos, "every line ends in CRLF");
    const std::string_view line = mail.substr(0, end);
    mail.remove_prefix(end + 2);
    require(line.size() <= 998, "no line is longer than 998 bytes");
    require(std::all_of(line.begin(), line.end(), [](char c) { return c == '\t' || (c >= 0x20 && c < 0x7F); }),
            "a mail is printable ASCII");
    if (line.empty()) header = false;
    if (!header) continue;
    if (line.starts_with("Subject:")) ++subjects;
    if (line.starts_with("To:")) ++recipients;
    require(!line.starts_with("Bcc:"), "nobody else is written to");
    require(line.find_first_not_of(" \t") != std::string_view::npos, "no header line is blank");
  }
  require(!header && subjects == 1 && recipients == 1, "headers come once");
}

void run(std::string_view bytes) {
  const auto fields = fields_of(bytes, 7, '\0');
  static const Zone zone = *Zone::named("Asia/Tokyo");
  Message message;
  message.from = {"運用監視", "kanshi@example.jp"};
  message.to = {{"", "a@example.jp"}};
  if (auto mailbox = parse_mailbox(fields[0])) {
    message.to = {*mailbox};
    require(check_address(mailbox->address).has_value(), "a mailbox has an address that holds");
  }
  message.to.push_back({fields[1], "b@example.jp"});
  message.subject = fields[2];
  message.message_id = fields[3].empty() ? "<1@yagura.example>" : fields[3];
  message.in_reply_to = fields[4];
  message.headers = {{"X-Yagura-Failure", fields[5]}};
  message.body = fields[6];
  auto mail = encode(message, zone);
  if (!mail) return require_safe(mail.error().message, 2000);
  check_lines(*mail);
  require(encode(message, zone) == *mail, "the same message gives the same bytes");
}
const Target target("message", run);

}  // namespace
}  // namespace yagura::fuzz
