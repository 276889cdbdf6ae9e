// The calendar and the windows of the core against the model's.
#include <doctest/doctest.h>

#include "calendar_model.hpp"
#include "checked.hpp"

using namespace yagura;
using namespace yagura::reference;

namespace {

using std::chrono::days;

rc::Gen<int> number(int least, int most) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(least, most + 1));
}
rc::Gen<bool> one_in(int n) {
  return rc::gen::map(number(0, n - 1), [n](int drawn) { return drawn == n - 1; });
}

// A date, mostly near the changes of the law and the ends of years.
rc::Gen<Date> a_date(int first_year = 2000, int last_year = 2099) {
  const Date first = date_of(first_year, 1, 1);
  const int most = static_cast<int>((date_of(last_year, 12, 31) - first).count());
  return rc::gen::map(number(0, most), [first](int after) { return first + days(after); });
}

ClosedDays closed_days(int first, int last) {
  auto md = [](int day) {
    const auto on = civil(date_of(2000, 1, 1) + days(day));  // a leap year: February 29 too
    return std::chrono::month_day{on.month(), on.day()};
  };
  return {md(first), md(last)};
}

// Everything near one date, so that the entries meet.
CalendarSettings some_settings(Date near) {
  CalendarSettings settings;
  auto around = [near] { return near + days(*number(-12, 12)); };
  auto sometimes = [] { return *number(0, 2); };
  settings.japan = !*one_in(6);
  if (*one_in(2)) settings.closed.push_back(closed_days(363, 2));  // 12-29..01-03
  for (int n = sometimes(); n > 0; --n) {
    const int day =
        static_cast<int>((near - date_of(year_of(near), 1, 1)).count()) + *number(-5, 5);
    settings.closed.push_back(closed_days((day + 366) % 366, (day + *number(0, 5) + 366) % 366));
  }
  for (int n = sometimes(); n > 0; --n)
    settings.extra_holidays.insert(around());
  for (int n = sometimes(); n > 0; --n)
    settings.extra_business_days.insert(around());
  if (*one_in(3)) {
    settings.published.emplace();
    for (int n = *number(1, 3); n > 0; --n)
      (*settings.published)[near + days(*number(-400, 12))] = "祝";
    // A list of years that the calendar knows, as its reader makes it.
    std::erase_if(*settings.published, [](const auto& row) { return year_of(row.first) < 2000; });
    if (settings.published->empty()) settings.published.reset();
  }
  return settings;
}

std::string show(const CalendarSettings& settings) {
  std::string text = settings.japan ? "japan" : "none";
  for (const ClosedDays& closed : settings.closed)
    text += " closed " + format_closed_days(closed);
  for (Date date : settings.extra_holidays)
    text += " holiday " + format_date(date);
  for (Date date : settings.extra_business_days)
    text += " business " + format_date(date);
  if (settings.published) {
    for (const auto& [date, name] : *settings.published)
      text += " published " + format_date(date);
  }
  return text;
}

Window::Part some_part() {
  Window::Part part;
  part.days.kind =
      *rc::gen::element(DaySet::Kind::business, DaySet::Kind::all, DaySet::Kind::weekdays);
  if (part.days.kind == DaySet::Kind::weekdays)
    part.days.weekdays[static_cast<std::size_t>(*number(0, 6))] = true;
  for (int n = *number(1, 2); n > 0; --n) {
    const int from =
        *rc::gen::oneOf(rc::gen::elementOf(std::vector<int>{0, 600, 1320}), number(0, 1439));
    const int length =
        *rc::gen::oneOf(rc::gen::elementOf(std::vector<int>{420, 1440}), number(1, 300));
    part.hours.push_back(
        {std::chrono::minutes(from), std::chrono::minutes(std::min(from + length, 1440))});
  }
  return part;
}

std::string show(const Window& window) {
  std::string text;
  for (const Window::Part& part : window.parts()) {
    text += part.days.kind == DaySet::Kind::all        ? " all"
            : part.days.kind == DaySet::Kind::business ? " business"
                                                       : "";
    for (std::size_t i = 0; i < 7; ++i) {
      if (part.days.kind == DaySet::Kind::weekdays && part.days.weekdays[i])
        text += " weekday " + std::to_string(i);
    }
    for (const Hours& hours : part.hours)
      text += " " + format_hours(hours);
  }
  for (Date date : window.except())
    text += " except " + format_date(date);
  return text;
}

std::string show(std::optional<Instant> at, const Zone& zone) {
  return at ? zone.format(*at) : "never";
}

}  // namespace

