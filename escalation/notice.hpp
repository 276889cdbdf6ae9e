// A notice: a durable row from the moment that the decision is taken until it is sent, merged, withdrawn or refused for good.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "failure.hpp"

namespace yagura {

// In the order of gravity: the gravest of a bundle carries it.
BOOST_DEFINE_ENUM_CLASS(NoticeKind, bank_security, bank_first, bank_occurred_and_recovered, bank_recovered, bank_corrected,
                        bank_progress, stop_emergency, stop_cancelled, stop_changed, stop_extended, stop_planned,
                        stop_reminder, stop_completed, major_declared, failure_escalated, delivery_failed, lead_attention,
                        monitoring_blind, failure_detected, failure_reminder, failure_recovered, failure_confirmed,
                        failure_progress, failure_acknowledged, inquiry_reminder, inquiry_received,
                        inquiry_update, inquiry_reply)
// "bank.occurred-and-recovered", as in X-Yagura-Notice.
std::string name_of(NoticeKind kind);
std::optional<NoticeKind> notice_kind_named(std::string_view name);
// To banks: of failures and of planned stops.
constexpr bool is_bank(NoticeKind kind) { return kind <= NoticeKind::stop_completed; }
constexpr bool is_stop(NoticeKind kind) { return is_bank(kind) && kind >= NoticeKind::stop_emergency; }
constexpr bool is_bank_first(NoticeKind kind) {
  return kind == NoticeKind::bank_first || kind == NoticeKind::bank_occurred_and_recovered;
}

// "ap-ops/others": those of the role who are not on duty.
constexpr std::string_view others_of_role = "/others";
constexpr std::string_view role_of_audience(std::string_view audience) {
  return audience.ends_with(others_of_role) ? audience.substr(0, audience.size() - others_of_role.size()) : audience;
}

// To the one who asked, in the desk's words.
constexpr bool is_answer(NoticeKind kind) {
  return kind == NoticeKind::inquiry_reply || kind == NoticeKind::inquiry_update;
}

BOOST_DEFINE_ENUM_CLASS(NoticeState, held, due, sent, merged, withdrawn, undeliverable)

constexpr std::string_view command_of_person = "command:";

struct Recipient {
  std::string name;
  std::string mail;              // an address; or "command:sato", the command of that person (people.NAME.command)
  bool is_command() const { return mail.starts_with(command_of_person); }
  bool operator==(const Recipient&) const = default;
};
BOOST_DESCRIBE_STRUCT(Recipient, (), (name, mail))

// What the system lead wrote in place of the template's words. It stands for what the notice said then: as soon as that
// changes, the template writes it again.
struct EditedText {
  std::string subject;           // one line
  std::string body;
  PersonName by;
  Instant at{};
  int version = 0;               // the failure's bank_version, or the stop's
  int number = 1;                // the first edit of the notice, the second, …
  bool operator==(const EditedText&) const = default;
};
BOOST_DESCRIBE_STRUCT(EditedText, (), (subject, body, by, at, version, number))

struct Notice {
  NoticeId id = 0;
  NoticeKind kind = NoticeKind::failure_detected;
  std::string audience;          // "system-lead", "ap-ops", "bank:aozora", "inquiry:3"
  FailureId failure = 0;
  std::int64_t stop = 0;
  std::vector<Recipient> to;     // as of now; computed again at hand-over
  std::vector<std::string> accepted;  // addresses that have it already
  std::vector<std::string> refused;   // addresses refused for good, with the reply
  NoticeState state = NoticeState::due;
  std::string reason;            // the rule that made it, or that ended it
  std::string hold;              // the rule that holds it now; empty: nothing does
  std::string window;            // the window that it is bound to; empty: none
  std::string topic;             // what a reminder or lead.attention is about: "unacknowledged", "brake", …
  std::map<std::string, std::string> details;  // values that the topic speaks of
  Instant created_at{};
  Instant not_before{};
  std::optional<Instant> sent_at;
  std::optional<Instant> due_since;  // since nothing held it for the first time
  int attempts = 0;
  bool in_flight = false;
  std::optional<Instant> retry_at;
  bool rendered = false;         // its bytes are kept
  bool frozen = false;           // an attempt's outcome is unknown, or some recipients have it: the same bytes go again
  std::string last_error;
  std::string subject;           // as rendered
  std::string message_id;
  NoticeId into = 0;             // merged into
  std::vector<NoticeId> carries; // the notices merged into this one
  bool grouped = false;          // its bundle (of one or more) is committed
  int number = 0;                // 第N報 within the bank's thread
  int reports = 0;               // how many of the failure's reports it tells a bank
  std::optional<Instant> relapse;  // the last relapse that it tells a bank of
  int bank_version = 0;          // of the failure, when rendered
  bool unless_acknowledged = false;  // an acknowledgement drops it while it is unsent
  bool lead_hold = false;
  std::optional<Instant> hold_told_at;  // when the lead was last reminded of it, or ordered it
  bool released = false;
  int released_version = 0;      // what it said then: the failure's bank_version, or the stop's
  std::optional<Instant> approval_asked_at;
  int approval_asked_version = 0;
  std::optional<EditedText> edited;
  std::optional<Instant> counted_at; // by the brake, at a try that may bring it to the bank
  std::optional<Instant> brake_until;
  bool overdue_told = false;     // delivery.failed was raised for its age
  std::int64_t inquiry = 0;
  bool operator==(const Notice&) const = default;
  bool is_unsent() const { return state == NoticeState::held || state == NoticeState::due; }
  BankName bank() const { return audience.starts_with("bank:") ? audience.substr(5) : BankName{}; }
};
BOOST_DESCRIBE_STRUCT(Notice, (),
                      (id, kind, audience, failure, stop, to, accepted, refused, state, reason, hold, window, topic, details,
                       created_at, not_before, sent_at, due_since, attempts, in_flight, retry_at, rendered, frozen, last_error, subject,
                       message_id, into, carries, grouped, number, reports, relapse, bank_version, unless_acknowledged, lead_hold, hold_told_at, released, released_version, approval_asked_at, approval_asked_version,
                       edited, counted_at, brake_until, overdue_told, inquiry))

}  // namespace yagura
