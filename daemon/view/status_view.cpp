// How things stand: services, components with their probes, windows.
#include <algorithm>
#include <optional>
#include <set>

#include "topology.hpp"
#include "view_parts.hpp"

namespace yagura {

using namespace view;

namespace {

// What was never looked at is not known to be well. Jobs are waited for: none of them is looked at.
bool is_unseen(const Component& component, const ComponentHealth& health) {
  return std::any_of(component.probes.begin(), component.probes.end(), [&](const ProbeSpec& spec) {
    auto probe = health.probes.find(spec.name);
    return !spec.is_job() &&
           (probe == health.probes.end() || (!probe->second.last && probe->second.since == Instant{}));
  });
}

ComponentState shown_state(const Look& look, const ComponentName& name) {
  static const ComponentHealth none;
  auto component = look.platform.components.find(name);
  if (component == look.platform.components.end()) return ComponentState::ok;
  auto found = look.state.components.find(name);
  const ComponentHealth& health = found == look.state.components.end() ? none : found->second;
  const ComponentState state = state_of(component->second, health);
  return state == ComponentState::ok && is_unseen(component->second, health) ? ComponentState::unknown : state;
}

// As recorded; before all that a service needs was looked at, judged by what is shown of it.
json::array services_of(const Look& look) {
  std::set<ComponentName> unseen;
  for (const auto& [name, component] : look.platform.components) {
    auto health = look.state.components.find(name);
    if (is_unseen(component, health == look.state.components.end() ? ComponentHealth{} : health->second)) {
      unseen.insert(name);
    }
  }
  std::optional<Topology> topology;
  std::set<ServiceName> reported;
  if (!unseen.empty()) {
    topology.emplace(look.platform);
    for (const auto& [id, failure] : look.state.failures) {
      if (failure.is_open()) reported.insert(failure.reported_services.begin(), failure.reported_services.end());
    }
  }
  json::array services;
  for (const auto& [id, service] : look.platform.services) {
    json::object line;
    auto known = look.state.services.find(id);
    ServiceState state = known == look.state.services.end() ? ServiceState::up : known->second.state;
    std::optional<Instant> since;
    if (known != look.state.services.end()) since = known->second.since;
    if (topology && state == ServiceState::up) {
      state = topology->judge(id, [&](const ComponentName& name) { return shown_state(look, name); }, reported);
      if (state != ServiceState::up) since.reset();
    }
    line["id"] = id;
    line["name"] = service.name;
    line["state"] = name(state);
    line["since"] = time_or_null(look, since);
    services.push_back(std::move(line));
  }
  return services;
}

json::array components_of(const Look& look) {
  json::array components;
  for (const auto& [id, component] : look.platform.components) {
    auto found = look.state.components.find(id);
    static const ComponentHealth none;
    const ComponentHealth& health = found == look.state.components.end() ? none : found->second;
    json::array probes;
    for (const ProbeSpec& spec : component.probes) {
      auto probe = health.probes.find(spec.name);
      json::object line;
      line["name"] = spec.name;
      line["kind"] = spec.kind;
      if (probe == health.probes.end()) {
        line["verdict"] = nullptr;
        line["since"] = nullptr;
        line["last_run"] = nullptr;
        line["reason"] = "has not run yet";
        line["values"] = json::object();
      } else {
        const ProbeHealth& seen = probe->second;
        line["verdict"] = std::string(name_of(seen.verdict));
        line["since"] = seen.since == Instant{} ? json::value(nullptr) : time_or_null(look, seen.since);
        line["last_run"] = seen.last ? time_or_null(look, seen.last->ended) : json::value(nullptr);
        line["reason"] = seen.last ? seen.last->reason : seen.reason;
        line["values"] = seen.last ? values_of(seen.last->values) : json::object();
      }
      probes.push_back(std::move(line));
    }
    json::object line;
    line["id"] = id;
    line["owner"] = std::string(name_of(component.owner));
    line["state"] = name(shown_state(look, id));
    line["probes"] = std::move(probes);
    components.push_back(std::move(line));
  }
  return components;
}

}  // namespace

std::string status_json(const Look& look, const DaemonHealth& health) {
  json::object object;
  object["now"] = time_or_null(look, look.now);
  object["timezone"] = look.platform.zone.name();
  json::object windows;
  for (const auto& [id, window] : look.platform.windows) {
    auto interval = window.next_interval(look.now, look.platform.context());
    json::object line;
    line["open"] = interval && interval->from <= look.now;
    line["opens_at"] = interval ? time_or_null(look, std::max(interval->from, look.now)) : json::value(nullptr);
    const bool closes = interval && !Window::is_endless(*interval, look.now, look.platform.context());
    line["closes_at"] = closes ? time_or_null(look, interval->until) : json::value(nullptr);
    windows[id] = std::move(line);
  }
  object["windows"] = std::move(windows);
  object["services"] = services_of(look);
  object["components"] = components_of(look);
  json::array failures;
  for (const auto& [id, failure] : look.state.failures) {
    if (failure.is_open()) failures.push_back(failure_object(look, failure));
  }
  object["failures"] = std::move(failures);
  int held = 0, due = 0, undeliverable = 0;
  for (const auto& [id, notice] : look.state.notices) {
    held += notice.state == NoticeState::held ? 1 : 0;
    due += notice.state == NoticeState::due ? 1 : 0;
    undeliverable += notice.state == NoticeState::undeliverable ? 1 : 0;
  }
  object["notices"] = {{"held", held}, {"due", due}, {"undeliverable", undeliverable}};
  object["stops"] = stops_of(look, false);
  object["inquiries"] = count_of_inquiries(look);
  json::array unmatched;
  for (const auto& one : health.unmatched_alarms) {
    unmatched.push_back({{"source", one.source}, {"alarm", one.alarm}, {"says", one.says}, {"text", one.text}, {"at", time_or_null(look, one.at)}});
  }
  object["unmatched_alarms"] = std::move(unmatched);
  object["version"] = health.version;
  object["record_trouble"] = text_or_null(health.record_trouble);
  object["queued_writes"] = health.queued_writes;
  object["unrecorded_orders"] = health.unrecorded_orders;
  object["probe_lateness_ms"] = health.probe_lateness.count();
  object["cut_off_since"] = time_or_null(look, look.state.core.cut_off_since);
  object["probes_late_since"] = time_or_null(look, look.state.core.late_since);
  return finished(object);
}

}  // namespace yagura
