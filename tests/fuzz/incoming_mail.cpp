// A mail from outside: whatever it holds, what is made of it is safe to show, to keep, and to answer.
#include "incoming_mail.hpp"

#include <algorithm>

#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

void require_id(std::string_view id) {
  require(id.size() > 2 && id.front() == '<' && id.back() == '>', "an id has its brackets");
  require(std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7F; }), "an id may stand in a header");
}

void run(std::string_view bytes) {
  const std::size_t choice = take_choice(bytes, 4);
  IncomingLimits limits;
  limits.text = 200;
  limits.files = 3;
  limits.bytes_of_files = 500;
  auto mail = read_incoming(bytes, choice == 0 ? "" : "a@b.example", limits);
  if (!mail) return require_safe(mail.error().message, 500);
  require_safe(mail->from_name, 200);
  require_safe(mail->from_address, 254);
  require_safe(mail->subject, 400);
  require_safe(mail->automatic, 2000);
  require_safe(mail->text, limits.text, Breaks::kept);
  require(choice != 0 || !mail->automatic.empty(), "a bounce is a machine's");
  require(mail->inquiry >= 0, "a number is one");
  if (!mail->message_id.empty()) require_id(mail->message_id);
  require(mail->references.size() <= 100 && mail->undelivered.size() <= 10, "lists have an end");
  for (const std::string& id : mail->references) require_id(id);
  for (const std::string& id : mail->undelivered) require_id(id);
  std::size_t kept = 0;
  require(mail->files.size() <= limits.files && mail->left_out.size() <= 100, "files have an end");
  for (const IncomingFile& file : mail->files) {
    kept += file.bytes.size();
    require_safe(file.name, 110);
    require(!file.name.empty() && file.name.find('/') == std::string::npos && file.name.front() != '.' && file.name.front() != '-',
            "a file's name leads nowhere");
  }
  for (const std::string& name : mail->left_out) require_safe(name, 110);
  require(kept <= limits.bytes_of_files, "files have a limit");
}
const Target target("incoming_mail", run);

}  // namespace
}  // namespace yagura::fuzz
