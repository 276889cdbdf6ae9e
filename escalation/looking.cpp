#include <algorithm>

#include "rules.hpp"
#include "text.hpp"

namespace yagura {

namespace {

const Component* component_of(const Turn& turn, const ComponentName& name) {
  auto found = turn.platform.components.find(name);
  return found == turn.platform.components.end() ? nullptr : &found->second;
}

ComponentState state_since(const Turn& turn, const ComponentName& name, std::optional<Instant> since) {
  const Component* component = component_of(turn, name);
  if (component == nullptr) return ComponentState::ok;
  if (auto found = turn.live.fresh_from.find(name); found != turn.live.fresh_from.end()) {
    since = since ? std::max(*since, found->second) : found->second;
  }
  const ComponentHealth& health = turn.health(name);
  return since ? state_of(*component, health, *since) : state_of(*component, health);
}

}  // namespace

ComponentState effective_state(const Turn& turn, const ComponentName& component) {
  return state_since(turn, component, std::nullopt);
}

bool is_bad(const Turn& turn, const ComponentName& component) {
  const Component* known = component_of(turn, component);
  if (known == nullptr) return false;
  auto fresh = turn.live.fresh_from.find(component);
  return has_failing_probe(*known, turn.health(component),
                           fresh == turn.live.fresh_from.end() ? std::nullopt
                                                               : std::optional(fresh->second));
}

bool is_seen_since(const Turn& turn, const ComponentName& name, Instant since, bool jobs_too) {
  const Component* component = component_of(turn, name);
  if (component == nullptr) return true;
  const ComponentHealth& health = turn.health(name);
  for (const ProbeSpec& spec : component->probes) {
    if (spec.is_job() && !jobs_too) continue;
    auto probe = health.probes.find(spec.name);
    if (probe == health.probes.end() || !probe->second.failing) continue;
    const std::optional<Instant>& failed = probe->second.last_failing_started;
    if (failed && *failed >= since) continue;
    const std::optional<Observation>& last = probe->second.last;
    if (last && last->started >= since && last->verdict == Verdict::unknown) continue;
    return false;
  }
  return true;
}

bool is_quiet(const Turn& turn, const ComponentName& component) {
  if (turn.live.all_stopped) return true;
  if (turn.live.stopped.empty()) return false;
  const std::set<ServiceName>& services = turn.topology.services_of(component);
  return !services.empty() && std::includes(turn.live.stopped.begin(), turn.live.stopped.end(),
                                            services.begin(), services.end());
}

Keeping keeping_of(const Turn& turn, const std::vector<FailureId>& failures) {
  std::set<ComponentName> members;
  std::set<ServiceName> reported, kept, unseen;
  for (FailureId id : failures) {
    const Failure& failure = turn.failure(id);
    for (const auto& [name, since] : failure.members) members.insert(name);
    reported.insert(failure.reported_services.begin(), failure.reported_services.end());
    kept.insert(failure.keeps_down.begin(), failure.keeps_down.end());
    unseen.insert(failure.services_unseen.begin(), failure.services_unseen.end());
  }
  Keeping keeping;
  for (const auto& [name, service] : turn.platform.services) {
    // A planned stop adds nothing to a failure; what was kept down before it began goes on.
    if (turn.live.stopped.contains(name) && !kept.contains(name)) continue;
    std::optional<Instant> since;
    if (auto ended = turn.live.stop_ended.find(name);
        ended != turn.live.stop_ended.end() && !kept.contains(name)) {
      since = ended->second;
      // Judged when all that failed before the end was looked at again.
      if (!std::all_of(members.begin(), members.end(), [&](const ComponentName& member) {
            return is_seen_since(turn, member, *since, false);
          })) {
        continue;
      }
    }
    auto look = [&](const ComponentName& component) {
      return members.contains(component) ? state_since(turn, component, since) : ComponentState::ok;
    };
    if (unseen.contains(name)) keeping.perhaps.insert(name);
    switch (turn.topology.judge(name, look, reported)) {
      case ServiceState::down:
        keeping.surely.insert(name);
        keeping.perhaps.insert(name);
        break;
      case ServiceState::unknown:
        keeping.perhaps.insert(name);
        keeping.touched.insert(name);
        break;
      case ServiceState::degraded: keeping.touched.insert(name); break;
      case ServiceState::up: break;
    }
  }
  return keeping;
}

bool ran_afresh(const Turn& turn, const Failure& failure, Instant since) {
  for (const auto& [name, joined] : failure.members) {
    const Component* component = component_of(turn, name);
    if (component == nullptr) continue;
    const ComponentHealth& health = turn.health(name);
    for (const ProbeSpec& spec : component->probes) {
      if (spec.is_job()) continue;
      auto found = health.probes.find(spec.name);
      if (found == health.probes.end() || !found->second.last) return false;
      if (found->second.last->started < since || found->second.wants_retry(spec)) return false;
    }
  }
  return true;
}

bool may_decide(const Turn& turn, const Failure& failure) {
  if (!turn.live.restarted_at || failure.id > turn.live.last_before_restart) return true;
  return ran_afresh(turn, failure, *turn.live.restarted_at);
}

std::vector<ProbeId> probes_of(const Turn& turn, const Failure& failure) {
  std::vector<ProbeId> probes;
  for (const auto& [name, joined] : failure.members) {
    const Component* component = component_of(turn, name);
    if (component == nullptr) continue;
    for (const ProbeSpec& spec : component->probes) {
      if (!spec.is_job()) probes.push_back({name, spec.name});
    }
  }
  return probes;
}

std::string join(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string component_reason(const Turn& turn, const ComponentName& name) {
  const Component* component = component_of(turn, name);
  if (component == nullptr) return "";
  const ComponentHealth& health = turn.health(name);
  for (Impact impact : {Impact::down, Impact::degraded}) {
    for (const ProbeSpec& spec : component->probes) {
      auto found = health.probes.find(spec.name);
      if (spec.impact == impact && found != health.probes.end() &&
          found->second.verdict == Verdict::failing) {
        return one_line(spec.name + ": " + found->second.reason, 200);
      }
    }
  }
  return "";
}

}  // namespace yagura
