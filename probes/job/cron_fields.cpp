#include "cron_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t longest_expression = 300;
constexpr std::chrono::days one_day{1};

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed",
                                                        "thu", "fri", "sat"};

struct Field {
  enum class Which { minute, hour, day_of_month, month, day_of_week } which;
  std::string_view name;
  int least;
  int most;
  std::string_view takes;
};
constexpr std::array<Field, 5> fields{
    {{Field::Which::minute, "minute", 0, 59, "0 to 59, as *, 5, 1,15, 1-5, */10 or 5/10"},
     {Field::Which::hour, "hour", 0, 23, "0 to 23, as *, 5, 1,15, 9-17, */4 or 9/4"},
     {Field::Which::day_of_month, "day of month", 1, 31,
      "1 to 31, as *, 5, 1,15, 1-5, */10, L (the last), L-3, LW or 15W"},
     {Field::Which::month, "month", 1, 12, "1 to 12 or jan to dec, as *, 4, jan,jul, 4-9 or */3"},
     {Field::Which::day_of_week, "day of week", 0, 7,
      "0 to 7 or sun to sat, as *, 5, mon-fri, 5L (the last Friday) or mon#2"}}};

struct Nickname {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array<Nickname, 7> nicknames{{{"@yearly", "0 0 1 1 *"},
                                             {"@annually", "0 0 1 1 *"},
                                             {"@monthly", "0 0 1 * *"},
                                             {"@weekly", "0 0 * * 0"},
                                             {"@daily", "0 0 * * *"},
                                             {"@midnight", "0 0 * * *"},
                                             {"@hourly", "0 * * * *"}}};

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

std::optional<int> read_number_within(std::string_view text, int least, int most) {
  const auto number = read_number(text);
  return number && *number >= least && *number <= most ? number : std::nullopt;
}

template <std::size_t Size>
std::optional<int> read_name(std::string_view text, const std::array<std::string_view, Size>& names,
                             int first) {
  const auto found = std::find(names.begin(), names.end(), lower(text));
  if (found == names.end()) return std::nullopt;
  return static_cast<int>(found - names.begin()) + first;
}

std::optional<int> read_value(std::string_view text, const Field& field) {
  std::optional<int> named;
  if (field.which == Field::Which::month) named = read_name(text, month_names, 1);
  if (field.which == Field::Which::day_of_week) named = read_name(text, weekday_names, 0);
  return named ? named : read_number_within(text, field.least, field.most);
}

tl::unexpected<Error> wrong_field(const Field& field, std::string_view text,
                                  std::string_view what) {
  return failure_of(fmt::format("\"{}\" as {}: {}; it takes {}", one_line(text, 60), field.name,
                                what, field.takes));
}

// One item of a list: * or a value or a range, each with a step behind or without.
Result<Values> read_item(std::string_view item, const Field& field) {
  const bool is_weekday = field.which == Field::Which::day_of_week;
  const std::size_t slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  std::optional<int> step;
  if (slash != std::string_view::npos) {
    step = read_number_within(item.substr(slash + 1), 1, field.most);
    if (!step) return wrong_field(field, item, "the step is wrong");
  }
  int first = field.least;
  int last = is_weekday ? 6 : field.most;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    const auto from = read_value(range.substr(0, dash), field);
    auto until = dash == std::string_view::npos ? from : read_value(range.substr(dash + 1), field);
    if (!from || !until) return wrong_field(field, item, "no such value");
    // fri-sun ends with the Sunday after.
    if (is_weekday && *until == 0 && *from > 0) until = 7;
    if (*until < *from) return wrong_field(field, item, "the range runs backwards");
    first = *from;
    // 5/10 is from 5 on.
    if (dash != std::string_view::npos || !step) last = *until;
  }
  Values values;
  for (int value = first; value <= last; value += step.value_or(1))
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
void add_values(const Values& from, std::bitset<Size>& to) {
  for (std::size_t value = 0; value < std::min(Size, from.size()); ++value)
    if (from[value]) to.set(value);
}

std::string_view without_last(std::string_view text) {
  return text.substr(0, text.size() - 1);
}

Result<void> add_day_of_month(std::string_view item, const Field& field,
                              CronFields::DaysOfMonth& days) {
  const std::string word = lower(item);
  if (word == "l") {
    days.before_last.set(0);
  } else if (word == "lw") {
    days.last_weekday = true;
  } else if (word.starts_with("l-")) {
    const auto before = read_number_within(std::string_view(word).substr(2), 1, 30);
    if (!before) return wrong_field(field, item, "L- needs a number from 1 to 30");
    days.before_last.set(static_cast<std::size_t>(*before));
  } else if (word.ends_with('w')) {
    const auto day = read_number_within(without_last(word), 1, 31);
    if (!day) return wrong_field(field, item, "W needs one day before it");
    days.nearest_weekday.set(static_cast<std::size_t>(*day));
  } else {
    const auto values = read_item(item, field);
    if (!values) return tl::unexpected(values.error());
    add_values(*values, days.numbers);
  }
  return {};
}

Result<void> add_day_of_week(std::string_view item, const Field& field,
                             CronFields::DaysOfWeek& days) {
  const auto day_in = [&](std::string_view text) -> std::optional<std::size_t> {
    const auto day = read_value(text, field);
    return day ? std::optional(static_cast<std::size_t>(*day % 7)) : std::nullopt;
  };
  const std::size_t sharp = item.find('#');
  if (sharp != std::string_view::npos) {
    const auto day = day_in(item.substr(0, sharp));
    const auto which = read_number_within(item.substr(sharp + 1), 1, 5);
    if (!day || !which) return wrong_field(field, item, "# stands between one day and 1 to 5");
    days.nth[static_cast<std::size_t>(*which)].set(*day);
  } else if (item.ends_with('L') || item.ends_with('l')) {
    const auto day = day_in(without_last(item));
    if (!day) return wrong_field(field, item, "L needs one day before it");
    days.last.set(*day);
  } else {
    const auto values = read_item(item, field);
    if (!values) return tl::unexpected(values.error());
    add_values(*values, days.each);
    if ((*values)[7]) days.each.set(0);
  }
  return {};
}

bool restricts_nothing(std::string_view field) {
  return field.front() == '*' || field == "?";
}

// A day field, ? as *.
template <typename Days>
Result<void> read_days(std::string_view text, const Field& field, Days& days,
                       Result<void> (*add)(std::string_view, const Field&, Days&)) {
  days.any = restricts_nothing(text);
  for (std::string_view item : split(text == "?" ? "*" : text, ",")) {
    auto added = add(item, field, days);
    if (!added) return added;
  }
  return {};
}

Date last_day_of_month(Date date) {
  const auto day = civil(date);
  return Date{std::chrono::local_days{day.year() / day.month() / std::chrono::last}};
}

// Of Monday to Friday the nearest to `date` in its month.
Date nearest_weekday(Date date) {
  const std::chrono::weekday weekday{date};
  const bool is_first = civil(date).day() == std::chrono::day{1};
  if (weekday == std::chrono::Saturday) return is_first ? date + 2 * one_day : date - one_day;
  if (weekday == std::chrono::Sunday) {
    return date == last_day_of_month(date) ? date - 2 * one_day : date + one_day;
  }
  return date;
}

bool is_day_of_month(Date date, const CronFields::DaysOfMonth& days) {
  const auto number = static_cast<unsigned>(civil(date).day());
  if (days.numbers[number]) return true;
  const Date last = last_day_of_month(date);
  if (days.before_last[static_cast<std::size_t>((last - date).count())]) return true;
  if (days.last_weekday && nearest_weekday(last) == date) return true;
  if (days.nearest_weekday.none()) return false;
  // The nearest one is two days away at most.
  for (Date other = date - 2 * one_day; other <= date + 2 * one_day; other += one_day) {
    if (civil(other).month() == civil(date).month() &&
        days.nearest_weekday[static_cast<unsigned>(civil(other).day())] &&
        nearest_weekday(other) == date) {
      return true;
    }
  }
  return false;
}

bool is_day_of_week(Date date, const CronFields::DaysOfWeek& days) {
  const std::size_t weekday = std::chrono::weekday{date}.c_encoding();
  if (days.each[weekday]) return true;
  const std::size_t which = (static_cast<unsigned>(civil(date).day()) - 1) / 7 + 1;
  if (days.nth[which][weekday]) return true;
  return days.last[weekday] && civil(date + 7 * one_day).month() != civil(date).month();
}

// The calendar repeats after 28 years, leap days included (but for the year 2100).
bool ever_come(const CronFields& cron) {
  for (Date date = date_of(2000, 1, 1); date < date_of(2028, 1, 1); date += one_day) {
    if (cron.match_day(date)) return true;
  }
  return false;
}

tl::unexpected<Error> unlike_a_schedule(std::string_view text) {
  return failure_of(
      fmt::format("\"{}\" is not a schedule: write five fields, minute hour day-of-month month "
                  "day-of-week, such as \"0 2 * * *\" for every day at 02:00, or one of @yearly, "
                  "@monthly, @weekly, @daily and @hourly",
                  one_line(text, 60)));
}

// The five fields that a word such as @daily stands for.
Result<std::string_view> fields_of(std::string_view word) {
  const std::string name = lower(word);
  if (name == "@reboot") {
    return failure_of(
        "\"@reboot\" is no time at which a run could be awaited: write how often the job has to "
        "run, with `every`, or at which times");
  }
  for (const Nickname& each : nicknames) {
    if (each.name == name) return each.fields;
  }
  return unlike_a_schedule(word);
}

}  // namespace

