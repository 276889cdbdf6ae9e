#include "decider.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

// Failures from before the restart, also closed ones of which somebody is owed something: whether the rules may decide
// on them is told by every run.
std::vector<FailureId> those_from_before(const Turn& turn, const ComponentName& component) {
  std::vector<FailureId> found;
  if (!turn.live.restarted_at) return found;
  const FailureId of = turn.failure_of(component);
  if (of != 0 && of <= turn.live.last_before_restart) found.push_back(of);
  for (FailureId id : turn.live.index.unsettled_closed) {
    if (id > turn.live.last_before_restart) break;
    if (turn.failure(id).members.contains(component)) found.push_back(id);
  }
  return found;
}

// Somebody waits for runs of the component, even for those that turn nothing.
bool waits_for_runs(const Turn& turn, const ComponentName& component) {
  const Live& live = turn.live;
  const FailureId of = turn.failure_of(component);
  bool waits = live.fresh_from.contains(component) || live.confirming.contains(of);
  for (const auto& [id, asked] : live.confirming) {
    const Failure& failure = turn.failure(id);
    waits = waits || (failure.members.empty() && looked_at(turn, failure).contains(component));
  }
  if (of != 0) waits = waits || turn.failure(of).settling || !live.stop_ended.empty();
  for (const ServiceName& service : turn.topology.needed_by(component)) {
    waits = waits || live.stop_ended.contains(service);
  }
  for (FailureId id : those_from_before(turn, component)) waits = waits || !may_decide(turn, turn.failure(id));
  return waits;
}

void count_observation(Turn& turn, const Observed& event, bool& worth_a_look) {
  auto component = turn.platform.components.find(event.probe.component);
  if (component == turn.platform.components.end()) return;
  const ProbeSpec* spec = component->second.probe(event.probe.probe);
  if (spec == nullptr) return;
  // Asked before: it may be this run, though it turns nothing, that ends the waiting.
  const bool waited = waits_for_runs(turn, event.probe.component);
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
  const bool changes = turned || first || probe.failing != failing_before || waited;
  worth_a_look = worth_a_look || changes;
  if (changes) turn.component_changed(event.probe.component);
  for (FailureId id : those_from_before(turn, event.probe.component)) {
    look_whether_afresh(turn, id, event.probe.component);
    turn.live.failures.touch(id);
  }
}

void take_observation(Turn& turn, const Observed& event, bool& worth_a_look) {
  const bool was_cut_off = is_cut_off(turn);
  worth_a_look = false;
  for (const Observed& one : through_self_check(turn, event)) count_observation(turn, one, worth_a_look);
  worth_a_look = worth_a_look || is_cut_off(turn) != was_cut_off;
}

void forget_what_is_seen(Turn& turn) {
  for (const ComponentName& name : turn.live.components.looked_at()) {
    auto fresh = turn.live.fresh_from.find(name);
    if (fresh != turn.live.fresh_from.end() && is_seen_since(turn, name, fresh->second)) {
      turn.live.fresh_from.erase(fresh);
      turn.component_changed(name);
    }
  }
  const std::size_t ended = std::erase_if(turn.live.stop_ended, [&](const auto& entry) {
    const std::vector<ComponentName>& needed = turn.topology.components_of(entry.first);
    return std::all_of(needed.begin(), needed.end(), [&](const ComponentName& name) {
      return is_seen_since(turn, name, entry.second);
    });
  });
  if (ended != 0) turn.all_changed();
}

void follow_services(Turn& turn) {
  // For people: as last seen, also while a start or the end of a stop asks for fresh runs.
  auto look = [&](const ComponentName& name) {
    auto unwell = turn.live.index.unwell.find(name);
    return unwell == turn.live.index.unwell.end() ? ComponentState::ok : unwell->second;
  };
  std::set<ServiceName> reported;
  for (const auto& [id, services] : turn.live.index.reported) reported.insert(services.begin(), services.end());
  const auto& known = turn.state().services;
  for (const ServiceName& name : turn.live.services.looked_at()) {
    if (!turn.platform.services.contains(name)) continue;
    ServiceState state = turn.topology.judge(name, look, reported);
    auto before = known.find(name);
    if (before != known.end() && before->second.state == state) continue;
    if (before != known.end() || state != ServiceState::up) {
      turn.fact("service.turned", 0,
                {{"service", name}, {"to", boost::describe::enum_to_string(state, "")}});
    }
    turn.edit_service(name) = {state, turn.now};
  }
}

// Whether a stop is completed is told by its services and their failures.
bool awaits_its_services(const Stop& stop) { return stop.ended_at && !stop.settled; }

