// Who is on duty: weekly rosters of the configuration (`duty:`), and the swaps that people have agreed on since. Pure
// functions of the time; nothing here is kept but the swaps.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <vector>

#include "platform.hpp"

namespace yagura {

using SwapId = std::int64_t;

// From the one instant until before the other this person has the role's duty, whoever the roster names.
struct DutySwap {
  SwapId id = 0;
  std::string role;  // as name_of() gives it
  PersonName person;
  Instant from{};
  Instant until{};
  PersonName by;     // who entered it
  std::string text;
  bool operator==(const DutySwap&) const = default;
};
BOOST_DESCRIBE_STRUCT(DutySwap, (), (id, role, person, from, until, by, text))

// One person's time on duty, without a break.
struct Shift {
  PersonName person;
  Instant from{};
  Instant until{};
  SwapId swap = 0;  // 0: as the roster has it
};

// Who is on duty then. Of swaps that overlap the one entered last counts; one whose person has left counts no more.
PersonName on_duty(const Platform& platform, const Roster& roster, const std::vector<DutySwap>& swaps, Instant at);
// The shift that is under way at that instant, and those after it until `until`.
std::vector<Shift> shifts(const Platform& platform, const Roster& roster, const std::vector<DutySwap>& swaps, Instant from,
                          Instant until);

}  // namespace yagura
