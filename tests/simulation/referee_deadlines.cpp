// What would be late, and what nobody has seen.
#include <algorithm>

#include "referee.hpp"

namespace yagura::sim {

namespace {

// The engine looks at the clock every ten seconds.
constexpr Duration slack = 15s;

}  // namespace

// After a restart the failure's probes have run afresh, and none confirms or clears.
bool Referee::decides(const Failure& failure) const {
  for (const auto& [name, joined] : failure.members) {
    auto component = engine_->platform().components.find(name);
    if (component == engine_->platform().components.end()) continue;
    auto health = engine_->state().components.find(name);
    if (health == engine_->state().components.end()) return false;
    for (const ProbeSpec& spec : component->second.probes) {
      if (spec.is_job()) continue;
      auto probe = health->second.probes.find(spec.name);
      if (probe == health->second.probes.end() || !probe->second.last) return false;
      if (probe->second.last->started < started_wall_ || probe->second.wants_retry(spec))
        return false;
    }
  }
  return true;
}

bool Referee::is_well(const Failure& failure) const {
  if (failure.awaits_recover || !failure.reported_services.empty()) return false;
  for (const auto& [name, joined] : failure.members) {
    auto component = engine_->platform().components.find(name);
    if (component == engine_->platform().components.end()) continue;
    auto health = engine_->state().components.find(name);
    if (health == engine_->state().components.end()) return false;
    for (const ProbeSpec& spec : component->second.probes) {
      auto probe = health->second.probes.find(spec.name);
      if (probe == health->second.probes.end()) return false;
      if (probe->second.failing ||
          (probe->second.verdict != Verdict::ok && probe->second.verdict != Verdict::warning))
        return false;
    }
  }
  return true;
}

void Referee::look_at_deadlines() {
  if (jump_to_be_seen_by_ && world_.clock() > *jump_to_be_seen_by_) {
    violate("a jump of the clock is seen", "nothing was recorded of it");
  }
  if (engine_ == nullptr || world_.clock() < unsure_until_ || world_.clock() < started_at_ + slack)
    return;
  const Instant now = world_.wall();
  const State& state = engine_->state();
  for (const auto& [id, failure] : state.failures) {
    if (failure.is_open()) look_at(failure, now);
  }
  for (const auto& [id, stop] : state.stops)
    look_at(stop, now);
  for (const auto& [id, inquiry] : state.inquiries) {
    if (inquiry.is_open()) look_at(inquiry, now);
  }
  int in_flight = 0;
  for (const auto& [id, notice] : state.notices)
    in_flight += notice.in_flight ? 1 : 0;
  for (const auto& [id, notice] : state.notices) {
    if (notice.is_unsent()) look_at(notice, now, in_flight < engine_->platform().mail.parallel);
  }
  look_at_targets();
}

void Referee::look_at(const Failure& failure, Instant now) {
  const std::string name = fmt::format("failure {}", failure.id);
  auto late = [&](const std::string& what, std::optional<Instant> at) {
    if (at && *at + slack < now)
      violate("no deadline stays overdue",
              fmt::format("{}: {} since {}", name, what, zone_.format(*at)));
  };
  if (const StepRun* step = failure.running_step()) late("a response step", step->deadline);
  if (!decides(failure)) return;
  const Escalation& rules = engine_->platform().escalation;
  const bool major = failure.classification == FailureClass::major,
             incident = failure.classification == FailureClass::incident;
  late("a reminder", failure.remind_at);
  late("a report", failure.report_due_at);
  late("a confirmation", failure.unconfirmed_at);
  if (!failure.recovered_at && major && !failure.report_due_at) {
    violate("every open failure has its next deadline", name + ": report");
  }
  if (!failure.recovered_at && !failure.acknowledged && !failure.remind_at) {
    violate("every open failure has its next deadline", name + ": reminder");
  }
  if (failure.recovered_at && major && !failure.unconfirmed_at) {
    violate("every open failure has its next deadline", name + ": confirmation");
  }
  if (!failure.recovered_at && failure.steady_since && rules.flapping && is_well(failure)) {
    late("the recovery of one that flapped", *failure.steady_since + rules.flapping->within + 1min);
  }
  if (failure.recovered_at && incident && is_well(failure)) {
    // Later where the lead lowered it afterwards; and somebody may be confirming it.
    Instant closes = failure.waits_from_recovery() + rules.auto_close;
    if (failure.waits_from_class() >= closes)
      closes = failure.waits_from_class() + rules.auto_close;
    late("its closing", closes + 10min);
  }
  if (failure.classification == FailureClass::undetermined && !failure.recovered_at &&
      !failure.down_since) {
    if (failure.keeps_down.empty()) {
      violate("every open failure has its next deadline", name + ": class");
    } else if (!failure.undecided_told) {
      late("that it cannot be decided",
           std::max(failure.waits_from_class(), failure.failing_since) + rules.undetermined_at_most);
    }
  }
  auto chain = [&](const std::vector<ChainStep>& steps, const ChainProgress& progress) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (!progress.done.contains(static_cast<int>(i)))
        late(fmt::format("chain step {}", i + 1), progress.base + steps[i].after);
    }
  };
  if (!failure.recovered_at) chain(rules.detected, failure.detected_chain);
  if (!failure.recovered_at && incident) chain(rules.incident, failure.incident_chain);
  if (major) chain(rules.major, failure.major_chain);
  if (failure.classification == FailureClass::undetermined && failure.down_since &&
      !failure.keeps_down.empty()) {
    late("the class", *failure.down_since + (rules.undetermined_at_most - failure.down_before));
  }
}

