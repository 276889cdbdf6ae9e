#include "english.hpp"

#include <fmt/format.h>

#include <array>

namespace yagura::english {
namespace {

constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Other abbreviations mean several zones each, so those are told by their offset.
std::string zone_name(Instant at, const Zone& zone) {
  if (zone.name() == "Asia/Tokyo" || zone.name() == "Japan") return "JST";
  auto minutes = zone.offset_at(at).count();
  if (minutes == 0) return "UTC";
  auto size = minutes < 0 ? -minutes : minutes;
  return fmt::format("UTC{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

std::string days(const DaySet& set) {
  switch (set.kind) {
    case DaySet::Kind::all:
      return "every day";
    case DaySet::Kind::business:
      return "business days";
    case DaySet::Kind::weekdays:
      break;
  }
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= weekdays.size(); ++i) {  // from Monday on
    if (set.weekdays[i % 7]) names.emplace_back(weekdays[i % 7]);
  }
  return list(names);
}

}  // namespace

std::string date(Date day) {
  auto civil_day = civil(day);
  return fmt::format("{}, {} {} {}", weekdays[std::chrono::weekday{day}.c_encoding()],
                     static_cast<unsigned>(civil_day.day()),
                     months[static_cast<unsigned>(civil_day.month()) - 1],
                     static_cast<int>(civil_day.year()));
}

std::string time(Instant at, const Zone& zone) {
  LocalTime local = zone.to_local(at);
  std::chrono::hh_mm_ss time_of_day{local - std::chrono::floor<std::chrono::days>(local)};
  return fmt::format("{}, {:02}:{:02} {}", date(zone.date_of(at)), time_of_day.hours().count(),
                     time_of_day.minutes().count(), zone_name(at, zone));
}

std::string length(Duration length) {
  if (length < Duration{0}) length = -length;
  auto seconds = std::chrono::floor<std::chrono::seconds>(length).count();
  if (seconds == 0) return "less than a second";
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  static constexpr std::array<Unit, 4> units{
      {{86'400, "day"}, {3'600, "hour"}, {60, "minute"}, {1, "second"}}};
  const auto counted = [](std::int64_t number, std::string_view name) {
    return fmt::format("{} {}{}", number, name, number == 1 ? "" : "s");
  };
  std::size_t largest = 0;
  while (seconds < units[largest].seconds)
    ++largest;
  std::string text = counted(seconds / units[largest].seconds, units[largest].name);
  if (largest + 1 < units.size()) {
    auto rest = seconds % units[largest].seconds / units[largest + 1].seconds;
    if (rest > 0) text += " " + counted(rest, units[largest + 1].name);
  }
  return text;
}

std::string list(const std::vector<std::string>& items) {
  if (items.size() < 2) return items.empty() ? std::string() : items.front();
  return fmt::format("{} and {}", fmt::join(items.begin(), items.end() - 1, ", "), items.back());
}

std::string hours(const Window& window) {
  std::vector<std::string> parts;
  for (const Window::Part& part : window.parts()) {
    std::vector<std::string> spans;
    for (const Hours& span : part.hours) {
      spans.push_back(fmt::format("{:02}:{:02}-{:02}:{:02}", span.from.count() / 60,
                                  span.from.count() % 60, span.until.count() / 60,
                                  span.until.count() % 60));
    }
    if (!spans.empty()) parts.push_back(days(part.days) + " " + list(spans));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string ordinal(int number) {
  const int last = number % 10;
  const bool teen = number % 100 >= 11 && number % 100 <= 13;
  const std::string_view ending = teen        ? "th"
                                  : last == 1 ? "st"
                                  : last == 2 ? "nd"
                                  : last == 3 ? "rd"
                                              : "th";
  return fmt::format("{}{}", number, ending);
}

std::string aside(std::string_view text, std::string_view remark) {
  return fmt::format("{} ({})", text, remark);
}

}  // namespace yagura::english
