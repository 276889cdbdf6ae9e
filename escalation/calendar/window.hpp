// Windows: the hours on certain days in which something may happen (C2, C4). Half-open intervals in
// the configured zone.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "calendar.hpp"
#include "zone.hpp"

namespace yagura {

// "10:00-17:00": from 00:00 to 24:00, half-open, never crossing midnight.
struct Hours {
  std::chrono::minutes from{};
  std::chrono::minutes until{};
  bool operator==(const Hours&) const = default;
};
Result<Hours> parse_hours(std::string_view text);
std::string format_hours(Hours hours);

// `business`, `all`, or weekdays.
struct DaySet {
  enum class Kind { all, business, weekdays } kind = Kind::all;
  std::array<bool, 7> weekdays{};  // [0] is Sunday
  bool contains(Date date, const Calendar& calendar) const;
};
// The words of the configuration: {"business"}, {"all"}, {"mon"}, {"sat", "sun"}.
Result<DaySet> parse_days(const std::vector<std::string>& words);

struct Interval {
  Instant from{};
  Instant until{};
};

class Window {
 public:
  struct Part {
    DaySet days;
    std::vector<Hours> hours;
  };
  Window() = default;  // never open
  explicit Window(std::vector<Part> parts, std::set<Date> except = {})
      : parts_(std::move(parts)), except_(std::move(except)) {}

  // The window has no calendar and no zone of its own: both are given at each call, so that a
  // reload changes them in one place.
  struct Context {
    const Zone& zone;
    const Calendar& calendar;
  };
  bool is_open(Instant at, Context context) const { return interval_at(at, context).has_value(); }
  // The interval that contains `at`; parts that touch or overlap are one interval, also over
  // midnight. Of one longer than that, 400 days before and after are seen. No day outside the
  // calendar's years is open.
  std::optional<Interval> interval_at(Instant at, Context context) const;
  // The first interval that ends after `at` (it may have begun already). None begins within 400
  // days: never opens.
  std::optional<Interval> next_interval(Instant at, Context context) const;
  // No end of it is in sight of `at`: what it gives as `until` is the edge of what was looked at.
  static bool is_endless(const Interval& interval, Instant at, Context context);
  // The earliest instant >= `at` at which it is open.
  std::optional<Instant> next_open(Instant at, Context context) const;
  // The earliest instant >= `at` at which it is open and stays open for `at_least` longer.
  std::optional<Instant> next_open(Instant at, Duration at_least, Context context) const;

  const std::vector<Part>& parts() const { return parts_; }
  const std::set<Date>& except() const { return except_; }

 private:
  void open_hours(Date date, Context context, std::vector<Hours>& hours) const;
  bool is_whole_day(Date date, Context context, std::vector<Hours>& hours) const;
  std::vector<Interval> open_on(Date date, Context context) const;
  Interval widened(Interval interval, Date date, Context context) const;

  std::vector<Part> parts_;
  std::set<Date> except_;
};

}  // namespace yagura
