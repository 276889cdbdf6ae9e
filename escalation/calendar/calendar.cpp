#include "calendar.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text.hpp"

namespace yagura {
namespace {

constexpr Date first_day = date_of(first_holiday_year, 1, 1);
constexpr Date end_day = date_of(last_holiday_year + 1, 1, 1);
constexpr std::size_t day_count = static_cast<std::size_t>((end_day - first_day).count());
constexpr std::chrono::days one_day{1};

std::size_t index_of(Date date) {
  return static_cast<std::size_t>((date - first_day).count());
}

std::optional<std::chrono::month_day> read_month_day(std::string_view text) {
  const auto is_digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || text[2] != '-' || !is_digit(0) || !is_digit(1) || !is_digit(3) ||
      !is_digit(4)) {
    return std::nullopt;
  }
  const auto number = [&](std::size_t at) {
    return static_cast<unsigned>((text[at] - '0') * 10 + (text[at + 1] - '0'));
  };
  const std::chrono::month_day day{std::chrono::month{number(0)}, std::chrono::day{number(3)}};
  if (!day.ok()) return std::nullopt;
  return day;
}

std::string format_month_day(std::chrono::month_day day) {
  return fmt::format("{:02}-{:02}", static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

bool is_within(std::chrono::month_day day, const ClosedDays& closed) {
  if (closed.first <= closed.last) return closed.first <= day && day <= closed.last;
  return day >= closed.first || day <= closed.last;
}

CalendarSettings default_settings() {
  using namespace std::chrono;
  CalendarSettings settings;
  settings.closed.push_back(ClosedDays{December / 29, January / 3});
  return settings;
}

tl::unexpected<Error> not_covered(Date date) {
  return failure_of(fmt::format("{} lies outside the calendar, which knows the years {} to {}",
                                format_date(date), first_holiday_year, last_holiday_year));
}

}  // namespace

Result<ClosedDays> parse_closed_days(std::string_view text) {
  const std::size_t dots = text.find("..");
  const auto first = read_month_day(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : read_month_day(text.substr(dots + 2));
  if (!first || !last) {
    return failure_of(fmt::format(
        "\"{}\" is neither a day nor a range of days: write it as 05-01 or 12-29..01-03",
        one_line(text, 60)));
  }
  return ClosedDays{*first, *last};
}

std::string format_closed_days(ClosedDays days) {
  if (days.first == days.last) return format_month_day(days.first);
  return format_month_day(days.first) + ".." + format_month_day(days.last);
}

struct Calendar::Data {
  CalendarSettings settings;
  Holidays holidays;
  std::vector<bool> business;  // by the days since the first day known

  explicit Data(CalendarSettings given) : settings(std::move(given)) {
    if (settings.japan) work_out_holidays();
    business.reserve(day_count);
    for (Date date = first_day; date < end_day; date += one_day)
      business.push_back(info(date).business_day);
  }

  void work_out_holidays() {
    const auto& published = settings.published;
    const bool listed = published && !published->empty();
    const int first_listed = listed ? year_of(published->begin()->first) : 0;
    const int last_listed = listed ? year_of(published->rbegin()->first) : 0;
    for (int year = first_holiday_year; year <= last_holiday_year; ++year) {
      if (listed && first_listed <= year && year <= last_listed) {
        holidays.insert(published->lower_bound(date_of(year, 1, 1)),
                        published->upper_bound(date_of(year, 12, 31)));
      } else {
        holidays.merge(national_holidays(year));
      }
    }
  }

  DayInfo info(Date date) const {
    DayInfo info;
    if (const auto found = holidays.find(date); found != holidays.end())
      info.holiday = found->second;
    info.reason = reason_against(date, info);
    info.business_day = info.reason.empty();
    if (settings.extra_business_days.contains(date)) {
      info.business_day = true;
      info.reason = "extra business day";
    } else if (info.business_day) {
      info.reason = "business day";
    }
    return info;
  }

  // Why the date would be no business day; empty where nothing speaks against it.
  std::string reason_against(Date date, const DayInfo& info) const {
    const std::chrono::weekday weekday{date};
    if (weekday == std::chrono::Saturday) return "Saturday";
    if (weekday == std::chrono::Sunday) return "Sunday";
    if (info.holiday) return "national holiday " + *info.holiday;
    const auto day = civil(date);
    const std::chrono::month_day month_day{day.month(), day.day()};
    const auto closed =
        std::find_if(settings.closed.begin(), settings.closed.end(),
                     [&](const ClosedDays& days) { return is_within(month_day, days); });
    if (closed != settings.closed.end()) return "closed " + format_closed_days(*closed);
    if (settings.extra_holidays.contains(date)) return "extra holiday";
    return "";
  }
};

Calendar::Calendar() {
  static const auto by_law = std::make_shared<const Data>(default_settings());
  data_ = by_law;
}

Calendar::Calendar(CalendarSettings settings)
    : data_(std::make_shared<const Data>(std::move(settings))) {}

bool Calendar::covers(Date date) const {
  return first_day <= date && date < end_day;
}

Result<DayInfo> Calendar::day(Date date) const {
  if (!covers(date)) return not_covered(date);
  return data_->info(date);
}

bool Calendar::is_business_day(Date date) const {
  return covers(date) && data_->business[index_of(date)];
}

Result<Date> Calendar::business_days_before(Date date, int n) const {
  if (n < 0)
    return failure_of(fmt::format("{} business days before: write a number of 0 or more", n));
  if (!covers(date)) return not_covered(date);
  while (n > 0) {
    date -= one_day;
    if (!covers(date)) return not_covered(date);
    if (is_business_day(date)) --n;
  }
  return date;
}

Result<Date> Calendar::business_days_after(Date date, int n) const {
  if (n < 0)
    return failure_of(fmt::format("{} business days after: write a number of 0 or more", n));
  if (!covers(date)) return not_covered(date);
  while (n > 0) {
    date += one_day;
    if (!covers(date)) return not_covered(date);
    if (is_business_day(date)) --n;
  }
  return date;
}

std::optional<int> Calendar::last_published_year() const {
  if (!data_->settings.published || data_->settings.published->empty()) return std::nullopt;
  return year_of(data_->settings.published->rbegin()->first);
}

}  // namespace yagura
