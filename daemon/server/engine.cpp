#include "engine.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <cstdlib>

#include "codec.hpp"
#include "log.hpp"
#include "text.hpp"

namespace yagura {

namespace {

std::string json_of(const std::map<std::string, std::string>& details) {
  boost::json::object object;
  for (const auto& [key, value] : details) object[key] = value;
  return boost::json::serialize(object);
}

// What of a fact belongs into the log, and how loudly.
void log_fact(const Fact& fact) {
  log::Fields fields = fact.details;
  if (fact.failure != 0) fields["failure"] = std::to_string(fact.failure);
  if (fact.notice != 0) fields["notice"] = std::to_string(fact.notice);
  if (fact.who != "daemon") fields["by"] = fact.who;
  const bool warns = fact.what == "failure.opened" || fact.what == "failure.relapsed" ||
                     fact.what == "notice.undeliverable" || fact.what == "notice.nobody" ||
                     fact.what == "clock.jumped" || fact.what == "command.refused";
  log::line(warns ? log::Level::warning : log::Level::info, fact.what, fields);
}

template <class Decoded, class Put>
Result<void> keep(Decoded decoded, const RecordRow& row, Put put) {
  if (!decoded) {
    return failure_of(fmt::format("row {} of the record ({}) cannot be read: {}", row.id, row.subject,
                                  decoded.error().message));
  }
  put(std::move(*decoded));
  return {};
}

Result<void> keep_row(const RecordRow& row, State& state) {
  if (row.what == "state.failure") {
    return keep(decode_failure(row.payload), row,
                [&](Failure failure) { state.failures[failure.id] = std::move(failure); });
  }
  if (row.what == "state.notice") {
    return keep(decode_notice(row.payload), row,
                [&](Notice notice) { state.notices[notice.id] = std::move(notice); });
  }
  if (row.what == "state.component") {
    return keep(decode_component(row.payload), row, [&](ComponentHealth health) {
      state.components[row.subject.substr(row.subject.find(':') + 1)] = std::move(health);
    });
  }
  if (row.what == "state.core") {
    return keep(decode_core(row.payload), row, [&](Core core) { state.core = std::move(core); });
  }
  return failure_of(fmt::format("row {} of the record has the unknown state {}: the record was made by a "
                                "newer version", row.id, row.what));
}

}  // namespace

Result<Kept> read_kept(Store& store) {
  Kept kept;
  Result<void> fine;
  auto read = store.last_states([&](const RecordRow& row) {
    kept.first_start = false;
    if (fine) fine = keep_row(row, kept.state);
  });
  if (!read) return tl::unexpected(read.error());
  if (!fine) return tl::unexpected(fine.error());
  auto jobs = store.jobs();
  if (!jobs) return tl::unexpected(jobs.error());
  for (const JobRow& row : *jobs) {
    auto state = decode_job(row.state);
    if (!state) return tl::unexpected(state.error());
    kept.jobs[{row.component, row.probe}] = std::move(*state);
  }
  return kept;
}

Engine::Engine(boost::asio::io_context& loop, io::Runtime& runtime, Store& store, Configuration configuration,
               Composer composer, Kept kept)
    : loop_(loop), runtime_(runtime), store_(store), configuration_(std::move(configuration)),
      composer_(std::move(composer)),
      decider_(configuration_.platform, std::move(kept.state), store.instance()), timer_(loop),
      drain_timer_(loop) {
  Instant now = clock_.read().now;
  scheduler_.set_platform(configuration_.platform, now);
  make_probes();
  make_transport();
  make_jobs(std::move(kept.jobs));
  if (kept.first_start) {
    turn_at(Tick{}, now);
    return;
  }
  // Pings of the time in which nobody listened are lost: what fell due then is unknown, not failing.
  for (auto& [id, monitor] : jobs_) monitor.heard_nothing(now);
  turn_at(Restarted{}, now);
}

Engine::~Engine() { *alive_ = false; }

void Engine::start() {
  // Every probe once at the start, then each in its phase.
  Instant now = read_clock();
  for (const auto& [id, made] : probes_) scheduler_.run_fresh(id, now);
  run_due_probes();
  arm();
}

Instant Engine::read_clock() {
  Clock::Reading reading = clock_.read();
  if (reading.moved != Duration{0}) {
    scheduler_.shift(reading.moved);
    if (reading.moved > 1min || reading.moved < -1min) {
      turn_at(ClockJumped{reading.moved}, reading.now);
    }
  }
  return reading.now;
}

void Engine::turn(const Event& event) { turn_at(event, read_clock()); }

void Engine::turn_at(const Event& event, Instant now) {
  Batch batch = decider_.handle(event, now);
  for (const Fact& fact : batch.facts) log_fact(fact);
  Transaction transaction;
  render(batch, now, transaction);
  record(batch, now, transaction);
  transaction.jobs = std::exchange(job_rows_, {});
  if (transaction.empty() && batch.effects.empty()) return arm();
  metrics_.record_rows += transaction.entries.size();
  if (transaction.empty() && store_.queued() == 0) {
    act(batch.effects);
    return arm();
  }
  // Commit first, act after. What is looked at afresh need not wait for the disk.
  auto effects = std::make_shared<std::vector<Effect>>(std::move(batch.effects));
  store_.append(std::move(transaction), [this, alive = std::weak_ptr(alive_), effects, &loop = loop_] {
    boost::asio::post(loop, [this, alive, effects] {
      if (auto still = alive.lock(); still && *still) act(*effects);
    });
  });
  arm();
}

void Engine::render(const Batch& batch, Instant now, Transaction& transaction) {
  for (const Effect& effect : batch.effects) {
    const auto* hand_over = std::get_if<HandOver>(&effect);
    if (hand_over == nullptr) continue;
    const Notice& notice = state().notices.at(hand_over->notice);
    if (notice.rendered) continue;
    Result<Message> message = composer_.compose(platform(), state(), notice, configuration_.mail.from, now);
    Result<std::string> bytes =
        message ? encode(*message, platform().zone) : tl::unexpected(message.error());
    if (!bytes) {
      // Told by the delivery, which then has nothing to send.
      log::line(log::Level::error, "mail.unwritable",
                {{"notice", std::to_string(notice.id)}, {"why", bytes.error().message}});
      continue;
    }
    decider_.rendered(notice.id, message->subject);
    transaction.mails.push_back({notice.id, notice.message_id, *bytes});
    bytes_[notice.id] = std::move(*bytes);
  }
}

void Engine::record(const Batch& batch, Instant now, Transaction& transaction) const {
  auto add_state = [&](std::string what, std::string subject, FailureId failure, NoticeId notice,
                       std::string payload) {
    RecordEntry entry;
    entry.at = now;
    entry.what = std::move(what);
    entry.failure = failure;
    entry.notice = notice;
    entry.who = "daemon";
    entry.subject = std::move(subject);
    entry.payload = std::move(payload);
    transaction.entries.push_back(std::move(entry));
  };
  for (const Fact& fact : batch.facts) {
    RecordEntry entry;
    entry.at = fact.at;
    entry.what = fact.what;
    entry.failure = fact.failure;
    entry.notice = fact.notice;
    entry.who = fact.who;
    entry.payload = json_of(fact.details);
    transaction.entries.push_back(std::move(entry));
  }
  for (FailureId id : batch.failures) {
    add_state("state.failure", fmt::format("failure:{}", id), id, 0, encode(state().failures.at(id)));
  }
  for (NoticeId id : batch.notices) {
    const Notice& notice = state().notices.at(id);
    add_state("state.notice", fmt::format("notice:{}", id), notice.failure, id, encode(notice));
  }
  for (const ComponentName& name : batch.components) {
    add_state("state.component", "component:" + name, 0, 0, encode(state().components.at(name)));
  }
  if (batch.core) add_state("state.core", "core", 0, 0, encode(state().core));
}

void Engine::act(const std::vector<Effect>& effects) {
  for (const Effect& effect : effects) {
    if (const auto* runs = std::get_if<RunProbes>(&effect)) {
      Instant now = read_clock();
      for (const ProbeId& id : runs->probes) scheduler_.run_fresh(id, now);
    } else if (const auto* start = std::get_if<StartStep>(&effect)) {
      act(*start);
    } else if (const auto* stop = std::get_if<StopStep>(&effect)) {
      steps_.erase({stop->failure, stop->component, stop->step});
    } else if (const auto* hand_over = std::get_if<HandOver>(&effect)) {
      act(*hand_over);
    } else if (const auto* answer = std::get_if<Answer>(&effect)) {
      act(*answer);
    }
  }
  run_due_probes();
  arm();
}

void Engine::act(const StartStep& start) {
  if (draining_) return;  // Starts as interrupted after the restart.
  StepKey key{start.failure, start.component, start.step};
  io::ChildCommand command;
  command.argv = start.run;
  command.timeout = start.limit + 5s;  // The decision code stops it before.
  command.extra_environment = {{"YAGURA_FAILURE", std::to_string(start.failure)},
                               {"YAGURA_COMPONENT", start.component}};
  auto done = [this, key](io::ChildResult result) {
    StepEnded ended{key.failure, key.component, key.step, StepResult::failed,
                    many_lines(result.output.empty() ? result.reason
                                                     : result.output + "\n" + result.reason)};
    if (result.succeeded()) ended.result = StepResult::succeeded;
    if (result.how == io::ChildResult::How::timed_out) ended.result = StepResult::timed_out;
    // The child may not be destroyed within its own callback.
    boost::asio::post(loop_, [this, key, ended = std::move(ended), alive = std::weak_ptr(alive_)] {
      if (auto still = alive.lock(); !still || !*still) return;
      steps_.erase(key);
      turn(ended);
    });
  };
  steps_[key] = std::make_unique<io::Child>(loop_, std::move(command), std::move(done));
}

void Engine::act(const HandOver& hand_over) {
  if (draining_) return;  // Comes back as an attempt of unknown outcome: nothing was sent.
  const Notice& notice = state().notices.at(hand_over.notice);
  auto bytes = bytes_.find(notice.id);
  if (bytes == bytes_.end()) {
    if (auto kept = store_.mail(notice.id); kept && *kept) {
      bytes = bytes_.emplace(notice.id, (*kept)->bytes).first;
    }
  }
  auto give = [this, id = notice.id](Delivery delivery) {
    --deliveries_;
    ++metrics_.deliveries;
    if (delivery.unknown) ++metrics_.deliveries_unknown;
    if (!delivery.deferred.empty()) ++metrics_.deliveries_deferred;
    Delivered delivered;
    delivered.notice = id;
    delivered.accepted = std::move(delivery.accepted);
    for (RecipientReply& one : delivery.refused) delivered.refused.emplace_back(one.address, one.reply);
    for (RecipientReply& one : delivery.deferred) delivered.deferred.emplace_back(one.address, one.reply);
    delivered.unknown = delivery.unknown;
    delivered.reply = delivery.relay.empty() ? delivery.reply : delivery.relay + ": " + delivery.reply;
    turn(delivered);
    if (!state().notices.at(id).is_unsent()) bytes_.erase(id);
    watch_drain();
  };
  ++deliveries_;
  Envelope envelope;
  envelope.from = configuration_.mail.from.address;
  for (const Recipient& to : notice.to) {
    bool has = std::find(notice.accepted.begin(), notice.accepted.end(), to.mail) != notice.accepted.end();
    for (const std::string& refused : notice.refused) has = has || refused.starts_with(to.mail + " ");
    if (!has) envelope.to.push_back(to.mail);
  }
  if (bytes == bytes_.end()) {
    Delivery none;
    none.reply = "the mail could not be written or read back; see the log";
    for (const std::string& address : envelope.to) none.deferred.push_back({address, none.reply});
    boost::asio::post(loop_, [give, none] { give(none); });
    return;
  }
  envelope.bytes = bytes->second;
  envelope.name = fmt::format("notice-{}.{}", notice.id, store_.instance());
  // An attempt keeps its transport, should a reload replace it meanwhile.
  auto transport = transport_;
  transport->deliver(std::move(envelope), [give, transport](Delivery delivery) { give(std::move(delivery)); });
}

void Engine::act(const Answer& answer) {
  auto waiting = answers_.find(answer.command);
  if (waiting == answers_.end()) return;
  auto done = std::move(waiting->second);
  answers_.erase(waiting);
  done(answer);
}

void Engine::command(const PersonName& by, Order order, std::function<void(Answer)> done) {
  CommandId id = ++last_command_;
  answers_[id] = std::move(done);
  turn(Command{id, by, std::move(order)});
}

// ---- Time ----

void Engine::arm() {
  if (draining_) return;
  std::optional<Instant> next;
  auto take = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  take(decider_.next_wake());
  take(scheduler_.next_due());
  for (const auto& [id, monitor] : jobs_) take(monitor.next_deadline());
  Instant now = clock_.read().now;
  // Never far ahead, so that a jump of the clock is seen soon.
  Instant at = std::min(next.value_or(now + 10s), now + 10s);
  auto steady = std::chrono::steady_clock::now() + std::max(Duration{0}, at - now);
  if (timer_at_ && *timer_at_ <= steady && *timer_at_ > std::chrono::steady_clock::now()) return;
  timer_at_ = steady;
  timer_.expires_at(steady);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) on_timer();
  });
}

