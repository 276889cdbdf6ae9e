#include "health.hpp"

namespace yagura {

bool ProbeHealth::observe(const ProbeSpec& spec, const Observation& observation) {
  last = observation;
  switch (observation.verdict) {
    case Verdict::failing:
      last_failing_started = observation.started;
      ok_runs = 0;
      if (failing) break;
      if (failing_runs++ == 0) failing_from = observation.started;
      failing = failing_runs >= spec.confirm && observation.started - *failing_from >= spec.sustain;
      break;
    case Verdict::ok:
    case Verdict::warning:
      failing_runs = 0;
      if (failing && ++ok_runs >= spec.clear) failing = false;
      if (!failing) ok_runs = 0;
      break;
    case Verdict::unknown:
      failing_runs = 0;
      ok_runs = 0;
      break;
  }
  if (failing) failing_runs = 0;

  Verdict shown = verdict;
  if (observation.verdict == Verdict::unknown) {
    shown = Verdict::unknown;
  } else if (failing) {
    // One that was failing, then unknown, and is not cleared yet by this run that is well stays unknown.
    if (observation.verdict == Verdict::failing || verdict != Verdict::unknown) shown = Verdict::failing;
  } else if (observation.verdict != Verdict::failing) {
    shown = observation.verdict;
  }
  // A single failing run of a probe that is well is not shown yet, nor is it a turn.
  if (shown == verdict) return false;
  verdict = shown;
  since = observation.ended;
  since_moved.reset();
  reason = observation.reason;
  blind_told = false;
  return true;
}

namespace {

// `Failing` says whether a probe counts as failing.
template <class Failing>
ComponentState worst(const Component& component, const ComponentHealth& health, Failing is_failing) {
  bool degraded = false, unknown = false, unknown_down = false;
  for (const ProbeSpec& spec : component.probes) {
    auto found = health.probes.find(spec.name);
    if (found == health.probes.end()) continue;
    const ProbeHealth& probe = found->second;
    if (probe.verdict == Verdict::unknown) {
      unknown = true;
      unknown_down = unknown_down || spec.impact == Impact::down;
    } else if (probe.verdict == Verdict::failing && is_failing(probe)) {
      if (spec.impact == Impact::down) return ComponentState::down;
      degraded = true;
    }
  }
  // What it could be worse by is not hidden by what is known.
  if (unknown_down) return ComponentState::unknown;
  return degraded ? ComponentState::degraded : unknown ? ComponentState::unknown : ComponentState::ok;
}

}  // namespace

ComponentState state_of(const Component& component, const ComponentHealth& health) {
  return worst(component, health, [](const ProbeHealth&) { return true; });
}

ComponentState state_of(const Component& component, const ComponentHealth& health, Instant fresh_from) {
  return worst(component, health, [fresh_from](const ProbeHealth& probe) {
    return probe.last_failing_started && *probe.last_failing_started >= fresh_from;
  });
}

bool has_failing_probe(const Component& component, const ComponentHealth& health,
                       std::optional<Instant> fresh_from) {
  for (const ProbeSpec& spec : component.probes) {
    auto found = health.probes.find(spec.name);
    if (found == health.probes.end() || found->second.verdict != Verdict::failing) continue;
    const std::optional<Instant>& started = found->second.last_failing_started;
    if (!fresh_from || (started && *started >= *fresh_from)) return true;
  }
  return false;
}

bool is_well(const Component& component, const ComponentHealth& health) {
  for (const ProbeSpec& spec : component.probes) {
    auto found = health.probes.find(spec.name);
    if (found == health.probes.end()) continue;
    if (found->second.failing || found->second.verdict == Verdict::failing ||
        found->second.verdict == Verdict::unknown) {
      return false;
    }
  }
  return true;
}

}  // namespace yagura
