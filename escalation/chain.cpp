// The chain: who is told next, and when; and what is brought to mind when nobody reacts.
#include <fmt/format.h>

#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

bool goes_to_banks(const ChainStep& step) {
  for (const Audience& audience : step.to) {
    if (audience.kind == Audience::Kind::banks) return true;
  }
  return false;
}

// A chain that begins with whom the chain `detected` has begun with, as that of security probes does.
bool is_being_told(const Turn& turn, FailureId id, NoticeKind kind, Role role) {
  if (kind != NoticeKind::failure_escalated || !turn.failure(id).security) return false;
  const auto unsent = turn.unsent_of(id);
  return std::any_of(unsent.begin(), unsent.end(), [&](NoticeId one) {
    const Notice& notice = turn.notice(one);
    return notice.kind == NoticeKind::failure_detected && notice.audience == name_of(role) && notice.created_at == turn.now;
  });
}

void take_step(Turn& turn, FailureId id, const ChainStep& step, NoticeKind kind, const std::string& name) {
  std::set<Role> told;
  for (const Audience& audience : step.to) {
    Role role = audience.role;
    switch (audience.kind) {
      case Audience::Kind::banks:
        turn.edit(id).bank_window = step.window.value_or("bank_mail");
        turn.fact("chain.banks", id, {{"step", name}});
        continue;
      case Audience::Kind::owner: role = turn.failure(id).owner; break;
      case Audience::Kind::role: break;
    }
    if (!told.insert(role).second) continue;
    // It has heard that it was detected, in this very turn.
    if (is_being_told(turn, id, kind, role)) continue;
    turn.queue_for(role, {kind, {}, id, name, {}, {}, step.window.value_or(""),
                          step.unless_acknowledged});
  }
}

void walk(Turn& turn, FailureId id, std::string_view chain_name, const std::vector<ChainStep>& steps,
          ChainProgress Failure::*progress, NoticeKind kind) {
  int index = -1;
  for (const ChainStep& step : steps) {
    ++index;
    const Failure& failure = turn.failure(id);
    const ChainProgress& done = failure.*progress;
    if (done.done.contains(index)) continue;
    bool banks = goes_to_banks(step);
    Instant due = done.base + step.after;
    // What banks are owed does not lapse when the failure closes before its time, and no acknowledgement drops it.
    bool closed = !failure.is_open();
    if (closed && !banks) continue;
    if (turn.now < due && !closed) {
      turn.wake_at(due);
      continue;
    }
    std::string name = step_name(chain_name, index, step);
    (turn.edit(id).*progress).done.insert(index);
    if (step.unless_acknowledged && failure.acknowledged && !banks) {
      turn.fact("chain.dropped", id, {{"step", name}, {"why", "acknowledged"}});
      continue;
    }
    take_step(turn, id, step, kind, name);
  }
}

void queue_reminder(Turn& turn, FailureId id, const std::string& topic, const std::string& reason) {
  const Failure& failure = turn.failure(id);
  std::set<Role> to = failure.reached;
  if (to.empty()) to.insert(failure.owner);
  for (Role role : to) {
    std::string audience(name_of(role));
    turn.withdraw_where(id, "a newer reminder takes its place", [&](const Notice& notice) {
      return notice.kind == NoticeKind::failure_reminder && notice.audience == audience;
    });
    // Of incidents only in response hours, also after a backlog.
    std::string window = failure.classification == FailureClass::incident ? "response_hours" : "";
    turn.queue({NoticeKind::failure_reminder, audience, id, reason, topic, {}, window});
  }
}

std::optional<Instant> response_hours(const Turn& turn, Instant from) {
  return turn.platform.window("response_hours").next_open(from, turn.platform.context());
}

}  // namespace

std::string step_name(std::string_view chain, int index, const ChainStep& step) {
  std::string name = fmt::format("chain {}, step {}", chain, index + 1);
  if (step.after > Duration{0}) name += ", after " + format_duration(step.after);
  if (step.unless_acknowledged) name += ", unless acknowledged";
  if (step.window) name += ", in window " + *step.window;
  return name;
}

