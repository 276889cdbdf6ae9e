// Looks into what the daemon answered. What is missing or of another type reads as nothing, and
// every text comes out safe for a terminal: a daemon of another version, or one that was fed nasty
// names, cannot upset the command.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"
#include "times.hpp"

namespace yagura::cli {

// Error: no JSON, or nested deeper than anything that the daemon says.
Result<boost::json::value> read_json(std::string_view text);

const boost::json::value* member(const boost::json::value& object, std::string_view key);
// Empty where there is none.
const boost::json::array& list(const boost::json::value& object, std::string_view key);
const boost::json::array& list(const boost::json::value& value);  // of the value itself

// One safe line; numbers and booleans as text; empty for null and for what is not there.
std::string text(const boost::json::value& object, std::string_view key, std::size_t limit = 2000);
std::string text(const boost::json::value& value);
// Line breaks kept.
std::string long_text(const boost::json::value& object, std::string_view key);
std::vector<std::string> texts(const boost::json::value& object, std::string_view key);
std::string joined(const std::vector<std::string>& names, std::string_view between = ", ");

std::int64_t number(const boost::json::value& object, std::string_view key);  // 0 for none
bool truth(const boost::json::value& object, std::string_view key);
std::optional<Moment> moment(const boost::json::value& object, std::string_view key);

}  // namespace yagura::cli
