// Planned stops, regular and single: while a service is stopped, what needs only it is quiet; at the end it is judged
// by runs begun after the end (INTERFACE.md §5).
#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

struct Stops {
  std::set<ServiceName> stopped;
  bool all = false;
  std::optional<Instant> change_at;
};

Stops stops_at(const Turn& turn) {
  Stops stops;
  auto changes = [&stops](Instant at) {
    if (!stops.change_at || at < *stops.change_at) stops.change_at = at;
  };
  auto take = [&](Instant from, Instant until, bool all, const std::set<ServiceName>& services) {
    if (from > turn.now) return changes(from);
    changes(until);
    stops.all = stops.all || all;
    for (const auto& [name, service] : turn.platform.services) {
      if (all || services.contains(name)) stops.stopped.insert(name);
    }
  };
  for (const Maintenance& maintenance : turn.platform.maintenance) {
    auto interval = without_cancelled(turn.platform, maintenance, turn.state().stops)
                        .next_interval(turn.now, turn.platform.context());
    if (interval) take(interval->from, interval->until, maintenance.all_services, maintenance.services);
  }
  for (const auto& [id, stop] : turn.state().stops) {
    if (stop.takes_place() && stop.until > turn.now) take(stop.from, stop.until, stop.all_services, stop.services);
  }
  return stops;
}

// Single stops begin and end with their times.
void follow_phases(Turn& turn) {
  std::vector<StopId> begun, ended;
  for (const auto& [id, stop] : turn.state().stops) {
    if (!stop.takes_place()) continue;
    if (stop.from <= turn.now && !stop.began_at) begun.push_back(id);
    if (stop.until <= turn.now) ended.push_back(id);
  }
  for (StopId id : begun) turn.edit_stop(id).began_at = turn.now;
  for (StopId id : ended) {
    turn.edit_stop(id).ended_at = turn.now;
    turn.fact("stop.completed", 0, {{"stop", std::to_string(id)}});
  }
}

}  // namespace

Window without_cancelled(const Platform& platform, const Maintenance& maintenance, const std::map<StopId, Stop>& stops) {
  std::set<Date> except = maintenance.window.except();
  const std::size_t configured = except.size();
  for (const auto& [id, stop] : stops) {
    if (stop.regular == maintenance.name && stop.cancelled_at) except.insert(platform.zone.date_of(stop.from));
  }
  if (except.size() == configured) return maintenance.window;
  return Window(maintenance.window.parts(), std::move(except));
}

void follow_stops(Turn& turn) {
  Live& live = turn.live;
  follow_phases(turn);
  if (!live.stops_known || (live.stops_change_at && *live.stops_change_at <= turn.now)) {
    std::set<ComponentName> were_quiet;
    for (const auto& [name, component] : turn.platform.components) {
      if (is_quiet(turn, name)) were_quiet.insert(name);
    }
    std::set<ServiceName> before = live.stopped;
    Stops stops = stops_at(turn);
    live.stopped = stops.stopped;
    live.all_stopped = stops.all;
    live.stops_change_at = stops.change_at;

    std::vector<ProbeId> look_again;
    for (const ServiceName& service : before) {
      if (live.stopped.contains(service) || !turn.platform.services.contains(service)) continue;
      live.stop_ended[service] = turn.now;
      if (live.stops_known) turn.fact("stop.ended", 0, {{"service", service}});
    }
    for (const ServiceName& service : live.stopped) {
      if (live.stops_known && !before.contains(service)) {
        turn.fact("stop.began", 0, {{"service", service}});
      }
    }
    for (const auto& entry : turn.platform.components) {
      const ComponentName& name = entry.first;
      const Component& component = entry.second;
      bool ended = std::any_of(before.begin(), before.end(), [&](const ServiceName& service) {
        return !live.stopped.contains(service) && turn.topology.services_of(name).contains(service);
      });
      bool was_quiet = were_quiet.contains(name) && !is_quiet(turn, name);
      if (!ended && !was_quiet) continue;
      FailureId of = turn.failure_of(name);
      if (was_quiet && (of == 0 || turn.failure(of).recovered_at)) live.fresh_from[name] = turn.now;
      if (state_of(component, turn.health(name)) == ComponentState::ok) continue;
      for (const ProbeSpec& spec : component.probes) {
        if (!spec.is_job()) look_again.push_back({name, spec.name});
      }
    }
    if (!look_again.empty()) turn.effect(RunProbes{std::move(look_again)});
    live.stops_known = true;
    turn.all_changed();
  }
  if (live.stops_change_at) turn.wake_at(*live.stops_change_at);
}

}  // namespace yagura
