// Five-field cron expressions: minute hour day-of-month month day-of-week, with *, lists, ranges
// and steps; in local time. Months and days of the week may be names (jan, mon); day of week 0 and
// 7 are Sunday. Where both days are restricted either may match (POSIX); a day field that begins
// with * restricts nothing in this sense.
#pragma once

#include <bitset>
#include <functional>
#include <optional>
#include <string_view>

#include "instant.hpp"
#include "result.hpp"
#include "zone.hpp"

namespace yagura {

class Cron {
 public:
  // Error: which field is wrong, what it takes. Refused too: dates that never come (30 February).
  static Result<Cron> parse(std::string_view text);
  // The first time strictly after `after` on a day that `on_day` admits. None within five years. A
  // local time that does not exist runs at the change; one that comes twice runs once, the first
  // time.
  std::optional<Instant> next(Instant after, const Zone& zone,
                              const std::function<bool(Date)>& on_day = {}) const;
  // The last time at or before `at`, within five years.
  std::optional<Instant> last(Instant at, const Zone& zone,
                              const std::function<bool(Date)>& on_day = {}) const;

 private:
  bool ever_comes() const;
  bool matches_day(Date date) const;
  bool matches_minute(int minute_of_day) const;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = true, any_weekday_ = true;
};

}  // namespace yagura
