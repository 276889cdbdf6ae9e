#include "decider.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

void take_observation(Turn& turn, const Observed& event, bool& worth_a_look) {
  worth_a_look = false;
  auto component = turn.platform.components.find(event.probe.component);
  if (component == turn.platform.components.end()) return;
  const ProbeSpec* spec = component->second.probe(event.probe.probe);
  if (spec == nullptr) return;
  ProbeHealth& probe = turn.health_unrecorded(event.probe.component).probes[event.probe.probe];
  const bool first = !probe.last.has_value();
  const bool failing_before = probe.failing;
  const Verdict before = probe.verdict;
  const bool turned = probe.observe(*spec, event.observation);
  if (turned || probe.failing != failing_before) turn.edit_component(event.probe.component);
  if (turned) {
    turn.fact("probe.turned", turn.failure_of(event.probe.component),
              {{"component", event.probe.component},
               {"probe", event.probe.probe},
               {"from", std::string(name_of(before))},
               {"to", std::string(name_of(probe.verdict))},
               {"reason", event.observation.reason}});
  }
  worth_a_look = turned || first || probe.failing != failing_before;
}

// Somebody waits for runs, even for those that turn nothing.
bool waits_for_runs(const Turn& turn) {
  if (!turn.live.confirming.empty() || !turn.live.fresh_from.empty() || !turn.live.stop_ended.empty()) {
    return true;
  }
  for (FailureId id : turn.open_failures()) {
    if (turn.failure(id).settling || !may_decide(turn, turn.failure(id))) return true;
  }
  for (NoticeId id : turn.live.unsent) {
    FailureId owing = end_of_joins(turn, turn.notice(id).failure);
    if (owing != 0 && !may_decide(turn, turn.failure(owing))) return true;
  }
  return false;
}

void forget_what_is_seen(Turn& turn) {
  std::erase_if(turn.live.fresh_from, [&](const auto& entry) {
    return is_seen_since(turn, entry.first, entry.second);
  });
  std::erase_if(turn.live.stop_ended, [&](const auto& entry) {
    const std::vector<ComponentName>& needed = turn.topology.components_of(entry.first);
    return std::all_of(needed.begin(), needed.end(), [&](const ComponentName& name) {
      return is_seen_since(turn, name, entry.second);
    });
  });
}

void follow_services(Turn& turn) {
  // For people: as last seen, also while a start or the end of a stop asks for fresh runs.
  auto look = [&](const ComponentName& name) {
    return state_of(turn.platform.components.at(name), turn.health(name));
  };
  std::set<ServiceName> reported;
  for (FailureId id : turn.open_failures()) {
    const Failure& failure = turn.failure(id);
    reported.insert(failure.reported_services.begin(), failure.reported_services.end());
  }
  const auto& known = turn.state().core.services;
  for (const auto& [name, service] : turn.platform.services) {
    ServiceState state = turn.topology.judge(name, look, reported);
    auto before = known.find(name);
    if (before != known.end() && before->second.state == state) continue;
    if (before != known.end() || state != ServiceState::up) {
      turn.fact("service.turned", 0,
                {{"service", name}, {"to", boost::describe::enum_to_string(state, "")}});
    }
    turn.edit_core().services[name] = {state, turn.now};
  }
}

std::vector<FailureId> unsettled(const Turn& turn) {
  std::vector<FailureId> found;
  for (const auto& [id, failure] : turn.state().failures) {
    if (!failure.settled && failure.closing != Closing::joined) found.push_back(id);
  }
  return found;
}

// The rules, in order.
void reconcile(Turn& turn) {
  follow_stops(turn);
  relapse(turn);
  open_and_join(turn);
  for (FailureId id : turn.open_failures()) settle_response(turn, id);
  merge_what_keeps_a_service_down_together(turn);
  for (FailureId id : turn.open_failures()) classify(turn, id);
  finish_confirmations(turn);
  for (FailureId id : turn.open_failures()) recover(turn, id);
  for (FailureId id : turn.open_failures()) {
    remind(turn, id);
    tell_undecided(turn, id);
  }
  for (FailureId id : unsettled(turn)) {
    walk_chain(turn, id);
    find_affected_banks(turn, id);
    owe_banks(turn, id);
  }
  tell_blind_probes(turn);
  warn_of_calendar(turn);
  follow_services(turn);
  for (const auto& [id, stop] : turn.state().stops) owe_banks_of_stop(turn, id);
  follow_inquiries(turn);
  forget_what_is_seen(turn);
  hand_over_what_is_due(turn);
  for (FailureId id : unsettled(turn)) settle(turn, id);
}

