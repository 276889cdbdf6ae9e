#include "failure_model.hpp"

#include <algorithm>

namespace yagura::reference {

PlatformModel::PlatformModel(const Platform& platform, const CalendarSettings& calendar)
    : platform_(platform), calendar_(calendar) {
  for (const auto& [name, component] : platform.components) {
    for (const ProbeSpec& probe : component.probes)
      probes_[{name, probe.name}] = {};
  }
}

// ---- Section 2: health ----

const ProbeSpec& PlatformModel::spec(const ProbeId& probe) const {
  return *platform_.components.at(probe.component).probe(probe.probe);
}

void PlatformModel::observed(const ProbeId& id, Verdict verdict, Instant now) {
  Probe& probe = probes_.at(id);
  // Whether a run that could not be carried out interrupts "in a row" is not said.
  if (verdict == Verdict::unknown && probe.between(spec(id))) silence = "unknown while confirming";
  if (verdict == Verdict::failing) {
    ++probe.failing_runs;
    probe.ok_runs = 0;
  } else if (verdict != Verdict::unknown) {
    ++probe.ok_runs;
    probe.failing_runs = 0;
  }
  if (!probe.failing && probe.failing_runs >= spec(id).confirm) probe.failing = true;
  if (probe.failing && probe.ok_runs >= spec(id).clear) probe.failing = false;
  // Unknown is never back, and never down: it ends with what confirms one or the other, not with
  // the first run towards it.
  if (verdict == Verdict::unknown || !probe.between(spec(id)))
    probe.shown_unknown = verdict == Verdict::unknown;
  for (auto& [number, failure] : failures_) {
    if (!probe.between(spec(id))) failure.awaited.erase(id);
  }
  look(now);
}

ComponentState PlatformModel::worst(const ComponentName& name, bool unknown_ones_fail) const {
  ComponentState state = ComponentState::ok;
  for (const ProbeSpec& probe : platform_.components.at(name).probes) {
    const Probe& seen = probes_.at({name, probe.name});
    if (seen.shown_unknown ? !unknown_ones_fail : !seen.failing) continue;
    if (probe.impact == Impact::down) state = ComponentState::down;
    if (probe.impact == Impact::degraded && state == ComponentState::ok)
      state = ComponentState::degraded;
  }
  return state;
}

// Whatever the unknown probes are; where that makes a difference it is unknown.
ComponentState PlatformModel::state_of(const ComponentName& name) const {
  return worst(name, true) == worst(name, false) ? worst(name, true) : ComponentState::unknown;
}

// What is known to fail opens a failure, whatever the unknown probes are.
bool PlatformModel::is_failing(const ComponentName& name) const {
  return worst(name, false) != ComponentState::ok;
}

PlatformModel::States PlatformModel::states() const {
  States found;
  for (const auto& [name, component] : platform_.components)
    found[name] = state_of(name);
  return found;
}

bool PlatformModel::met(const Need& need, const States& states) const {
  switch (need.kind) {
    case Need::Kind::component:
      return states.at(need.name) != ComponentState::down;
    case Need::Kind::service: {
      const std::vector<Need>& needs = platform_.services.at(need.name).needs;
      return std::all_of(needs.begin(), needs.end(),
                         [&](const Need& of) { return met(of, states); });
    }
    case Need::Kind::at_least:
      return std::count_if(need.of.begin(), need.of.end(),
                           [&](const Need& of) { return met(of, states); }) >= need.at_least;
  }
  return false;
}

bool PlatformModel::all_well(const Need& need, const States& states) const {
  if (need.kind == Need::Kind::component) return states.at(need.name) == ComponentState::ok;
  const std::vector<Need>& of =
      need.kind == Need::Kind::service ? platform_.services.at(need.name).needs : need.of;
  return std::all_of(of.begin(), of.end(), [&](const Need& one) { return all_well(one, states); });
}

// Every unknown component is tried as well and as down.
ServiceState PlatformModel::judge(const ServiceName& service, const States& states) const {
  Need whole;
  whole.kind = Need::Kind::service;
  whole.name = service;
  std::vector<ComponentName> unknown;
  for (const auto& [name, state] : states) {
    if (state == ComponentState::unknown) unknown.push_back(name);
  }
  int met_in = 0;
  bool met_if_well = false;
  const int cases = 1 << unknown.size();
  for (int chosen = 0; chosen < cases; ++chosen) {
    States tried = states;
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      tried[unknown[i]] = (chosen >> i & 1) != 0 ? ComponentState::down : ComponentState::ok;
    }
    const bool is_met = met(whole, tried);
    if (chosen == 0) met_if_well = is_met;
    met_in += is_met ? 1 : 0;
  }
  if (!met_if_well) return ServiceState::down;
  if (met_in < cases) return ServiceState::unknown;
  return all_well(whole, states) ? ServiceState::up : ServiceState::degraded;
}

