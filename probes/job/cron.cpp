#include "cron.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t longest_expression = 300;
constexpr std::chrono::days one_day{1};
constexpr std::chrono::days five_years{5 * 366};
constexpr int minutes_of_day = 24 * 60;

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed",
                                                        "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  int least;
  int most;
};
constexpr std::array<Field, 5> fields{{{"minute", 0, 59},
                                       {"hour", 0, 23},
                                       {"day of month", 1, 31},
                                       {"month", 1, 12},
                                       {"day of week", 0, 7}}};

// The values that one field admits. Large enough for each.
using Values = std::bitset<60>;

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

std::optional<int> read_number(std::string_view text) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || text.front() == '-' || error != std::errc{} ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

template <std::size_t Size>
std::optional<int> read_name(std::string_view text, const std::array<std::string_view, Size>& names,
                             int first) {
  const auto found = std::find(names.begin(), names.end(), lower(text));
  if (found == names.end()) return std::nullopt;
  return static_cast<int>(found - names.begin()) + first;
}

std::optional<int> read_value(std::string_view text, const Field& field) {
  auto value = read_number(text);
  if (!value && field.name == "month") value = read_name(text, month_names, 1);
  if (!value && field.name == "day of week") value = read_name(text, weekday_names, 0);
  if (!value || *value < field.least || *value > field.most) return std::nullopt;
  return value;
}

tl::unexpected<Error> wrong_field(const Field& field, std::string_view text,
                                  std::string_view what) {
  return failure_of(fmt::format("\"{}\" as {}: {}; it takes {} to {}, as *, 5, 1,15, 1-5 or */10",
                                one_line(text, 60), field.name, what, field.least, field.most));
}

// One item of a list: * or a value or a range, the first and the last with a step behind.
Result<Values> read_item(std::string_view item, const Field& field) {
  const std::size_t slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    const auto number = read_number(item.substr(slash + 1));
    if (!number || *number < 1 || *number > field.most)
      return wrong_field(field, item, "the step is wrong");
    step = *number;
  }
  int first = field.least;
  int last = field.name == "day of week" ? 6 : field.most;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    const auto from = read_value(range.substr(0, dash), field);
    auto until = dash == std::string_view::npos ? from : read_value(range.substr(dash + 1), field);
    if (!from || !until) return wrong_field(field, item, "no such value");
    if (dash == std::string_view::npos && slash != std::string_view::npos) {
      return wrong_field(
          field, item,
          fmt::format("a step needs a range, such as {}-{}/{}", *from, field.most, step));
    }
    // fri-sun ends with the Sunday after.
    if (field.name == "day of week" && *until == 0 && *from > 0) until = 7;
    if (*until < *from) return wrong_field(field, item, "the range runs backwards");
    first = *from;
    last = *until;
  }
  Values values;
  for (int value = first; value <= last; value += step)
    values.set(static_cast<std::size_t>(value));
  return values;
}

Result<Values> read_field(std::string_view text, const Field& field) {
  Values values;
  for (std::string_view item : split(text, ",")) {
    auto read = read_item(item, field);
    if (!read) return read;
    values |= *read;
  }
  return values;
}

template <std::size_t Size>
void copy_values(const Values& from, std::bitset<Size>& to) {
  for (std::size_t value = 0; value < std::min(Size, from.size()); ++value)
    to[value] = from[value];
}

Instant instant_of(Date date, int minute_of_day, const Zone& zone) {
  return zone.to_instant(LocalTime{date.time_since_epoch()} + std::chrono::minutes{minute_of_day});
}

