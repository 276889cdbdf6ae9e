#include "times.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace yagura::cli {
namespace {

LocalTime local(Instant at, std::chrono::minutes offset) {
  return LocalTime{(at + offset).time_since_epoch()};
}
Date date_of(Instant at, std::chrono::minutes offset) {
  return std::chrono::floor<std::chrono::days>(local(at, offset));
}

std::string_view weekday_of(Date date) {
  static constexpr std::array<std::string_view, 7> names{"Sun", "Mon", "Tue", "Wed",
                                                         "Thu", "Fri", "Sat"};
  return names[std::chrono::weekday{date}.c_encoding()];
}

}  // namespace

std::optional<Moment> read_moment(std::string_view rfc3339) {
  auto at = parse_instant(rfc3339);
  if (!at) return std::nullopt;
  Moment moment{*at, {}};
  if (rfc3339.back() == 'Z' || rfc3339.back() == 'z') return moment;
  // What was read as an instant ends in ±HH:MM.
  std::string_view offset = rfc3339.substr(rfc3339.size() - 6);
  int hours = 0, minutes = 0;
  std::from_chars(offset.data() + 1, offset.data() + 3, hours);
  std::from_chars(offset.data() + 4, offset.data() + 6, minutes);
  moment.offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  if (offset.front() == '-') moment.offset = -moment.offset;
  return moment;
}

std::string span_text(Duration span) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::abs(span)).count();
  const auto two = [](long long big, char big_unit, long long small, char small_unit) {
    return small == 0 ? fmt::format("{}{}", big, big_unit)
                      : fmt::format("{}{}{}{}", big, big_unit, small, small_unit);
  };
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86'400) return two(seconds / 3600, 'h', seconds % 3600 / 60, 'm');
  return two(seconds / 86'400, 'd', seconds % 86'400 / 3600, 'h');
}

std::string ago_text(Instant at, Instant now) {
  const Duration span = now - at;
  if (std::chrono::abs(span) < 1s) return "now";
  return span > Duration{0} ? span_text(span) + " ago" : "in " + span_text(span);
}

std::string day_text(Date date) {
  return fmt::format("{} {}", weekday_of(date), format_date(date));
}
std::string day_text(Moment moment) {
  return day_text(date_of(moment.at, moment.offset));
}

std::string clock_text(Moment moment) {
  const LocalTime time = local(moment.at, moment.offset);
  const std::chrono::hh_mm_ss clock{
      std::chrono::floor<std::chrono::seconds>(time - std::chrono::floor<std::chrono::days>(time))};
  return fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

std::string offset_text(Moment moment) {
  const auto minutes = std::chrono::abs(moment.offset).count();
  return fmt::format("{}{:02}:{:02}", moment.offset.count() < 0 ? '-' : '+', minutes / 60,
                     minutes % 60);
}

std::string short_text(Moment moment, Instant now) {
  const Date date = date_of(moment.at, moment.offset);
  const Date today = date_of(now, moment.offset);
  std::string clock = clock_text(moment).substr(0, 5);
  if (date == today) return clock;
  const std::string day =
      year_of(date) == year_of(today) ? format_date(date).substr(5) : format_date(date);
  return fmt::format("{} {} {}", weekday_of(date), day, clock);
}

std::string with_short_times(std::string text, Instant now) {
  constexpr std::size_t date = 10, whole = 29;  // "2027-01-04T10:00:00.000+09:00"
  for (auto t = text.find('T'); t != std::string::npos; t = text.find('T', t + 1)) {
    if (t < date || t - date + whole > text.size()) continue;
    auto moment = read_moment(std::string_view(text).substr(t - date, whole));
    if (moment) text.replace(t - date, whole, short_text(*moment, now));
  }
  return text;
}

}  // namespace yagura::cli
