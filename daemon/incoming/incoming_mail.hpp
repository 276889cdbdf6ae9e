// A mail from outside, read: who wrote, what, as an answer to what, and with which files. Pure: bytes
// in, values out; nothing is opened, called or executed. GMime stays in the source (daemon/incoming).
//
// What comes out is safe to show and to keep: UTF-8, bounded, names of files without folders. How
// large a mail may be is the caller's to decide, before it is read into memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"

namespace yagura {

struct IncomingFile {
  std::string name;   // safe as a file's name: letters, digits, `.`, `-`, `_`, and what is not ASCII
  std::string bytes;
};

struct IncomingMail {
  std::string from_name;     // of `From`; may be empty
  std::string from_address;  // may be empty: the mail says nobody, or something that is no address
  std::string subject;       // decoded, one line
  std::string message_id;    // "<…@…>", or empty
  std::vector<std::string> references;  // of References and In-Reply-To, the nearest last
  std::int64_t inquiry = 0;  // of `[問合せ番号 N]` or `[Inquiry No. N]` in the subject; 0: none
  // Why it is a machine's, and must not be answered (RFC 3834): "Auto-Submitted: auto-replied",
  // "List-Id", …; empty: a person's.
  std::string automatic;
  // Of a report that mails were not delivered for good (RFC 3464): their Message-IDs.
  std::vector<std::string> undelivered;
  std::string text;          // of the first part that is a text; HTML without its marks
  bool text_cut = false;     // longer than what is kept
  std::vector<IncomingFile> files;
  std::vector<std::string> left_out;  // names of those that were too many or too large
};

struct IncomingLimits {
  std::size_t text = 20'000;
  std::size_t files = 20;
  std::size_t bytes_of_files = 10 * 1024 * 1024;
};

// `envelope_sender`: as the mail server gives it; empty (a bounce) makes it a machine's. Where it is not
// known pass "unknown". A line "From …" before the header, as mail servers write it for programs, is passed over. Error: no mail
// at all.
Result<IncomingMail> read_incoming(std::string_view bytes, std::string_view envelope_sender,
                                   const IncomingLimits& limits = {});

}  // namespace yagura