int minute_of_day_of(LocalTime local) {
  const auto clock = local - std::chrono::floor<std::chrono::days>(local);
  return static_cast<int>(std::chrono::floor<std::chrono::minutes>(clock).count());
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  const auto unlike = [&] {
    return failure_of(
        fmt::format("\"{}\" is not a schedule: write five fields, minute hour day-of-month month "
                    "day-of-week, such as "
                    "\"0 2 * * *\" for every day at 02:00",
                    one_line(text, 60)));
  };
  if (text.size() > longest_expression) return unlike();
  std::vector<std::string_view> parts = split(text, " \t");
  parts.erase(std::remove(parts.begin(), parts.end(), std::string_view{}), parts.end());
  if (parts.size() != fields.size()) return unlike();
  std::array<Values, fields.size()> values;
  for (std::size_t at = 0; at < fields.size(); ++at) {
    const auto read = read_field(parts[at], fields[at]);
    if (!read) return tl::unexpected(read.error());
    values[at] = *read;
  }
  Cron cron;
  copy_values(values[0], cron.minutes_);
  copy_values(values[1], cron.hours_);
  copy_values(values[2], cron.days_);
  copy_values(values[3], cron.months_);
  copy_values(values[4], cron.weekdays_);
  if (values[4][7]) cron.weekdays_.set(0);
  cron.any_day_ = parts[2].front() == '*';
  cron.any_weekday_ = parts[4].front() == '*';
  if (!cron.ever_comes()) {
    return failure_of(
        fmt::format("\"{}\" never comes: none of its months has such a day", one_line(text, 60)));
  }
  return cron;
}

bool Cron::ever_comes() const {
  if (!any_day_ && !any_weekday_) return true;  // some day of the week always comes
  const std::chrono::year leap{2000};
  for (unsigned month = 1; month <= 12; ++month) {
    if (!months_[month]) continue;
    const auto last = std::chrono::year_month_day_last{
        leap, std::chrono::month_day_last{std::chrono::month{month}}};
    for (unsigned day = 1; day <= static_cast<unsigned>(last.day()); ++day) {
      if (days_[day]) return true;
    }
  }
  return false;
}

bool Cron::matches_day(Date date) const {
  const auto day = civil(date);
  if (!months_[static_cast<unsigned>(day.month())]) return false;
  const bool by_day = days_[static_cast<unsigned>(day.day())];
  const bool by_weekday = weekdays_[std::chrono::weekday{date}.c_encoding()];
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

bool Cron::matches_minute(int minute_of_day) const {
  return hours_[static_cast<std::size_t>(minute_of_day / 60)] &&
         minutes_[static_cast<std::size_t>(minute_of_day % 60)];
}

std::optional<Instant> Cron::next(Instant after, const Zone& zone,
                                  const std::function<bool(Date)>& on_day) const {
  const LocalTime local = zone.to_local(after);
  const Date today = std::chrono::floor<std::chrono::days>(local);
  // Whatever the clock showed before this minute comes no more: of a time that comes twice the
  // first counts.
  int minute = minute_of_day_of(local);
  for (Date date = today; date <= today + five_years; date += one_day, minute = 0) {
    if (!matches_day(date) || (on_day && !on_day(date))) continue;
    for (; minute < minutes_of_day; ++minute) {
      if (!matches_minute(minute)) continue;
      const Instant time = instant_of(date, minute, zone);
      if (time > after) return time;
    }
  }
  return std::nullopt;
}

std::optional<Instant> Cron::last(Instant at, const Zone& zone,
                                  const std::function<bool(Date)>& on_day) const {
  const LocalTime local = zone.to_local(at);
  Date date = std::chrono::floor<std::chrono::days>(local);
  const Date earliest = date - five_years;
  int minute = minute_of_day_of(local);
  // After clocks were put back, times that they show later may have been already.
  if (zone.offset_at(at) < zone.offset_at(at - 24h)) {
    date += one_day;
    minute = minutes_of_day - 1;
  }
  for (; date >= earliest; date -= one_day, minute = minutes_of_day - 1) {
    if (!matches_day(date) || (on_day && !on_day(date))) continue;
    for (; minute >= 0; --minute) {
      if (!matches_minute(minute)) continue;
      const Instant time = instant_of(date, minute, zone);
      if (time <= at) return time;
    }
  }
  return std::nullopt;
}

}  // namespace yagura
