// How windows are written in the configuration: hours and days, with errors that say what to write
// instead.
#include <fmt/format.h>

#include <algorithm>

#include "text.hpp"
#include "window.hpp"

namespace yagura {
namespace {

constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed",
                                                        "thu", "fri", "sat"};
constexpr std::chrono::minutes whole_day{24 * 60};

// "09:30", up to 24:00.
std::optional<std::chrono::minutes> read_clock(std::string_view text) {
  const auto digit = [&](std::size_t at) {
    return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : -1;
  };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  if (digit(0) < 0 || digit(1) < 0 || digit(3) < 0 || digit(4) < 0 || digit(3) > 5)
    return std::nullopt;
  const std::chrono::minutes clock{(digit(0) * 10 + digit(1)) * 60 + digit(3) * 10 + digit(4)};
  if (clock > whole_day) return std::nullopt;
  return clock;
}

std::string format_clock(std::chrono::minutes clock) {
  return fmt::format("{:02}:{:02}", clock.count() / 60, clock.count() % 60);
}

// What was probably meant by a word that is not known: "Monday" means mon.
std::string suggestion(const std::string& word) {
  std::string lower = word;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto named = std::find(weekday_names.begin(), weekday_names.end(), lower.substr(0, 3));
  if (named != weekday_names.end()) return std::string(*named);
  std::vector<std::string> known{"business", "all"};
  known.insert(known.end(), weekday_names.begin(), weekday_names.end());
  return nearest(lower, known);
}

}  // namespace

Result<Hours> parse_hours(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto from = read_clock(text.substr(0, dash));
  const auto until =
      dash == std::string_view::npos ? std::nullopt : read_clock(text.substr(dash + 1));
  if (!from || !until) {
    return failure_of(fmt::format(
        "\"{}\" are not hours: write them as 10:00-17:00, with 24:00 for the end of the day",
        one_line(text, 60)));
  }
  if (*from == *until || *from == whole_day) {
    return failure_of(
        fmt::format("\"{}\" are no hours at all: the end must come after the beginning", text));
  }
  if (*until < *from) {
    return failure_of(fmt::format(
        "\"{}\" cross midnight: write two entries, {}-24:00 and, on the day after, 00:00-{}", text,
        format_clock(*from), format_clock(*until)));
  }
  return Hours{*from, *until};
}

std::string format_hours(Hours hours) {
  return format_clock(hours.from) + "-" + format_clock(hours.until);
}

Result<DaySet> parse_days(const std::vector<std::string>& words) {
  DaySet days;
  if (words.empty())
    return failure_of("no days: write business, all, or weekdays such as [sat, sun]");
  for (const std::string& word : words) {
    if (word == "business" || word == "all") {
      if (words.size() > 1) {
        return failure_of(fmt::format("`{}` stands alone: write it without other days", word));
      }
      days.kind = word == "all" ? DaySet::Kind::all : DaySet::Kind::business;
      return days;
    }
    const auto named = std::find(weekday_names.begin(), weekday_names.end(), word);
    if (named == weekday_names.end()) {
      const std::string meant = suggestion(word);
      return failure_of(fmt::format(
          "\"{}\" are no days: write business, all, or weekdays (mon, [sat, sun]){}",
          one_line(word, 60), meant.empty() ? "" : fmt::format("; did you mean `{}`?", meant)));
    }
    days.kind = DaySet::Kind::weekdays;
    days.weekdays[static_cast<std::size_t>(named - weekday_names.begin())] = true;
  }
  return days;
}

bool DaySet::contains(Date date, const Calendar& calendar) const {
  if (!calendar.covers(date)) return false;
  switch (kind) {
    case Kind::all:
      return true;
    case Kind::business:
      return calendar.is_business_day(date);
    case Kind::weekdays:
      return weekdays[std::chrono::weekday{date}.c_encoding()];
  }
  return false;
}

}  // namespace yagura
