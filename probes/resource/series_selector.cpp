#include "series_selector.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_matchers = 32;
constexpr std::size_t longest = 4096;

tl::unexpected<Error> no_selector(std::string_view at) {
  return failure_of(fmt::format(
      "is no series (at '{}'): write its name, and labels in braces, as in "
      "node_filesystem_avail_bytes{{mountpoint=\"/\"}}, with =, !=, =~ or !~",
      one_line(at, 40)));
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(std::string_view name, bool colon) {
  return !name.empty() && !is_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter(c) || is_digit(c) || (colon && c == ':');
         });
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n'))
    text.remove_prefix(1);
}

std::string_view take_name(std::string_view& text, bool colon) {
  std::size_t size = 0;
  while (size < text.size() && (is_letter(text[size]) || is_digit(text[size]) ||
                                (colon && text[size] == ':'))) {
    ++size;
  }
  const std::string_view name = text.substr(0, size);
  text.remove_prefix(size);
  return name;
}

bool take(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

// "…" or '…', with \\, \", \' and \n.
std::optional<std::string> take_quoted(std::string_view& text) {
  if (text.empty() || (text.front() != '"' && text.front() != '\'')) return std::nullopt;
  const char quote = text.front();
  std::string value;
  for (std::size_t at = 1; at < text.size(); ++at) {
    char c = text[at];
    if (c == quote) {
      text.remove_prefix(at + 1);
      return value;
    }
    if (c == '\\') {
      if (++at == text.size()) return std::nullopt;
      c = text[at] == 'n' ? '\n' : text[at];
      // Of a regular expression: \. and \d may be written as in a program's text, or with two.
      if (c != '\n' && c != '\\' && c != '"' && c != '\'') value += '\\';
    }
    value += c;
  }
  return std::nullopt;
}

}  // namespace

bool is_metric_name(std::string_view name) { return is_name(name, true); }
bool is_label_name(std::string_view name) { return is_name(name, false); }

Result<SeriesSelector> SeriesSelector::parse(std::string_view text) {
  if (text.size() > longest)
    return failure_of(fmt::format("is longer than {} bytes", longest));
  std::string_view rest = text;
  SeriesSelector selector;
  skip_spaces(rest);
  std::string_view before = rest;
  selector.name_ = take_name(rest, true);
  skip_spaces(rest);
  if (rest.starts_with('(')) {
    return failure_of(
        "is an expression of PromQL: here stands a series; for the others see `rate`, `of` and "
        "`ratio_to`");
  }
  if (!is_metric_name(selector.name_)) return no_selector(before);
  if (rest.empty()) return selector;
  if (!take(rest, "{")) return no_selector(rest);
  skip_spaces(rest);
  while (!take(rest, "}")) {
    if (selector.matchers_.size() == most_matchers)
      return failure_of(fmt::format("has more than {} labels", most_matchers));
    Matcher matcher;
    before = rest;
    matcher.label = take_name(rest, false);
    if (!is_label_name(matcher.label)) return no_selector(before);
    skip_spaces(rest);
    bool expression = true;
    if (take(rest, "=~")) {
    } else if (take(rest, "!~")) {
      matcher.negated = true;
    } else if (take(rest, "!=")) {
      matcher.negated = true;
      expression = false;
    } else if (take(rest, "=")) {
      expression = false;
    } else {
      return no_selector(rest);
    }
    skip_spaces(rest);
    auto value = take_quoted(rest);
    if (!value) return no_selector(rest);
    if (expression) {
      RE2::Options options;
      options.set_log_errors(false);
      auto matches = std::make_shared<const RE2>(*value, options);
      if (!matches->ok()) {
        return failure_of(fmt::format("has '{}', which is no regular expression: {}",
                                      one_line(*value, 60), one_line(matches->error(), 200)));
      }
      matcher.matches = std::move(matches);
    } else {
      matcher.value = *std::move(value);
    }
    selector.matchers_.push_back(std::move(matcher));
    skip_spaces(rest);
    if (!take(rest, ",") && !rest.starts_with('}')) return no_selector(rest);
    skip_spaces(rest);
  }
  skip_spaces(rest);
  if (!rest.empty()) return no_selector(rest);
  return selector;
}

bool SeriesSelector::matches(const Labels& labels) const {
  return std::all_of(matchers_.begin(), matchers_.end(), [&](const Matcher& matcher) {
    const auto found = std::find_if(labels.begin(), labels.end(), [&](const auto& label) {
      return label.first == matcher.label;
    });
    const std::string_view value = found == labels.end() ? std::string_view{} : found->second;
    const bool equal =
        matcher.matches
            ? RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *matcher.matches)
            : value == matcher.value;
    return equal != matcher.negated;
  });
}

std::string series_words(std::string_view name, const Labels& labels) {
  std::string words(name);
  for (const auto& [label, value] : labels) {
    words += fmt::format("{}{}=\"{}\"", &label == &labels.front().first ? "{" : ",", label, value);
    if (words.size() > 200) break;  // What follows would be cut.
  }
  if (!labels.empty()) words += '}';
  return one_line(words, 160);
}

}  // namespace yagura
