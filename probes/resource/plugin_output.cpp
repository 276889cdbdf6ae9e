#include "resource/plugin_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_values = 64;
constexpr std::size_t most_of_text = 500;
constexpr std::size_t most_of_long_text = 4000;
constexpr std::size_t most_of_label = 60;
constexpr std::size_t most_of_unit = 12;
constexpr std::string_view white = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(white)));
  const auto last = text.find_last_not_of(white);
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

// Up to the separator, which is taken off as well.
std::string_view take(std::string_view& text, char separator) {
  std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

// A number at the front, taken off. Some programs write it with the comma of their language.
std::optional<double> take_number(std::string_view& text) {
  std::string digits(text.substr(0, text.find_first_not_of("+-.,0123456789eE")));
  std::replace(digits.begin(), digits.end(), ',', '.');
  const std::size_t plus = digits.starts_with('+') ? 1 : 0;
  const std::size_t sign = plus + (plus == 0 && digits.starts_with('-') ? 1 : 0);
  if (digits.find_first_of(".0123456789", sign) != sign) return std::nullopt;
  double number = 0;
  auto [rest, error] = std::from_chars(digits.data() + plus, digits.data() + digits.size(), number);
  if (error != std::errc{} || !std::isfinite(number)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - digits.data()));
  // "1..2", "1.234.567"
  if (!text.empty() && std::string_view("+-.,0123456789").find(text.front()) != text.npos)
    return std::nullopt;
  return number;
}

// The whole of it is a number, and perhaps a unit, which some programs repeat.
std::optional<double> bound_of(std::string_view text) {
  return take_number(text);
}

// A label: as it stands before `=`, or 'quoted', with '' for a quote. Without one the word is
// passed over.
std::optional<std::string> take_label(std::string_view& text) {
  std::string label;
  if (text.starts_with('\'')) {
    std::size_t at = 1;
    for (;; ++at) {
      if (at >= text.size()) break;
      if (text[at] == '\'' && text.substr(at + 1, 1) != "'") break;
      if (text[at] == '\'') ++at;
      label += text[at];
    }
    if (text.substr(std::min(text.size(), at + 1), 1) == "=") {
      text.remove_prefix(at + 2);
      return label;
    }
    // A quote that nothing closes, or closes too early, is a letter like others.
  }
  const auto end = text.find_first_of(white);
  const auto equals = text.find('=');
  if (equals != text.npos && equals > 0 && equals < end) {
    label = text.substr(0, equals);
    text.remove_prefix(equals + 1);
    return label;
  }
  text.remove_prefix(std::min(end, text.size()));
  return std::nullopt;
}

std::optional<PluginValue> take_value(std::string_view& text) {
  auto label = take_label(text);
  if (!label) return std::nullopt;
  std::string_view fields = text.substr(0, text.find_first_of(white));
  text.remove_prefix(fields.size());
  std::string_view first = take(fields, ';');
  PluginValue value;
  const auto number = take_number(first);  // "U" where it could not be determined.
  if (!number) return std::nullopt;
  value.label = one_line(*label, most_of_label);
  value.value = *number;
  value.unit = one_line(first, most_of_unit);
  value.warning = parse_plugin_range(take(fields, ';'));
  value.critical = parse_plugin_range(take(fields, ';'));
  value.least = bound_of(take(fields, ';'));
  value.most = bound_of(take(fields, ';'));
  return value;
}

void read_values(std::string_view text, std::vector<PluginValue>& values) {
  while (values.size() < most_values) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(white)));
    if (text.empty()) return;
    if (auto value = take_value(text)) values.push_back(std::move(*value));
  }
}