void walk_chain(Turn& turn, FailureId id) {
  const Failure& failure = turn.failure(id);
  const Escalation& rules = turn.platform.escalation;
  if (failure.closing == Closing::joined || !may_decide(turn, failure)) return;
  if (failure.is_open() && !failure.recovered_at) {
    walk(turn, id, "detected", rules.detected, &Failure::detected_chain, NoticeKind::failure_detected);
  }
  switch (failure.classification) {
    case FailureClass::undetermined: break;
    case FailureClass::incident:
      // A recovered incident asks for nobody; should it relapse, the chain goes on.
      if (failure.is_open() && !failure.recovered_at) {
        const IncidentChain chain = incident_chain_of(rules, failure);
        walk(turn, id, chain.name, chain.steps, &Failure::incident_chain, NoticeKind::failure_escalated);
      }
      break;
    case FailureClass::major:
      walk(turn, id, "major", rules.major, &Failure::major_chain, NoticeKind::major_declared);
      break;
  }
}

void remind(Turn& turn, FailureId id) {
  const Escalation& rules = turn.platform.escalation;
  const Failure& seen = turn.failure(id);
  if (!seen.is_open() || !may_decide(turn, seen)) return;
  const bool major = seen.classification == FailureClass::major;
  const bool incident = seen.classification == FailureClass::incident;

  if (seen.recovered_at) {
    if (!seen.unconfirmed_at) {
      Date next = turn.platform.zone.date_of(*seen.recovered_at) + std::chrono::days{1};
      turn.edit(id).unconfirmed_at = response_hours(turn, turn.platform.zone.midnight(next));
    }
    if (!seen.unconfirmed_at) return;
    if (turn.now >= *seen.unconfirmed_at) {
      queue_reminder(turn, id, "unconfirmed", "recovered, and nobody has confirmed it");
      Date next = turn.platform.zone.date_of(turn.now) + std::chrono::days{1};
      turn.edit(id).unconfirmed_at = response_hours(turn, turn.platform.zone.midnight(next));
    }
    if (seen.unconfirmed_at) turn.wake_at(*seen.unconfirmed_at);
    return;
  }

  if (!seen.acknowledged && rules.remind_every) {
    if (!seen.remind_at) turn.edit(id).remind_at = std::max(seen.class_at, seen.failing_since) + *rules.remind_every;
    if (incident) {
      // Incidents wait for response hours (F7).
      if (auto opens = response_hours(turn, *seen.remind_at); opens && *opens != *seen.remind_at) {
        turn.edit(id).remind_at = *opens;
      }
    }
  } else if (seen.remind_at) {
    turn.edit(id).remind_at.reset();
  }
  if (major && !seen.report_due_at) {
    Instant from = seen.reports.empty() ? seen.class_at
                                        : std::max(seen.class_at, seen.reports.back().at);
    if (!seen.relapses.empty()) from = std::max(from, seen.relapses.back());
    turn.edit(id).report_due_at = from + rules.report_due;
  }

  bool unacknowledged = seen.remind_at && turn.now >= *seen.remind_at;
  bool overdue = major && seen.report_due_at && turn.now >= *seen.report_due_at;
  if (unacknowledged || overdue) {
    std::string topic = unacknowledged ? (overdue ? "unacknowledged,report_overdue" : "unacknowledged")
                                       : "report_overdue";
    std::string reason;
    if (unacknowledged) reason = "not acknowledged yet";
    if (overdue) {
      reason += std::string(reason.empty() ? "" : "; ") + "no progress report for " +
                format_duration(rules.report_due);
    }
    queue_reminder(turn, id, topic, reason);
    Failure& failure = turn.edit(id);
    if (unacknowledged) {
      failure.remind_at = turn.now + *rules.remind_every;
      if (incident) {
        if (auto opens = response_hours(turn, *failure.remind_at)) failure.remind_at = *opens;
      }
    }
    if (overdue) failure.report_due_at = turn.now + rules.report_due;
  }
  if (seen.remind_at) turn.wake_at(*seen.remind_at);
  if (seen.report_due_at) turn.wake_at(*seen.report_due_at);
}

