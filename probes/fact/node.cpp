#include "node.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "text.hpp"

namespace yagura {

const std::string& FileName::text() const {
  static const std::string none;
  return name_ == nullptr ? none : *name_;
}

std::string Place::text() const { return fmt::format("{}:{}:{}", file.text(), line, column); }

std::string Problem::text() const {
  return fmt::format("{}: {}{}", place.text(), warning ? "warning: " : "", message);
}

const Node* Node::find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name.scalar == key) return &value;
  }
  return nullptr;
}

Reader::Reader(const Node& node, Problems& problems, std::string what)
    : node_(node), problems_(problems), what_(std::move(what)) {
  if (!node.is_map()) problem(fmt::format("{} must be a mapping (key: value)", what_));
}

const Node* Reader::find(std::string_view key) {
  known_.emplace(key);
  const Node* value = node_.find(key);
  return value != nullptr && value->kind == Node::Kind::null ? nullptr : value;
}

const Node* Reader::required(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr && node_.is_map()) problem(fmt::format("{} needs `{}`", what_, key));
  return value;
}

std::optional<std::string> Reader::text(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_scalar()) {
    problem(*value, fmt::format("`{}` must be a text", key));
    return std::nullopt;
  }
  return value->scalar;
}

std::optional<std::int64_t> Reader::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* end = value->scalar.data() + value->scalar.size();
  auto [rest, error] = std::from_chars(value->scalar.data(), end, number);
  if (!value->is_scalar() || value->quoted || error != std::errc{} || rest != end || number < least || number > most) {
    problem(*value, fmt::format("`{}` must be a whole number from {} to {}", key, least, most));
    return std::nullopt;
  }
  return number;
}

std::optional<double> Reader::number(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  double number = 0;
  const char* end = value->scalar.data() + value->scalar.size();
  auto [rest, error] = std::from_chars(value->scalar.data(), end, number);
  if (!value->is_scalar() || value->quoted || error != std::errc{} || rest != end || !std::isfinite(number)) {
    problem(*value, fmt::format("`{}` must be a number", key));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> Reader::boolean(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_scalar() && !value->quoted) {
    if (value->scalar == "true") return true;
    if (value->scalar == "false") return false;
  }
  problem(*value, fmt::format("`{}` must be true or false", key));
  return std::nullopt;
}

std::optional<Duration> Reader::duration(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_scalar()) {
    problem(*value, fmt::format("`{}` must be a duration such as 30s", key));
    return std::nullopt;
  }
  auto duration = parse_duration(value->scalar);
  if (!duration) {
    problem(*value, fmt::format("`{}`: {}", key, duration.error().message));
    return std::nullopt;
  }
  return *duration;
}

std::vector<std::string> Reader::texts(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return {};
  if (value->is_scalar()) return {value->scalar};
  std::vector<std::string> texts;
  if (!value->is_list()) problem(*value, fmt::format("`{}` must be a text or a list of texts", key));
  for (const Node& item : value->items) {
    if (item.is_scalar()) {
      texts.push_back(item.scalar);
    } else {
      problem(item, fmt::format("each item of `{}` must be a text", key));
    }
  }
  return texts;
}

std::string Reader::text_or(std::string_view key, std::string_view otherwise) {
  return text(key).value_or(std::string(otherwise));
}
std::int64_t Reader::integer_or(std::string_view key, std::int64_t otherwise, std::int64_t least,
                                std::int64_t most) {
  return integer(key, least, most).value_or(otherwise);
}
bool Reader::boolean_or(std::string_view key, bool otherwise) { return boolean(key).value_or(otherwise); }
Duration Reader::duration_or(std::string_view key, Duration otherwise) {
  return duration(key).value_or(otherwise);
}

void Reader::problem(const Node& at, std::string message) {
  problems_.push_back({at.place, std::move(message), false});
}

void Reader::finish() {
  for (const auto& [key, value] : node_.entries) {
    if (known_.contains(key.scalar)) continue;
    const std::vector<std::string> known(known_.begin(), known_.end());
    std::string all;
    for (const std::string& one : known) all += fmt::format("{}`{}`", all.empty() ? "" : ", ", one);
    std::string close = nearest(key.scalar, known);
    problem(key, fmt::format("unknown key `{}` in {}{}", one_line(key.scalar, 60), what_,
                             !close.empty() ? fmt::format("; did you mean `{}`?", close)
                             : all.empty()  ? ""
                                            : "; the keys are " + all));
  }
}

}  // namespace yagura
