// How the views write what they show: times in the zone, null for what is not there, numbers as people write them. Within
// daemon/view only.
#pragma once

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "view.hpp"

namespace yagura::view {

namespace json = boost::json;

json::value time_or_null(const Look& look, std::optional<Instant> at);
json::value text_or_null(const std::string& text);
// Open, waiting for an answer, overdue, and kept aside (inquiries_view.cpp).
json::object count_of_inquiries(const Look& look);
json::object values_of(const MeasuredValues& values);
// With its line break.
std::string finished(const json::value& value);

template <class Names>
json::array array_of(const Names& names) {
  json::array list;
  for (const auto& name : names) list.emplace_back(std::string(name));
  return list;
}

template <class Map>
json::array keys_of(const Map& map) {
  json::array list;
  for (const auto& [name, value] : map) list.emplace_back(name);
  return list;
}

template <class Enum>
std::string name(Enum value) {
  return boost::describe::enum_to_string(value, "");
}

// Parts that more than one view shows.
json::object failure_object(const Look& look, const Failure& failure);
json::object record_object(const Look& look, const RecordLine& line);
json::array stops_of(const Look& look, bool all);

}  // namespace yagura::view
