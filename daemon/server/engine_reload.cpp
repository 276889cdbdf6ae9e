// A new configuration while the daemon runs, and its end.
#include <fmt/format.h>

#include <algorithm>

#include "engine.hpp"
#include "log.hpp"
#include "text.hpp"

namespace yagura {

namespace {

constexpr std::size_t most_problems_logged = 200;

// A line for each, so that none hides another.
void log_problems(const Problems& problems) {
  std::size_t logged = 0;
  for (const Problem& problem : problems) {
    if (logged++ == most_problems_logged) break;
    log::line(problem.warning ? log::Level::warning : log::Level::error, "reload.problem",
              {{"at", problem.place.text()}, {"what", problem.message}});
  }
  if (problems.size() > most_problems_logged) {
    log::line(log::Level::error, "reload.problem",
              {{"what", fmt::format("and {} more: `yagura config check` has all of them",
                                    problems.size() - most_problems_logged)}});
  }
}

}  // namespace

void Engine::make_transport() {
  transport_ = surroundings_.make_transport(configuration_.mail, platform().mail);
}

bool Engine::reload(const std::string& who, Problems& problems) {
  Instant now = read_clock();
  Loaded loaded = surroundings_.load(configuration_.files.front(), now);
  problems = std::move(loaded.problems);
  auto refuse = [&](const Place& at, const std::string& why) { problems.push_back({at, why, false}); };
  std::optional<Configuration>& next = loaded.configuration;
  if (next) {
    if (next->state_folder != configuration_.state_folder) {
      refuse(next->places.state, "`state` changed: restart the daemon for that");
    }
    if (next->control_socket != configuration_.control_socket) {
      refuse(next->places.control, "`listen.control` changed: restart the daemon for that");
    }
    if (next->http_address != configuration_.http_address) {
      refuse(next->places.http, "`listen.http` changed: restart the daemon for that");
    }
  }
  Result<Composer> composer = Composer::load(next ? next->mail.writing : Writing{});
  if (next && !composer) refuse(next->places.templates, composer.error().message);
  std::stable_partition(problems.begin(), problems.end(), [](const Problem& problem) { return !problem.warning; });
  if (!next || has_errors(problems)) {
    note("reload.refused", who, {{"problems", one_line(text(problems), 2000)}});
    log::line(log::Level::error, "reload.refused", {{"by", who}, {"problems", std::to_string(problems.size())}});
    log_problems(problems);
    return false;
  }
  log_problems(problems);
  std::map<ProbeId, JobState> kept;
  for (const auto& [id, monitor] : jobs_) kept[id] = monitor.state();
  std::map<ProbeId, AlarmState> kept_alarms;
  for (const auto& [id, monitor] : alarms_) kept_alarms[id] = monitor->state();
  std::vector<std::string> changes;
  for (const auto& [name, component] : next->platform->components) {
    if (!platform().components.contains(name)) changes.push_back("component " + name + " is new");
  }
  for (const auto& [name, component] : platform().components) {
    if (!next->platform->components.contains(name)) changes.push_back("component " + name + " is gone");
  }
  changes.push_back("ordered by " + who);
  configuration_ = std::move(*next);
  composer_ = std::move(*composer);
  log::set_zone(configuration_.platform->zone);
  turn_at(PlatformChanged{configuration_.platform, changes}, now);
  scheduler_.set_platform(configuration_.platform, now);
  samples_.set_platform(*configuration_.platform, now);
  make_probes();
  make_alarms(std::move(kept_alarms));
  make_transport();
  make_jobs(std::move(kept));
  turn_at(Tick{}, now);
  run_due_probes();
  return true;
}

const Metrics& Engine::metrics() {
  metrics_.record_commits = store_.commits();
  return metrics_;
}

Signs Engine::signs() {
  const Instant now = read_clock();
  const auto age = [steady = clock_.steady()](SteadyInstant since) {
    return std::chrono::duration_cast<Duration>(steady - since);
  };
  Signs signs;
  signs.lateness = scheduler_.lateness(now);
  signs.overrun = overrun(now);
  signs.record_trouble = store_.trouble();
  std::map<NoticeId, Duration> attempts;
  for (const auto& [id, since] : deliveries_) attempts[id] = age(since);
  signs.outbox_stands = outbox_stands(state(), attempts, age(outbox_moved_), now);
  signs.attempt_timeout = platform().mail.attempt_timeout;
  for (const auto& [person, command] : configuration_.person_commands) {
    signs.attempt_timeout = std::max(signs.attempt_timeout, command.timeout);
  }
  return signs;
}

void Engine::drain(Duration at_most, std::function<void()> done) {
  draining_ = true;
  drained_ = std::move(done);
  alarm_->cancel();
  drain_alarm_->set(clock_.steady() + at_most, [this] {
    if (drained_) std::exchange(drained_, nullptr)();
  });
  watch_drain();
}

void Engine::watch_drain() {
  if (!draining_ || !deliveries_.empty() || !drained_) return;
  drain_alarm_->cancel();
  surroundings_.post(std::exchange(drained_, nullptr));
}

}  // namespace yagura