void widen_within_role(Turn& turn, FailureId id) {
  const Failure& failure = turn.failure(id);
  if (!failure.is_open() || failure.acknowledged || failure.recovered_at || !may_decide(turn, failure)) return;
  const bool incident = failure.classification == FailureClass::incident;
  std::vector<std::pair<std::string, Duration>> due;
  for (const auto& [name, reached] : failure.reached_at) {
    auto role = role_named(name);
    auto roster = role ? turn.platform.duty.find(*role) : turn.platform.duty.end();
    if (roster == turn.platform.duty.end() || !roster->second.escalate_within || failure.widened.contains(name)) continue;
    std::optional<Instant> at = reached + *roster->second.escalate_within;
    if (incident) at = response_hours(turn, *at);  // Who is off duty is not woken for it (F7).
    if (!at) continue;
    if (turn.now < *at) {
      turn.wake_at(*at);
    } else {
      due.emplace_back(name, *roster->second.escalate_within);
    }
  }
  const bool major = failure.classification == FailureClass::major;
  for (const auto& [name, after] : due) {
    turn.edit(id).widened.insert(name);
    turn.queue({major ? NoticeKind::major_declared : NoticeKind::failure_escalated, name + std::string(others_of_role), id,
                fmt::format("not acknowledged by who is on duty for {}", format_duration(after)), {}, {},
                incident ? "response_hours" : "", true});
  }
}

// A class that cannot be decided, because what decides it cannot be seen, is the lead's to decide.
void tell_undecided(Turn& turn, FailureId id) {
  const Failure& seen = turn.failure(id);
  if (!seen.is_open() || seen.classification != FailureClass::undetermined || seen.undecided_told) return;
  if (seen.keeps_down.empty() || seen.down_since || !may_decide(turn, seen)) return;
  Instant due = std::max(seen.waits_from_class(), seen.failing_since) + turn.platform.escalation.undetermined_at_most;
  if (turn.now < due) {
    turn.wake_at(due);
    return;
  }
  turn.edit(id).undecided_told = true;
  std::set<std::string> probes;
  for (const auto& [name, since] : seen.members) {
    for (const auto& [probe, health] : turn.health(name).probes) {
      if (health.verdict == Verdict::unknown) probes.insert(name + "/" + probe);
    }
  }
  turn.queue_for(Role::system_lead, {NoticeKind::lead_attention, {}, id,
                                     "the class cannot be decided: what decides it cannot be seen", "undecided",
                                     {{"services", join(seen.keeps_down)}, {"probes", join(probes)}}});
}

void tell_blind_probes(Turn& turn, const ComponentName& name) {
  auto known = turn.platform.components.find(name);
  if (known == turn.platform.components.end()) return;
  const Component& component = known->second;
  const ComponentHealth& health = turn.health(name);
  for (const ProbeSpec& spec : component.probes) {
    auto found = health.probes.find(spec.name);
    if (found == health.probes.end() || found->second.verdict != Verdict::unknown || found->second.blind_told) {
      continue;
    }
    // That all of them are is told once (cut_off.cpp); after it each has its time to be seen again.
    if (is_cut_off(turn) && spec.remote) continue;
    Instant from = found->second.waits_from();
    if (spec.remote && turn.live.cut_off.ended_at) from = std::max(from, *turn.live.cut_off.ended_at);
    Instant due = from + turn.platform.escalation.blind_after;
    if (turn.now < due) {
      turn.wake_at(due);
      continue;
    }
    turn.edit_component(name).probes[spec.name].blind_told = true;
    turn.queue_for(component.owner,
                   {NoticeKind::monitoring_blind, {}, 0,
                    "unknown for " + format_duration(turn.platform.escalation.blind_after), {},
                    {{"component", name},
                     {"probe", spec.name},
                     {"since", turn.time(found->second.since)},
                     {"reason", found->second.reason}}});
  }
}

void tell_of_monitoring(Turn& turn, const std::string& fact, const std::string& topic, const std::string& reason,
                        const Turn::Details& details) {
  turn.fact(fact, 0, details);
  turn.queue_for(Role::infra_ops, {NoticeKind::monitoring_blind, {}, 0, reason, topic, details});
  turn.queue_for(Role::system_lead, {NoticeKind::lead_attention, {}, 0, reason, topic, details});
}

void warn_of_calendar(Turn& turn) {
  Date in_a_year = turn.platform.zone.date_of(turn.now) + std::chrono::days{365};
  int year = year_of(in_a_year);
  if (turn.platform.calendar.covers(in_a_year) || turn.state().core.calendar_told == year) return;
  turn.edit_core().calendar_told = year;
  turn.queue_for(Role::system_lead, {NoticeKind::lead_attention, {}, 0,
                                     "the calendar ends within a year", "calendar",
                                     {{"year", std::to_string(year)}}});
}

}  // namespace yagura
