#include <fmt/format.h>

#include "alarm_bodies.hpp"
#include "alarm_json.hpp"
#include "text.hpp"

namespace yagura {
namespace {

using namespace alarm_json;

constexpr std::size_t most_text = 300;
constexpr std::size_t most_events = 100;

Result<AlarmReport> read_event(const json::value& value) {
  if (!value.is_object()) return failure_of("an event has to be an object");
  const json::object& event = value.get_object();
  AlarmReport report;
  report.source = AlarmSource::event;
  report.labels = labels_of(event.if_contains("labels"));
  const json::value* key = event.if_contains("key");
  if (key == nullptr || !key->is_string() || key->get_string().empty() || key->get_string().size() > most_name) {
    return failure_of(fmt::format("an event needs a \"key\": a text of at most {} bytes", most_name));
  }
  report.id = report.name = report.labels["key"] = text_of(event, "key", most_name);
  const std::string state = text_of(event, "state", 40);
  bool is_known = false;
  for (Verdict verdict : {Verdict::ok, Verdict::warning, Verdict::failing, Verdict::unknown}) {
    if (state != name_of(verdict)) continue;
    report.says = verdict;
    is_known = true;
  }
  // A word that is mistaken for ok would keep what fails quiet.
  if (!is_known) return failure_of("an event's \"state\" has to be failing, warning, ok or unknown");
  report.text = text_of(event, "text", most_text);
  if (const json::value* at = event.if_contains("at"); at != nullptr) {
    auto instant = at->is_string() ? parse_instant(std::string_view(at->get_string())) : failure_of("");
    if (!instant) return failure_of("an event's \"at\" has to be a time such as 2026-12-28T16:58:30+09:00");
    report.at = *instant;
  }
  return report;
}

}  // namespace

Result<AlarmBody> read_events(std::string_view body) {
  auto value = parse(body);
  if (!value) return tl::unexpected(value.error());
  AlarmBody read;
  if (!value->is_array()) {
    auto report = read_event(*value);
    if (!report) return tl::unexpected(report.error());
    read.reports.push_back(std::move(*report));
    return read;
  }
  const json::array& events = value->get_array();
  if (events.empty() || events.size() > most_events) {
    return failure_of(fmt::format("a list has from 1 to {} events, not {}", most_events, events.size()));
  }
  for (std::size_t index = 0; index < events.size(); ++index) {
    auto report = read_event(events[index]);
    if (!report) return failure_of(fmt::format("event {} of the list: {}", index + 1, report.error().message));
    read.reports.push_back(std::move(*report));
  }
  return read;
}

}  // namespace yagura
