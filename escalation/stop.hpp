// A planned stop (計画停止) that the system lead entered: a single one, or one date of a regular
// one that does not take place (INTERFACE.md §5; requirements C3, N5). Regular ones are the
// configuration's `maintenance:`.
//
//   planned -> running -> completed
//      \-> cancelled
//
// A Stop is a value: all of it is recorded, and read back at start-up.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "failure.hpp"
#include "platform.hpp"

namespace yagura {

using StopId = std::int64_t;

BOOST_DEFINE_ENUM_CLASS(StopPhase, planned, running, completed, cancelled)

// What one bank has been told of the stop.
struct StopThread {
  Told told = Told::nothing;                     // first: announced
  int version_told = 0;                          // of the stop
  std::optional<Instant> told_from, told_until;  // the times that it was told last
  bool reminded = false;
  bool undeliverable = false;  // its announcement was refused for good
  int mails = 0;               // handed over so far
  std::string withdrawn_by;    // the lead withdrew its announcement
  bool operator==(const StopThread&) const = default;
};
BOOST_DESCRIBE_STRUCT(StopThread, (),
                      (told, version_told, told_from, told_until, reminded, undeliverable, mails,
                       withdrawn_by))

struct Stop {
  StopId id = 0;
  std::string regular;  // one date of the regular stop of this name; empty: a single stop
  std::set<ServiceName> services;
  bool all_services = false;  // and every component, also those that no service needs
  Instant from{};
  Instant until{};
  std::string text;             // what is done, or why: the lead's words, which banks read
  bool emergency = false;       // announced later than five business days before (C3)
  bool after_the_fact = false;  // its notice cannot go out before it begins; the lead knows
  PersonName by;
  Instant planned_at{};
  int version = 1;  // counts the changes that banks have to be told of
  std::optional<Instant> changed_at;
  std::optional<Instant> began_at;
  std::optional<Instant> ended_at;  // its time was over
  bool ended_early = false;         // by the lead
  std::optional<Instant> cancelled_at;
  std::string cancel_text;  // the lead's words, which banks read
  std::map<BankName, StopThread> banks;
  bool late_told = false;  // the lead heard that a bank was not told in time
  bool settled = false;    // over, and nobody is owed anything of it
  bool operator==(const Stop&) const = default;
  StopPhase phase() const {
    if (cancelled_at) return StopPhase::cancelled;
    if (ended_at) return StopPhase::completed;
    return began_at ? StopPhase::running : StopPhase::planned;
  }
  bool takes_place() const { return !cancelled_at && !ended_at; }
};
BOOST_DESCRIBE_STRUCT(Stop, (),
                      (id, regular, services, all_services, from, until, text, emergency,
                       after_the_fact, by, planned_at, version, changed_at, began_at, ended_at,
                       ended_early, cancelled_at, cancel_text, banks, late_told, settled))

// The last instant at which an attempt to mail the announcement may begin: in the window of bank
// mail, on or before the fifth business day before the stop's own date, which is day 0 (C3). None:
// the window has no such instant within 400 days before, or the calendar does not know the days.
std::optional<Instant> announce_by(const Platform& platform, Instant from);

// The stops of the configuration that take place, single ones left out: `window` less the dates
// that the lead cancelled.
Window without_cancelled(const Platform& platform, const Maintenance& maintenance,
                         const std::map<StopId, Stop>& stops);

}  // namespace yagura
