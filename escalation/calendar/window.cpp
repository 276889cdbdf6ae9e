// Days are looked at one by one, and cheaply: hours are turned into instants only on days that are
// open, and of a run of days that are open throughout only its two ends.
#include "window.hpp"

#include <algorithm>

namespace yagura {
namespace {

constexpr std::chrono::days one_day{1};
constexpr std::chrono::days horizon{400};
constexpr std::chrono::minutes end_of_day{24 * 60};

Instant instant_of(Date date, std::chrono::minutes clock, const Zone& zone) {
  return zone.to_instant(LocalTime{date.time_since_epoch()} + clock);
}

}  // namespace

// The hours of one day, ascending, with a gap between each and the next.
void Window::open_hours(Date date, Context context, std::vector<Hours>& hours) const {
  hours.clear();
  if (!except_.empty() && except_.contains(date)) return;
  for (const Part& part : parts_) {
    if (part.days.contains(date, context.calendar)) {
      hours.insert(hours.end(), part.hours.begin(), part.hours.end());
    }
  }
  if (hours.size() < 2) return;
  std::sort(hours.begin(), hours.end(),
            [](const Hours& a, const Hours& b) { return a.from < b.from; });
  auto last = hours.begin();
  for (auto next = last + 1; next != hours.end(); ++next) {
    if (next->from <= last->until) {
      last->until = std::max(last->until, next->until);
    } else {
      *++last = *next;
    }
  }
  hours.erase(last + 1, hours.end());
}

bool Window::is_whole_day(Date date, Context context, std::vector<Hours>& hours) const {
  open_hours(date, context, hours);
  return hours.size() == 1 && hours.front().from == 0min && hours.front().until == end_of_day;
}

// The same in instants. Where clocks are put forward, hours that do not exist fall away, and hours
// on either side of the gap touch.
std::vector<Interval> Window::open_on(Date date, Context context) const {
  std::vector<Hours> hours;
  open_hours(date, context, hours);
  std::vector<Interval> intervals;
  for (const Hours& open : hours) {
    const Interval interval{instant_of(date, open.from, context.zone),
                            instant_of(date, open.until, context.zone)};
    if (interval.from >= interval.until) continue;
    if (!intervals.empty() && interval.from <= intervals.back().until) {
      intervals.back().until = std::max(intervals.back().until, interval.until);
    } else {
      intervals.push_back(interval);
    }
  }
  return intervals;
}

// Joins to an interval of `date` what touches it over midnight, on either side.
Interval Window::widened(Interval interval, Date date, Context context) const {
  std::vector<Hours> hours;
  if (interval.until >= context.zone.midnight(date + one_day)) {
    Date day = date + one_day;
    while (day < date + horizon && is_whole_day(day, context, hours))
      day += one_day;
    interval.until = std::max(interval.until, context.zone.midnight(day));
    const auto open = open_on(day, context);
    if (!open.empty() && open.front().from <= interval.until) {
      interval.until = std::max(interval.until, open.front().until);
    }
  }
  if (interval.from <= context.zone.midnight(date)) {
    Date day = date - one_day;
    while (day > date - horizon && is_whole_day(day, context, hours))
      day -= one_day;
    interval.from = std::min(interval.from, context.zone.midnight(day + one_day));
    const auto open = open_on(day, context);
    if (!open.empty() && open.back().until >= interval.from) {
      interval.from = std::min(interval.from, open.back().from);
    }
  }
  return interval;
}

std::optional<Interval> Window::next_interval(Instant at, Context context) const {
  if (parts_.empty()) return std::nullopt;
  // From the day before, as clocks put back at midnight make a date come twice.
  const Date today = context.zone.date_of(at);
  std::vector<Hours> hours;
  for (Date date = today - one_day; date <= today + horizon; date += one_day) {
    open_hours(date, context, hours);
    if (hours.empty()) continue;
    for (const Interval& interval : open_on(date, context)) {
      if (interval.until > at) return widened(interval, date, context);
    }
  }
  return std::nullopt;
}

bool Window::is_endless(const Interval& interval, Instant at, Context context) {
  const Date edge{std::chrono::year{context.calendar.last_year() + 1} / 1 / 1};
  if (interval.until - std::max(at, interval.from) >= horizon - one_day) return true;
  return interval.until >= context.zone.midnight(edge) &&
         interval.until - interval.from >= horizon - one_day;
}

std::optional<Interval> Window::interval_at(Instant at, Context context) const {
  const auto interval = next_interval(at, context);
  if (!interval || interval->from > at) return std::nullopt;
  return interval;
}

std::optional<Instant> Window::next_open(Instant at, Context context) const {
  return next_open(at, Duration{0}, context);
}

std::optional<Instant> Window::next_open(Instant at, Duration at_least, Context context) const {
  const Instant latest = at + horizon;
  for (Instant look = at; look <= latest;) {
    const auto interval = next_interval(look, context);
    if (!interval || interval->from > latest) return std::nullopt;
    const Instant open = std::max(at, interval->from);
    if (interval->until - open >= at_least) return open;
    look = interval->until;
  }
  return std::nullopt;
}

}  // namespace yagura