void Referee::look_at(const Notice& notice, Instant now, bool free_place) {
  const std::string name =
      fmt::format("notice {} ({}, {})", notice.id, notice.audience, notice.hold);
  if (notice.in_flight) {
    // Its row may wait for the disk, and after that for its turn.
    auto since = flying_since_.find(notice.id);
    Duration from = std::max(
        {durable_at_, started_at_, since == flying_since_.end() ? Duration{0} : since->second});
    if (store_->queued() == 0 &&
        world_.clock() - from > engine_->platform().mail.attempt_timeout + 1h) {
      violate("an attempt ends", name);
    }
    return;
  }
  constexpr Duration a_day = 24h;
  if (notice.due_since && !notice.overdue_told && notice.kind != NoticeKind::delivery_failed &&
      *notice.due_since + a_day + slack < now) {
    violate("a day without delivery is told to the lead", name);
  }
  if (notice.lead_hold) return;
  if (notice.state == NoticeState::held) {
    if (notice.hold.starts_with("after a restart") ||
        notice.hold.find("not open any more") != std::string::npos ||
        notice.hold.find("not seen well any more") != std::string::npos)
      return;
    if (notice.not_before + slack < now) violate("no deadline stays overdue", name + ": held");
    return;
  }
  Instant due = std::max(notice.not_before, notice.retry_at.value_or(notice.not_before));
  due = std::max(due, notice.created_at) + 5s;  // A bundle.
  if (free_place && due + slack < now && world_.clock() - durable_at_ > slack)
    violate("no deadline stays overdue", name + ": due");
}

// What fails for long is known as a failure, and the service that is down by it is kept down by
// one.
void Referee::look_at_targets() {
  constexpr Duration long_enough = 25min;
  if (engine_ == nullptr || world_.clock() < started_at_ + long_enough) return;
  if (world_.clock() < news_at_ + long_enough) return;
  const Instant since = world_.wall() - long_enough;
  std::set<std::string> down;
  for (const auto& [probe, target] : world_.targets) {
    if (target.verdict != Verdict::failing || target.flaps > 0 ||
        world_.clock() < target.since + long_enough)
      continue;
    auto component = engine_->platform().components.find(probe.component);
    if (component == engine_->platform().components.end()) continue;
    const ProbeSpec* spec = component->second.probe(probe.probe);
    if (spec == nullptr || was_quiet_since(probe.component, since)) continue;
    bool known = false;
    for (const auto& [id, failure] : engine_->state().failures) {
      known = known || (failure.is_open() && !failure.recovered_at &&
                        failure.members.contains(probe.component));
    }
    if (!known)
      violate("what fails for long is a failure, also after a planned stop", probe.text());
    if (spec->impact == Impact::down) down.insert(probe.component);
  }
  for (const Shape::Service& service : shape_.services) {
    if (down.empty() || !shape_.is_down(service.id, down)) continue;
    bool stopped = false, kept = false;
    for (Instant at = since; at <= world_.wall(); at += 1min)
      stopped = stopped || was_stopped(service.id, at);
    for (const auto& [id, stop] : stops_)
      stopped = stopped || (stop.from > since && stop.from <= world_.wall() &&
                            was_stopped(service.id, stop.from));
    for (const auto& [id, failure] : engine_->state().failures)
      kept = kept || (failure.is_open() && failure.keeps_down.contains(service.id));
    if (!stopped && !kept)
      violate("what is down for long is kept down by a failure, also after a planned stop",
              service.id);
  }
}

}  // namespace yagura::sim