ServiceState PlatformModel::state_of_service(const ServiceName& service) const {
  return judge(service, states());
}

bool PlatformModel::is_well(const FailureModel& failure) const {
  for (const auto& [id, probe] : probes_) {
    if (failure.members.contains(id.component) && (probe.failing || probe.shown_unknown))
      return false;
  }
  return true;
}

// ---- Section 3: failures ----

void PlatformModel::look(Instant now) {
  open_or_join(now);
  for (auto& [number, failure] : failures_) {
    if (failure.is_open()) look_at_services(failure, now);
  }
  join_what_keeps_down_together(now);
  for (auto& [number, failure] : failures_) {
    if (!failure.is_open()) continue;
    classify(failure, now);
    recover(failure, now);
  }
}

void PlatformModel::open_or_join(Instant now) {
  for (const auto& [name, spec_of] : platform_.components) {
    const ComponentName& component = name;
    auto has = [&](const auto& entry) {
      return entry.second.is_open() && entry.second.members.contains(component);
    };
    if (!is_failing(component) || std::any_of(failures_.begin(), failures_.end(), has)) continue;
    std::vector<FailureModel*> causes, consequences;
    for (auto& [number, failure] : failures_) {
      if (!failure.is_open()) continue;
      auto of = [&](const auto& member) { return depends(component, member.first); };
      auto on = [&](const auto& member) { return depends(member.first, component); };
      if (std::any_of(failure.members.begin(), failure.members.end(), of))
        causes.push_back(&failure);
      if (std::any_of(failure.members.begin(), failure.members.end(), on))
        consequences.push_back(&failure);
    }
    if (!causes.empty()) {
      join_cause(component, causes, consequences, now);
    } else if (!take_over(component, consequences, now)) {
      open(component, now);
    }
  }
}

void PlatformModel::open(const ComponentName& component, Instant now) {
  FailureModel opened;
  opened.id = static_cast<FailureId>(failures_.size()) + 1;
  opened.cause = component;
  opened.members[component] = now;
  opened.opened_at = now;
  FailureModel& failure = failures_[opened.id] = opened;
  for (const ChainStep& step : platform_.escalation.detected) {
    fall_due(failure, {step, NoticeKind::failure_detected, now, false}, now);
  }
}

// Rule 1.
void PlatformModel::join_cause(const ComponentName& component,
                               const std::vector<FailureModel*>& causes,
                               const std::vector<FailureModel*>& consequences, Instant now) {
  if (causes.size() > 1) silence = "two failures are the cause of one";
  if (std::any_of(consequences.begin(), consequences.end(),
                  [&](const auto* one) { return one != causes[0]; })) {
    silence = "between its cause and its consequence";
  }
  for (const auto& [member, since] : causes[0]->members) {
    if (depends(component, member) && !is_failing(member)) silence = "its cause does not fail now";
  }
  causes[0]->members[component] = now;
}

// Rule 2.
bool PlatformModel::take_over(const ComponentName& cause,
                              const std::vector<FailureModel*>& consequences, Instant now) {
  int in_time = 0;
  for (const FailureModel* failure : consequences) {
    const bool is_in_time = now - failure->opened_at <= platform_.escalation.correlate;
    in_time += is_in_time ? 1 : 0;
    for (const auto& [member, since] : failure->members) {
      if (!depends(member, cause)) silence = "a consequence with others";
      if (!is_failing(member)) silence = "a consequence that does not fail now";
      if (is_in_time != (now - since <= platform_.escalation.correlate))
        silence = "consequences of different age";
    }
    if (failure->relapsed) silence = "a consequence that relapsed";
    if (failure->running || !failure->awaited.empty()) silence = "a cause found while a step runs";
  }
  if (in_time == 0) return false;
  if (in_time != static_cast<int>(consequences.size())) silence = "consequences of different age";
  FailureModel& oldest = *consequences[0];
  for (FailureModel* failure : consequences) {
    if (failure != &oldest) join(*failure, oldest, now);
  }
  oldest.cause = cause;
  oldest.members[cause] = now;
  return true;
}