// Intervals go by the steady clock: what was to come in ten minutes still does.
void move_intervals(Turn& turn, Duration by) {
  auto move = [by](std::optional<Instant>& at) {
    if (at) *at += by;
  };
  for (FailureId id : turn.open_failures()) {
    Failure& failure = turn.edit(id);
    move(failure.down_since);
    move(failure.report_due_at);
    if (failure.classification == FailureClass::major) move(failure.remind_at);
    for (ChainProgress* chain : {&failure.detected_chain, &failure.incident_chain, &failure.major_chain}) {
      if (chain->base != Instant{}) chain->base += by;  // One that has not begun has no time.
    }
    if (failure.running_step() != nullptr) failure.steps.back().deadline += by;
    // The fresh runs that it waits for begin after it, by the new clock.
    if (failure.settling && !failure.steps.empty()) move(failure.steps.back().ended);
  }
  for (NoticeId id : turn.live.unsent) {
    Notice& notice = turn.edit_notice(id);
    move(notice.retry_at);
    move(notice.brake_until);
    move(notice.due_since);
  }
  for (auto& [audience, from] : turn.edit_core().bundle_from) from += by;
  for (auto& [bank, firsts] : turn.edit_core().firsts) {
    for (Instant& at : firsts) at += by;
  }
  Live& live = turn.live;
  move(live.restarted_at);
  for (auto& [name, from] : live.fresh_from) from += by;
  for (auto& [service, ended] : live.stop_ended) ended += by;
  for (auto& [id, asked] : live.confirming) {
    asked.since += by;
    asked.deadline += by;
  }
  // What is fresh is told by when a run began, against the instants above.
  for (const auto& [name, component] : turn.platform.components) {
    for (auto& [spec, probe] : turn.health_unrecorded(name).probes) {
      move(probe.last_failing_started);
      if (probe.last) probe.last->started += by;
    }
  }
  live.stops_known = false;
}

// While the daemon was down the clock may have been set back: then what has begun lies in the time to come, and would
// be waited for as long as that. By how much at least; none where nothing shows it.
Duration set_back(const Turn& turn) {
  Instant latest = turn.now;
  auto began = [&latest](Instant at) { latest = std::max(latest, at); };
  for (FailureId id : turn.open_failures()) {
    const Failure& failure = turn.failure(id);
    if (failure.down_since) began(*failure.down_since);
    for (const ChainProgress* chain : {&failure.detected_chain, &failure.incident_chain, &failure.major_chain}) {
      began(chain->base);
    }
  }
  for (const auto& [audience, from] : turn.state().core.bundle_from) began(from);
  for (const auto& [bank, firsts] : turn.state().core.firsts) {
    for (Instant at : firsts) began(at);
  }
  return latest - turn.now;
}

void clock_jumped(Turn& turn, Duration by) {
  move_intervals(turn, by);
  Instant until = turn.now + 10min;
  turn.edit_core().bank_hold_until = until;
  const Duration whole = std::chrono::round<std::chrono::seconds>(by);  // Nobody wants to read of less.
  std::string text = (by < Duration{0} ? "-" : "+") + format_duration(by < Duration{0} ? -whole : whole);
  turn.fact("clock.jumped", 0, {{"by", text}});
  turn.queue_for(Role::system_lead, {NoticeKind::lead_attention, {}, 0,
                                     "the wall clock jumped", "clock_jump",
                                     {{"by", text}, {"until", turn.time(until)}}});
}

