// Recovery, its confirmation (F6), and closing.
#include <fmt/format.h>

#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

// The lead has looked: what the job probes of the failure said last does not count any more.
void accept_jobs(Turn& turn, FailureId id, const PersonName& by) {
  for (const auto& [name, since] : std::map(turn.failure(id).members)) {
    auto component = turn.platform.components.find(name);
    if (component == turn.platform.components.end()) continue;
    for (const ProbeSpec& spec : component->second.probes) {
      auto known = turn.health(name).probes.find(spec.name);
      if (!spec.is_job() || known == turn.health(name).probes.end()) continue;
      if (known->second.verdict == Verdict::ok || known->second.verdict == Verdict::warning) continue;
      ProbeHealth& probe = turn.edit_component(name).probes[spec.name];
      turn.fact("probe.turned", id,
                {{"component", name},
                 {"probe", spec.name},
                 {"from", std::string(name_of(probe.verdict))},
                 {"to", "ok"},
                 {"reason", "accepted by " + by}},
                by);
      probe = ProbeHealth{};
      probe.since = turn.now;
      probe.reason = "accepted by " + by;
      turn.component_changed(name);
    }
  }
}

constexpr std::size_t most_checked = 100;

// What was looked at, for whoever reads the result.
void keep_what_was_checked(Turn& turn, FailureId id) {
  std::vector<CheckedProbe> checked;
  std::string text;
  for (const ComponentName& name : looked_at(turn, turn.failure(id))) {
    auto component = turn.platform.components.find(name);
    if (component == turn.platform.components.end()) continue;
    const ComponentHealth& health = turn.health(name);
    for (const ProbeSpec& spec : component->second.probes) {
      auto probe = health.probes.find(spec.name);
      if (probe == health.probes.end() || checked.size() == most_checked) continue;
      const auto& last = probe->second.last;
      checked.push_back(last ? CheckedProbe{name, spec.name, last->verdict, last->reason, last->ended}
                             : CheckedProbe{name, spec.name, probe->second.verdict, probe->second.reason, probe->second.since});
      const CheckedProbe& one = checked.back();
      text += fmt::format("{}{}/{} {}{}{}", text.empty() ? "" : "\n", name, spec.name, name_of(one.verdict),
                          one.reason.empty() ? "" : ": ", one.reason);
    }
  }
  turn.fact("failure.checked", id, {{"probes", text}});
  turn.edit(id).checked = std::move(checked);
}

}  // namespace

bool all_well(const Turn& turn, const Failure& failure) {
  if (failure.awaits_recover || !failure.reported_services.empty()) return false;
  return std::all_of(failure.members.begin(), failure.members.end(), [&](const auto& member) {
    auto component = turn.platform.components.find(member.first);
    return component == turn.platform.components.end() ||
           is_well(component->second, turn.health(member.first));
  });
}

std::vector<std::string> not_well(const Turn& turn, const Failure& failure, bool job_ok) {
  std::vector<std::string> found;
  for (const auto& [name, since] : failure.members) {
    auto component = turn.platform.components.find(name);
    if (component == turn.platform.components.end()) continue;
    const ComponentHealth& health = turn.health(name);
    for (const ProbeSpec& spec : component->second.probes) {
      if (spec.is_job() && job_ok) continue;
      auto probe = health.probes.find(spec.name);
      if (probe == health.probes.end()) continue;
      Verdict verdict = probe->second.verdict;
      std::string reason = probe->second.reason;
      if (probe->second.last && probe->second.last->verdict != Verdict::ok &&
          probe->second.last->verdict != Verdict::warning) {
        verdict = probe->second.last->verdict;
        reason = probe->second.last->reason;
      }
      if (verdict == Verdict::ok || verdict == Verdict::warning) continue;
      found.push_back(fmt::format("{}/{} is {}{}{}", name, spec.name, name_of(verdict),
                                  reason.empty() ? "" : ": ", reason));
    }
  }
  return found;
}

void recover(Turn& turn, FailureId id) {
  const Failure& seen = turn.failure(id);
  if (seen.recovered_at) {
    if (seen.classification != FailureClass::incident) return;
    Instant closes = seen.waits_from_recovery() + turn.platform.escalation.auto_close;
    // Lowered later than that: a slip of the lead can still be put right.
    if (seen.waits_from_class() >= closes) closes = seen.waits_from_class() + turn.platform.escalation.auto_close;
    if (turn.now < closes) {
      turn.wake_at(closes);
    } else if (turn.live.confirming.contains(id)) {
      // Somebody confirms it just now, and has the first word.
    } else if (may_decide(turn, seen) && all_well(turn, seen)) {
      close(turn, id, Closing::automatic, "daemon",
            "recovered and unconfirmed for " + format_duration(turn.platform.escalation.auto_close));
    }
    return;
  }
  if (!may_decide(turn, seen)) return;
  if (!all_well(turn, seen)) {
    if (seen.steady_since) turn.edit(id).steady_since.reset();
    return;
  }
  if (seen.classification == FailureClass::undetermined) return;  // The class comes first.
  if (is_flapping(turn.platform, seen)) {
    if (!seen.steady_since) turn.edit(id).steady_since = turn.now;
    const Instant until = *turn.failure(id).steady_since + turn.platform.escalation.flapping->within;
    if (turn.now < until) return turn.wake_at(until);
  }
  mark_recovered(turn, id, "probes are well again");
}