// Rule 3.
void PlatformModel::join_what_keeps_down_together(Instant now) {
  for (const auto& [name, service] : platform_.services) {
    const ServiceName& down = name;
    auto keeps = [&](const auto& entry) {
      return entry.second.is_open() && entry.second.keeps_down.contains(down);
    };
    if (state_of_service(name) != ServiceState::down) continue;
    if (std::any_of(failures_.begin(), failures_.end(), keeps)) continue;
    // Those without which it would not be down.
    std::vector<FailureModel*> needed;
    States only = states();
    for (auto& [component, state] : only)
      state = ComponentState::ok;
    for (auto& [number, failure] : failures_) {
      if (!failure.is_open()) continue;
      States without = states();
      for (const auto& [member, since] : failure.members)
        without[member] = ComponentState::ok;
      if (judge(name, without) == ServiceState::down) continue;
      needed.push_back(&failure);
      for (const auto& [member, since] : failure.members)
        only[member] = state_of(member);
    }
    if (needed.size() < 2 || judge(name, only) != ServiceState::down) {
      silence = "which of them keep it down together";
      return;
    }
    for (FailureModel* failure : needed) {
      if (failure != needed[0]) join(*failure, *needed[0], now);
    }
    look_at_services(*needed[0], now);
  }
}

void PlatformModel::join(FailureModel& failure, FailureModel& into, Instant now) {
  // What becomes of these is not said.
  if (failure.acknowledged_at && !into.acknowledged_at)
    silence = "an acknowledged failure joins one that is not";
  if (failure.classification == FailureClass::major) silence = "a major failure joins";
  if (failure.lead_saw || into.lead_saw) silence = "a failure joins under the lead's class";
  if (failure.running || !failure.awaited.empty()) silence = "a failure joins while a step runs";
  if (!failure.kept_down.empty()) silence = "a failure joins that has kept a service down";
  into.members.insert(failure.members.begin(), failure.members.end());
  into.tried.insert(failure.tried.begin(), failure.tried.end());
  close(failure, now);
}

bool PlatformModel::depends(const ComponentName& component, const ComponentName& other) const {
  const std::vector<ComponentName>& direct = platform_.components.at(component).depends_on;
  return std::any_of(direct.begin(), direct.end(),
                     [&](const ComponentName& on) { return on == other || depends(on, other); });
}

void PlatformModel::look_at_services(FailureModel& failure, Instant now) {
  States own;
  for (const auto& [name, state] : states()) {
    own[name] = failure.members.contains(name) ? state : ComponentState::ok;
  }
  failure.keeps_down.clear();
  for (const auto& [name, service] : platform_.services) {
    const ServiceState state = judge(name, own);
    if (state == ServiceState::down) {
      failure.keeps_down.insert(name);
      failure.not_back.insert(name);
      failure.kept_down.insert(name);
    }
    if (state == ServiceState::up || state == ServiceState::degraded) failure.not_back.erase(name);
  }
  // A service is down for everybody or for nobody: what one failure keeps down is down in fact.
  if (!failure.keeps_down.empty() && !failure.down_since) failure.down_since = now;
  if (failure.keeps_down.empty() && failure.down_since) {
    failure.down_before += now - *failure.down_since;
    failure.down_since.reset();
  }
  owe_banks(failure, now);
}

Duration PlatformModel::down(const FailureModel& failure, Instant now) const {
  return failure.down_before + (failure.down_since ? now - *failure.down_since : Duration{0});
}

