// What other systems say: from their reports to the probes of the kind alarm.
#include <fmt/format.h>

#include <algorithm>

#include "codec.hpp"
#include "engine.hpp"
#include "log.hpp"
#include "text.hpp"

namespace yagura {

namespace {

std::string label_text(const std::string& name, const std::string& value) { return name + "=" + value; }

// The label by which a probe is found among many: one with few values. None: its label may be missing, and it is
// looked at each time.
const std::pair<const std::string, std::vector<std::string>>* finding_label(const AlarmMatch& match) {
  const std::pair<const std::string, std::vector<std::string>>* best = nullptr;
  for (const auto& wanted : match) {
    if (std::find(wanted.second.begin(), wanted.second.end(), "") != wanted.second.end()) continue;
    if (best == nullptr || wanted.second.size() < best->second.size()) best = &wanted;
  }
  return best;
}

}  // namespace

void Engine::make_alarms(std::map<ProbeId, AlarmState> kept) {
  const Instant now = clock_.peek();
  alarms_.clear();
  alarms_by_label_.clear();
  std::string asked_for;
  for (const auto& [id, made] : probes_) {
    AlarmMonitor* monitor = made.probe->alarm();
    if (monitor == nullptr) continue;
    auto known = kept.find(id);
    monitor->begin(known == kept.end() ? AlarmState{} : std::move(known->second), now);
    alarms_[id] = monitor;
    asked_for += id.text() + " " + std::to_string(made.definition) + "\n";
    job_rows_.push_back({id.component, id.probe, encode(monitor->state())});
    const auto* label = finding_label(monitor->spec().match);
    if (label == nullptr) {
      alarms_by_label_.emplace("", id);
      continue;
    }
    for (const std::string& value : std::set(label->second.begin(), label->second.end())) {
      alarms_by_label_.emplace(label_text(label->first, value), id);
    }
  }
  unmatched_alarms_.asked_for(asked_for);
}

std::set<ProbeId> Engine::whom_it_is_about(const AlarmReport& report) const {
  std::set<ProbeId> found;
  const auto look = [&](const std::string& key) {
    const auto [from, to] = alarms_by_label_.equal_range(key);
    for (auto at = from; at != to; ++at) {
      if (alarms_.at(at->second)->matches(report)) found.insert(at->second);
    }
  };
  look("");
  for (const auto& [name, value] : report.labels) look(label_text(name, value));
  return found;
}

std::size_t Engine::take_alarms(const std::vector<AlarmReport>& reports, std::function<void()> recorded) {
  const Instant now = read_clock();
  std::map<ProbeId, Verdict> before;
  std::size_t unmatched = 0;
  bool told_one = false;
  for (const AlarmReport& report : reports) {
    const std::set<ProbeId> about = whom_it_is_about(report);
    for (const ProbeId& id : about) {
      AlarmMonitor& monitor = *alarms_.at(id);
      before.try_emplace(id, monitor.judge(now).verdict);
      monitor.take(report, now);
    }
    if (!about.empty()) continue;
    ++unmatched;
    if (!unmatched_alarms_.take(report, now, surroundings_.steady())) continue;
    std::map<std::string, std::string> details{{"source", std::string(name_of(report.source))},
                                               {"alarm", report.name},
                                               {"says", std::string(name_of(report.says))},
                                               {"text", report.text}};
    for (const auto& [name, value] : report.labels) details["labels"] += fmt::format("{}{}={}", details["labels"].empty() ? "" : ", ", name, value);
    details["labels"] = one_line(details["labels"]);
    log::line(log::Level::warning, "alarm.unmatched", details);
    note("alarm.unmatched", std::string(name_of(report.source)), details);
    told_one = true;
  }
  if (told_one)
    job_rows_.push_back(
        {"", std::string(unmatched_alarms_row), encode_kept(unmatched_alarms_.keep())});
  Transaction transaction;
  transaction.jobs = std::exchange(job_rows_, {});  // what waits is older
  for (const auto& [id, verdict] : before) {
    const AlarmMonitor& monitor = *alarms_.at(id);
    transaction.jobs.push_back({id.component, id.probe, encode(monitor.state())});
    const Verdict now_is = monitor.judge(now).verdict;
    if (now_is == verdict) continue;
    // Each time costs rows of the record, which no sender may fill.
    if (now_is != Verdict::failing && !alarm_returns_.take(std::hash<std::string>()(id.text()), surroundings_.steady())) continue;
    scheduler_.run_fresh(id, now);
  }
  store_.append(std::move(transaction), [alive = std::weak_ptr(alive_), recorded = std::move(recorded), &loop = surroundings_] {
    loop.post([alive, recorded] {
      if (auto still = alive.lock(); still && *still) recorded();
    });
  });
  run_due_probes();
  arm();
  return unmatched;
}

}  // namespace yagura
