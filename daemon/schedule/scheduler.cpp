#include "scheduler.hpp"

#include <algorithm>
#include <string_view>

namespace yagura {

Duration phase_of(const ProbeId& probe, Duration interval, std::uint64_t seed) {
  std::uint64_t hash = 14695981039346656037ULL ^ (seed * 0x9E3779B97F4A7C15ULL);
  const auto take = [&hash](std::string_view text) {
    for (char c : text) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 1099511628211ULL;
    }
  };
  take(probe.component);
  take("/");
  take(probe.probe);
  // FNV leaves the upper bits of short names alike: names that differ in the last letter alone
  // would run side by side.
  hash ^= hash >> 33;
  hash *= 0xFF51AFD7ED558CCDULL;
  hash ^= hash >> 33;
  hash *= 0xC4CEB9FE1A85EC53ULL;
  hash ^= hash >> 33;
  return Duration{static_cast<Duration::rep>(hash % static_cast<std::uint64_t>(interval.count()))};
}

// The first slot at or after `at`.
Instant Scheduler::slot_from(const Plan& plan, Instant at) const {
  const Duration since_slot = (at.time_since_epoch() - plan.phase) % plan.interval;
  if (since_slot == Duration{0}) return at;
  return at - since_slot + (since_slot < Duration{0} ? Duration{0} : plan.interval);
}

void Scheduler::enqueue(Plans::iterator plan, Instant at) {
  plan->second.mode = Plan::Mode::queued;
  plan->second.next = at;
  if (plan->second.node.empty()) {
    queue_.insert({at, &plan->first});
  } else {
    plan->second.node.value() = {at, &plan->first};
    queue_.insert(std::move(plan->second.node));
  }
}

void Scheduler::dequeue(Plans::iterator plan) {
  plan->second.node = queue_.extract(Due{plan->second.next, &plan->first});
}

void Scheduler::set_platform(const PlatformPtr& platform, Instant now) {
  const Instant steady = now - offset_;
  std::set<ProbeId> kept;
  for (const auto& [name, component] : platform->components) {
    for (const ProbeSpec& spec : component.probes) {
      if (spec.is_job()) continue;
      const ProbeId id{name, spec.name};
      kept.insert(id);
      auto [plan, added] = probes_.try_emplace(id);
      Plan& known = plan->second;
      const bool moved = known.interval != spec.interval;
      known.interval = spec.interval;
      known.retry = std::min(spec.retry, spec.interval);
      known.phase = phase_of(id, spec.interval, seed_);
      if (added) {
        enqueue(plan, slot_from(known, steady));
      } else if (moved && known.mode == Plan::Mode::queued) {
        const Instant next = std::min(known.next, slot_from(known, steady));
        dequeue(plan);
        enqueue(plan, next);
      }
    }
  }
  for (auto plan = probes_.begin(); plan != probes_.end();) {
    if (kept.contains(plan->first)) {
      ++plan;
    } else {
      if (plan->second.mode == Plan::Mode::queued) dequeue(plan);
      plan = probes_.erase(plan);
    }
  }
  due_.reserve(probes_.size());
}

std::span<const Scheduler::Run> Scheduler::due(Instant now, std::size_t at_most) {
  const Instant steady = now - offset_;
  std::size_t count = 0;
  while (count < at_most && !queue_.empty() && queue_.begin()->at <= steady) {
    auto plan = probes_.find(*queue_.begin()->probe);
    Plan& known = plan->second;
    dequeue(plan);
    known.mode = Plan::Mode::running;
    known.started = steady;
    const Duration lateness = steady - known.next;
    worst_ = std::max(worst_, lateness);
    skipped_ += static_cast<std::uint64_t>(lateness / known.interval);
    if (count == due_.size()) due_.emplace_back();
    Run& run = due_[count++];
    run.probe = plan->first;
    run.scheduled = known.next + offset_;
    run.lateness = lateness;
  }
  return {due_.data(), count};
}

void Scheduler::ended(const ProbeId& probe, Instant now, bool wants_retry) {
  auto plan = probes_.find(probe);
  if (plan == probes_.end() || plan->second.mode != Plan::Mode::running) return;
  Plan& known = plan->second;
  const Instant steady = now - offset_;
  if (std::exchange(known.again, false)) {
    enqueue(plan, steady);
  } else if (wants_retry) {
    enqueue(plan, std::max(known.started + known.retry, steady));
  } else {
    const Instant next = slot_from(known, steady + Duration{1});
    const auto intervals = (next - known.started) / known.interval;
    if (intervals > 1) skipped_ += static_cast<std::uint64_t>(intervals - 1);
    enqueue(plan, next);
  }
}

bool Scheduler::run_fresh(const ProbeId& probe, Instant now) {
  auto plan = probes_.find(probe);
  if (plan == probes_.end()) return false;
  const Instant steady = now - offset_;
  switch (plan->second.mode) {
    case Plan::Mode::running:
      plan->second.again = true;
      break;
    case Plan::Mode::queued:
      if (plan->second.next <= steady) break;  // due already
      dequeue(plan);
      enqueue(plan, steady);
      break;
    case Plan::Mode::sleeping:
      enqueue(plan, steady);
      break;
  }
  return true;
}

std::optional<Instant> Scheduler::next_due() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->at + offset_;
}

void Scheduler::sleep(const ProbeId& probe) {
  auto plan = probes_.find(probe);
  if (plan == probes_.end() || plan->second.mode != Plan::Mode::queued) return;
  dequeue(plan);
  plan->second.mode = Plan::Mode::sleeping;
}

void Scheduler::wake(const ProbeId& probe, Instant now) {
  auto plan = probes_.find(probe);
  if (plan == probes_.end() || plan->second.mode != Plan::Mode::sleeping) return;
  enqueue(plan, slot_from(plan->second, now - offset_));
}

bool Scheduler::is_running(const ProbeId& probe) const {
  auto plan = probes_.find(probe);
  return plan != probes_.end() && plan->second.mode == Plan::Mode::running;
}

Duration Scheduler::lateness(Instant now) const {
  const auto next = next_due();
  return next ? std::max(Duration{0}, now - *next) : Duration{0};
}

void Scheduler::each_running(Instant now,
                             const std::function<void(const ProbeId&, Duration)>& tell) const {
  for (const auto& [id, plan] : probes_) {
    if (plan.mode == Plan::Mode::running) tell(id, now - offset_ - plan.started);
  }
}

}  // namespace yagura
