// Probe runs and job pings: from the scheduler and the pings to the decision code.
#include "codec.hpp"
#include "engine.hpp"
#include "text.hpp"

namespace yagura {

namespace {

// Of many probes that are due at once (all, at the start) so many begin before the loop looks at what else there is: answers,
// pings, and the ends of those that began. It is no limit of how many run; but where very many do, fewer begin, so that those
// that are answered end first and give back what they hold.
constexpr std::size_t most_begun_together = 64, fewer_begun_together = 8;
constexpr std::size_t very_many = 256;

}  // namespace

void Engine::make_probes() {
  std::map<ProbeId, Made> made;
  for (auto& [id, setup] : configuration_.probes) {
    if (setup.job) continue;
    auto before = probes_.find(id);
    if (before != probes_.end() && before->second.definition == setup.definition) {
      made[id] = std::move(before->second);
      continue;
    }
    made[id] = {setup.definition, setup.make()};
    // A run of the one before is gone with it; it is made again by the new one.
    if (scheduler_.is_running(id)) {
      Instant now = clock_.peek();
      scheduler_.run_fresh(id, now);
      scheduler_.ended(id, now, false);
    }
  }
  // What is made of them is all that is wanted of them: of very many probes they would be the larger part of what is held.
  // Only now, and not one by one: what is made would take their places, and lie scattered there (load_here.cpp).
  std::erase_if(configuration_.probes, [](const auto& entry) { return !entry.second.job; });
  probes_ = std::move(made);
  // What a probe kept goes with it.
  std::erase_if(kept_of_probes_, [this](const auto& kept) {
    const bool gone = !probes_.contains(kept.first);
    if (gone && !configuration_.probes.contains(kept.first)) job_rows_.push_back({kept.first.component, kept.first.probe, "{}"});
    return gone;
  });
}

void Engine::run_due_probes() {
  if (draining_) return;
  Instant now = read_clock();
  const std::size_t most = scheduler_.running() > very_many ? fewer_begun_together : most_begun_together;
  const auto due = scheduler_.due(now, most);
  for (const Scheduler::Run& run : due) {
    metrics_.probes.take(run.lateness);
    auto made = probes_.find(run.probe);
    if (made == probes_.end()) continue;
    const ProbeSpec* spec = platform().components.at(run.probe.component).probe(run.probe.probe);
    bool failing = false;
    if (auto health = state().components.find(run.probe.component); health != state().components.end()) {
      auto probe = health->second.probes.find(run.probe.probe);
      failing = probe != health->second.probes.end() && probe->second.failing;
    }
    auto kept = kept_of_probes_.find(run.probe);
    made->second.probe->start(
        surroundings_.runtime(),
        {now, spec->timeout, failing, configuration_.response_user ? &*configuration_.response_user : nullptr,
         kept == kept_of_probes_.end() ? nullptr : &kept->second, &platform().zone, spec->interval},
        [this, id = run.probe, scheduled = run.scheduled, started = now](Finding finding) {
          end_run(id, scheduled, started, std::move(finding));
        });
  }
  metrics_.skipped_slots = scheduler_.skipped_slots();
  if (due.size() == most) run_due_probes_soon();
}

void Engine::end_run(const ProbeId& probe, Instant scheduled, Instant started, Finding finding) {
  // The identifier may belong to the probe, which a reload in this turn would take away.
  ProbeId id = probe;
  Instant now = read_clock();
  Observation observation;
  observation.verdict = finding.verdict;
  observation.reason = one_line(finding.reason);
  observation.values = std::move(finding.values);
  observation.scheduled = scheduled;
  observation.started = started;
  observation.ended = now;
  samples_.take(id, observation);
  auto component = platform().components.find(id.component);
  const ProbeSpec* spec = component == platform().components.end() ? nullptr : component->second.probe(id.probe);
  if (spec != nullptr) {
    ++metrics_.probe_runs[{spec->kind, std::string(name_of(observation.verdict))}];
  }
  if (finding.keep && probes_.contains(id)) {
    job_rows_.push_back({id.component, id.probe, encode_kept(*finding.keep)});
    kept_of_probes_[id] = std::move(*finding.keep);
  }
  turn_at(Observed{id, observation}, now);
  scheduler_.ended(id, now, decider_.wants_retry(id));
  if (auto asked = asked_.find(id); asked != asked_.end()) {
    if (!scheduler_.is_running(id)) {
      auto waiting = std::move(asked->second);
      asked_.erase(asked);
      for (auto& done : waiting) done(observation);
    }
  }
  // The next one may start from the loop only, not from within a probe's callback.
  run_due_probes_soon();
  arm();
}

void Engine::run_due_probes_soon() {
  if (std::exchange(runs_soon_, true)) return;
  surroundings_.post([this, alive = std::weak_ptr(alive_)] {
    if (auto still = alive.lock(); !still || !*still) return;
    runs_soon_ = false;
    run_due_probes();
  });
}

bool Engine::run_probe(const ProbeId& probe, std::function<void(Observation)> done) {
  if (!probes_.contains(probe)) return false;
  asked_[probe].push_back(std::move(done));
  scheduler_.run_fresh(probe, read_clock());
  run_due_probes();
  arm();
  return true;
}

// ---- Lateness ----

Duration Engine::overrun(Instant now) const {
  Duration longest{0};
  scheduler_.each_running(now, [&](const ProbeId& id, Duration so_far) {
    auto component = platform().components.find(id.component);
    const ProbeSpec* spec = component == platform().components.end() ? nullptr : component->second.probe(id.probe);
    if (spec != nullptr) longest = std::max(longest, so_far - spec->timeout);
  });
  return longest;
}

void Engine::look_at_lateness(Instant now) {
  // While it lasts it is said again, not at every turn.
  constexpr auto between = 20s;
  const SteadyInstant steady = clock_.steady();
  if (lateness_told_ && steady - *lateness_told_ < between) return;
  const Duration late = std::max({scheduler_.take_worst_lateness(), scheduler_.lateness(now), overrun(now)});
  const std::uint64_t fell_out = scheduler_.skipped_slots() - std::exchange(skipped_seen_, scheduler_.skipped_slots());
  if (late <= tolerated_lateness) return;
  lateness_told_ = steady;
  turn_at(ProbesLate{late, fell_out}, now);
}

// ---- Jobs ----

JobCalendar Engine::job_calendar() const {
  PlatformPtr platform = decider_.platform();
  return {platform->zone, [platform](Date date) { return platform->calendar.is_business_day(date); }};
}

void Engine::make_jobs(std::map<ProbeId, JobState> kept) {
  Instant now = clock_.peek();
  std::map<ProbeId, JobMonitor> made;
  for (const auto& [id, setup] : configuration_.probes) {
    if (!setup.job) continue;
    auto known = kept.find(id);
    JobMonitor monitor(*setup.job, known == kept.end() ? JobState{} : known->second);
    monitor.begin(now, job_calendar());
    made.emplace(id, std::move(monitor));
  }
  jobs_ = std::move(made);
  for (const auto& [id, monitor] : jobs_) {
    job_rows_.push_back({id.component, id.probe, encode(monitor.state())});
  }
}

void Engine::take_job(const ProbeId& id, std::optional<Observation> observation, Instant now) {
  job_rows_.push_back({id.component, id.probe, encode(jobs_.at(id).state())});
  if (observation) {
    ++metrics_.probe_runs[{"job", std::string(name_of(observation->verdict))}];
    samples_.take(id, *observation);
    turn_at(Observed{id, std::move(*observation)}, now);
  } else {
    turn_at(Tick{}, now);
  }
}

void Engine::look_at_jobs(Instant now) {
  for (auto& [id, monitor] : jobs_) {
    // One observation at a time; bounded, as each call moves the deadline on.
    for (int i = 0; i < 100; ++i) {
      auto deadline = monitor.next_deadline();
      if (!deadline || *deadline > now) break;
      take_job(id, monitor.look(now, job_calendar()), now);
    }
  }
}

bool Engine::job_ping(const ProbeId& job, const JobPing& ping) {
  auto found = jobs_.find(job);
  if (found == jobs_.end()) return true;  // a reload took it away meanwhile
  const bool returns = ping.event == JobPing::Event::success && found->second.state().verdict != Verdict::ok;
  if (returns && !job_returns_.take(std::hash<std::string>()(job.component + "/" + job.probe), surroundings_.steady())) {
    return false;
  }
  Instant now = read_clock();
  std::optional<Observation> observation = found->second.ping(ping, now, job_calendar());
  take_job(job, std::move(observation), now);
  return true;
}

const JobMonitor* Engine::job(const ProbeId& job) const {
  auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

std::vector<ProbeId> Engine::jobs() const {
  std::vector<ProbeId> ids;
  for (const auto& [id, monitor] : jobs_) ids.push_back(id);
  return ids;
}

}  // namespace yagura