void PlatformModel::classify(FailureModel& failure, Instant now) {
  if (failure.lead_saw) {
    // The lead's class stands until a further service goes down.
    for (const ServiceName& service : failure.keeps_down) {
      if (failure.lead_saw->contains(service)) continue;
      if (failure.lead_knew.contains(service))
        silence = "a service goes down again under the lead's class";
    }
    failure.lead_saw = failure.keeps_down;
    if (std::includes(failure.lead_knew.begin(), failure.lead_knew.end(),
                      failure.keeps_down.begin(), failure.keeps_down.end())) {
      return;
    }
    failure.lead_saw.reset();
    // "Judged again by the same rule": what went by before was judged by the lead. The contract does not say so in as many
    // words; docs/operating.md does.
    failure.down_before = Duration{0};
    if (failure.down_since) failure.down_since = now;
  }
  if (failure.classification == FailureClass::major) return;
  const bool is_new = failure.class_at.empty();
  if (failure.keeps_down.empty()) {
    if (failure.classification == FailureClass::incident) return;
    // What was down and cannot be seen is neither down nor back.
    if (!failure.not_back.empty()) {
      silence = "undetermined, and a service that was down cannot be seen";
      return;
    }
    become(failure, FailureClass::incident, now);
    return;
  }
  if (is_new || failure.classification == FailureClass::incident) {
    // "Judged again by the same rule": after a relapse the steps are tried again; whether they are
    // where it never was well in between, is not said.
    if (!failure.tried.empty() && !failure.recovered_at)
      silence = "judged again without a relapse: which steps are left";
    failure.tried.clear();
    failure.runs_from_before = failure.running.has_value();
    become(failure, FailureClass::undetermined, now);
  }
  if (down(failure, now) >= platform_.escalation.undetermined_at_most) {
    become(failure, FailureClass::major, now);
    return;
  }
  respond(failure, now);
}

void PlatformModel::respond(FailureModel& failure, Instant now) {
  if (failure.running || !failure.awaited.empty()) return;
  if (failure.runs_from_before) {
    silence = "a step ran from one judgement into the next: which of them it belongs to";
    return;
  }
  auto next_of = [&](const ComponentName& component) -> std::optional<RunningStep> {
    const std::vector<ResponseStep>& steps = platform_.components.at(component).primary_response;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const int number = static_cast<int>(i) + 1;
      if (failure.tried.contains({component, number})) continue;
      return RunningStep{component, number, steps[i].manual, now, now + steps[i].limit};
    }
    return {};
  };
  // The cause's first, then those of the other components that keep the service down.
  std::optional<RunningStep> next = next_of(failure.cause);
  if (!next) {
    for (const auto& [member, since] : failure.members) {
      const std::optional<RunningStep> other =
          keeps_down(member, failure) ? next_of(member) : std::nullopt;
      if (other && next) silence = "whose step comes first";
      if (other) next = other;
    }
  }
  if (!next) {
    become(failure, FailureClass::major, now);
    return;
  }
  failure.running = next;
  failure.tried.insert({next->component, next->number});
}

// It is down, and a service that is kept down needs it, directly or not.
bool PlatformModel::keeps_down(const ComponentName& component, const FailureModel& failure) const {
  if (state_of(component) != ComponentState::down) return false;
  return std::any_of(failure.keeps_down.begin(), failure.keeps_down.end(),
                     [&](const ServiceName& service) {
                       Need whole;
                       whole.kind = Need::Kind::service;
                       whole.name = service;
                       return needs(whole, component);
                     });
}

bool PlatformModel::needs(const Need& need, const ComponentName& component) const {
  if (need.kind == Need::Kind::component)
    return need.name == component || depends(need.name, component);
  const std::vector<Need>& of =
      need.kind == Need::Kind::service ? platform_.services.at(need.name).needs : need.of;
  return std::any_of(of.begin(), of.end(), [&](const Need& one) { return needs(one, component); });
}

void PlatformModel::step_ended(FailureId id, Instant now) {
  FailureModel& failure = failures_.at(id);
  if (failure.running) end_step(failure, now);
}

void PlatformModel::end_step(FailureModel& failure, Instant now) {
  failure.running.reset();
  for (const auto& [probe, seen] : probes_) {
    if (failure.members.contains(probe.component)) failure.awaited.insert(probe);
  }
  look(now);
}

void PlatformModel::recover(FailureModel& failure, Instant now) {
  if (is_well(failure)) {
    if (!failure.recovered_at) failure.recovered_at = now;
    // Whether an incident's step that could not go yet still goes then is not said.
    for (OwedNotice& notice : failure.owed)
      notice.may = notice.may || notice.kind == NoticeKind::failure_escalated;
    return;
  }
  if (!failure.recovered_at) return;
  for (const auto& [member, since] : failure.members) {
    if (state_of(member) == ComponentState::unknown)
      silence = "recovered, and cannot be seen any more";
  }
  failure.recovered_at.reset();
  failure.relapsed = true;
  if (failure.classification == FailureClass::incident) failure.tried.clear();
  if (failure.lead_saw) silence = "a relapse under the lead's class";
  for (const auto& [number, other] : failures_) {
    if (!other.is_open() || &other == &failure) continue;
    for (const auto& [one, at] : failure.members) {
      for (const auto& [two, since] : other.members) {
        if (depends(one, two) || depends(two, one))
          silence = "a relapse beside its cause or consequence";
      }
    }
  }
  // "An incident judged again": whether that is a new decision, from which its chain counts, is not
  // said where it stays one.
  if (failure.classification == FailureClass::incident) {
    failure.class_at.insert(now);
    for (PendingStep& pending : failure.pending)
      pending.may = true;
    start_chain(failure, platform_.escalation.incident, NoticeKind::failure_escalated, now, true);
  }
}

