#include "alarm_json.hpp"

#include <fmt/format.h>

#include "text.hpp"

namespace yagura::alarm_json {

Result<json::value> parse(std::string_view body) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(body.data(), body.size()), error);
  if (error) return failure_of(fmt::format("this is not JSON: {}", error.message()));
  return value;
}

std::string text_of(const json::object& object, std::string_view key, std::size_t limit) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  return value != nullptr && value->is_string() ? one_line(std::string_view(value->get_string()), limit)
                                                : std::string();
}

AlarmLabels labels_of(const json::value* value) {
  AlarmLabels labels;
  if (value == nullptr || !value->is_object()) return labels;
  for (const auto& member : value->get_object()) {
    if (labels.size() == most_labels) break;
    if (!member.value().is_string()) continue;
    labels[one_line(std::string_view(member.key()), most_name)] =
        one_line(std::string_view(member.value().get_string()), most_value);
  }
  return labels;
}

}  // namespace yagura::alarm_json
