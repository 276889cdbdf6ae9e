// The bodies of Alertmanager's webhook and of events, from whoever has a token.
#include "alarm_bodies.hpp"

#include "fuzz.hpp"
#include "text.hpp"

namespace yagura::fuzz {
namespace {

void is_safe(const std::string& text, std::size_t most) {
  require(text.size() <= most, "a text has a limit");
  require(text == one_line(text, most), "a text is one safe line");
}

void look_at(const Result<AlarmBody>& read, std::string_view bytes) {
  if (!read) {
    require(!read.error().message.empty(), "a refusal says why");
    return;
  }
  require(read->reports.size() <= most_alerts, "so many alerts of a message are taken");
  require(read->reports.size() * 2 <= bytes.size(), "nothing is made up");
  require((read->unreadable > 0) == !read->why_unreadable.empty(), "what cannot be read has its reason");
  for (const AlarmReport& report : read->reports) {
    is_safe(report.id, 500);
    is_safe(report.name, 500);
    is_safe(report.text, 300);
    require(report.labels.size() <= 65, "labels have a limit");
    for (const auto& [name, value] : report.labels) {
      is_safe(name, 200);
      is_safe(value, 500);
    }
    AlarmSpec spec;
    spec.source = report.source;
    spec.match = {{"key", {"a"}}};
    AlarmMonitor monitor(spec);
    monitor.begin({}, Instant{});
    monitor.take(report, Instant{} + 1h);
    const AlarmJudgement judgement = monitor.judge(Instant{} + 2h);
    if (judgement.verdict != Verdict::ok) require(report.says != Verdict::ok, "what is well is not called failing");
    if (report.says == Verdict::failing) require(judgement.verdict == Verdict::failing, "what fires fails");
  }
}

void run(std::string_view bytes) {
  look_at(read_alertmanager(bytes), bytes);
  look_at(read_events(bytes), bytes);
}
const Target target("alarm_bodies", run);

}  // namespace
}  // namespace yagura::fuzz
