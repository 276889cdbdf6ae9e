#include "line.hpp"

#include <boost/json.hpp>
#include <set>
#include <string_view>

namespace yagura {
namespace {

namespace json = boost::json;

json::value number_or_null(std::int64_t number) {
  return number == 0 ? json::value(nullptr) : json::value(number);
}

// The record keeps details as texts; here they have their types.
json::value detail(const std::string& name, const std::string& text) {
  static const std::set<std::string_view> numbers{"inquiry", "into", "step", "attempt", "failures_open", "notices_unsent"};
  static const std::set<std::string_view> truths{"mailed", "manual", "to_banks", "from_desk"};
  const bool is_number = numbers.contains(name) && !text.empty() && text.size() < 18 &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  if (is_number) return std::stoll(text);
  if (truths.contains(name) && (text == "true" || text == "false")) return text == "true";
  return json::string(text);
}

}  // namespace

std::string json_line(const RehearsalLine& line, const Zone& zone) {
  json::object object;
  object["at"] = zone.format(line.at);
  object["what"] = line.what;
  if (line.entry != 0) object["entry"] = line.entry;
  if (line.notice != 0) {
    object["notice"] = line.notice;
    object["kind"] = line.kind;
    object["audience"] = line.audience;
    object["failure"] = number_or_null(line.failure);
    object["stop"] = number_or_null(line.stop);
    json::array to;
    for (const Recipient& recipient : line.to)
      to.push_back(json::string(recipient.mail));
    object["to"] = std::move(to);
    object["subject"] = line.subject;
    if (line.not_before) object["not_before"] = zone.format(*line.not_before);
  } else if (line.failure != 0) {
    object["failure"] = line.failure;
  }
  if (line.failure != 0) object["class"] = line.classification;
  if (!line.who.empty() && line.who != "daemon") object["by"] = line.who;
  for (const auto& [name, text] : line.details) {
    if (!object.contains(name)) object[name] = detail(name, text);
  }
  return json::serialize(object);
}

}  // namespace yagura