void begin(Turn& turn) {
  for (const auto& [id, stop] : turn.state().stops) {
    if (awaits_its_services(stop)) turn.live.stops.touch(id);
  }
  for (const auto& [id, asked] : turn.live.confirming) turn.live.failures.touch(id);
  turn.live.failures.begin(turn.now);
  turn.live.notices.begin(turn.now);
  turn.live.stops.begin(turn.now);
  turn.live.components.begin(turn.now);
  turn.live.services.begin(turn.now);
}

void end(Turn& turn) {
  turn.live.failures.end();
  turn.live.notices.end();
  turn.live.stops.end();
  turn.live.components.end();
  turn.live.services.end();
}

template <class Rule>
void ask_open(Turn& turn, Rule rule) {
  for (FailureId id : turn.open_to_look_at()) {
    turn.about({id}, [&] { rule(turn, id); });
  }
}

template <class Rule>
void ask_unsettled(Turn& turn, Rule rule) {
  for (FailureId id : turn.unsettled_to_look_at()) {
    turn.about({id}, [&] { rule(turn, id); });
  }
}

// The rules, in order.
void reconcile(Turn& turn) {
  begin(turn);
  follow_stops(turn);
  relapse(turn);
  open_and_join(turn);
  ask_open(turn, settle_response);
  merge_what_keeps_a_service_down_together(turn);
  ask_open(turn, classify);
  finish_confirmations(turn);
  ask_open(turn, recover);
  ask_open(turn, [](Turn& one, FailureId id) {
    remind(one, id);
    widen_within_role(one, id);
    tell_undecided(one, id);
  });
  ask_unsettled(turn, [](Turn& one, FailureId id) {
    walk_chain(one, id);
    find_affected_banks(one, id);
    owe_banks(one, id);
  });
  for (const ComponentName& name : turn.live.components.looked_at()) {
    turn.about({0, 0, 0, &name}, [&] { tell_blind_probes(turn, name); });
  }
  tell_late_probes(turn);
  warn_of_calendar(turn);
  follow_services(turn);
  for (StopId id : turn.live.stops.looked_at()) {
    turn.about({0, 0, id}, [&] { owe_banks_of_stop(turn, id); });
  }
  follow_inquiries(turn);
  forget_what_is_seen(turn);
  hand_over_what_is_due(turn);
  ask_unsettled(turn, settle);
  end(turn);
}

// Intervals go by the steady clock: what was to come in ten minutes still does.
void move_intervals(Turn& turn, Duration by) {
  auto move = [by](std::optional<Instant>& at) {
    if (at) *at += by;
  };
  for (FailureId id : turn.open_failures()) {
    Failure& failure = turn.edit(id);
    move(failure.down_since);
    move(failure.steady_since);
    failure.moved.cause_since = failure.waits_from_cause() + by;
    failure.failing_since += by;
    failure.moved.class_at = failure.waits_from_class() + by;
    if (failure.recovered_at) failure.moved.recovered_at = failure.waits_from_recovery() + by;
    move(failure.report_due_at);
    for (auto& [role, at] : failure.reached_at) at += by;
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
    move(notice.counted_at);
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
      if (probe.verdict == Verdict::unknown && !probe.blind_told) {
        turn.edit_component(name);
        probe.since_moved = probe.waits_from() + by;
      }
      move(probe.last_failing_started);
      move(probe.failing_from);
      if (probe.last) probe.last->started += by;
    }
  }
  for (auto& [id, seen] : live.cut_off.self_check) seen.started += by;
  for (auto& [id, runs] : live.cut_off.waiting) {
    for (Observation& run : runs) {
      run.started += by;
      run.ended += by;
    }
  }
  move(live.cut_off.asked_at);
  move(live.cut_off.ended_at);
  move(turn.edit_core().cut_off_since);
  if (live.lateness) {
    live.lateness->since += by;
    live.lateness->last += by;
  }
  live.stops_known = false;
  turn.all_changed();
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
  turn.all_changed();
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
    turn.live.index.in_flight.erase(id);
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
  bool looks_at_everything = false;
};

Decider::Decider(PlatformPtr platform, State state, std::string instance)
    : impl_(std::make_unique<Impl>()) {
  impl_->platform = std::move(platform);
  impl_->topology = std::make_unique<Topology>(*impl_->platform);
  impl_->state = std::move(state);
  impl_->live.instance = std::move(instance);
  impl_->state.notices_by_failure.clear();
  for (const auto& [id, notice] : impl_->state.notices) {
    impl_->state.notices_by_failure[notice.failure].push_back(id);
    if (notice.is_unsent()) impl_->live.unsent.insert(id);
  }
  impl_->live.index = Index(*impl_->platform, impl_->state);
  Turn(*impl_->platform, *impl_->topology, impl_->state, impl_->live, {}).all_changed();
}

Decider::~Decider() = default;

