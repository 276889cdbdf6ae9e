#include "calendar_model.hpp"

#include <cmath>

namespace yagura::reference {

namespace {

using std::chrono::days;
using std::chrono::weekday;

// The first year in which Article 3 has its present words (平成17年法律第43号).
constexpr int amended = 2007;

weekday weekday_of(Date date) {
  return weekday(date);
}

// The nth Monday of a month.
bool is_nth_monday(Date date, unsigned month, unsigned n) {
  const auto on = civil(date);
  const unsigned day = unsigned(on.day());
  return unsigned(on.month()) == month && weekday_of(date) == std::chrono::Monday &&
         (day - 1) / 7 + 1 == n;
}

// The day on which the sun passes the equinox in Japan; good for 1980 to 2099.
unsigned equinox(double day_in_1980, int year) {
  return static_cast<unsigned>(
      std::floor(day_in_1980 + 0.242194 * (year - 1980) - std::floor((year - 1980) / 4.0)));
}

// Article 2, with the laws made for single years.
std::string named_day(Date date) {
  const int year = year_of(date);
  const unsigned month = unsigned(civil(date).month());
  const unsigned day = unsigned(civil(date).day());
  auto on = [&](unsigned m, unsigned d) { return month == m && day == d; };

  if (on(1, 1)) return "元日";
  if (is_nth_monday(date, 1, 2)) return "成人の日";
  if (on(2, 11)) return "建国記念の日";
  if (year >= 2020 && on(2, 23)) return "天皇誕生日";
  if (on(3, equinox(20.8431, year))) return "春分の日";
  if (on(4, 29)) return year >= amended ? "昭和の日" : "みどりの日";
  if (year == 2019 && on(5, 1)) return "休日（祝日扱い）";
  if (on(5, 3)) return "憲法記念日";
  if (year >= amended && on(5, 4)) return "みどりの日";
  if (on(5, 5)) return "こどもの日";

  // The Olympic years moved three of them.
  const bool olympic = year == 2020 || year == 2021;
  if (year <= 2002 ? on(7, 20) : !olympic && is_nth_monday(date, 7, 3)) return "海の日";
  if ((year == 2020 && on(7, 23)) || (year == 2021 && on(7, 22))) return "海の日";
  if (year >= 2016 && !olympic && on(8, 11)) return "山の日";
  if ((year == 2020 && on(8, 10)) || (year == 2021 && on(8, 8))) return "山の日";
  if (year <= 2002 ? on(9, 15) : is_nth_monday(date, 9, 3)) return "敬老の日";
  if (on(9, equinox(23.2488, year))) return "秋分の日";
  if (!olympic && is_nth_monday(date, 10, 2)) {
    if (year == 2019) return "体育の日（スポーツの日）";  // so the published list has it
    return year >= 2020 ? "スポーツの日" : "体育の日";
  }
  if ((year == 2020 && on(7, 24)) || (year == 2021 && on(7, 23))) return "スポーツの日";
  if (year == 2019 && on(10, 22)) return "休日（祝日扱い）";
  if (on(11, 3)) return "文化の日";
  if (on(11, 23)) return "勤労感謝の日";
  if (year <= 2018 && on(12, 23)) return "天皇誕生日";
  return "";
}

bool is_named(Date date) {
  return !named_day(date).empty();
}

// Article 3, paragraph 2: of a national holiday on a Sunday.
bool is_substitute(Date date) {
  if (is_named(date)) return false;
  // Before: the day after it. Since: the nearest day after it that is not a national holiday.
  if (year_of(date) < amended)
    return is_named(date - days(1)) && weekday_of(date - days(1)) == std::chrono::Sunday;
  for (Date before = date - days(1); is_named(before); before -= days(1)) {
    if (weekday_of(before) == std::chrono::Sunday) return true;
  }
  return false;
}

// Article 3, paragraph 3: between two national holidays.
bool is_between(Date date) {
  if (is_named(date) || !is_named(date - days(1)) || !is_named(date + days(1))) return false;
  return year_of(date) >= amended ||
         (weekday_of(date) != std::chrono::Sunday && !is_substitute(date));
}

bool is_closed(Date date, ClosedDays closed) {
  const std::chrono::month_day on{civil(date).month(), civil(date).day()};
  if (closed.first <= closed.last) return closed.first <= on && on <= closed.last;
  return on >= closed.first || on <= closed.last;
}

}  // namespace

std::string holiday_by_law(Date date) {
  if (year_of(date) < 2000 || year_of(date) > 2099) return "";
  if (is_named(date)) return named_day(date);
  return is_substitute(date) || is_between(date) ? "休日" : "";
}

Day day(Date date, const CalendarSettings& settings) {
  Day found;
  std::string holiday;
  if (settings.japan) {
    holiday = holiday_by_law(date);
    if (settings.published && !settings.published->empty() &&
        year_of(date) >= year_of(settings.published->begin()->first) &&
        year_of(date) <= year_of(settings.published->rbegin()->first)) {
      auto listed = settings.published->find(date);
      holiday = listed == settings.published->end() ? "" : listed->second;
    }
  }
  if (!holiday.empty()) found.holiday = holiday;

  if (settings.extra_business_days.contains(date)) {
    found.reason = "extra business day";
  } else if (weekday_of(date) == std::chrono::Saturday) {
    found.reason = "Saturday";
  } else if (weekday_of(date) == std::chrono::Sunday) {
    found.reason = "Sunday";
  } else if (found.holiday) {
    found.reason = "national holiday " + holiday;
  } else {
    for (const ClosedDays& closed : settings.closed) {
      if (found.reason.empty() && is_closed(date, closed))
        found.reason = "closed " + format_closed_days(closed);
    }
    if (found.reason.empty() && settings.extra_holidays.contains(date))
      found.reason = "extra holiday";
    if (found.reason.empty()) found.reason = "business day";
  }
  found.business_day = found.reason == "extra business day" || found.reason == "business day";
  return found;
}

std::optional<Date> business_days_before(Date date, int n, const CalendarSettings& settings) {
  while (n > 0) {
    date -= days(1);
    if (year_of(date) < 2000) return {};
    if (day(date, settings).business_day) --n;
  }
  return date;
}

std::vector<Hours> WindowModel::hours_on(Date date) const {
  std::vector<Hours> found;
  if (except.contains(date)) return found;
  for (const Window::Part& part : parts) {
    const bool today =
        part.days.kind == DaySet::Kind::all ||
        (part.days.kind == DaySet::Kind::business && day(date, calendar).business_day) ||
        (part.days.kind == DaySet::Kind::weekdays &&
         part.days.weekdays[weekday_of(date).c_encoding()]);
    if (today) found.insert(found.end(), part.hours.begin(), part.hours.end());
  }
  return found;
}

// The clock on the wall decides.
bool is_within(LocalTime clock, Date date, const std::vector<Hours>& hours) {
  for (const Hours& some : hours) {
    if (date + some.from <= clock && clock < date + some.until) return true;
  }
  return false;
}

bool WindowModel::is_open(Instant at) const {
  const LocalTime clock = zone.to_local(at);
  const Date date = std::chrono::floor<days>(clock);
  return is_within(clock, date, hours_on(date));
}

// Minute by minute on days of the window, day by day over those that are not.
std::optional<Instant> WindowModel::next(Instant at, bool open) const {
  const Instant last = at + sight;
  while (at < last) {
    const Date date = zone.date_of(at);
    const std::vector<Hours> hours = hours_on(date);
    if (hours.empty()) {
      if (!open) return at;
      at = zone.midnight(date + days(1));
    }
    while (!hours.empty() && at < last) {
      const LocalTime clock = zone.to_local(at);
      if (std::chrono::floor<days>(clock) != date) break;
      if (is_within(clock, date, hours) == open) return at;
      at = std::chrono::floor<std::chrono::minutes>(at) + 1min;
    }
  }
  return {};
}

std::optional<Instant> WindowModel::closes_after(Instant at) const {
  return next(at, false);
}

std::optional<Instant> WindowModel::next_open(Instant at, Duration at_least) const {
  const Instant last = at + sight;
  while (at < last) {
    const std::optional<Instant> opens = next(at, true);
    if (!opens) return {};
    const std::optional<Instant> closes = closes_after(*opens);
    if (!closes || *opens + at_least <= *closes) return opens;
    at = *closes;
  }
  return {};
}

bool is_said(Instant at, const Zone& zone) {
  // The local time comes again within the next, or came within the last three hours.
  for (Duration other = -3h; other <= 3h; other += 15min) {
    if (other != 0h && zone.to_local(at) == zone.to_local(at + other)) return false;
  }
  return true;
}

}  // namespace yagura::reference