TEST_CASE("the national holidays of a hundred years are those of the law") {
  int found = 0;
  for (int year = 2000; year <= 2099; ++year) {
    Holidays by_law;
    for (Date date = date_of(year, 1, 1); year_of(date) == year; date += days(1)) {
      const std::string name = holiday_by_law(date);
      if (!name.empty()) by_law[date] = name;
    }
    CAPTURE(year);
    CHECK(by_law == national_holidays(year));
    found += static_cast<int>(by_law.size());
  }
  CHECK(found > 1'600);
}

namespace {

void days_agree() {
  const Date near = *a_date();
  const CalendarSettings settings = some_settings(near);
  RC_LOG() << format_date(near) << " " << show(settings) << "\n";
  const Calendar calendar(settings);
  for (Date date = near - days(14); date <= near + days(14); date += days(1)) {
    const auto said = calendar.day(date);
    const bool known = year_of(date) >= 2000 && year_of(date) <= 2099;
    RC_ASSERT(said.has_value() == known);
    RC_ASSERT(calendar.covers(date) == known);
    if (!known) continue;
    const Day wanted = day(date, settings);
    RC_LOG() << format_date(date) << "\n";
    RC_ASSERT(said->business_day == wanted.business_day);
    RC_ASSERT(said->holiday == wanted.holiday);
    RC_ASSERT(said->reason == wanted.reason);
    RC_ASSERT(calendar.is_business_day(date) == wanted.business_day);
  }
  const int n = *number(0, 12);
  const auto before = calendar.business_days_before(near, n);
  const std::optional<Date> wanted = business_days_before(near, n, settings);
  RC_ASSERT(before.has_value() == wanted.has_value());
  if (wanted) RC_ASSERT(format_date(*before) == format_date(*wanted));
}

// Hours that come twice are nobody's word: no clock change back may lie on the way from one instant
// to the other.
bool is_said(Instant from, std::optional<Instant> until, const Zone& zone) {
  if (zone.name() == "Asia/Tokyo") return true;
  if (!until) return false;
  for (Instant at = from; at < *until; at += 2h) {
    if (!reference::is_said(at, zone)) return false;
  }
  return reference::is_said(*until, zone);
}

void windows_agree() {
  const Zone zone = *Zone::named(*rc::gen::element<std::string>(
      "Asia/Tokyo", "Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"));
  // The year's end, and the weeks in which clocks are changed.
  const Date near = *rc::gen::oneOf(
      rc::gen::map(number(2025, 2030), [](int year) { return date_of(year, 12, 27); }),
      rc::gen::map(number(2025, 2030), [](int year) { return date_of(year, 3, 28); }),
      a_date(2002, 2097));
  const CalendarSettings settings = some_settings(near);
  const Calendar calendar(settings);
  std::vector<Window::Part> parts;
  for (int n = *number(1, 2); n > 0; --n)
    parts.push_back(some_part());
  std::set<Date> except;
  for (int n = *number(0, 2); n > 0; --n)
    except.insert(near + days(*number(-3, 9)));
  const Window window(parts, except);
  const WindowModel model{window.parts(), window.except(), zone, settings};
  const Window::Context context{zone, calendar};
  RC_LOG() << zone.name() << show(window) << "; " << show(settings) << "\n";

  for (int n = 0; n < 4; ++n) {
    const int minute = *number(0, 6 * 24 * 60), millisecond = *number(0, 1) * *number(0, 59'999);
    const Instant at = zone.midnight(near) + std::chrono::minutes(minute) + Duration(millisecond);
    const Duration at_least =
        *rc::gen::elementOf(std::vector<Duration>{0s, 10s, 2min, 90min, 7h, 30h});
    RC_LOG() << "at " << zone.format(at) << " for " << format_duration(at_least) << "\n";
    if (!is_said(at, at, zone)) continue;
    RC_ASSERT(window.is_open(at, context) == model.is_open(at));

    const std::optional<Instant> opens = model.next_open(at, 0s);
    if (!opens) {
      const std::optional<Instant> later = window.next_open(at, context);
      RC_ASSERT((!later || *later >= at + WindowModel::sight));
      continue;
    }
    if (!is_said(at, opens, zone)) continue;
    RC_ASSERT(show(window.next_open(at, context), zone) == show(opens, zone));
    const std::optional<Instant> closes = model.closes_after(*opens);
    if (closes && is_said(*opens, closes, zone)) {
      const std::optional<Interval> interval = window.next_interval(at, context);
      RC_ASSERT(interval.has_value());
      RC_ASSERT(show(std::max(interval->from, at), zone) == show(opens, zone));
      RC_ASSERT(show(interval->until, zone) == show(closes, zone));
    }
    const std::optional<Instant> for_long = model.next_open(at, at_least);
    if (!for_long) {  // For so long it is never open, as far as the model sees.
      const std::optional<Instant> later = window.next_open(at, at_least, context);
      RC_ASSERT((!later || *later >= at + WindowModel::sight));
      continue;
    }
    if (!is_said(at, for_long, zone) || !is_said(*for_long, *for_long + at_least, zone)) continue;
    RC_ASSERT(show(window.next_open(at, at_least, context), zone) == show(for_long, zone));
  }
}

}  // namespace

TEST_CASE("days are business days, and for the same reason, as the model's") {
  const bool agree = holds("days", 60, days_agree);
  CHECK(agree);
}

TEST_CASE("windows open and close when the model's do") {
  const bool agree = holds("windows", 40, windows_agree);
  CHECK(agree);
}
