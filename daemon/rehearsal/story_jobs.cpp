#include "story_jobs.hpp"

#include <algorithm>

#include "codec.hpp"

namespace yagura {

JobCalendar StoryJobs::calendar() const {
  return {platform_->zone,
          [platform = platform_](Date date) { return platform->calendar.is_business_day(date); }};
}

// The first scheduled run at or after `at`.
std::optional<Instant> StoryJobs::run_from(const Job& job, Instant at) const {
  if (job.spec.schedule) return JobMonitor(job.spec, {}).next_run(at - Duration{1}, calendar());
  const Duration every = *job.spec.every;
  const auto count = std::max<std::int64_t>(1, (at - job.since + every - Duration{1}) / every);
  return job.since + every * count;
}

// The last scheduled run before `at`, since the job is expected to run.
std::optional<Instant> StoryJobs::run_before(const Job& job, Instant at) const {
  if (job.spec.every) {
    const Instant next = *run_from(job, at);
    return next - *job.spec.every > job.since ? std::optional(next - *job.spec.every)
                                              : std::nullopt;
  }
  // Looks back over longer and longer spans, as most jobs run often.
  for (Duration span = 1h;; span *= 2) {
    const Instant from = std::max(job.since, at - span);
    std::optional<Instant> found;
    for (auto run = run_from(job, from); run && *run < at;
         run = run_from(job, *run + Duration{1})) {
      found = run;
    }
    if (found || from == job.since) return found;
  }
}

// From now on the job is simulated run by run; up to now every run was well.
void StoryJobs::watch(Job& job, Instant now) {
  if (job.monitor) return;
  const Instant until = down_since_ ? std::min(*down_since_, now) : now;
  job.monitor.emplace(job.spec, JobState{});
  if (const auto last = run_before(job, until)) {
    job.monitor->begin(job.spec.every ? *last - *job.spec.every : *last - Duration{1}, calendar());
    end_run(job, *last);
  } else {
    job.monitor->begin(job.since, calendar());
  }
  job.next_run = run_from(job, until);
}

// A whole run at one instant. With a min_duration the start goes unseen: a virtual run takes no
// time.
std::optional<Observation> StoryJobs::end_run(Job& job, Instant now) {
  std::optional<Observation> seen;
  if (!job.spec.min_duration) {
    seen = job.monitor->ping({JobPing::Event::start, 0, "", ""}, now, calendar());
  }
  const bool failed = job.verdict == Verdict::failing;
  const auto ended = job.monitor->ping(
      {failed ? JobPing::Event::fail : JobPing::Event::success, 0, "", failed ? job.reason : ""},
      now, calendar());
  return ended ? ended : seen;
}

void StoryJobs::set_configuration(const Configuration& configuration, Instant now) {
  if (platform_ != nullptr) {
    for (auto& [probe, job] : jobs_)
      watch(job, now);  // by the calendar that was in force
  }
  platform_ = configuration.platform;
  std::map<ProbeId, Job> jobs;
  for (const auto& [probe, setup] : configuration.probes) {
    if (!setup.job) continue;
    auto known = jobs_.find(probe);
    Job job;
    if (known != jobs_.end()) job = std::move(known->second);
    if (known == jobs_.end()) job.since = now;
    job.spec = *setup.job;
    if (known != jobs_.end() && job.definition != setup.definition) {
      job.since = now;
      job.monitor = JobMonitor(job.spec, job.monitor->state());
      job.monitor->begin(now, calendar());
      job.next_run = run_from(job, now);
    }
    job.definition = setup.definition;
    jobs.emplace(probe, std::move(job));
  }
  jobs_ = std::move(jobs);
}

std::optional<Instant> StoryJobs::next() const {
  std::optional<Instant> next;
  if (down_since_) return next;
  const auto consider = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const auto& [probe, job] : jobs_) {
    if (!job.monitor) continue;
    if (!job.told) consider(job.next_run);
    consider(job.monitor->next_deadline());
  }
  return next;
}

std::vector<StoryJobs::Seen> StoryJobs::pass(Instant now) {
  std::vector<Seen> seen;
  for (auto& [probe, job] : jobs_) {
    if (!job.monitor) continue;
    while (job.next_run && *job.next_run <= now) {
      if (!job.told && job.verdict != Verdict::unknown) {
        if (auto observation = end_run(job, now)) seen.push_back({probe, std::move(*observation)});
      }
      job.next_run = run_from(job, *job.next_run + Duration{1});
    }
    // Folded by the monitor: a deadline passed is followed by one that lies ahead, or by another
    // run's.
    for (int looks = 0; looks < 64; ++looks) {
      const auto deadline = job.monitor->next_deadline();
      if (!deadline || *deadline > now) break;
      auto observation = job.monitor->look(now, calendar());
      if (observation) seen.push_back({probe, std::move(*observation)});
    }
  }
  return seen;
}

std::vector<StoryJobs::Seen> StoryJobs::tell(const ProbeId& probe,
                                             std::optional<JobPing::Event> event, Instant now) {
  auto found = jobs_.find(probe);
  if (found == jobs_.end()) return {};
  Job& job = found->second;
  watch(job, now);
  job.told = true;
  if (!event || down_since_) return {};
  auto observation = job.monitor->ping({*event, 0, "", ""}, now, calendar());
  if (!observation) return {};
  return {Seen{probe, std::move(*observation)}};
}

std::vector<StoryJobs::Seen> StoryJobs::set_finding(const ProbeId& probe, Verdict verdict,
                                                    const std::string& reason, Instant now) {
  auto found = jobs_.find(probe);
  if (found == jobs_.end()) return {};
  Job& job = found->second;
  watch(job, now);
  job.verdict = verdict;
  job.reason = reason;
  if (down_since_) return {};
  std::optional<Observation> observation;
  if (verdict == Verdict::unknown || verdict == Verdict::warning) {
    observation = Observation{verdict, reason, {}, now, now, now};
  } else {
    observation = end_run(job, now);
  }
  if (!observation) return {};
  return {Seen{probe, std::move(*observation)}};
}

void StoryJobs::daemon_ends(Instant now) {
  down_since_ = now;
}

Result<void> StoryJobs::daemon_starts(Instant now) {
  for (auto& [probe, job] : jobs_) {
    if (!job.monitor) {
      const auto lost = run_from(job, *down_since_);
      if (!lost || *lost >= now) continue;
      watch(job, now);
    }
    auto state = decode_job(encode(job.monitor->state()));
    if (!state) return tl::unexpected(state.error());
    job.monitor.emplace(job.spec, std::move(*state));
    job.monitor->begin(now, calendar());
    job.monitor->heard_nothing(now);
    job.next_run = run_from(job, now);
  }
  down_since_.reset();
  return {};
}

}  // namespace yagura
