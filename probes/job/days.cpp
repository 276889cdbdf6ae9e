#include "days.hpp"

namespace yagura {
namespace {

constexpr std::chrono::days one_day{1};

bool is_business_day(Date date, const JobCalendar& calendar) {
  if (calendar.is_business_day) return calendar.is_business_day(date);
  const std::chrono::weekday weekday{date};
  return weekday != std::chrono::Saturday && weekday != std::chrono::Sunday;
}

// No business day lies between `date` and the edge of its month in the direction of `step`.
bool is_last_towards(Date date, std::chrono::days step, const JobCalendar& calendar) {
  if (!is_business_day(date, calendar)) return false;
  const auto month = civil(date).month();
  for (Date other = date + step; civil(other).month() == month; other += step) {
    if (is_business_day(other, calendar)) return false;
  }
  return true;
}

}  // namespace

std::function<bool(Date)> days_of(JobSpec::On on, const JobCalendar& calendar) {
  switch (on) {
    case JobSpec::On::any:
      return {};
    case JobSpec::On::business:
      return [&calendar](Date date) { return is_business_day(date, calendar); };
    case JobSpec::On::holidays:
      return [&calendar](Date date) { return !is_business_day(date, calendar); };
    case JobSpec::On::first_business_day:
      return [&calendar](Date date) { return is_last_towards(date, -one_day, calendar); };
    case JobSpec::On::last_business_day:
      return [&calendar](Date date) { return is_last_towards(date, one_day, calendar); };
  }
  return {};
}

}  // namespace yagura
