// The five fields of a cron expression as they are written: minute hour day-of-month month
// day-of-week. When they come is Cron's to say (cron.hpp).
//
//   in each field     *  5  1,15  1-5  */10  10-50/10  5/10 (from 5 on), lists of these
//   months, weekdays  names, jan to dec and sun to sat, in any case; 0 and 7 are Sunday
//   days of month     L (the last), L-3 (the third before it), LW (the last of Monday to Friday),
//                     15W (of these the nearest to the 15th, in the same month)
//   days of week      5L or fril (the last Friday), 1#2 or mon#2 (the second Monday)
//   either day        ? is *
//   all five          @yearly @annually @monthly @weekly @daily @midnight @hourly
//
// W is Monday to Friday: the calendar's business days are for `on`.
#pragma once

#include <array>
#include <bitset>
#include <string_view>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

struct CronFields {
  // Days of the month by number, by how far they are from the last, and by the weekday nearest to
  // them; `any`: the field restricts nothing, as it begins with * or is ?.
  struct DaysOfMonth {
    std::bitset<32> numbers;
    std::bitset<31> before_last;  // 0: L itself
    std::bitset<32> nearest_weekday;
    bool last_weekday = false;
    bool any = true;
  };
  struct DaysOfWeek {
    std::bitset<7> each;  // 0 is Sunday
    std::bitset<7> last;
    std::array<std::bitset<7>, 6> nth;  // from 1 to 5: the days whose first to fifth it is
    bool any = true;
  };
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<13> months;
  DaysOfMonth days;
  DaysOfWeek weekdays;

  // Where both day fields are restricted either may match, as in Vixie's cron and POSIX.
  bool match_day(Date date) const;
  bool match_minute(int minute_of_day) const;
};

// Error: which field is wrong, and what it takes. Refused too: days that never come (30 February).
Result<CronFields> read_cron(std::string_view text);

}  // namespace yagura
