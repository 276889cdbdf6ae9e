#include "expectation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "zone.hpp"

namespace yagura {
namespace {

const Zone& japan() {
  static const Zone zone = Zone::named("Asia/Tokyo").value();
  return zone;
}

bool glob(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (std::size_t skip = 0; skip <= text.size(); ++skip) {
      if (glob(pattern.substr(1), text.substr(skip))) return true;
    }
    return false;
  }
  return !text.empty() && text.front() == pattern.front() &&
         glob(pattern.substr(1), text.substr(1));
}

std::string plain(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
}

bool field_matches(const boost::json::object& fields, const std::string& name,
                   const std::string& pattern) {
  const boost::json::value* value = fields.if_contains(name);
  if (value == nullptr) return false;
  if (!value->is_array()) return glob(pattern, plain(*value));
  return std::any_of(value->get_array().begin(), value->get_array().end(),
                     [&](const boost::json::value& item) { return glob(pattern, plain(item)); });
}

// Words parted by spaces; "…" holds words together.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  bool quoted = false, inside = false;
  for (char c : line) {
    if (c == '"') {
      quoted = !quoted;
      if (!inside) words.emplace_back();
      inside = true;
    } else if (c == ' ' && !quoted) {
      inside = false;
    } else {
      if (!inside) words.emplace_back();
      inside = true;
      words.back() += c;
    }
  }
  return words;
}

struct Span {
  Duration from{}, until{};
};

// "16:58" is that minute, "16:58:30" that second.
std::optional<Span> clock_span(std::string_view text) {
  std::array<int, 3> parts{};
  std::size_t count = 0;
  while (count < 3) {
    const std::string_view part = text.substr(0, text.find(':'));
    if (part.size() != 2 || part.find_first_not_of("0123456789") != std::string_view::npos)
      return std::nullopt;
    parts[count++] = (part[0] - '0') * 10 + (part[1] - '0');
    if (part.size() == text.size()) break;
    text.remove_prefix(part.size() + 1);
  }
  if (count < 2) return std::nullopt;
  const Duration from = std::chrono::hours{parts[0]} + std::chrono::minutes{parts[1]} +
                        std::chrono::seconds{parts[2]};
  return Span{from, from + (count == 2 ? Duration{1min} : Duration{1s})};
}

// "16:58", "16:58..17:02", "*" for the whole day.
std::optional<Span> span_of(std::string_view text) {
  if (text == "*") return Span{Duration{0}, Duration{24h}};
  const auto dots = text.find("..");
  auto first = clock_span(text.substr(0, dots));
  if (!first || dots == std::string_view::npos) return first;
  auto last = clock_span(text.substr(dots + 2));
  if (!last) return std::nullopt;
  return Span{first->from, last->until};
}

std::optional<Pattern> pattern_of(const std::vector<std::string>& words, std::size_t begin) {
  if (begin >= words.size()) return std::nullopt;
  Pattern pattern;
  pattern.what = words[begin];
  for (std::size_t at = begin + 1; at < words.size(); ++at) {
    const auto sign = words[at].find('=');
    if (sign == std::string::npos || sign == 0) return std::nullopt;
    pattern.fields.emplace_back(words[at].substr(0, sign), words[at].substr(sign + 1));
  }
  return pattern;
}

constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

std::optional<Instant> time_of(std::string_view text) {
  auto instant = parse_instant(std::string(text) + (text.size() == 16 ? ":00+09:00" : "+09:00"));
  return instant ? std::optional(*instant) : std::nullopt;
}

// `never …`, `only …`, `count N …`, each with `before T` or `after T` at its end.
std::optional<Bound> bound_of(std::vector<std::string> words) {
  Bound bound;
  while (words.size() > 3 &&
         (words[words.size() - 2] == "before" || words[words.size() - 2] == "after")) {
    const auto at = time_of(words.back());
    if (!at) return std::nullopt;
    (words[words.size() - 2] == "before" ? bound.until : bound.from) = *at;
    words.resize(words.size() - 2);
  }
  std::size_t begin = 1;
  if (words[0] == "never") bound.count = 0;
  if (words[0] == "count") {
    if (words.size() < 3 || words[1].find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    bound.count = std::stoul(words[1]);
    begin = 2;
  }
  auto pattern = pattern_of(words, begin);
  if (!pattern) return std::nullopt;
  bound.pattern = std::move(*pattern);
  return bound;
}

}  // namespace