void PlatformModel::acknowledged(FailureId id, Instant now) {
  FailureModel& failure = failures_.at(id);
  if (failure.acknowledged_at || !failure.is_open()) return;
  failure.acknowledged_at = now;
  for (OwedNotice& notice : failure.owed) {
    if (notice.unless_acknowledged && !notice.dropped_at) notice.dropped_at = now;
  }
}

void PlatformModel::reclassified(FailureId id, FailureClass classification, Instant now) {
  FailureModel& failure = failures_.at(id);
  if (failure.running || !failure.awaited.empty()) silence = "reclassified while a step runs";
  if (failure.keeps_down != failure.not_back)
    silence = "reclassified while a service cannot be seen";
  failure.lead_saw = failure.lead_knew = failure.keeps_down;
  const bool lowered = failure.classification == FailureClass::major;
  become(failure, classification, now);
  if (!lowered) return;
  for (OwedNotice& notice : failure.owed) {
    // Before banks were told: the held notices are withdrawn. What the roles have not been sent yet
    // is not spoken of.
    if (is_bank(notice.kind) && !notice.dropped_at) notice.dropped_at = now;
    if (notice.kind == NoticeKind::major_declared) notice.may = true;
  }
  failure.bank_step.reset();
  failure.banks_owed.clear();
}

void PlatformModel::confirmed(FailureId id, Instant now) {
  close(failures_.at(id), now);
}

void PlatformModel::close(FailureModel& failure, Instant now) {
  failure.closed_at = now;
  failure.keeps_down.clear();
  // After closing only what is owed goes out; what was held by then, and for whom, is not said.
  failure.pending.clear();
  for (OwedNotice& notice : failure.owed)
    notice.may = true;
}

void PlatformModel::become(FailureModel& failure, FailureClass classification, Instant now) {
  failure.classification = classification;
  failure.class_at = {now};
  const bool starts_chain = classification != FailureClass::undetermined;
  if (!starts_chain) {
    // What the incident's chain does meanwhile is not said.
    for (PendingStep& pending : failure.pending)
      pending.may = true;
    for (OwedNotice& notice : failure.owed)
      notice.may = notice.may || notice.kind == NoticeKind::failure_escalated;
    return;
  }
  failure.pending.clear();
  const bool is_major = classification == FailureClass::major;
  const NoticeKind kind = is_major ? NoticeKind::major_declared : NoticeKind::failure_escalated;
  start_chain(failure, is_major ? platform_.escalation.major : platform_.escalation.incident, kind,
              now, false);
  for (OwedNotice& notice : failure.owed) {
    if (is_major && notice.kind == NoticeKind::failure_escalated) notice.may = true;
  }
}

// ---- Chain ----

void PlatformModel::start_chain(FailureModel& failure, const std::vector<ChainStep>& steps,
                                NoticeKind kind, Instant now, bool may) {
  for (const ChainStep& step : steps)
    failure.pending.push_back({step, kind, now + step.after, may});
}

void PlatformModel::fall_due(FailureModel& failure, const PendingStep& pending, Instant now) {
  if (pending.step.unless_acknowledged && failure.acknowledged_at) return;
  for (const Audience& to : pending.step.to) {
    switch (to.kind) {
      case Audience::Kind::owner:
        owe(failure, pending, std::string(name_of(platform_.components.at(failure.cause).owner)),
            now);
        break;
      case Audience::Kind::role:
        owe(failure, pending, std::string(name_of(to.role)), now);
        break;
      case Audience::Kind::banks:
        failure.bank_step = pending.step;
        owe_banks(failure, now);
        break;
    }
  }
}

