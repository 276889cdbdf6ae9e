// The Japanese business calendar (C1): which days are business days, and why not.
//
// National holidays follow the law (国民の祝日に関する法律, as amended) for 2000 to 2099, the
// Cabinet Office's published list wins for the years that it covers, the configured lists win over
// both.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

using Holidays = std::map<Date, std::string>;  // date -> name as published ("元日", "休日")

// National holidays of one year by law, substitute (振替休日) and citizens' holidays (国民の休日)
// included, both named 休日 as the published list does. Years 2000 to 2099; none outside.
constexpr int first_holiday_year = 2000;
constexpr int last_holiday_year = 2099;
Holidays national_holidays(int year);

// The Cabinet Office's CSV: CP932 or UTF-8 (with or without BOM), CRLF or LF, at most 1 MiB, the
// header line, rows `YYYY/M/D,name` ascending, years 1948 to 2099. Error: which line is wrong, and
// how. Refused too: an empty list, a year within it (from 2000 on) with fewer than ten days. Names
// are safe to print.
Result<Holidays> parse_holidays_csv(std::string_view bytes);

// Month and day ranges that recur every year; may cross the year's end ("12-29..01-03").
struct ClosedDays {
  std::chrono::month_day first;
  std::chrono::month_day last;
};
Result<ClosedDays> parse_closed_days(std::string_view text);  // "12-29..01-03" or "05-01"
std::string format_closed_days(ClosedDays days);

struct CalendarSettings {
  bool japan = true;                  // `holidays: japan`; false: `holidays: none`
  std::optional<Holidays> published;  // the CSV; wins for every year from its first to its last
  std::vector<ClosedDays> closed;
  std::set<Date> extra_holidays;
  std::set<Date> extra_business_days;  // wins over everything
};

struct DayInfo {
  bool business_day = false;
  std::optional<std::string> holiday;  // name of the national holiday, also of one at a weekend
  // The first that holds of: "extra business day", "Saturday", "Sunday", "national holiday 元日",
  // "closed 12-29..01-03", "extra holiday", "business day".
  std::string reason;
};

// Immutable and cheap to copy; every day is worked out once, when it is made.
class Calendar {
 public:
  Calendar();  // Japan by law, closed 12-29..01-03
  explicit Calendar(CalendarSettings settings);

  // Error: the date lies outside the years that the calendar knows.
  Result<DayInfo> day(Date date) const;
  bool covers(Date date) const;
  // False outside the years that the calendar knows.
  bool is_business_day(Date date) const;
  // The nth business day before `date` (n = 0: `date` itself, whatever it is). Error: n is
  // negative, or the way there leaves the years that the calendar knows.
  Result<Date> business_days_before(Date date, int n) const;
  Result<Date> business_days_after(Date date, int n) const;
  int first_year() const { return first_holiday_year; }
  int last_year() const { return last_holiday_year; }
  // The last year of the published list, if there is one: the daemon warns while next year is
  // missing.
  std::optional<int> last_published_year() const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

}  // namespace yagura
