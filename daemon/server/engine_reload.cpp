// A new configuration while the daemon runs, and its end.
#include "engine.hpp"
#include "log.hpp"
#include "text.hpp"

namespace yagura {

void Engine::make_transport() {
  transport_ = surroundings_.make_transport(configuration_.mail, platform().mail);
}

bool Engine::reload(const std::string& who, Problems& problems) {
  Instant now = read_clock();
  Loaded loaded = surroundings_.load(configuration_.files.front(), now);
  problems = std::move(loaded.problems);
  auto refuse = [&](const std::string& why) {
    Problem problem;
    problem.place.file = configuration_.files.front();
    problem.message = why;
    problems.push_back(std::move(problem));
  };
  std::optional<Configuration>& next = loaded.configuration;
  if (next) {
    if (next->state_folder != configuration_.state_folder) refuse("`state` changed: restart the daemon for that");
    if (next->control_socket != configuration_.control_socket || next->http_address != configuration_.http_address) {
      refuse("`listen` changed: restart the daemon for that");
    }
  }
  Result<Composer> composer = Composer::load(next ? next->mail.templates_folder : "");
  if (next && !composer) refuse(composer.error().message);
  if (!next || has_errors(problems)) {
    note("reload.refused", who, {{"problems", one_line(text(problems), 2000)}});
    log::line(log::Level::error, "reload.refused", {{"problems", text(problems)}});
    return false;
  }
  std::map<ProbeId, JobState> kept;
  for (const auto& [id, monitor] : jobs_) kept[id] = monitor.state();
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
  turn_at(PlatformChanged{configuration_.platform, changes}, now);
  scheduler_.set_platform(configuration_.platform, now);
  make_probes();
  make_transport();
  make_jobs(std::move(kept));
  turn_at(Tick{}, now);
  run_due_probes();
  return true;
}

const Metrics& Engine::metrics() { return metrics_; }

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
  if (!draining_ || deliveries_ != 0 || !drained_) return;
  drain_alarm_->cancel();
  surroundings_.post(std::exchange(drained_, nullptr));
}

}  // namespace yagura
