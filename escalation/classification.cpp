// The class (F1): does the service go on, thanks to the primary response? Rules in order, each with its reason.
#include "rules.hpp"

namespace yagura {

namespace {

void follow_services(Turn& turn, FailureId id, const Keeping& keeping) {
  const Failure& seen = turn.failure(id);
  std::set<ServiceName> keeps = keeping.surely;
  for (const ServiceName& service : seen.keeps_down) {
    if (keeping.perhaps.contains(service)) keeps.insert(service);
  }
  if (keeps != seen.keeps_down) {
    Failure& failure = turn.edit(id);
    for (const ServiceName& service : keeps) {
      if (!failure.keeps_down.contains(service)) {
        turn.fact("failure.keeps-down", id, {{"service", service}});
        if (!failure.relapses.empty()) failure.down_again[service] = failure.relapses.back();
      }
    }
    for (const ServiceName& service : failure.keeps_down) {
      if (!keeps.contains(service)) turn.fact("failure.service-back", id, {{"service", service}});
    }
    for (const ServiceName& service : keeps) turn.live.services.touch(service);
    for (const ServiceName& service : failure.keeps_down) turn.live.services.touch(service);
    failure.keeps_down = keeps;
    ++failure.bank_version;
  }
  for (const ServiceName& service : keeping.surely) {
    if (turn.live.stopped.contains(service) || seen.kept_down.contains(service)) continue;
    turn.edit(id).kept_down.emplace(service, turn.now);
  }
  for (const ServiceName& service : keeping.touched) {
    if (!turn.live.stopped.contains(service) && !seen.touched.contains(service)) {
      turn.edit(id).touched.insert(service);
    }
  }
  // Time during which it is not known to be down does not count.
  if (!keeping.surely.empty() && !seen.down_since) {
    turn.edit(id).down_since = turn.now;
  } else if (keeping.surely.empty() && seen.down_since) {
    Failure& failure = turn.edit(id);
    failure.down_before += turn.now - *failure.down_since;
    failure.down_since.reset();
  }
}

bool responded(const Failure& failure, std::string& what) {
  for (std::ptrdiff_t i = failure.steps_judged; i < std::ssize(failure.steps); ++i) {
    const StepRun& step = failure.steps[static_cast<std::size_t>(i)];
    if (step.result != StepResult::succeeded) continue;
    what = step.component + ": " + step.what;
    return true;
  }
  return false;
}

void judge_undetermined(Turn& turn, FailureId id) {
  const Failure& failure = turn.failure(id);
  if (failure.keeps_down.empty()) {
    std::string what;
    if (responded(failure, what)) {
      decide_class(turn, id, FailureClass::incident, ClassRule::back_after_response, what);
    } else if (failure.kept_down.empty()) {
      decide_class(turn, id, FailureClass::incident, ClassRule::keeps_no_service_down, {});
    } else {
      std::set<std::string> services;
      for (const auto& [service, since] : failure.kept_down) services.insert(service);
      decide_class(turn, id, FailureClass::incident, ClassRule::back_by_itself, join(services));
    }
    return;
  }
  const std::string kept = join(failure.keeps_down);
  if (failure.down_since) {
    Duration left = turn.platform.escalation.undetermined_at_most - failure.down_before -
                    (turn.now - *failure.down_since);
    if (left <= Duration{0}) {
      decide_class(turn, id, FailureClass::major, ClassRule::time_is_up, kept);
      return;
    }
    turn.wake_at(turn.now + left);
  } else {
    return;  // Not known to be down: no step, no verdict.
  }
  if (failure.running_step() != nullptr || failure.settling) return;
  bool waits = false;
  if (start_next_step(turn, id, waits) || waits) return;
  decide_class(turn, id, FailureClass::major,
               has_response(turn, turn.failure(id)) ? ClassRule::no_step_left
                                                    : ClassRule::no_response_configured,
               kept);
}

// All that fails of its cause are security probes.
bool found_by_security_probes(const Turn& turn, const Failure& failure) {
  auto cause = turn.platform.components.find(failure.cause);
  if (cause == turn.platform.components.end()) return false;
  const ComponentHealth& health = turn.health(failure.cause);
  bool any = false;
  for (const ProbeSpec& spec : cause->second.probes) {
    auto probe = health.probes.find(spec.name);
    if (probe == health.probes.end() || !probe->second.failing) continue;
    if (spec.family != Family::security) return false;
    any = true;
  }
  return any;
}

}  // namespace

void decide_class(Turn& turn, FailureId id, FailureClass classification, ClassRule rule,
                  std::string detail, std::string by) {
  Failure& failure = turn.edit(id);
  FailureClass before = failure.classification;
  failure.classification = classification;
  failure.class_rule = rule;
  failure.class_detail = std::move(detail);
  failure.class_at = turn.now;
  failure.moved.class_at.reset();
  failure.class_by = by;
  failure.class_services = failure.keeps_down;
  for (const auto& [service, since] : failure.kept_down) failure.class_services.insert(service);
  failure.undecided_told = false;
  failure.remind_at.reset();
  failure.report_due_at.reset();
  ++failure.bank_version;
  std::string_view name = boost::describe::enum_to_string(classification, "");
  turn.fact("failure.classified", id,
            {{"class", std::string(name)}, {"reason", class_reason(failure)}},
            by.empty() ? "daemon" : by);
  switch (classification) {
    case FailureClass::undetermined: break;
    case FailureClass::incident:
      failure.steps_judged =
          static_cast<int>(std::ssize(failure.steps)) - (failure.running_step() != nullptr ? 1 : 0);
      if (before != FailureClass::incident) {
        failure.incident_chain = {turn.now, {}};
        failure.security = found_by_security_probes(turn, failure);
        turn.withdraw_where(id, "the incident's chain starts anew", [](const Notice& notice) {
          return notice.kind == NoticeKind::failure_escalated;
        });
      }
      if (before == FailureClass::major) {
        failure.major_chain.done.clear();  // Should it become one again, all are told again.
        turn.withdraw_where(id, "lowered to an incident", [](const Notice& notice) {
          return notice.kind == NoticeKind::major_declared;
        });
      }
      break;
    case FailureClass::major:
      failure.major_chain.base = turn.now;
      for (auto& [bank, thread] : failure.banks) {
        // What was corrected is a new story for the bank.
        if (thread.corrected) thread.told = Told::nothing;
        if (thread.corrected) thread.corrected = false;
      }
      turn.withdraw_where(id, "the failure is a major one now", [](const Notice& notice) {
        return notice.kind == NoticeKind::failure_escalated;
      });
      break;
  }
}

void classify(Turn& turn, FailureId id) {
  if (!may_decide(turn, turn.failure(id))) return;
  follow_services(turn, id, keeping_of(turn, id));
  const Failure& failure = turn.failure(id);
  switch (failure.classification) {
    case FailureClass::major: return;
    case FailureClass::incident: {
      if (failure.keeps_down.empty() || !failure.down_since) return;
      if (failure.class_rule == ClassRule::system_lead) {
        // The lead's class stands until a further service goes down.
        bool further = false;
        for (const ServiceName& service : failure.keeps_down) {
          further = further || !failure.class_services.contains(service);
        }
        if (!further) return;
        // What went by under the lead's word was nobody's to decide.
        turn.edit(id).down_before = Duration{0};
        turn.edit(id).down_since = turn.now;
      }
      decide_class(turn, id, FailureClass::undetermined, ClassRule::under_judgement,
                   join(failure.keeps_down));
      judge_undetermined(turn, id);
      return;
    }
    case FailureClass::undetermined: judge_undetermined(turn, id); return;
  }
}

}  // namespace yagura
