// Opening and joining (INTERFACE.md §3): a component that turns bad joins the failure of the deepest bad component that it
// depends on, takes over the failures of what depends on it, or opens one of its own.
#include <fmt/format.h>

#include <algorithm>

#include "rules.hpp"
#include "text.hpp"

namespace yagura {

namespace {

std::string title_of(const Turn& turn, const ComponentName& cause) {
  std::string reason = component_reason(turn, cause);
  return reason.empty() ? cause : cause + " — " + reason;
}

void add_member(Turn& turn, FailureId id, const ComponentName& component, const std::string& why) {
  if (!turn.add_member(id, component, turn.now)) return;
  turn.fact("failure.component", id, {{"component", component}, {"why", why}});
}

// Rule 1: the failure, other than `own`, of the deepest bad component that this one depends on; 0: none.
FailureId failure_of_dependency(const Turn& turn, const ComponentName& component, FailureId own,
                                ComponentName& deepest) {
  FailureId into = 0;
  int depth = 0;
  for (const auto& [name, distance] : turn.topology.dependencies(component)) {
    if (distance <= depth) continue;
    FailureId found = turn.failure_of(name);
    if (found == 0 || found == own) continue;
    // One that failed and cannot be seen now, or that a person reported, is not well either.
    const Failure& failure = turn.failure(found);
    bool not_well = !failure.recovered_at && (effective_state(turn, name) != ComponentState::ok ||
                                              failure.awaits_recover);
    if (is_bad(turn, name) || not_well) {
      into = found;
      depth = distance;
      deepest = name;
    }
  }
  return into;
}

// Rule 2: open failures, not recovered, whose cause depends on this component, begun within `correlate`.
std::set<FailureId> consequences_of(const Turn& turn, const ComponentName& component) {
  std::set<FailureId> found;
  auto consider = [&](FailureId id) {
    const Failure& failure = turn.failure(id);
    if (failure.recovered_at) return;
    if (turn.now - failure.waits_from_cause() <= turn.platform.escalation.correlate) found.insert(id);
  };
  for (const ComponentName& dependent : turn.topology.dependents(component)) {
    auto caused = turn.live.index.by_cause.find(dependent);
    if (caused == turn.live.index.by_cause.end()) continue;
    for (FailureId id : caused->second) consider(id);
  }
  return found;
}

int to_banks(const std::vector<ProgressReport>& reports) {
  return static_cast<int>(
      std::count_if(reports.begin(), reports.end(), [](const auto& report) { return report.to_banks; }));
}

// How much a bank has been told. What was corrected is over for it: one that goes on has more to say.
int weight(const BankThread& thread) {
  switch (thread.told) {
    case Told::nothing: return 0;
    case Told::first: return 2;
    case Told::ended: return thread.corrected ? 1 : 3;
  }
  return 0;
}

// Reports, relapses and what each bank has heard of them move along: the most that a bank was told counts. What it
// has not been told of its own failure is still to be told; what it never heard of the other one is no news to it.
void join_what_was_told(const Failure& from, Failure& into) {
  auto unseen = [](const Failure& failure, const BankThread& thread) {
    return to_banks(failure.reports) - thread.reports_told;
  };
  std::map<BankName, int> left;
  for (const auto& [bank, thread] : into.banks) left[bank] = unseen(into, thread);
  for (const auto& [bank, thread] : from.banks) {
    auto [entry, fresh] = into.banks.try_emplace(bank, thread);
    BankThread& kept = entry->second;
    if (fresh || weight(thread) > weight(kept)) left[bank] = unseen(from, thread);
    if (fresh) continue;
    bool affected = kept.affected || thread.affected, added = kept.added || thread.added;
    if (weight(thread) > weight(kept)) kept = thread;
    kept.affected = affected;
    kept.added = added;
  }
  into.reports.insert(into.reports.end(), from.reports.begin(), from.reports.end());
  std::stable_sort(into.reports.begin(), into.reports.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  into.relapses.insert(into.relapses.end(), from.relapses.begin(), from.relapses.end());
  std::sort(into.relapses.begin(), into.relapses.end());
  for (auto& [bank, thread] : into.banks) {
    thread.reports_told = to_banks(into.reports) - left[bank];
  }
  for (const auto& [service, at] : from.down_again) {
    Instant& kept = into.down_again.try_emplace(service, at).first->second;
    kept = std::max(kept, at);
  }
}

// `from` ends by joining `into`.
void merge(Turn& turn, FailureId from_id, FailureId into_id, const std::string& why) {
  Failure& from = turn.edit(from_id);
  Failure& into = turn.edit(into_id);
  for (const auto& [name, since] : from.members) turn.add_member(into_id, name, since);
  into.reported_services.insert(from.reported_services.begin(), from.reported_services.end());
  into.awaits_recover = into.awaits_recover || from.awaits_recover;
  into.from_desk = into.from_desk || from.from_desk;
  if (into.report_text.empty()) {
    into.report_text = from.report_text;
    into.reported_by = from.reported_by;
  }
  join_what_was_told(from, into);
  into.reached.insert(from.reached.begin(), from.reached.end());
  for (const auto& [role, at] : from.reached_at) {
    Instant& first = into.reached_at.try_emplace(role, at).first->second;
    first = std::min(first, at);
  }
  into.widened.insert(from.widened.begin(), from.widened.end());
  for (const auto& [service, since] : from.kept_down) {
    auto [known, fresh] = into.kept_down.try_emplace(service, since);
    if (!fresh) known->second = std::min(known->second, since);
  }
  into.keeps_down.insert(from.keeps_down.begin(), from.keeps_down.end());
  into.touched.insert(from.touched.begin(), from.touched.end());
  into.proposed.insert(from.proposed.begin(), from.proposed.end());
  into.down_before = std::max(into.down_before, from.down_before);
  if (from.down_since) {
    into.down_since = into.down_since ? std::min(*into.down_since, *from.down_since) : *from.down_since;
  }
  into.failing_since = std::min(into.failing_since, from.failing_since);
  if (!into.acknowledged) into.acknowledged = from.acknowledged;
  into.services_unseen.insert(from.services_unseen.begin(), from.services_unseen.end());
  // Steps that ran are not run again; a running one goes on under the older number, its result last.
  bool running = into.running_step() != nullptr;
  for (const StepRun& step : from.steps) {
    StepRun moved = step;
    if (moved.result == StepResult::running) {
      if (running) {
        // Two at once there are not: it is run again when its turn comes.
        if (!moved.manual) turn.effect(StopStep{from_id, moved.component, moved.step});
        turn.fact("response.ended", from_id,
                  {{"component", moved.component}, {"step", std::to_string(moved.step)},
                   {"result", "interrupted"}, {"output", "its failure joined another"}});
        continue;
      }
      into.steps.push_back(moved);
      running = true;
    } else {
      into.steps.insert(running ? into.steps.end() - 1 : into.steps.end(), moved);
    }
  }
  into.settling = into.settling || from.settling;
  if (into.bank_window.empty()) into.bank_window = from.bank_window;
  ++into.bank_version;
  bool was_major = from.classification == FailureClass::major &&
                   into.classification != FailureClass::major;
  ClassRule rule = from.class_rule;
  std::string detail = from.class_detail, by = from.class_by;
  std::set<ServiceName> class_services = from.class_services;
  ChainProgress chain = from.major_chain;
  auto report_due = from.report_due_at;

  if (from.detected_chain.done.empty() && !from.cause.empty()) {
    // It opened in this very turn: its owner has to know of the component all the same.
    turn.queue_for(from.owner, {NoticeKind::failure_detected, {}, from_id,
                                "opened, and joined failure " + std::to_string(into_id) + " at once"});
  }
  // Looked up before they lie among those of the other, of which there may be thousands.
  const std::vector<NoticeId> unsent = turn.unsent_of(from_id);
  from.closed_at = turn.now;
  from.closing = Closing::joined;
  from.joined_into = into_id;
  from.settling = false;
  if (auto asked = turn.live.confirming.find(from_id); asked != turn.live.confirming.end()) {
    turn.effect(Answer{asked->second.command, false,
                       fmt::format("failure {} joined failure {}: confirm that one", from_id, into_id), into_id});
    turn.live.confirming.erase(asked);
  }
  turn.index_join(from_id, into_id);
  turn.services_changed(from);
  turn.fact("failure.joined", from_id, {{"into", std::to_string(into_id)}, {"why", why}});
  turn.withdraw_those(unsent, fmt::format("failure {} joined failure {}", from_id, into_id), [](const Notice& notice) {
    return is_bank(notice.kind) || notice.kind == NoticeKind::failure_reminder;
  });
  if (was_major) {
    // The gravest class counts. What its chain has done is not done twice.
    decide_class(turn, into_id, FailureClass::major, rule, detail, by);
    Failure& now_major = turn.edit(into_id);
    now_major.class_services = class_services;
    now_major.major_chain = chain;
    now_major.report_due_at = report_due;
  }
}

void open(Turn& turn, const ComponentName& cause) {
  Failure& made = turn.add_failure();
  made.cause = cause;
  made.owner = turn.platform.components.at(cause).owner;
  turn.add_member(made.id, cause, turn.now);
  turn.index_failure(made.id);
  made.title = title_of(turn, cause);
  made.detected_chain.base = turn.now;
  turn.fact("failure.opened", made.id, with_outside(turn, made, {{"title", made.title}, {"cause", cause},
                                                                 {"owner", std::string(name_of(made.owner))}}));
}

// `own`: the failure that the component belongs to already and that has just relapsed; 0: none yet.
void open_or_join(Turn& turn, const ComponentName& component, FailureId own) {
  ComponentName deepest;
  const FailureId dependency = failure_of_dependency(turn, component, own, deepest);
  std::set<FailureId> related = consequences_of(turn, component);
  if (dependency != 0) related.insert(dependency);
  if (own != 0) related.insert(own);
  if (related.empty()) {
    open(turn, component);
    return;
  }
  const FailureId oldest = *related.begin();
  if (dependency != 0 && turn.failure(dependency).cause.empty()) set_cause(turn, dependency, deepest);
  const ComponentName cause = dependency != 0 ? turn.failure(dependency).cause
                              : own != 0      ? turn.failure(own).cause
                                              : component;
  for (FailureId id : related) {
    if (id != oldest) merge(turn, id, oldest, "found to have the cause " + cause);
  }
  add_member(turn, oldest, component,
             dependency != 0 ? "depends on " + deepest : "found to be the cause");
  if (!cause.empty()) set_cause(turn, oldest, cause);
}

}  // namespace

Turn::Details with_outside(const Turn& turn, const Failure& failure, Turn::Details details) {
  if (is_caused_outside(turn.platform, failure)) details["outside"] = "true";
  return details;
}

void set_cause(Turn& turn, FailureId id, const ComponentName& cause) {
  if (turn.failure(id).cause == cause) return;
  Failure& failure = turn.edit(id);
  ComponentName before = failure.cause;
  failure.cause = cause;
  failure.moved.cause_since.reset();
  turn.index_failure(id);
  failure.title = title_of(turn, cause);
  Role owner = turn.platform.components.at(cause).owner;
  turn.fact("failure.cause", id,
            with_outside(turn, failure, {{"cause", cause}, {"before", before}, {"owner", std::string(name_of(owner))}}));
  if (owner == failure.owner) return;
  failure.owner = owner;
  turn.queue_for(owner, {NoticeKind::failure_detected, {}, id,
                         "the cause is " + cause + ": its owner takes over", "owner"});
}

void open_and_join(Turn& turn) {
  std::vector<ComponentName> loose(turn.live.index.loose.begin(), turn.live.index.loose.end());
  // Those depended on before those that depend on them.
  std::sort(loose.begin(), loose.end(), [&](const ComponentName& a, const ComponentName& b) {
    return turn.topology.place(a) < turn.topology.place(b);
  });
  for (const ComponentName& component : loose) {
    if (!is_bad(turn, component) || is_quiet(turn, component)) continue;
    // After a stop or a start it is judged once, when all that failed before was looked at again.
    if (auto fresh = turn.live.fresh_from.find(component);
        fresh != turn.live.fresh_from.end() && !is_seen_since(turn, component, fresh->second, false)) {
      continue;
    }
    if (turn.failure_of(component) == 0) open_or_join(turn, component, 0);
  }
}

namespace {

bool counts_for_services(const Turn& turn, FailureId id) {
  return !turn.failure(id).recovered_at && may_decide(turn, turn.failure(id));
}

// What failures keep down together is asked again for services near which something changed.
std::vector<ServiceName> services_to_look_at(Turn& turn) {
  for (FailureId id : turn.open_to_look_at()) {
    const Failure& failure = turn.failure(id);
    if (turn.live.restarted_at && id <= turn.live.last_before_restart) {
      const bool decides = may_decide(turn, failure);
      if (decides != turn.live.deciding.contains(id)) turn.services_changed(failure);
      if (decides) {
        turn.live.deciding.insert(id);
      } else {
        turn.live.deciding.erase(id);
      }
    }
    if (counts_for_services(turn, id)) keeping_of(turn, id);
  }
  return turn.live.services.looked_at();
}

// Open failures that have to do with the service, oldest first.
std::vector<FailureId> failures_near(const Turn& turn, const ServiceName& service) {
  std::set<FailureId> near;
  for (const ComponentName& component : turn.topology.components_of(service)) {
    if (FailureId of = turn.failure_of(component); of != 0) near.insert(of);
  }
  for (const auto& [id, reported] : turn.live.index.reported) {
    for (const ServiceName& one : reported) {
      if (turn.topology.built_on(one).contains(service)) near.insert(id);
    }
  }
  std::erase_if(near, [&](FailureId id) { return !counts_for_services(turn, id); });
  return {near.begin(), near.end()};
}

}  // namespace

void merge_what_keeps_a_service_down_together(Turn& turn) {
  for (const ServiceName& service : services_to_look_at(turn)) {
    if (turn.live.stopped.contains(service)) continue;
    const std::set<FailureId>& keepers = turn.live.kept_surely[service];
    auto counts = [&](FailureId id) { return counts_for_services(turn, id); };
    if (std::any_of(keepers.begin(), keepers.end(), counts)) continue;
    std::vector<FailureId> together = failures_near(turn, service);
    if (together.size() < 2 || !keep_down_together(turn, together, service)) continue;
    // The smallest set that does it: whoever can be left out is, the oldest first.
    for (std::size_t i = 0; i < together.size();) {
      std::vector<FailureId> without = together;
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
      if (keep_down_together(turn, without, service)) {
        together = std::move(without);
      } else {
        ++i;
      }
    }
    for (std::size_t i = 1; i < together.size(); ++i) {
      merge(turn, together[i], together[0], "together they keep " + service + " down");
    }
    if (turn.failure(together[0]).is_open()) keeping_of(turn, together[0]);
  }
}

void fall_back(Turn& turn, FailureId id, const std::string& what, const std::string& reason) {
  Failure& failure = turn.edit(id);
  failure.undecided_told = false;
  failure.steps_judged = static_cast<int>(std::ssize(failure.steps));
  failure.recovered_at.reset();
  failure.moved.recovered_at.reset();
  turn.services_changed(failure);
  failure.relapses.push_back(turn.now);
  failure.failing_since = turn.now;
  failure.unconfirmed_at.reset();
  failure.incident_chain.done.clear();
  failure.incident_chain.base = turn.now;
  failure.remind_at.reset();
  failure.report_due_at.reset();
  ++failure.bank_version;
  turn.fact("failure.relapsed", id,
            {{"component", what}, {"reason", reason}});
  std::string why = "relapsed: " + what + " fails again";
  if (is_flapping(turn.platform, failure)) {
    why += fmt::format("; it flaps, and recovers only when all has been well for {}",
                       format_duration(turn.platform.escalation.flapping->within));
  }
  if (turn.live.confirming.contains(id)) {
    turn.effect(Answer{turn.live.confirming.at(id).command, false,
                       fmt::format("failure {} fails again: {}", id, what), id});
    turn.live.confirming.erase(id);
  }
  turn.withdraw_where(id, "the failure relapsed", [](const Notice& notice) {
    return notice.kind == NoticeKind::failure_recovered ||
           notice.kind == NoticeKind::failure_reminder;
  });
  turn.queue_for(failure.owner, {NoticeKind::failure_detected, {}, id, why, "relapsed"});
  if (failure.classification == FailureClass::major && failure.owner != Role::system_lead) {
    turn.queue_for(Role::system_lead, {NoticeKind::lead_attention, {}, id,
                                       "a major failure relapsed", "relapsed"});
  }
}

void relapse(Turn& turn) {
  for (FailureId id : turn.open_to_look_at()) {
    if (!turn.failure(id).is_open()) continue;  // Joined another in this loop.
    if (!turn.failure(id).recovered_at || !may_decide(turn, turn.failure(id))) continue;
    const Failure& seen = turn.failure(id);
    auto failing = std::find_if(seen.members.begin(), seen.members.end(), [&](const auto& member) {
      return turn.platform.components.contains(member.first) && is_bad(turn, member.first) &&
             !is_quiet(turn, member.first);
    });
    if (failing == seen.members.end()) continue;
    const ComponentName component = failing->first;
    fall_back(turn, id, component, component_reason(turn, component));
    open_or_join(turn, component, id);
  }
}

}  // namespace yagura
