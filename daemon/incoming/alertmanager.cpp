#include <fmt/format.h>

#include "alarm_bodies.hpp"
#include "alarm_json.hpp"
#include "text.hpp"

namespace yagura {
namespace {

using namespace alarm_json;

constexpr std::size_t most_text = 300;

// Of a summary, a description and a message people write at least one.
std::string words_of(const json::object& alert) {
  const json::value* annotations = alert.if_contains("annotations");
  if (annotations == nullptr || !annotations->is_object()) return {};
  for (const char* key : {"summary", "description", "message"}) {
    if (std::string text = text_of(annotations->get_object(), key, most_text); !text.empty()) return text;
  }
  return {};
}

// Without a fingerprint (there is one in every message of Alertmanager's own) the labels say which alert it is.
std::string id_of(const json::object& alert, const AlarmLabels& labels) {
  if (std::string fingerprint = text_of(alert, "fingerprint", most_name); !fingerprint.empty()) return fingerprint;
  std::string all;
  for (const auto& [name, value] : labels) all += fmt::format("{}={};", name, value);
  return one_line(all, most_value);
}

Result<AlarmReport> read_alert(const json::value& value) {
  if (!value.is_object()) return failure_of("an alert has to be an object");
  const json::object& alert = value.get_object();
  AlarmReport report;
  report.source = AlarmSource::alertmanager;
  const std::string status = text_of(alert, "status", most_name);
  if (status != "firing" && status != "resolved") {
    return failure_of(fmt::format("an alert's status has to be firing or resolved, not `{}`", one_line(status, 40)));
  }
  report.says = status == "firing" ? Verdict::failing : Verdict::ok;
  report.labels = labels_of(alert.if_contains("labels"));
  if (report.labels.empty()) return failure_of("an alert has no labels");
  report.id = id_of(alert, report.labels);
  const auto name = report.labels.find("alertname");
  const auto instance = report.labels.find("instance");
  report.name = name == report.labels.end() ? "an alert without a name" : name->second;
  if (instance != report.labels.end()) report.name = one_line(fmt::format("{} ({})", report.name, instance->second), most_value);
  report.text = words_of(alert);
  return report;
}

}  // namespace

Result<AlarmBody> read_alertmanager(std::string_view body) {
  auto value = parse(body);
  if (!value) return tl::unexpected(value.error());
  if (!value->is_object()) return failure_of("a message of Alertmanager is a JSON object");
  const json::object& message = value->get_object();
  if (const std::string version = text_of(message, "version", 20); version != "4") {
    return failure_of(fmt::format("a message of Alertmanager's webhook of version 4 is wanted, not `{}`", version));
  }
  const json::value* alerts = message.if_contains("alerts");
  if (alerts == nullptr || !alerts->is_array()) return failure_of("the message has no list of alerts");
  AlarmBody read;
  if (const json::value* truncated = message.if_contains("truncatedAlerts"); truncated != nullptr) {
    const std::int64_t* count = truncated->if_int64();
    if (count != nullptr && *count > 0) read.truncated = static_cast<std::size_t>(*count);
  }
  for (const json::value& one : alerts->get_array()) {
    if (read.reports.size() + read.unreadable == most_alerts) {
      read.truncated += alerts->get_array().size() - most_alerts;
      break;
    }
    if (auto report = read_alert(one)) {
      read.reports.push_back(std::move(*report));
    } else if (read.unreadable++ == 0) {
      read.why_unreadable = report.error().message;
    }
  }
  return read;
}

}  // namespace yagura
