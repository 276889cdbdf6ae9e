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

namespace {

// Failures seen as one: what they keep down with every component outside them well.
struct Together {
  const std::vector<FailureId>& ids;  // in order

  template <class Says>
  bool any(const Turn& turn, Says says) const {
    return std::any_of(ids.begin(), ids.end(), [&](FailureId id) { return says(turn.failure(id)); });
  }
  bool has(const Turn& turn, const ComponentName& component) const {
    if (ids.size() == 1) return turn.failure(ids.front()).members.contains(component);
    const FailureId of = turn.failure_of(component);
    return of != 0 && std::binary_search(ids.begin(), ids.end(), of);
  }
};

struct Kept {
  bool surely = false, perhaps = false, touched = false;
};

Kept judge(const Turn& turn, const Together& together, const ServiceName& service) {
  const bool kept = together.any(turn, [&](const Failure& one) { return one.keeps_down.contains(service); });
  // A planned stop adds nothing to a failure; what was kept down before it began goes on.
  if (turn.live.stopped.contains(service) && !kept) return {};
  std::optional<Instant> since;
  if (auto ended = turn.live.stop_ended.find(service); ended != turn.live.stop_ended.end() && !kept) {
    since = ended->second;
    // Judged when all that failed before the end was looked at again.
    const bool unseen = together.any(turn, [&](const Failure& one) {
      return !std::all_of(one.members.begin(), one.members.end(), [&](const auto& member) {
        return is_seen_since(turn, member.first, *since, false);
      });
    });
    if (unseen) return {};
  }
  std::set<ServiceName> reported;
  for (FailureId id : together.ids) {
    const Failure& failure = turn.failure(id);
    reported.insert(failure.reported_services.begin(), failure.reported_services.end());
  }
  auto look = [&](const ComponentName& component) {
    return together.has(turn, component) ? state_since(turn, component, since) : ComponentState::ok;
  };
  Kept found;
  found.perhaps = together.any(turn, [&](const Failure& one) { return one.services_unseen.contains(service); });
  switch (turn.topology.judge(service, look, reported)) {
    case ServiceState::down: found.surely = found.perhaps = true; break;
    case ServiceState::unknown: found.perhaps = found.touched = true; break;
    case ServiceState::degraded: found.touched = true; break;
    case ServiceState::up: break;
  }
  return found;
}

// All that the failure can have to do with.
std::set<ServiceName> services_near(const Turn& turn, const Failure& failure) {
  std::set<ServiceName> near = failure.services_unseen;
  near.insert(failure.keeps_down.begin(), failure.keeps_down.end());
  for (const auto& [component, since] : failure.members) {
    const std::set<ServiceName>& needed_by = turn.topology.needed_by(component);
    near.insert(needed_by.begin(), needed_by.end());
  }
  for (const ServiceName& reported : failure.reported_services) {
    const std::set<ServiceName>& built_on = turn.topology.built_on(reported);
    near.insert(built_on.begin(), built_on.end());
  }
  std::erase_if(near, [&](const ServiceName& service) { return !turn.platform.services.contains(service); });
  return near;
}

}  // namespace

bool keep_down_together(const Turn& turn, const std::vector<FailureId>& failures, const ServiceName& service) {
  return judge(turn, {failures}, service).surely;
}

const Keeping& keeping_of(Turn& turn, FailureId id) {
  KnownKeeping& known = turn.live.keepings[id];
  // What a stop hides, is not told by what happens to the failure alone.
  if (!turn.live.stopped.empty() || !turn.live.stop_ended.empty()) known.all_stale = true;
  std::set<ServiceName> stale = std::exchange(known.stale, {});
  if (std::exchange(known.all_stale, false)) {
    stale = services_near(turn, turn.failure(id));
    for (const std::set<ServiceName>& before : {known.keeping.surely, known.keeping.perhaps, known.keeping.touched}) {
      stale.insert(before.begin(), before.end());
    }
  }
  const std::vector<FailureId> alone{id};
  auto put = [](auto& set, const auto& key, bool there) {
    if (there) {
      set.insert(key);
    } else {
      set.erase(key);
    }
  };
  for (const ServiceName& service : stale) {
    const Kept kept = judge(turn, {alone}, service);
    put(known.keeping.surely, service, kept.surely);
    put(known.keeping.perhaps, service, kept.perhaps);
    put(known.keeping.touched, service, kept.touched);
    put(turn.live.kept_surely[service], id, kept.surely);
  }
  return known.keeping;
}

namespace {

bool is_afresh(const Turn& turn, const ComponentName& name, Instant since) {
  const Component* component = component_of(turn, name);
  if (component == nullptr) return true;
  const ComponentHealth& health = turn.health(name);
  return std::all_of(component->probes.begin(), component->probes.end(), [&](const ProbeSpec& spec) {
    if (spec.is_job()) return true;
    auto found = health.probes.find(spec.name);
    return found != health.probes.end() && found->second.last && found->second.last->started >= since &&
           !found->second.wants_retry(spec);
  });
}

}  // namespace

std::set<ComponentName> looked_at(const Turn& turn, const Failure& failure) {
  std::set<ComponentName> components;
  for (const auto& [name, joined] : failure.members) components.insert(name);
  if (!components.empty()) return components;
  std::set<ServiceName> services = failure.touched;
  for (const auto& [service, since] : failure.kept_down) services.insert(service);
  for (const ServiceName& service : services) {
    if (!turn.platform.services.contains(service)) continue;
    const auto& needed = turn.topology.components_of(service);
    components.insert(needed.begin(), needed.end());
  }
  return components;
}

bool ran_afresh(const Turn& turn, const Failure& failure, Instant since) {
  const std::set<ComponentName> components = looked_at(turn, failure);
  // What is asked for together runs in the order of the names: the last is the likeliest to be waited for.
  return std::all_of(components.rbegin(), components.rend(),
                     [&](const ComponentName& name) { return is_afresh(turn, name, since); });
}

bool may_decide(const Turn& turn, const Failure& failure) {
  if (!turn.live.restarted_at || failure.id > turn.live.last_before_restart) return true;
  auto [awaited, unknown] = turn.live.awaited.try_emplace(failure.id);
  if (unknown) {
    for (const auto& [name, joined] : failure.members) {
      if (!is_afresh(turn, name, *turn.live.restarted_at)) awaited->second.insert(name);
    }
  }
  return awaited->second.empty();
}

void look_whether_afresh(const Turn& turn, FailureId id, const ComponentName& component) {
  auto awaited = turn.live.awaited.find(id);
  if (awaited == turn.live.awaited.end() || !turn.live.restarted_at) return;
  if (!turn.failure(id).members.contains(component) || is_afresh(turn, component, *turn.live.restarted_at)) {
    awaited->second.erase(component);
  } else {
    awaited->second.insert(component);
  }
}

std::vector<ProbeId> probes_of(const Turn& turn, const Failure& failure) {
  std::vector<ProbeId> probes;
  for (const ComponentName& name : looked_at(turn, failure)) {
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
