#include "view_parts.hpp"

#include <fmt/format.h>

#include <cmath>

namespace yagura::view {

namespace {

// As json::serialize() does it, but for numbers: 200 and 0.95, not 2E2 and 9.5E-1.
void write(std::string& out, const json::value& value) {
  if (const auto* object = value.if_object()) {
    out += '{';
    for (const auto& [key, member] : *object) {
      if (out.back() != '{') out += ',';
      out += json::serialize(json::string_view(key)) + ":";
      write(out, member);
    }
    out += '}';
  } else if (const auto* list = value.if_array()) {
    out += '[';
    for (const json::value& item : *list) {
      if (out.back() != '[') out += ',';
      write(out, item);
    }
    out += ']';
  } else if (const double* number = value.if_double()) {
    const bool whole = std::abs(*number) < 9e15 && *number == std::trunc(*number);
    out += !std::isfinite(*number) ? "null" : whole ? fmt::format("{:.0f}", *number) : fmt::format("{}", *number);
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

json::value time_or_null(const Look& look, std::optional<Instant> at) {
  if (!at) return nullptr;
  return json::value(look.platform.zone.format(*at));
}

json::value text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return json::value(text);
}

std::string finished(const json::value& value) {
  std::string out;
  write(out, value);
  return out + "\n";
}

json::object values_of(const MeasuredValues& values) {
  json::object object;
  for (const auto& [key, value] : values) object[key] = value;
  return object;
}

}  // namespace yagura::view
