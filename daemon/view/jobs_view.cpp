// Jobs, and what probes observe.
#include "view_parts.hpp"

namespace yagura {

using namespace view;

namespace {

json::value most_of(const JobMonitor& monitor, Instant now) {
  const auto& most = monitor.spec().most;
  if (!most) return nullptr;
  return json::object{{"runs", most->runs},
                      {"within_ms", most->within.count()},
                      {"starts", monitor.recent_starts(now)}};
}

json::value failing_runs_of(const JobMonitor& monitor) {
  const auto& limit = monitor.spec().failing_runs;
  if (!limit) return nullptr;
  const auto seen = monitor.runs_seen();
  return json::object{
      {"of", limit->of}, {"allowed", seen.allowed}, {"failed", seen.failed}, {"known", seen.known}};
}

}  // namespace

std::string jobs_json(const Look& look, const std::vector<JobLine>& jobs) {
  json::array list;
  for (const JobLine& job : jobs) {
    const JobState& state = job.monitor->state();
    json::object line;
    line["component"] = job.id.component;
    line["probe"] = job.id.probe;
    line["verdict"] = std::string(name_of(state.verdict));
    line["reason"] = state.reason;
    line["running"] = state.running.size();
    line["last_start"] = time_or_null(look, state.last_start);
    line["last_success"] = time_or_null(look, state.last_success);
    line["last_fail"] = time_or_null(look, state.last_fail);
    line["last_duration_ms"] =
        state.last_duration ? json::value(state.last_duration->count()) : json::value(nullptr);
    line["last_output"] = state.last_output;
    line["next_run"] = time_or_null(look, job.next_run);
    line["most"] = most_of(*job.monitor, look.now);
    line["failing_runs"] = failing_runs_of(*job.monitor);
    list.push_back(std::move(line));
  }
  return finished(list);
}

std::string observation_json(const Look& look, const ProbeId& probe, const Observation& observation) {
  return finished(json::object{{"component", probe.component},
                               {"probe", probe.probe},
                               {"verdict", std::string(name_of(observation.verdict))},
                               {"reason", observation.reason},
                               {"values", values_of(observation.values)},
                               {"scheduled", time_or_null(look, observation.scheduled)},
                               {"started", time_or_null(look, observation.started)},
                               {"ended", time_or_null(look, observation.ended)}});
}

}  // namespace yagura
