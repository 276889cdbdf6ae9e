// Jobs, and what probes observe.
#include "view_parts.hpp"

namespace yagura {

using namespace view;

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
