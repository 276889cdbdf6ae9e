#include "security/kept.hpp"

#include <fmt/format.h>

#include <chrono>

#include "resource/threshold.hpp"
#include "text.hpp"

namespace yagura {

namespace json = boost::json;

std::string kept_text(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  const json::string* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? "" : std::string(text->data(), text->size());
}

std::int64_t kept_number(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  const std::int64_t* number = found == nullptr ? nullptr : found->if_int64();
  return number == nullptr ? 0 : *number;
}

const json::array& kept_list(const json::object& object, std::string_view name) {
  static const json::array none;
  const json::value* found = object.if_contains(name);
  const json::array* list = found == nullptr ? nullptr : found->if_array();
  return list == nullptr ? none : *list;
}

json::object read_kept_log(const std::string& text, const LogSource& source) {
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return {};
  json::object object = std::move(value.get_object());
  return kept_text(object, "source") == one_line(source.identity(), 5000) ? object : json::object{};
}

json::object begin_kept_log(const LogSource& source, const std::string& position) {
  json::object object;
  object["source"] = one_line(source.identity(), 5000);
  object["position"] = position;
  return object;
}

void LogNote::take(const LogReading& reading, Instant now) {
  if (reading.note.empty()) return;
  text = one_line(reading.note, 150);
  at = now;
}

std::string LogNote::words(Instant now, Duration shown_for) const {
  return text.empty() || now - at >= shown_for ? "" : "; " + text;
}

void LogNote::keep(json::object& into) const {
  if (text.empty()) return;
  into["note"] = text;
  into["noted_at"] = at.time_since_epoch().count();
}

LogNote LogNote::kept_in(const json::object& object) {
  return {one_line(kept_text(object, "note"), 150),
          Instant{Duration{kept_number(object, "noted_at")}}};
}

std::string unread_words(const LogSource& source, const LogReading& reading) {
  if (reading.unread == 0) return "";
  if (source.file.empty()) return "; there is more in it, which the next runs read";
  return fmt::format("; another {} is read in the next runs",
                     format_size(static_cast<double>(reading.unread)));
}

Instant wall_now() {
  return std::chrono::floor<Duration>(std::chrono::system_clock::now());
}

}  // namespace yagura
