// Time as the whole program speaks of it: instants to the millisecond, durations, dates, and their
// texts as users write and read them (INTERFACE.md, first lines).
#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "result.hpp"

namespace yagura {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::sys_time<Duration>;        // wall time, UTC
using LocalTime = std::chrono::local_time<Duration>;    // wall time in some zone
using Date = std::chrono::local_days;                   // a calendar day in some zone

using namespace std::chrono_literals;

// "500ms", "30s", "5m", "2h", "5d", or joined with falling units, "1h30m". At most 10,000 days.
Result<Duration> parse_duration(std::string_view text);
// The shortest joined form: "1h30m"; "0s" for nothing.
std::string format_duration(Duration duration);

// "2026-12-28".
Result<Date> parse_date(std::string_view text);
std::string format_date(Date date);

// RFC 3339, with or without fraction, with any offset or Z. Years 1970 to 2199, in UTC.
Result<Instant> parse_instant(std::string_view text);

// A date from numbers known to be right.
constexpr Date date_of(int year, unsigned month, unsigned day) {
  return Date{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)};
}
inline std::chrono::year_month_day civil(Date date) { return std::chrono::year_month_day{date}; }
inline int year_of(Date date) { return static_cast<int>(civil(date).year()); }

}  // namespace yagura
