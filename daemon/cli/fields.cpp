#include "fields.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t deepest = 32;
constexpr std::size_t longest_text = 100'000;

std::string raw_text(const json::value& value) {
  switch (value.kind()) {
    case json::kind::string:
      return std::string(value.get_string());
    case json::kind::int64:
      return std::to_string(value.get_int64());
    case json::kind::uint64:
      return std::to_string(value.get_uint64());
    case json::kind::double_:
      return fmt::format("{:.6g}", value.get_double());
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::null:
      return {};
    case json::kind::array:
    case json::kind::object:
      return json::serialize(value);
  }
  return {};
}

}  // namespace

Result<json::value> read_json(std::string_view text) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = deepest;
  json::value value = json::parse(text, error, {}, options);
  if (error) return failure_of("what the daemon answered cannot be read: " + error.message());
  return value;
}

const json::value* member(const json::value& object, std::string_view key) {
  return object.is_object() ? object.get_object().if_contains(key) : nullptr;
}

const json::array& list(const json::value& value) {
  static const json::array none;
  return value.is_array() ? value.get_array() : none;
}

const json::array& list(const json::value& object, std::string_view key) {
  static const json::value none;
  const json::value* found = member(object, key);
  return list(found != nullptr ? *found : none);
}

std::string text(const json::value& value) {
  return one_line(raw_text(value), 2000);
}

std::string text(const json::value& object, std::string_view key, std::size_t limit) {
  const json::value* found = member(object, key);
  return found == nullptr ? std::string() : one_line(raw_text(*found), limit);
}

std::string long_text(const json::value& object, std::string_view key) {
  const json::value* found = member(object, key);
  return found == nullptr ? std::string() : many_lines(raw_text(*found), longest_text);
}

std::vector<std::string> texts(const json::value& object, std::string_view key) {
  std::vector<std::string> all;
  for (const json::value& one : list(object, key))
    all.push_back(text(one));
  return all;
}

std::string joined(const std::vector<std::string>& names, std::string_view between) {
  std::string all;
  for (const std::string& name : names) {
    if (!all.empty()) all += between;
    all += name;
  }
  return all;
}

std::int64_t number(const json::value& object, std::string_view key) {
  const json::value* found = member(object, key);
  if (found == nullptr) return 0;
  json::error_code inexact;
  auto value = found->to_number<std::int64_t>(inexact);
  return inexact ? 0 : value;
}

bool truth(const json::value& object, std::string_view key) {
  const json::value* found = member(object, key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::optional<Moment> moment(const json::value& object, std::string_view key) {
  const json::value* found = member(object, key);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return read_moment(found->get_string());
}

}  // namespace yagura::cli