void PlatformModel::owe(FailureModel& failure, const PendingStep& pending,
                        const std::string& audience, Instant now) {
  OwedNotice notice;
  notice.kind = pending.kind;
  notice.audience = audience;
  notice.due = now;
  notice.not_before = not_before(pending.step, pending.kind, now);
  notice.unless_acknowledged = pending.step.unless_acknowledged;
  // Whether a chain goes on once probes are well again is not said.
  notice.may =
      pending.may || (failure.recovered_at && pending.kind != NoticeKind::failure_detected);
  // It replaces what the incident's chain has not sent to the same audience.
  if (notice.kind == NoticeKind::major_declared && !notice.may) {
    for (OwedNotice& before : failure.owed) {
      if (before.kind == NoticeKind::failure_escalated && before.audience == audience &&
          !before.dropped_at) {
        before.dropped_at = now;
      }
    }
  }
  failure.owed.push_back(notice);
}

void PlatformModel::owe_banks(FailureModel& failure, Instant now) {
  if (!failure.bank_step || failure.classification != FailureClass::major) return;
  for (const auto& [name, bank] : platform_.banks) {
    const auto& kept = failure.kept_down;
    const auto& services = bank.services;
    const bool affected = std::any_of(kept.begin(), kept.end(),
                                      [&](const auto& one) { return services.contains(one); });
    if (!affected || !failure.banks_owed.insert(name).second) continue;
    OwedNotice notice;
    notice.kind = NoticeKind::bank_first;
    notice.audience = "bank:" + name;
    notice.due = now;
    notice.not_before = not_before(*failure.bank_step, notice.kind, now);
    failure.owed.push_back(notice);
  }
}

std::set<Instant> PlatformModel::not_before(const ChainStep& step, NoticeKind kind,
                                            Instant due) const {
  if (!step.window) return {due};
  const Window& window = platform_.windows.at(*step.window);
  const WindowModel model{window.parts(), window.except(), platform_.zone, calendar_};
  std::set<Instant> found;
  const Duration timeout = platform_.mail.attempt_timeout;
  if (auto at = model.next_open(due, timeout)) found.insert(*at);
  // Of mail to banks it is said that no attempt begins later than its own timeout before the
  // closing.
  if (auto at = model.next_open(due, 0s); at && kind != NoticeKind::bank_first) found.insert(*at);
  return found;
}

// ---- Time ----

// The time may have passed while it was a major one.
Instant PlatformModel::closes_by_itself(const FailureModel& failure) const {
  const Instant closes = *failure.recovered_at + platform_.escalation.auto_close;
  const Instant decided = *failure.class_at.begin();
  return decided < closes ? closes : decided + platform_.escalation.auto_close;
}

std::optional<Instant> PlatformModel::next_deadline(const FailureModel& failure) const {
  std::optional<Instant> next;
  auto at = [&](Instant when) { next = next ? std::min(*next, when) : when; };
  if (!failure.is_open()) return next;
  if (failure.running) at(failure.running->deadline);
  if (failure.classification == FailureClass::undetermined && failure.down_since) {
    at(*failure.down_since + (platform_.escalation.undetermined_at_most - failure.down_before));
  }
  if (failure.classification == FailureClass::incident && failure.recovered_at) {
    at(closes_by_itself(failure));
  }
  for (const PendingStep& pending : failure.pending)
    at(pending.due);
  return next;
}

void PlatformModel::time_passes(Instant now, bool included) {
  while (silence.empty()) {
    FailureModel* first = nullptr;
    std::optional<Instant> next;
    for (auto& [number, failure] : failures_) {
      const std::optional<Instant> deadline = next_deadline(failure);
      if (deadline && (!next || *deadline < *next)) {
        next = deadline;
        first = &failure;
      }
    }
    if (!next || *next > now || (*next == now && !included)) return;
    FailureModel& failure = *first;
    const auto pending = std::find_if(failure.pending.begin(), failure.pending.end(),
                                      [&](const PendingStep& one) { return one.due == *next; });
    if (pending != failure.pending.end()) {
      const PendingStep due = *pending;
      failure.pending.erase(pending);
      fall_due(failure, due, *next);
    } else if (failure.running && failure.running->deadline == *next) {
      end_step(failure, *next);
    } else if (failure.classification == FailureClass::incident && failure.recovered_at &&
               closes_by_itself(failure) == *next) {
      close(failure, *next);
    } else {
      look(*next);
    }
  }
}

}  // namespace yagura::reference
