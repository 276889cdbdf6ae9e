// Whether the monitoring's own machine is cut off. `self_check` names components that tell: its gateway, and some things
// beyond it that do not fail together. As long as one of them answers, what fails is at fault itself. Where none does, no
// target is: every failing run of a probe that goes over the network is then unknown, and who keeps the machine, and the
// lead, hear of it once, and when it is over.
//
// A failing run therefore waits until the self-check has been run after it, which is asked for at once: the network may
// have gone between the self-check's last run and this one. It waits for no longer than those runs can take; then it
// counts. So nothing that fails is hidden by a self-check that gives no answer at all.
#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

constexpr Duration slack = 5s;          // beyond the timeouts, for the runs to be made
constexpr std::size_t most_waiting = 8;  // runs of one probe

bool goes_over_the_network(const Turn& turn, const ProbeId& id) {
  auto component = turn.platform.components.find(id.component);
  if (component == turn.platform.components.end()) return false;
  const ProbeSpec* spec = component->second.probe(id.probe);
  return spec != nullptr && spec->remote;
}

std::vector<ProbeId> self_check_of(const Turn& turn) {
  std::vector<ProbeId> probes;
  for (const ComponentName& name : turn.platform.self_check) {
    for (const ProbeSpec& spec : turn.platform.components.at(name).probes) {
      if (spec.remote) probes.push_back({name, spec.name});
    }
  }
  return probes;
}

Duration longest_answer(const Turn& turn, const std::vector<ProbeId>& probes) {
  Duration longest{0};
  for (const ProbeId& id : probes) {
    longest = std::max(longest, turn.platform.components.at(id.component).probe(id.probe)->timeout);
  }
  return longest + slack;
}

bool is_answer(Verdict verdict) { return verdict == Verdict::ok || verdict == Verdict::warning; }

// What the self-check says of a moment: by runs begun at it or later.
enum class Standing { connected, cut_off, not_known };
Standing standing_since(const Turn& turn, const std::vector<ProbeId>& probes, Instant since) {
  bool all = true;
  for (const ProbeId& id : probes) {
    auto seen = turn.live.cut_off.self_check.find(id);
    if (seen == turn.live.cut_off.self_check.end() || seen->second.started < since) {
      all = false;
    } else if (is_answer(seen->second.verdict)) {
      return Standing::connected;
    }
  }
  return all ? Standing::cut_off : Standing::not_known;
}

// Asked for, and not all there yet.
bool is_under_way(const Turn& turn, const std::vector<ProbeId>& probes, Duration longest) {
  const std::optional<Instant>& asked = turn.live.cut_off.asked_at;
  if (!asked || turn.now >= *asked + longest) return false;
  return std::any_of(probes.begin(), probes.end(), [&](const ProbeId& id) {
    auto seen = turn.live.cut_off.self_check.find(id);
    return seen == turn.live.cut_off.self_check.end() || seen->second.started < *asked;
  });
}

void begin_cut_off(Turn& turn, Instant since) {
  if (turn.state().core.cut_off_since) return;
  turn.edit_core().cut_off_since = since;
  tell_of_monitoring(turn, "monitoring.cut_off", "cut_off", "nothing of self_check answers: the monitoring's machine is cut off",
                     {{"since", turn.time(since)}, {"self_check", join(turn.platform.self_check)}});
}

void end_cut_off(Turn& turn) {
  const std::optional<Instant> since = turn.state().core.cut_off_since;
  if (!since) return;
  turn.edit_core().cut_off_since.reset();
  tell_of_monitoring(turn, "monitoring.connected", "connected", "the monitoring's machine reaches the network again",
                     {{"since", turn.time(*since)}, {"until", turn.time(turn.now)}});
  turn.live.cut_off.ended_at = turn.now;
  turn.all_changed();
}

Observation as_unknown(const Turn& turn, Observation observation) {
  observation.verdict = Verdict::unknown;
  observation.reason = "the monitoring's machine is cut off: nothing of " + join(turn.platform.self_check) +
                       " answers either; " + observation.reason;
  return observation;
}

}  // namespace

bool is_cut_off(const Turn& turn) { return turn.state().core.cut_off_since.has_value(); }

std::vector<Observed> through_self_check(Turn& turn, const Observed& event) {
  CutOff& known = turn.live.cut_off;
  if (turn.platform.self_check.empty() || !goes_over_the_network(turn, event.probe)) return {event};
  if (turn.platform.self_check.contains(event.probe.component)) known.self_check[event.probe] = event.observation;
  std::vector<Observed> counted;
  if (event.observation.verdict == Verdict::failing) {
    std::vector<Observation>& runs = known.waiting[event.probe];
    if (runs.size() == most_waiting) runs.erase(runs.begin());
    runs.push_back(event.observation);
  } else {
    known.waiting.erase(event.probe);  // It says more than those before it.
    counted.push_back(event);
  }
  for (Observed& one : judged_by_self_check(turn)) counted.push_back(std::move(one));
  return counted;
}

std::vector<Observed> judged_by_self_check(Turn& turn) {
  CutOff& known = turn.live.cut_off;
  std::vector<Observed> counted;
  const std::vector<ProbeId> probes = self_check_of(turn);
  const Duration longest = longest_answer(turn, probes);
  known.wake.reset();
  for (auto it = known.waiting.begin(); it != known.waiting.end();) {
    auto& [id, runs] = *it;
    while (!runs.empty()) {
      const Observation& run = runs.front();
      const Standing standing = standing_since(turn, probes, run.ended);
      const Instant deadline = run.ended + longest;
      if (standing == Standing::not_known && turn.now < deadline && !probes.empty()) {
        known.wake = known.wake ? std::min(*known.wake, deadline) : deadline;
        break;
      }
      if (standing == Standing::cut_off && !probes.empty()) {
        begin_cut_off(turn, run.started);
        counted.push_back({id, as_unknown(turn, run)});
      } else {
        counted.push_back({id, run});
      }
      runs.erase(runs.begin());
    }
    it = runs.empty() ? known.waiting.erase(it) : std::next(it);
  }
  if (!known.waiting.empty() && !is_under_way(turn, probes, longest)) {
    known.asked_at = turn.now;
    turn.effect(RunProbes{probes});
  }
  if (is_cut_off(turn)) {
    const bool answers = std::any_of(probes.begin(), probes.end(), [&](const ProbeId& id) {
      auto seen = known.self_check.find(id);
      return seen != known.self_check.end() && seen->second.started >= *turn.state().core.cut_off_since &&
             is_answer(seen->second.verdict);
    });
    if (answers || probes.empty()) end_cut_off(turn);
  }
  return counted;
}

}  // namespace yagura
