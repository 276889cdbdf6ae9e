#include "exposition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t longest_line = 64 * 1024;
constexpr std::size_t most_labels = 128;
constexpr std::size_t most_series = 10'000;

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
}

// A line without its break.
std::string_view take_one_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  while (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Looked at for each byte of each name of an answer, of which there may be millions.
constexpr bool ends_name(char c) {
  return c == '{' || c == '}' || c == '=' || c == ',' || c == '"' || c == '#' || c == ' ' || c == '\t';
}

// Up to what cannot belong to a name.
std::string_view take_until_name_ends(std::string_view& line) {
  std::size_t size = 0;
  while (size < line.size() && !ends_name(line[size]))
    ++size;
  const std::string_view name = line.substr(0, size);
  line.remove_prefix(size);
  return name;
}

// The name that a line begins with; "" for a comment or an empty one.
std::string_view name_of(std::string_view line) {
  skip_blanks(line);
  return take_until_name_ends(line);
}

std::optional<std::string> take_label_value(std::string_view& line) {
  if (!line.starts_with('"')) return std::nullopt;
  std::string value;
  for (std::size_t at = 1; at < line.size(); ++at) {
    char c = line[at];
    if (c == '"') {
      line.remove_prefix(at + 1);
      return value;
    }
    if (c == '\\') {
      if (++at == line.size()) return std::nullopt;
      c = line[at] == 'n' ? '\n' : line[at];
      // What is none of the three escapes stays as it is.
      if (line[at] != 'n' && c != '\\' && c != '"') value += '\\';
    }
    value += c;
  }
  return std::nullopt;
}

// After the opening brace.
std::optional<Labels> take_labels(std::string_view& line) {
  Labels labels;
  skip_blanks(line);
  while (!line.starts_with('}')) {
    const std::string_view name = take_until_name_ends(line);
    skip_blanks(line);
    if (!is_label_name(name) || !line.starts_with('=') || labels.size() == most_labels)
      return std::nullopt;
    line.remove_prefix(1);
    skip_blanks(line);
    auto value = take_label_value(line);
    if (!value) return std::nullopt;
    labels.emplace_back(std::string(name), *std::move(value));
    skip_blanks(line);
    if (line.starts_with(',')) {
      line.remove_prefix(1);
      skip_blanks(line);
    } else if (!line.starts_with('}')) {
      return std::nullopt;
    }
  }
  line.remove_prefix(1);
  std::sort(labels.begin(), labels.end());
  const bool twice = std::adjacent_find(labels.begin(), labels.end(), [](const auto& a, const auto& b) {
                       return a.first == b.first;
                     }) != labels.end();
  if (twice) return std::nullopt;
  return labels;
}

std::string_view take_word(std::string_view& line) {
  skip_blanks(line);
  const auto size = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, size);
  line.remove_prefix(size);
  return word;
}

template <class Number>
std::optional<Number> whole(std::string_view word) {
  if (word.starts_with('+') && !word.starts_with("+-")) word.remove_prefix(1);
  Number number{};
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// Nothing where the line is none of a series.
std::optional<Sample> read_sample(std::string_view line) {
  Sample sample;
  skip_blanks(line);
  if (!is_metric_name(take_until_name_ends(line))) return std::nullopt;
  skip_blanks(line);
  if (line.starts_with('{')) {
    line.remove_prefix(1);
    auto labels = take_labels(line);
    if (!labels) return std::nullopt;
    sample.labels = *std::move(labels);
  }
  const auto value = whole<double>(take_word(line));  // takes inf and nan too, in any case
  if (!value) return std::nullopt;
  sample.value = *value;
  const std::string_view timestamp = take_word(line);
  if (!timestamp.empty() && !whole<std::int64_t>(timestamp)) return std::nullopt;
  skip_blanks(line);
  if (!line.empty()) return std::nullopt;
  return sample;
}

}  // namespace

Result<std::string> lines_of(std::string_view text,
                             const std::set<std::string, std::less<>>& names) {
  std::string lines;
  bool began = false;
  while (!text.empty()) {
    const std::string_view line = take_one_line(text);
    const std::string_view name = name_of(line);
    if (name.empty()) {
      // A comment, an empty line, or, at the beginning, something else that has no name.
      std::string_view rest = line;
      skip_blanks(rest);
      if (!rest.empty() && !began && rest.front() != '#') {
        return failure_of(fmt::format("it begins with '{}'", one_line(rest, 40)));
      }
      began = began || !rest.empty();
      continue;
    }
    // The first line that says something tells the format from a page's.
    if (!began && !read_sample(line))
      return failure_of(fmt::format("it begins with '{}'", one_line(line, 40)));
    began = true;
    if (names.contains(name)) lines.append(line).append("\n");
  }
  return lines;
}

Result<std::vector<Sample>> series_in(std::string_view text, const SeriesSelector& selector) {
  std::vector<Sample> series;
  std::size_t of_name = 0;
  while (!text.empty()) {
    const std::string_view line = take_one_line(text);
    if (name_of(line) != selector.name()) continue;
    ++of_name;
    if (line.size() > longest_line) {
      return failure_of(fmt::format("a line of {} is longer than 64 KiB", selector.name()));
    }
    if (of_name > most_series) {
      return failure_of(fmt::format("there are more than {} series of {}", most_series, selector.name()));
    }
    auto sample = read_sample(line);
    if (!sample || !is_utf8(line)) {
      return failure_of(fmt::format("line {} of {} cannot be {}: '{}'", of_name, selector.name(),
                                    sample ? "read, as it is no UTF-8" : "understood",
                                    one_line(line, 80)));
    }
    if (selector.matches(sample->labels)) series.push_back(*std::move(sample));
  }
  return series;
}

}  // namespace yagura