void restart(Turn& turn) {
  turn.fact("daemon.started", 0);
  if (Duration back = set_back(turn); back > 1min) {
    clock_jumped(turn, -back);
  } else if (back > Duration{0}) {
    move_intervals(turn, -back);
  }
  turn.live.restarted_at = turn.now;
  turn.live.last_before_restart = turn.state().core.last_failure;
  compare_with_platform(turn);
  std::vector<ProbeId> probes;
  // What failed before is judged by runs that begin now; what is no failure's yet opens by them too.
  for (const auto& [name, component] : turn.platform.components) {
    if (turn.failure_of(name) != 0) continue;
    turn.live.fresh_from[name] = turn.now;
    if (state_of(component, turn.health(name)) == ComponentState::ok) continue;
    for (const ProbeSpec& spec : component.probes) {
      if (!spec.is_job()) probes.push_back({name, spec.name});
    }
  }
  for (const auto& [id, failure] : turn.state().failures) {
    if (failure.closing == Closing::joined) continue;
    bool owes = !failure.is_open() && !turn.unsent_of(id).empty();
    if (!failure.is_open() && !owes) continue;
    for (ProbeId& probe : probes_of(turn, failure)) probes.push_back(std::move(probe));
    const StepRun* step = failure.running_step();
    if (step == nullptr || step->manual) continue;
    end_step(turn, id, StepResult::interrupted, "the daemon was restarted", "");
  }
  if (!probes.empty()) turn.effect(RunProbes{std::move(probes)});
  for (NoticeId id : turn.live.unsent) {
    if (!turn.notice(id).in_flight) continue;
    // It may have arrived: the same bytes go again.
    Notice& notice = turn.edit_notice(id);
    notice.in_flight = false;
    notice.frozen = notice.rendered;
    notice.last_error = "the daemon ended during an attempt: the outcome is unknown";
    turn.batch.facts.push_back({turn.now, "notice.attempt", notice.failure, id, "daemon",
                                {{"outcome", "unknown"}, {"reply", notice.last_error}}});
  }
}

}  // namespace

struct Decider::Impl {
  PlatformPtr platform;
  std::unique_ptr<Topology> topology;
  State state;
  Live live;
  std::optional<Instant> wake;
};

Decider::Decider(PlatformPtr platform, State state, std::string instance)
    : impl_(std::make_unique<Impl>()) {
  impl_->platform = std::move(platform);
  impl_->topology = std::make_unique<Topology>(*impl_->platform);
  impl_->state = std::move(state);
  impl_->live.instance = std::move(instance);
  for (const auto& [id, notice] : impl_->state.notices) {
    if (notice.is_unsent()) impl_->live.unsent.insert(id);
  }
}

Decider::~Decider() = default;

Batch Decider::handle(const Event& event, Instant now) {
  if (const auto* changed = std::get_if<PlatformChanged>(&event)) {
    impl_->platform = changed->platform;
    impl_->topology = std::make_unique<Topology>(*impl_->platform);
  }
  Turn turn(*impl_->platform, *impl_->topology, impl_->state, impl_->live, now);
  bool worth_a_look = true;
  if (const auto* observed = std::get_if<Observed>(&event)) {
    // Asked before: it may be this run, though it turns nothing, that ends the waiting.
    const bool waited = waits_for_runs(turn);
    take_observation(turn, *observed, worth_a_look);
    worth_a_look = worth_a_look || waited;
  } else if (const auto* ended = std::get_if<StepEnded>(&event)) {
    FailureId id = impl_->state.failures.contains(ended->failure) ? end_of_joins(turn, ended->failure) : 0;
    const StepRun* step = id != 0 ? turn.failure(id).running_step() : nullptr;
    if (step != nullptr && !step->manual && step->component == ended->component &&
        step->step == ended->step) {
      end_step(turn, id, ended->result, ended->output, "");
    }
  } else if (const auto* delivered = std::get_if<Delivered>(&event)) {
    take_delivery(turn, *delivered);
  } else if (std::holds_alternative<Restarted>(event)) {
    restart(turn);
  } else if (const auto* jumped = std::get_if<ClockJumped>(&event)) {
    clock_jumped(turn, jumped->by);
  } else if (const auto* platform_changed = std::get_if<PlatformChanged>(&event)) {
    follow_platform(turn, platform_changed->changes);
  } else if (const auto* command = std::get_if<Command>(&event)) {
    obey(turn, *command);
  }
  if (!worth_a_look) return std::move(turn.batch);
  reconcile(turn);
  impl_->wake = turn.wake();
  return std::move(turn.batch);
}

std::optional<Instant> Decider::next_wake() const { return impl_->wake; }

void Decider::rendered(NoticeId id, std::string subject) {
  Notice& notice = impl_->state.notices.at(id);
  notice.rendered = true;
  notice.subject = std::move(subject);
}

const State& Decider::state() const { return impl_->state; }
const PlatformPtr& Decider::platform() const { return impl_->platform; }

bool Decider::wants_retry(const ProbeId& id) const {
  auto component = impl_->platform->components.find(id.component);
  if (component == impl_->platform->components.end()) return false;
  const ProbeSpec* spec = component->second.probe(id.probe);
  auto health = impl_->state.components.find(id.component);
  if (spec == nullptr || health == impl_->state.components.end()) return false;
  auto probe = health->second.probes.find(id.probe);
  return probe != health->second.probes.end() && probe->second.wants_retry(*spec);
}

}  // namespace yagura