Batch Decider::handle(const Event& event, Instant now) {
  if (const auto* changed = std::get_if<PlatformChanged>(&event)) {
    impl_->platform = changed->platform;
    impl_->topology = std::make_unique<Topology>(*impl_->platform);
    impl_->live.index = Index(*impl_->platform, impl_->state);
  }
  Turn turn(*impl_->platform, *impl_->topology, impl_->state, impl_->live, now);
  bool worth_a_look = true;
  if (const auto* observed = std::get_if<Observed>(&event)) {
    take_observation(turn, *observed, worth_a_look);
  } else if (const auto* ended = std::get_if<StepEnded>(&event)) {
    FailureId id = impl_->state.failures.contains(ended->failure) ? end_of_joins(turn, ended->failure) : 0;
    const StepRun* step = id != 0 ? turn.failure(id).running_step() : nullptr;
    if (step != nullptr && !step->manual && step->component == ended->component &&
        step->step == ended->step) {
      end_step(turn, id, ended->result, ended->output, "");
    }
  } else if (const auto* delivered = std::get_if<Delivered>(&event)) {
    take_delivery(turn, *delivered);
  } else if (const auto* mail = std::get_if<MailCame>(&event)) {
    take_mail(turn, *mail);
  } else if (std::holds_alternative<Restarted>(event)) {
    restart(turn);
  } else if (const auto* jumped = std::get_if<ClockJumped>(&event)) {
    clock_jumped(turn, jumped->by);
  } else if (const auto* late = std::get_if<ProbesLate>(&event)) {
    take_lateness(turn, *late);
  } else if (const auto* platform_changed = std::get_if<PlatformChanged>(&event)) {
    turn.all_changed();
    follow_platform(turn, platform_changed->changes);
  } else if (const auto* command = std::get_if<Command>(&event)) {
    obey(turn, *command);
  }
  if (!std::holds_alternative<Observed>(event) && (!impl_->live.cut_off.waiting.empty() || is_cut_off(turn))) {
    for (const Observed& one : judged_by_self_check(turn)) count_observation(turn, one, worth_a_look);
  }
  if (!worth_a_look) return std::move(turn.batch);
  if (impl_->looks_at_everything) turn.all_changed();
  reconcile(turn);
  impl_->wake = turn.wake();
  return std::move(turn.batch);
}

std::optional<Instant> Decider::next_wake() const {
  const Live& live = impl_->live;
  std::optional<Instant> next = impl_->wake;
  if (live.cut_off.wake && (!next || *live.cut_off.wake < *next)) next = live.cut_off.wake;
  for (std::optional<Instant> at : {live.failures.next_wake(), live.notices.next_wake(), live.stops.next_wake(),
                                    live.components.next_wake(), live.services.next_wake()}) {
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

bool Decider::may_leave(NoticeId id, Instant now) const {
  return yagura::may_leave(*impl_->platform, impl_->state, impl_->state.notices.at(id), now);
}

void Decider::rendered(NoticeId id, std::string subject) {
  Notice& notice = impl_->state.notices.at(id);
  notice.rendered = true;
  notice.subject = std::move(subject);
}

void Decider::look_at_everything() { impl_->looks_at_everything = true; }

bool Decider::index_agrees() const {
  std::set<NoticeId> unsent;
  for (const auto& [id, notice] : impl_->state.notices) {
    if (notice.is_unsent()) unsent.insert(id);
  }
  return impl_->live.index == Index(*impl_->platform, impl_->state) && impl_->live.unsent == unsent;
}

void Decider::replace(const Renamed& renamed) {
  for (const Failure& failure : renamed.failures) impl_->state.failures.at(failure.id) = failure;
  for (const Notice& notice : renamed.notices) impl_->state.notices.at(notice.id) = notice;
  for (const Stop& stop : renamed.stops) impl_->state.stops.at(stop.id) = stop;
  for (const Inquiry& inquiry : renamed.inquiries) impl_->state.inquiries.at(inquiry.id) = inquiry;
}

std::vector<Why> Decider::why(StopId stop, Instant now) const {
  const Turn turn(*impl_->platform, *impl_->topology, impl_->state, impl_->live, now);
  return yagura::why(turn, turn.stop(stop));
}

const State& Decider::state() const { return impl_->state; }
const PlatformPtr& Decider::platform() const { return impl_->platform; }

bool Decider::wants_retry(const ProbeId& id) const {
  if (impl_->live.cut_off.waiting.contains(id)) return true;  // It failed, as far as is known.
  auto component = impl_->platform->components.find(id.component);
  if (component == impl_->platform->components.end()) return false;
  const ProbeSpec* spec = component->second.probe(id.probe);
  auto health = impl_->state.components.find(id.component);
  if (spec == nullptr || health == impl_->state.components.end()) return false;
  auto probe = health->second.probes.find(id.probe);
  return probe != health->second.probes.end() && probe->second.wants_retry(*spec);
}

}  // namespace yagura