bool CronFields::match_day(Date date) const {
  if (!months[static_cast<unsigned>(civil(date).month())]) return false;
  const bool by_day = is_day_of_month(date, days);
  const bool by_weekday = is_day_of_week(date, weekdays);
  return days.any || weekdays.any ? by_day && by_weekday : by_day || by_weekday;
}

bool CronFields::match_minute(int minute_of_day) const {
  return hours[static_cast<std::size_t>(minute_of_day / 60)] &&
         minutes[static_cast<std::size_t>(minute_of_day % 60)];
}

Result<CronFields> read_cron(std::string_view text) {
  if (text.size() > longest_expression) return unlike_a_schedule(text);
  std::vector<std::string_view> parts = split(text, " \t");
  parts.erase(std::remove(parts.begin(), parts.end(), std::string_view{}), parts.end());
  if (parts.size() == 1 && parts[0].front() == '@') {
    const auto meant = fields_of(parts[0]);
    if (!meant) return tl::unexpected(meant.error());
    parts = split(*meant, " ");
  }
  if (parts.size() != fields.size()) return unlike_a_schedule(text);
  CronFields cron;
  for (std::size_t at : {0, 1, 3}) {
    const auto values = read_field(parts[at], fields[at]);
    if (!values) return tl::unexpected(values.error());
    if (at == 0) add_values(*values, cron.minutes);
    if (at == 1) add_values(*values, cron.hours);
    if (at == 3) add_values(*values, cron.months);
  }
  auto days = read_days(parts[2], fields[2], cron.days, add_day_of_month);
  if (days) days = read_days(parts[4], fields[4], cron.weekdays, add_day_of_week);
  if (!days) return tl::unexpected(days.error());
  if (!ever_come(cron)) {
    return failure_of(
        fmt::format("\"{}\" never comes: none of its months has such a day", one_line(text, 60)));
  }
  return cron;
}

}  // namespace yagura
