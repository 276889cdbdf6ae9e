// The calendar and the windows a second time, straight from the law (国民の祝日に関する法律) and
// the contract, as plainly as possible and as slowly as that makes them. They share nothing with
// escalation/calendar but the types of what is configured. Where contract and headers say nothing,
// the model says nothing either: see `is_said`.
#pragma once

#include <optional>
#include <string>

#include "calendar.hpp"
#include "window.hpp"
#include "zone.hpp"

namespace yagura::reference {

// The national holiday of the date by law, 2000 to 2099; empty: none.
std::string holiday_by_law(Date date);

struct Day {
  bool business_day = false;
  std::optional<std::string> holiday;
  std::string reason;
};
Day day(Date date, const CalendarSettings& settings);
// Walks back day by day; nothing where the walk leaves the years 2000 to 2099.
std::optional<Date> business_days_before(Date date, int n, const CalendarSettings& settings);

// What a window is made of, and where it applies.
struct WindowModel {
  const std::vector<Window::Part>& parts;
  const std::set<Date>& except;
  const Zone& zone;
  const CalendarSettings& calendar;

  // How far it looks ahead.
  static constexpr Duration sight = 40 * 24h;

  bool is_open(Instant at) const;
  // The earliest instant >= `at` at which it is open and stays so for `at_least`. None within
  // sight: none.
  std::optional<Instant> next_open(Instant at, Duration at_least) const;
  // The first instant >= `at` at which it is closed. None within sight: none.
  std::optional<Instant> closes_after(Instant at) const;

 private:
  std::vector<Hours> hours_on(Date date) const;
  std::optional<Instant> next(Instant at, bool open) const;
};

// False for an instant whose local time comes twice on its day: what a window's hours mean then is
// not said.
bool is_said(Instant at, const Zone& zone);

}  // namespace yagura::reference
