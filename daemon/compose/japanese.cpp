#include "japanese.hpp"

#include <fmt/format.h>

#include <array>

namespace yagura::japanese {
namespace {

constexpr std::array<std::string_view, 7> weekdays{"日", "月", "火", "水", "木", "金", "土"};

std::string days(const DaySet& set) {
  switch (set.kind) {
    case DaySet::Kind::all:
      return "毎日";
    case DaySet::Kind::business:
      return "平日";
    case DaySet::Kind::weekdays:
      break;
  }
  std::string text;
  for (std::size_t i = 1; i <= weekdays.size(); ++i) {  // from Monday on
    if (!set.weekdays[i % 7]) continue;
    text += fmt::format("{}{}", text.empty() ? "" : "・", weekdays[i % 7]);
  }
  return text + "曜日 ";
}

}  // namespace

std::string date(Date day) {
  auto civil_day = civil(day);
  return fmt::format("{}年{}月{}日({})", static_cast<int>(civil_day.year()),
                     static_cast<unsigned>(civil_day.month()),
                     static_cast<unsigned>(civil_day.day()),
                     weekdays[std::chrono::weekday{day}.c_encoding()]);
}

std::string clock(Instant at, const Zone& zone) {
  LocalTime local = zone.to_local(at);
  std::chrono::hh_mm_ss time_of_day{local - std::chrono::floor<std::chrono::days>(local)};
  return fmt::format("{:02}:{:02}", time_of_day.hours().count(), time_of_day.minutes().count());
}

std::string time(Instant at, const Zone& zone) {
  return date(zone.date_of(at)) + " " + clock(at, zone);
}

std::string length(Duration length) {
  if (length < Duration{0}) length = -length;
  auto seconds = std::chrono::floor<std::chrono::seconds>(length).count();
  if (seconds == 0) return "1秒未満";
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  static constexpr std::array<Unit, 4> units{
      {{86'400, "日"}, {3'600, "時間"}, {60, "分"}, {1, "秒"}}};
  std::size_t largest = 0;
  while (seconds < units[largest].seconds)
    ++largest;
  std::string text = fmt::format("{}{}", seconds / units[largest].seconds, units[largest].name);
  if (largest + 1 < units.size()) {
    auto rest = seconds % units[largest].seconds / units[largest + 1].seconds;
    if (rest > 0) text += fmt::format("{}{}", rest, units[largest + 1].name);
  }
  return text;
}

std::string list(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, "、"));
}

std::string hours(const Window& window) {
  std::vector<std::string> parts;
  for (const Window::Part& part : window.parts()) {
    std::vector<std::string> spans;
    for (const Hours& span : part.hours) {
      spans.push_back(fmt::format("{:02}:{:02}〜{:02}:{:02}", span.from.count() / 60,
                                  span.from.count() % 60, span.until.count() / 60,
                                  span.until.count() % 60));
    }
    if (!spans.empty())
      parts.push_back(days(part.days) + fmt::format("{}", fmt::join(spans, "・")));
  }
  return list(parts);
}

std::string ordinal(int number) {
  return fmt::format("第{}", number);
}

std::string aside(std::string_view text, std::string_view remark) {
  return fmt::format("{}({})", text, remark);
}

}  // namespace yagura::japanese