bool Pattern::matches(const GotLine& line) const {
  if (!field_matches(line.fields, "what", what)) return false;
  return std::all_of(fields.begin(), fields.end(), [&line](const auto& field) {
    return field_matches(line.fields, field.first, field.second);
  });
}

Result<Expectation> read_expectation(std::string_view text) {
  Expectation expectation;
  std::optional<Date> day;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line = line.substr(0, line.starts_with('#') ? 0 : line.find(" #"));
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) continue;
    const auto wrong = [&](std::string_view why) {
      return failure_of(fmt::format("line {}: {}: {}", number, why, line));
    };
    const std::string shown(line.substr(line.find_first_not_of(' ')));
    if (words[0] == "configuration" && words.size() == 2) {
      expectation.configuration = words[1];
    } else if (words[0] == "never" || words[0] == "only" || words[0] == "count") {
      auto bound = bound_of(words);
      if (!bound) return wrong("not a bound");
      bound->number = number;
      bound->text = shown;
      expectation.bounds.push_back(std::move(*bound));
    } else if (std::find(weekdays.begin(), weekdays.end(), words[0]) != weekdays.end()) {
      auto date = words.size() == 2 ? parse_date(words[1]) : failure_of("");
      if (!date) return wrong("not a day");
      if (weekdays[std::chrono::weekday{*date}.c_encoding()] != words[0])
        return wrong("not that weekday");
      day = *date;
    } else {
      const auto span = span_of(words[0]);
      auto pattern = pattern_of(words, 1);
      if (!day || !span || !pattern) return wrong("not an expected line under a day");
      const Instant midnight = japan().midnight(*day);
      expectation.lines.push_back(
          {number, shown, midnight + span->from, midnight + span->until, std::move(*pattern)});
    }
  }
  return expectation;
}

std::string brief(const GotLine& line) {
  std::string text =
      fmt::format("{}  {}", japan().format(line.at).substr(0, 19), plain(line.fields.at("what")));
  for (const auto& field : line.fields) {
    const std::string name(field.key());
    if (name == "at" || name == "what" || name == "to" || name == "subject" ||
        field.value().is_null())
      continue;
    text += fmt::format(" {}={}", name, plain(field.value()));
  }
  return text;
}

std::string compare(const Expectation& expectation, const std::vector<GotLine>& got) {
  std::string problems;
  std::vector<bool> taken(got.size());
  Instant reached = Instant::min();
  for (const ExpectedLine& expected : expectation.lines) {
    std::size_t found = 0;
    while (found < got.size() &&
           (taken[found] || got[found].at < std::max(reached, expected.from) ||
            got[found].at >= expected.until || !expected.pattern.matches(got[found]))) {
      ++found;
    }
    if (found < got.size()) {
      taken[found] = true;
      reached = got[found].at;
      continue;
    }
    problems += fmt::format("line {}: this does not happen (in this order):\n    {}\n",
                            expected.number, expected.text);
  }
  for (const Bound& bound : expectation.bounds) {
    std::size_t count = 0;
    std::string unexpected;
    for (std::size_t at = 0; at < got.size(); ++at) {
      if (!bound.pattern.matches(got[at]) || got[at].at < bound.from || got[at].at >= bound.until)
        continue;
      ++count;
      if (bound.count || !taken[at]) unexpected += fmt::format("    {}\n", brief(got[at]));
    }
    if (bound.count ? count != *bound.count : !unexpected.empty()) {
      problems += fmt::format("line {}: {}\n  but there is:\n{}", bound.number, bound.text,
                              unexpected.empty() ? "    nothing\n" : unexpected);
    }
  }
  if (problems.empty()) return problems;
  problems += "What happens:\n";
  for (std::size_t at = 0; at < got.size(); ++at) {
    problems += fmt::format("  {} {}\n", taken[at] ? "=" : " ", brief(got[at]));
  }
  return problems;
}

}  // namespace yagura
