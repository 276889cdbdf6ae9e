// An inquiry (問合せ): what a bank's administrator, a colleague or somebody on the telephone asked,
// and what was answered (requirements C5, F3; INTERFACE.md §4, §7).
//
//               the desk or the lead replies           the administrator confirms
//   received ---------------------------------> answered -------------------------> confirmed
//      ^                                           |                                    |
//      +-------------------------------------------+------------------------------------+
//                                  the administrator writes again
//
// Mail that nobody may be answered by (an unknown sender, a machine, too many at once) is kept as
// an inquiry set aside: it has a number and can be read, and nobody waits for it.
//
// An Inquiry is a value: all of it is recorded, and read back at start-up.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "failure.hpp"
#include "platform.hpp"

namespace yagura {

using InquiryId = std::int64_t;

// What is kept of one inquiry, however it came.
constexpr std::size_t most_of_a_subject = 200;  // bytes
constexpr std::size_t most_of_a_message = 20'000;
constexpr std::size_t most_messages = 200;

BOOST_DEFINE_ENUM_CLASS(InquiryPhase, received, answered, confirmed)

// Why a mail is kept aside.
BOOST_DEFINE_ENUM_CLASS(Aside, no, unknown_sender, automatic, too_many)

// A file that came with a mail, as it is kept in the state folder.
struct KeptFile {
  std::string name;  // safe, below the folder of kept files: "1796112620-7-1a2b/1-screen.png"
  std::int64_t bytes = 0;
  bool operator==(const KeptFile&) const = default;
};
BOOST_DESCRIBE_STRUCT(KeptFile, (), (name, bytes))

// One message, in either direction.
struct InquiryMessage {
  Instant at{};
  bool ours = false;       // an answer; else from who asks
  bool automatic = false;  // written by a machine: an absence notice, a bounce
  std::string who;         // of ours the person, else the address or the name
  std::string text;
  std::string message_id;    // of a mail that came in, with its brackets
  NoticeId notice = 0;       // of ours: what carries it; 0: given by word of mouth
  bool undelivered = false;  // of ours: the notice was withdrawn, or refused for good
  FailureId failure = 0;     // of ours: said to all who asked about this failure
  std::vector<KeptFile> files;
  std::vector<std::string> left_out;  // names of files that were too large or too many
  std::string spooled;                // of a mail: what it was known by until it was recorded
  bool operator==(const InquiryMessage&) const = default;
};
BOOST_DESCRIBE_STRUCT(InquiryMessage, (),
                      (at, ours, automatic, who, text, message_id, notice, undelivered, failure,
                       files, left_out, spooled))

struct Inquiry {
  InquiryId id = 0;
  BankName bank;         // whose administrator asks; empty: none
  PersonName colleague;  // or which of the people
  std::string from;      // the name, as people read it
  std::string
      address;  // whom answers are mailed to; empty: nobody, they are given by word of mouth
  std::string subject;   // one line
  bool by_mail = false;  // else the desk entered it
  PersonName by;         // who entered it; empty: it came by mail
  Aside aside = Aside::no;
  Instant received_at{};
  std::vector<InquiryMessage> messages;
  // Of the message that waits for an answer; none: nothing does.
  std::optional<Instant> waits_since;
  std::optional<Instant> first_reply_due;
  bool told = false;  // the desk was told of what waits
  bool reminded = false;
  bool overdue_told = false;
  std::optional<Instant> first_reply_at;  // of the whole inquiry
  std::set<FailureId> failures;           // that it is about
  std::optional<Instant> closed_at;
  PersonName closed_by;
  std::string close_text;
  bool operator==(const Inquiry&) const = default;

  InquiryPhase phase() const {
    if (closed_at) return InquiryPhase::confirmed;
    return waits_since || aside != Aside::no ? InquiryPhase::received : InquiryPhase::answered;
  }
  bool is_open() const { return !closed_at && aside == Aside::no; }
  // The last answer; null: none was given.
  const InquiryMessage* last_answer() const {
    for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
      if (message->ours) return &*message;
    }
    return nullptr;
  }
};
BOOST_DESCRIBE_STRUCT(Inquiry, (),
                      (id, bank, colleague, from, address, subject, by_mail, by, aside, received_at,
                       messages, waits_since, first_reply_due, told, reminded, overdue_told,
                       first_reply_at, failures, closed_at, closed_by, close_text))

// The instant at which the window has been open for `length` since `from`; none: it never opens for
// so long within the calendar's sight.
std::optional<Instant> after_open_time(const Platform& platform, const std::string& window,
                                       Instant from, Duration length);

// Whom an address belongs to: a contact of a bank, or one of the people. Case does not count.
struct Correspondent {
  BankName bank;
  PersonName colleague;
  std::string name;
  std::string address;  // as configured
};
std::optional<Correspondent> correspondent_of(const Platform& platform, std::string_view address);

}  // namespace yagura