void mark_recovered(Turn& turn, FailureId id, const std::string& why) {
  Failure& failure = turn.edit(id);
  failure.recovered_at = turn.now;
  failure.steady_since.reset();
  failure.moved.recovered_at.reset();
  turn.services_changed(failure);  // Others may keep one of them down together.
  failure.remind_at.reset();
  failure.report_due_at.reset();
  ++failure.bank_version;
  turn.fact("failure.recovered", id);
  turn.withdraw_where(id, "the failure recovered", [](const Notice& notice) {
    return notice.kind == NoticeKind::failure_escalated ||
           notice.kind == NoticeKind::failure_reminder;
  });
  turn.queue_for(failure.owner, {NoticeKind::failure_recovered, {}, id, why});
  if (failure.classification == FailureClass::major && failure.owner != Role::system_lead) {
    turn.queue_for(Role::system_lead,
                   {NoticeKind::failure_recovered, {}, id, "a major failure: " + why});
  }
  if (failure.classification == FailureClass::incident) {
    turn.wake_at(turn.now + turn.platform.escalation.auto_close);
  }
}

void close(Turn& turn, FailureId id, Closing closing, const std::string& by, const std::string& text) {
  Failure& failure = turn.edit(id);
  failure.closed_at = turn.now;
  failure.closing = closing;
  turn.services_changed(failure);
  turn.index_failure(id);
  failure.remind_at.reset();
  failure.report_due_at.reset();
  failure.unconfirmed_at.reset();
  failure.settling = false;
  ++failure.bank_version;
  if (closing == Closing::confirmed) {
    failure.confirmed_by = by;
    failure.confirmation = text;
  }
  if (const StepRun* step = failure.running_step()) {
    if (!step->manual) turn.effect(StopStep{id, step->component, step->step});
    failure.steps.back().result = StepResult::interrupted;
    failure.steps.back().ended = turn.now;
  }
  turn.fact("failure.closed", id,
            {{"how", boost::describe::enum_to_string(closing, "")}, {"text", text}}, by);
  turn.withdraw_where(id, "the failure is closed", [](const Notice& notice) {
    return notice.kind == NoticeKind::failure_reminder ||
           notice.kind == NoticeKind::failure_escalated;
  });
  if (closing != Closing::confirmed) return;
  turn.queue_for(Role::system_lead,
                 {NoticeKind::failure_confirmed, {}, id, "recovery confirmed by " + by});
  if (failure.from_desk || failure.reached.contains(Role::inquiry_desk)) {
    turn.queue_for(Role::inquiry_desk,
                   {NoticeKind::failure_confirmed, {}, id, "recovery confirmed by " + by});
  }
}

void finish_confirmations(Turn& turn) {
  // Over a copy: closing and refusing take entries out.
  auto confirming = turn.live.confirming;
  for (const auto& [id, asked] : confirming) {
    const Failure& failure = turn.failure(id);
    bool fresh = ran_afresh(turn, failure, asked.since);
    if (!fresh && turn.now < asked.deadline) {
      turn.wake_at(asked.deadline);
      continue;
    }
    std::vector<std::string> bad = not_well(turn, failure, asked.job_ok);
    if (!fresh && bad.empty()) bad.push_back("the fresh probe runs did not end in time; try again");
    turn.live.confirming.erase(id);
    turn.live.failures.touch(id);
    if (!bad.empty()) {
      std::string text = fmt::format("failure {} is not confirmed:", id);
      for (const std::string& one : bad) text += " " + one + ";";
      text.back() = ' ';
      text.pop_back();
      turn.fact("command.refused", id, {{"order", "confirm"}, {"reason", text}}, asked.by);
      turn.effect(Answer{asked.command, false, text, id});
      continue;
    }
    if (asked.job_ok) accept_jobs(turn, id, asked.by);
    if (!failure.recovered_at) {
      classify(turn, id);
      if (failure.classification == FailureClass::undetermined) {
        std::string text = fmt::format("failure {} has no class yet; try again, or say `yagura classify {}`", id, id);
        turn.effect(Answer{asked.command, false, text, id});
        continue;
      }
      mark_recovered(turn, id, "confirmed by " + asked.by);
    }
    keep_what_was_checked(turn, id);
    close(turn, id, Closing::confirmed, asked.by, asked.text);
    turn.effect(Answer{asked.command, true, fmt::format("failure {} is confirmed and closed", id), id});
  }
}

}  // namespace yagura