void Engine::on_timer() {
  if (timer_at_) {
    metrics_.loop_lag =
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - *timer_at_);
    metrics_.loop_lag_most = std::max(metrics_.loop_lag_most, metrics_.loop_lag);
  }
  timer_at_.reset();
  Instant now = read_clock();
  look_at_jobs(now);
  if (auto wake = decider_.next_wake(); wake && *wake <= now) turn_at(Tick{}, now);
  run_due_probes();
  arm();
}

// ---- Probes ----

void Engine::make_probes() {
  std::map<ProbeId, Made> made;
  for (const auto& [id, setup] : configuration_.probes) {
    if (setup.job) continue;
    auto before = probes_.find(id);
    if (before != probes_.end() && before->second.definition == setup.definition) {
      made[id] = before->second;
    } else {
      made[id] = {setup.definition, setup.make()};
      // A run of the one before is gone with it; it is made again by the new one.
      if (scheduler_.is_running(id)) {
        Instant now = clock_.read().now;
        scheduler_.run_fresh(id, now);
        scheduler_.ended(id, now, false);
      }
    }
  }
  probes_ = std::move(made);
}

void Engine::run_due_probes() {
  if (draining_) return;
  Instant now = read_clock();
  auto due = scheduler_.due(now);
  std::vector<Scheduler::Run> runs(due.begin(), due.end());
  for (const Scheduler::Run& run : runs) {
    metrics_.probe_lateness = run.lateness;
    metrics_.probe_lateness_most = std::max(metrics_.probe_lateness_most, run.lateness);
    auto made = probes_.find(run.probe);
    if (made == probes_.end()) continue;
    const ProbeSpec* spec = platform().components.at(run.probe.component).probe(run.probe.probe);
    bool failing = false;
    if (auto health = state().components.find(run.probe.component); health != state().components.end()) {
      auto probe = health->second.probes.find(run.probe.probe);
      failing = probe != health->second.probes.end() && probe->second.failing;
    }
    made->second.probe->start(
        runtime_, {run.scheduled, spec->timeout, failing},
        [this, id = run.probe, scheduled = run.scheduled, started = now](Finding finding) {
          end_run(id, scheduled, started, std::move(finding));
        });
  }
  metrics_.skipped_slots = scheduler_.skipped_slots();
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
  auto component = platform().components.find(id.component);
  const ProbeSpec* spec = component == platform().components.end() ? nullptr : component->second.probe(id.probe);
  if (spec != nullptr) {
    ++metrics_.probe_runs[{spec->kind, std::string(name_of(observation.verdict))}];
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
  boost::asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {
    if (auto still = alive.lock(); still && *still) run_due_probes();
  });
  arm();
}

