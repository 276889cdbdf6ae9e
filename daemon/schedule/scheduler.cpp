#include "scheduler.hpp"

#include <algorithm>
#include <string_view>

namespace yagura {

namespace {

// Each divides a second, so that a phase stays within its second whatever the raster.
Duration raster_of(Duration interval) {
  for (Duration raster : {100ms, 50ms, 20ms, 10ms, 5ms, 2ms}) {
    if (raster * 300 <= interval) return raster;
  }
  return 1ms;
}

}  // namespace

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
  const Duration phase{static_cast<Duration::rep>(hash % static_cast<std::uint64_t>(interval.count()))};
  return phase - phase % raster_of(interval);
}

// The first slot at or after `at`.
Instant Scheduler::slot_from(const Plan& plan, Instant at) const {
  const Duration since_slot = (at.time_since_epoch() - plan.phase) % plan.interval;
  if (since_slot == Duration{0}) return at;
  return at - since_slot + (since_slot < Duration{0} ? Duration{0} : plan.interval);
}

void Scheduler::enqueue(Plans::value_type& plan, Plan::Mode mode, Instant at) {
  Plan& known = plan.second;
  Queue& queue = mode == Plan::Mode::running ? running_ : queued_;
  known.mode = mode;
  known.at = at;
  if (known.node.empty()) {
    known.place = queue.insert({at, &plan}).first;
  } else {
    known.node.value() = {at, &plan};
    known.place = queue.insert(std::move(known.node)).position;
  }
}

void Scheduler::dequeue(Plan& plan) {
  plan.node = (plan.mode == Plan::Mode::running ? running_ : queued_).extract(plan.place);
}

void Scheduler::set_platform(const PlatformPtr& platform, Instant now) {
  const Instant steady = now - offset_;
  std::set<ProbeId> kept;
  for (const auto& [name, component] : platform->components) {
    for (const ProbeSpec& spec : component.probes) {
      if (spec.is_job()) continue;
      ProbeId id{name, spec.name};
      auto [plan, added] = probes_.try_emplace(id);
      Plan& known = plan->second;
      const bool moved = known.interval != spec.interval;
      known.interval = spec.interval;
      known.retry = std::min(spec.retry, spec.interval);
      known.phase = phase_of(id, spec.interval, seed_);
      if (added) {
        enqueue(*plan, Plan::Mode::queued, slot_from(known, steady));
      } else if (moved && known.mode == Plan::Mode::queued) {
        const Instant next = std::min(known.at, slot_from(known, steady));
        dequeue(known);
        enqueue(*plan, Plan::Mode::queued, next);
      }
      kept.insert(std::move(id));
    }
  }
  for (auto plan = probes_.begin(); plan != probes_.end();) {
    if (kept.contains(plan->first)) {
      ++plan;
    } else {
      if (plan->second.mode != Plan::Mode::sleeping) dequeue(plan->second);
      plan = probes_.erase(plan);
    }
  }
}

std::span<const Scheduler::Run> Scheduler::due(Instant now, std::size_t at_most) {
  const Instant steady = now - offset_;
  std::size_t count = 0;
  while (count < at_most && !queued_.empty() && queued_.begin()->at <= steady) {
    Plans::value_type& plan = *queued_.begin()->plan;
    Plan& known = plan.second;
    const Instant scheduled = known.at;
    dequeue(known);
    enqueue(plan, Plan::Mode::running, steady);
    const Duration lateness = steady - scheduled;
    worst_ = std::max(worst_, lateness);
    skipped_ += static_cast<std::uint64_t>(lateness / known.interval);
    if (count == due_.size()) due_.emplace_back();
    Run& run = due_[count++];
    run.probe = plan.first;
    run.scheduled = scheduled + offset_;
    run.lateness = lateness;
  }
  return {due_.data(), count};
}

void Scheduler::ended(const ProbeId& probe, Instant now, bool wants_retry) {
  auto plan = probes_.find(probe);
  if (plan == probes_.end() || plan->second.mode != Plan::Mode::running) return;
  Plan& known = plan->second;
  const Instant steady = now - offset_, started = known.at;
  Instant next = steady;
  if (std::exchange(known.again, false)) {
    // at once
  } else if (wants_retry) {
    next = std::max(started + known.retry, steady);
  } else {
    next = slot_from(known, steady + Duration{1});
    const auto intervals = (next - started) / known.interval;
    if (intervals > 1) skipped_ += static_cast<std::uint64_t>(intervals - 1);
  }
  dequeue(known);
  enqueue(*plan, Plan::Mode::queued, next);
}

bool Scheduler::run_fresh(const ProbeId& probe, Instant now) {
  auto plan = probes_.find(probe);
  if (plan == probes_.end()) return false;
  Plan& known = plan->second;
  const Instant steady = now - offset_;
  switch (known.mode) {
    case Plan::Mode::running:
      known.again = true;
      break;
    case Plan::Mode::queued:
      if (known.at <= steady) break;  // due already
      dequeue(known);
      enqueue(*plan, Plan::Mode::queued, steady);
      break;
    case Plan::Mode::sleeping:
      enqueue(*plan, Plan::Mode::queued, steady);
      break;
  }
  return true;
}

std::optional<Instant> Scheduler::next_due() const {
  if (queued_.empty()) return std::nullopt;
  return queued_.begin()->at + offset_;
}

void Scheduler::sleep(const ProbeId& probe) {
  auto plan = probes_.find(probe);
  if (plan == probes_.end() || plan->second.mode != Plan::Mode::queued) return;
  dequeue(plan->second);
  plan->second.mode = Plan::Mode::sleeping;
}

void Scheduler::wake(const ProbeId& probe, Instant now) {
  auto plan = probes_.find(probe);
  if (plan == probes_.end() || plan->second.mode != Plan::Mode::sleeping) return;
  enqueue(*plan, Plan::Mode::queued, slot_from(plan->second, now - offset_));
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
  for (const Due& run : running_) tell(run.plan->first, now - offset_ - run.at);
}

}  // namespace yagura
