#include "metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace yagura {

namespace {

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1000.0; }

class Text {
 public:
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Value>
  void value(std::string_view name, std::string_view labels, Value value) {
    fmt::format_to(std::back_inserter(text_), "{}{} {}\n", name,
                   labels.empty() ? "" : fmt::format("{{{}}}", labels), value);
  }
  template <class Value>
  void one(std::string_view name, std::string_view type, std::string_view help, Value number) {
    metric(name, type, help);
    value(name, "", number);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_lateness(Text& text, std::string_view name, std::string_view help, const Lateness& lateness) {
  text.metric(name, "histogram", help);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < lateness.bounds.size(); ++i) {
    count += lateness.counts[i];
    text.value(fmt::format("{}_bucket", name), fmt::format("le=\"{}\"", seconds(lateness.bounds[i])), count);
  }
  count += lateness.counts.back();
  text.value(fmt::format("{}_bucket", name), "le=\"+Inf\"", count);
  text.value(fmt::format("{}_sum", name), "", seconds(lateness.sum));
  text.value(fmt::format("{}_count", name), "", count);
  text.one(fmt::format("{}_max", name), "gauge", "The greatest of them since the start.", seconds(lateness.most));
}

}  // namespace

void Lateness::take(Duration late) {
  late = std::max(late, Duration{0});
  ++counts[static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), late) - bounds.begin())];
  sum += late;
  most = std::max(most, late);
}

std::string prometheus_text(const Metrics& metrics, const State& state, std::size_t queued_writes,
                            bool record_in_trouble) {
  Text text;
  text.metric("yagura_probe_runs_total", "counter", "Probe runs by kind and verdict.");
  for (const auto& [key, count] : metrics.probe_runs) {
    text.value("yagura_probe_runs_total", fmt::format("kind=\"{}\",verdict=\"{}\"", key.first, key.second),
               count);
  }
  write_lateness(text, "yagura_probe_lateness_seconds", "How late probe runs began.", metrics.probes);
  text.one("yagura_probing_late", "gauge", "1 while probes run late, and people were told of it.",
           state.core.late_since ? 1 : 0);
  text.one("yagura_probe_slots_skipped_total", "counter", "Slots of probes that fell out.",
           metrics.skipped_slots);
  std::map<std::string, int> open{{"undetermined", 0}, {"incident", 0}, {"major", 0}};
  for (const auto& [id, failure] : state.failures) {
    if (failure.is_open()) ++open[boost::describe::enum_to_string(failure.classification, "")];
  }
  text.metric("yagura_failures_open", "gauge", "Open failures by class.");
  for (const auto& [name, count] : open) {
    text.value("yagura_failures_open", fmt::format("class=\"{}\"", name), count);
  }
  std::map<std::string, int> notices;
  for (NoticeState one : {NoticeState::held, NoticeState::due, NoticeState::sent, NoticeState::merged,
                          NoticeState::withdrawn, NoticeState::undeliverable}) {
    notices[boost::describe::enum_to_string(one, "")] = 0;
  }
  for (const auto& [id, notice] : state.notices) {
    ++notices[boost::describe::enum_to_string(notice.state, "")];
  }
  text.metric("yagura_notices", "gauge", "Notices by state.");
  for (const auto& [name, count] : notices) {
    text.value("yagura_notices", fmt::format("state=\"{}\"", name), count);
  }
  text.metric("yagura_deliveries_total", "counter", "Attempts to deliver a mail, by outcome.");
  text.value("yagura_deliveries_total", "outcome=\"answered\"", metrics.deliveries);
  text.value("yagura_deliveries_total", "outcome=\"deferred\"", metrics.deliveries_deferred);
  text.value("yagura_deliveries_total", "outcome=\"unknown\"", metrics.deliveries_unknown);
  write_lateness(text, "yagura_event_loop_lag_seconds", "How late the timers of the event loop were.", metrics.loop);
  text.one("yagura_record_rows_total", "counter", "Rows appended to the record since the start.",
           metrics.record_rows);
  text.one("yagura_record_commits_total", "counter", "How often rows were made durable, many at once in a storm, since the start.",
           metrics.record_commits);
  text.one("yagura_record_queue", "gauge", "Transactions waiting to be written.", queued_writes);
  text.one("yagura_record_trouble", "gauge", "1 where the record cannot be written.",
           record_in_trouble ? 1 : 0);
  return text.take();
}

}  // namespace yagura
