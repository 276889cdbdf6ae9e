// Mails to the inquiry desk on their way into the record: one file each, in a folder of the state, so that none is lost while
// no daemon runs. `yagura inquiry receive` puts them there, the daemon (daemon/server/inquiry_intake.hpp) takes them out once
// they are recorded. Nothing of a mail is looked at here, and none is ever held in memory as it comes in.
//
//   STATE/inquiries/spool/NAME.mail     waits; its first line is "sender ADDRESS", then the mail as it came
//   STATE/inquiries/spool/NAME.mail.2   has been tried twice: a mail that ends the daemon does so three times at most
//   STATE/inquiries/files/NAME/…        the files that came with it
//   STATE/inquiries/unreadable/…        what could not be read as a mail, for a person to look at
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result.hpp"

namespace yagura {

struct SpoolLimits {
  std::int64_t message = std::int64_t{25} * 1024 * 1024;
  std::size_t files = 1000;
  std::int64_t bytes = std::int64_t{1024} * 1024 * 1024;  // of all that waits
};

enum class Spooled { kept, too_large, not_now };

struct SpoolOutcome {
  Spooled how = Spooled::not_now;
  std::string words;  // of what is not kept, what to do about it
  std::string name;   // of what is
};

// Reads `source` to its end, and keeps it: durably, in a file that nobody else may read. What is too large is read to its
// end all the same, so that whoever writes it sees no broken pipe, but kept nowhere.
SpoolOutcome spool_mail(const std::string& state_folder, int source, std::string_view sender, const SpoolLimits& limits = {});

struct WaitingMail {
  std::string name;
  std::string file;  // below the spool
  int tries = 0;
};
// The oldest first.
Result<std::vector<WaitingMail>> waiting_mails(const std::string& state_folder);

// Counts a try, by the file's name. Before anything is done with it.
Result<WaitingMail> begin_try(const std::string& state_folder, const WaitingMail& mail);

struct ReadMail {
  std::string sender;
  std::string bytes;
};
Result<ReadMail> read_mail(const std::string& state_folder, const WaitingMail& mail, const SpoolLimits& limits = {});

// Durable when it comes back. Gives the file's name below the folder of files: "NAME/1-screen.png".
Result<std::string> keep_file(const std::string& state_folder, const std::string& mail, std::size_t number, std::string_view name,
                              std::string_view bytes);
void remove_file(const std::string& state_folder, const std::string& name);

void remove_mail(const std::string& state_folder, const std::string& name);
Result<void> put_with_unreadable(const std::string& state_folder, const WaitingMail& mail);

}  // namespace yagura
