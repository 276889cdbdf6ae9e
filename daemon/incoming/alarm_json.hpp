// What the readers of alarms have in common: pieces of JSON as safe, bounded texts.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "outside/alarm_monitor.hpp"
#include "result.hpp"

namespace yagura::alarm_json {

namespace json = boost::json;

inline constexpr std::size_t most_name = 200;
inline constexpr std::size_t most_value = 500;
inline constexpr std::size_t most_labels = 64;

// Error: "this is not JSON: …".
Result<json::value> parse(std::string_view body);
// "" where it is missing, or no text.
std::string text_of(const json::object& object, std::string_view key, std::size_t limit);
// The texts among its members, the first 64; what is no object has none.
AlarmLabels labels_of(const json::value* value);

}  // namespace yagura::alarm_json
