#include "instant.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace yagura {
namespace {

struct Unit {
  std::string_view name;
  Duration length;
};
constexpr std::array<Unit, 5> units{{{"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}}};
constexpr Duration longest = 24h * 10'000;
constexpr Instant earliest{};
constexpr Instant too_late{std::chrono::sys_days{std::chrono::year{2200} / 1 / 1}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads exactly `digits` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, digits)) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Date> take_date(std::string_view& text) {
  auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{*year},
                                   std::chrono::month{static_cast<unsigned>(*month)},
                                   std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return Date{date};
}

std::optional<Duration> take_clock(std::string_view& text) {
  auto hour = take_number(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  auto minute = take_number(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  auto second = take_number(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  Duration clock = std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
                   std::chrono::seconds{*second};
  if (!take(text, '.')) return clock;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  int scale = 100;
  while (!text.empty() && is_digit(text.front())) {
    clock += Duration{scale * (text.front() - '0')};
    scale /= 10;
    text.remove_prefix(1);
  }
  return clock;
}

std::optional<Duration> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return Duration{0};
  bool minus = take(text, '-');
  if (!minus && !take(text, '+')) return std::nullopt;
  auto hours = take_number(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  auto minutes = take_number(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  Duration offset = std::chrono::hours{*hours} + std::chrono::minutes{*minutes};
  return minus ? -offset : offset;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto wrong = [&] {
    return failure_of(fmt::format(
        "\"{}\" is not a duration: write it as 500ms, 30s, 5m, 2h, 5d or joined, 1h30m", text));
  };
  std::string_view rest = text;
  Duration total{0};
  std::size_t least_unit = 0;
  if (rest.empty()) return wrong();
  while (!rest.empty()) {
    long long count = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc{} || !is_digit(rest.front())) return wrong();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::size_t length = 0;
    while (length < rest.size() && !is_digit(rest[length])) ++length;
    std::size_t unit = least_unit;
    while (unit < units.size() && units[unit].name != rest.substr(0, length)) ++unit;
    if (unit == units.size()) return wrong();
    if (count > longest / units[unit].length) {
      return failure_of(fmt::format("\"{}\" is too long: at most 10000d", text));
    }
    total += units[unit].length * count;
    least_unit = unit + 1;
    rest.remove_prefix(length);
  }
  if (total > longest) return failure_of(fmt::format("\"{}\" is too long: at most 10000d", text));
  return total;
}

std::string format_duration(Duration duration) {
  if (duration < Duration{0}) return "-" + format_duration(-duration);
  std::string text;
  for (const Unit& unit : units) {
    if (auto count = duration / unit.length; count > 0) {
      text += fmt::format("{}{}", count, unit.name);
      duration -= unit.length * count;
    }
  }
  return text.empty() ? "0s" : text;
}

Result<Date> parse_date(std::string_view text) {
  std::string_view rest = text;
  auto date = take_date(rest);
  if (!date || !rest.empty()) {
    return failure_of(fmt::format("\"{}\" is not a date: write it as 2026-12-28", text));
  }
  return *date;
}

std::string format_date(Date date) {
  auto day = civil(date);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

Result<Instant> parse_instant(std::string_view text) {
  std::string_view rest = text;
  auto date = take_date(rest);
  bool separated = date && (take(rest, 'T') || take(rest, 't') || take(rest, ' '));
  auto clock = separated ? take_clock(rest) : std::nullopt;
  auto offset = clock ? take_offset(rest) : std::nullopt;
  const auto wrong = [&] {
    return failure_of(fmt::format(
        "\"{}\" is not a time: write it as 2026-12-28T16:58:00+09:00 (offset or Z)", text));
  };
  if (!offset || !rest.empty()) return wrong();
  // In UTC, as it is written into the record: what was taken can be read back from there.
  const Instant instant = Instant{date->time_since_epoch()} + *clock - *offset;
  if (instant < earliest || instant >= too_late) return wrong();
  return instant;
}

}  // namespace yagura