bool Engine::run_probe(const ProbeId& probe, std::function<void(Observation)> done) {
  if (!probes_.contains(probe)) return false;
  asked_[probe].push_back(std::move(done));
  scheduler_.run_fresh(probe, read_clock());
  run_due_probes();
  arm();
  return true;
}

// ---- Jobs ----

JobCalendar Engine::job_calendar() const {
  PlatformPtr platform = decider_.platform();
  return {platform->zone, [platform](Date date) { return platform->calendar.is_business_day(date); }};
}

void Engine::make_jobs(std::map<ProbeId, JobState> kept) {
  Instant now = clock_.read().now;
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

bool Engine::job_ping(const ProbeId& job, const JobPing& ping, const std::string& who) {
  auto found = jobs_.find(job);
  if (found == jobs_.end()) return false;
  (void)who;
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

// ---- Reload, transport, end ----

void Engine::make_transport() {
  const MailSettings& mail = configuration_.mail;
  Duration timeout = platform().mail.attempt_timeout;
  if (mail.relays.empty()) {
    transport_ = make_maildir_transport(runtime_, mail.maildir, timeout);
  } else {
    std::string domain = platform().mail.from_domain;
    transport_ = make_smtp_transport(runtime_, mail.relays, timeout, domain);
  }
}

bool Engine::reload(const std::string& who, Problems& problems) {
  Instant now = read_clock();
  Loaded loaded = load_configuration(configuration_.files.front(), now);
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

void Engine::note(const std::string& what, const std::string& who,
                  const std::map<std::string, std::string>& details) {
  RecordEntry entry;
  entry.at = read_clock();
  entry.what = what;
  entry.who = who;
  entry.payload = json_of(details);
  Transaction transaction;
  transaction.entries.push_back(std::move(entry));
  ++metrics_.record_rows;
  store_.append(std::move(transaction), [] {});
}

const Metrics& Engine::metrics() { return metrics_; }

void Engine::drain(Duration at_most, std::function<void()> done) {
  draining_ = true;
  drained_ = std::move(done);
  timer_.cancel();
  drain_timer_.expires_after(at_most);
  drain_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && drained_) std::exchange(drained_, nullptr)();
  });
  watch_drain();
}

void Engine::watch_drain() {
  if (!draining_ || deliveries_ != 0 || !drained_) return;
  drain_timer_.cancel();
  boost::asio::post(loop_, std::exchange(drained_, nullptr));
}

}  // namespace yagura