struct Unit {
  std::string_view written;
  double factor;
  std::string_view name;
};
// Plugins count KB by 1024, as they have since before there was KiB.
constexpr double kibi = 1024;
constexpr std::array units{Unit{"s", 1, "seconds"},
                           Unit{"ms", 1e-3, "seconds"},
                           Unit{"us", 1e-6, "seconds"},
                           Unit{"ns", 1e-9, "seconds"},
                           Unit{"%", 1, "percent"},
                           Unit{"B", 1, "bytes"},
                           Unit{"KB", kibi, "bytes"},
                           Unit{"MB", kibi* kibi, "bytes"},
                           Unit{"GB", kibi* kibi* kibi, "bytes"},
                           Unit{"TB", kibi* kibi* kibi* kibi, "bytes"},
                           Unit{"KiB", kibi, "bytes"},
                           Unit{"MiB", kibi* kibi, "bytes"},
                           Unit{"GiB", kibi* kibi* kibi, "bytes"},
                           Unit{"TiB", kibi* kibi* kibi* kibi, "bytes"},
                           Unit{"c", 1, "total"}};

// Letters made small, digits; for everything between them one `_`.
std::string safe_name(std::string_view text) {
  if (text == "/") return "root";
  std::string name;
  for (char letter : lower(text)) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    if (plain) {
      name += letter;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (name.ends_with('_'))
    name.pop_back();
  return name;
}

}  // namespace

bool PluginRange::alerts(double value) const {
  const bool within = value >= from && value <= to;
  return within == inside;
}

std::string PluginRange::words() const {
  const bool open_below = std::isinf(from), open_above = std::isinf(to);
  if (inside) return fmt::format("within {} to {}", from, to);
  if (open_above) return fmt::format("below {}", from);
  if (open_below || from == 0) return fmt::format("above {}", to);
  return fmt::format("outside {} to {}", from, to);
}

std::optional<PluginRange> parse_plugin_range(std::string_view text) {
  text = trimmed(text);
  PluginRange range;
  if (text.starts_with('@')) {
    range.inside = true;
    text.remove_prefix(1);
  }
  const auto colon = text.find(':');
  std::string_view low = colon == text.npos ? std::string_view{} : text.substr(0, colon);
  std::string_view high = colon == text.npos ? text : text.substr(colon + 1);
  if (colon == text.npos && high.empty()) return std::nullopt;
  if (low == "~") {
    range.from = -std::numeric_limits<double>::infinity();
  } else if (!low.empty()) {
    auto from = bound_of(low);
    if (!from) return std::nullopt;
    range.from = *from;
  }
  if (!high.empty()) {
    auto to = bound_of(high);
    if (!to) return std::nullopt;
    range.to = *to;
  }
  if (range.from > range.to) return std::nullopt;
  return range;
}

PluginOutput parse_plugin_output(std::string_view bytes, bool cut) {
  PluginOutput output;
  const auto complete = [&](std::string_view values, bool last) {
    if (!cut || !last) return values;
    const auto end = values.find_last_of(white);
    return values.substr(0, end == values.npos ? 0 : end);
  };
  std::string_view rest = bytes;
  std::string_view line = take(rest, '\n');
  std::string_view text = take(line, '|');
  output.text = one_line(trimmed(text), most_of_text);
  read_values(complete(line, rest.empty()), output.values);
  // A line of the long text may have a `|`: from there on all is values.
  std::string_view long_text = take(rest, '|');
  output.long_text = many_lines(trimmed(long_text), most_of_long_text);
  read_values(complete(rest, true), output.values);
  return output;
}

MeasuredValues named_values(const std::vector<PluginValue>& values) {
  MeasuredValues named;
  for (const PluginValue& value : values) {
    const auto* unit = std::find_if(units.begin(), units.end(),
                                    [&](const Unit& one) { return one.written == value.unit; });
    const bool known = unit != units.end();
    std::string name = safe_name(value.label);
    if (name.empty()) name = "value";
    const std::string suffix = known ? std::string(unit->name) : safe_name(value.unit);
    if (!suffix.empty() && name != suffix && !name.ends_with("_" + suffix)) name += "_" + suffix;
    const double number = value.value * (known ? unit->factor : 1);
    if (!std::isfinite(number)) continue;
    std::string free = name;
    for (int count = 2; named.contains(free); ++count)
      free = fmt::format("{}_{}", name, count);
    named.emplace(std::move(free), number);
  }
  return named;
}

}  // namespace yagura
