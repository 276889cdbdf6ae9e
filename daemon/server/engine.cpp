#include "engine.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "codec.hpp"
#include "log.hpp"
#include "text.hpp"

namespace yagura {

namespace {

// What of a fact belongs into the log, and how loudly.
void log_fact(const Fact& fact) {
  log::Fields fields = fact.details;
  if (fact.failure != 0) fields["failure"] = std::to_string(fact.failure);
  if (fact.notice != 0) fields["notice"] = std::to_string(fact.notice);
  if (fact.who != "daemon") fields["by"] = fact.who;
  const bool warns = fact.what == "failure.opened" || fact.what == "failure.relapsed" ||
                     fact.what == "notice.undeliverable" || fact.what == "notice.nobody" ||
                     fact.what == "clock.jumped" || fact.what == "probing.late" || fact.what == "command.refused";
  log::line(warns ? log::Level::warning : log::Level::info, fact.what, fields);
}

}  // namespace

Engine::Engine(Surroundings& surroundings, Store& store, Configuration configuration, Composer composer,
               Kept kept)
    : surroundings_(surroundings), store_(store), configuration_(std::move(configuration)),
      composer_(std::move(composer)), clock_(surroundings),
      decider_(configuration_.platform, std::move(kept.state), store.instance()),
      alarm_(surroundings.make_alarm()), drain_alarm_(surroundings.make_alarm()),
      members_unrecorded_(std::move(kept.members_unrecorded)) {
  Instant now = clock_.read().now;
  scheduler_.set_platform(configuration_.platform, now);
  unmatched_alarms_.remember(kept.unmatched_alarms);
  samples_.set_platform(*configuration_.platform, now);
  kept_of_probes_ = std::move(kept.probes);
  make_probes();
  make_alarms(std::move(kept.alarms));
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
    for (auto& [id, monitor] : jobs_) {
      if (monitor.clock_moved(reading.moved)) job_rows_.push_back({id.component, id.probe, encode(monitor.state())});
    }
    for (auto& [id, monitor] : alarms_) {
      monitor->clock_moved(reading.moved);
      job_rows_.push_back({id.component, id.probe, encode(monitor->state())});
    }
    if (reading.moved > 1min || reading.moved < -1min) {
      turn_at(ClockJumped{reading.moved}, reading.now);
    }
  }
  return reading.now;
}

void Engine::turn(const Event& event) { turn_at(event, read_clock()); }

void Engine::turn_at(const Event& event, Instant now) {
  // A jump of the clock moves the steps' deadlines first.
  if (!std::holds_alternative<StepEnded>(event) && !std::holds_alternative<ClockJumped>(event)) {
    end_overdue_steps(now);
  }
  Batch batch = decider_.handle(event, now);
  for (const Fact& fact : batch.facts) log_fact(fact);
  Transaction transaction;
  render(batch, now, transaction);
  record(batch, now, transaction);
  transaction.jobs = std::exchange(job_rows_, {});
  if (transaction.empty() && batch.effects.empty()) return arm();
  for (NoticeId id : batch.notices) {
    if (!state().notices.at(id).is_unsent()) bytes_.erase(id);
  }
  metrics_.record_rows += transaction.entries.size();
  if (transaction.empty() && store_.queued() == 0) {
    act(batch.effects);
    return arm();
  }
  for (const Effect& effect : batch.effects) {
    if (const auto* answer = std::get_if<Answer>(&effect)) decided_.insert_or_assign(answer->command, *answer);
  }
  // Commit first, act after. What is looked at afresh need not wait for the disk.
  auto effects = std::make_shared<std::vector<Effect>>(std::move(batch.effects));
  store_.append(std::move(transaction), [this, alive = std::weak_ptr(alive_), effects, &loop = surroundings_] {
    loop.post([this, alive, effects] {
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

void Engine::record(const Batch& batch, Instant now, Transaction& transaction) {
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
  auto add_member = [&](FailureId id, const ComponentName& name) {
    const Failure& failure = state().failures.at(id);
    MemberRow row{name, {}};
    if (auto member = failure.members.find(name); member != failure.members.end()) row.since = member->second;
    add_state("state.member", fmt::format("member:{}:{}", id, name), id, 0, encode(row));
  };
  for (const Fact& fact : batch.facts) {
    RecordEntry entry;
    entry.at = fact.at;
    entry.what = fact.what;
    entry.failure = fact.failure;
    entry.notice = fact.notice;
    entry.who = fact.who;
    entry.payload = encode(fact.details);
    transaction.entries.push_back(std::move(entry));
  }
  for (FailureId id : batch.failures) {
    add_state("state.failure", fmt::format("failure:{}", id), id, 0,
              encode_without_members(state().failures.at(id)));
  }
  for (const auto& [id, name] : batch.members) add_member(id, name);
  for (const auto& [id, name] : std::exchange(members_unrecorded_, {})) add_member(id, name);
  for (NoticeId id : batch.notices) {
    const Notice& notice = state().notices.at(id);
    add_state("state.notice", fmt::format("notice:{}", id), notice.failure, id, encode(notice));
  }
  for (const ComponentName& name : batch.components) {
    add_state("state.component", "component:" + name, 0, 0, encode(state().components.at(name)));
  }
  for (const ServiceName& name : batch.services) {
    add_state("state.service", "service:" + name, 0, 0, encode(state().services.at(name)));
  }
  for (StopId id : batch.stops) {
    add_state("state.stop", fmt::format("stop:{}", id), 0, 0, encode(state().stops.at(id)));
  }
  for (InquiryId id : batch.inquiries) {
    auto inquiry = state().inquiries.find(id);
    add_state("state.inquiry", fmt::format("inquiry:{}", id), 0, 0,
              inquiry == state().inquiries.end() ? std::string(forgotten_inquiry) : encode(inquiry->second));
  }
  if (batch.core) add_state("state.core", "core", 0, 0, encode(state().core));
}

void Engine::note(const std::string& what, const std::string& who,
                  const std::map<std::string, std::string>& details) {
  RecordEntry entry;
  entry.at = read_clock();
  entry.what = what;
  entry.who = who;
  entry.payload = encode(details);
  Transaction transaction;
  transaction.entries.push_back(std::move(entry));
  ++metrics_.record_rows;
  store_.append(std::move(transaction), [] {});
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
  Instant now = clock_.peek();
  // Never far ahead, so that a jump of the clock is seen soon.
  Instant at = std::min(next.value_or(now + 10s), now + 10s);
  const SteadyInstant steady = clock_.steady();
  const SteadyInstant wake = steady + std::max(Duration{0}, at - now);
  if (alarm_at_ && *alarm_at_ <= wake) return;  // It comes in time, or at once.
  alarm_at_ = wake;
  alarm_->set(wake, [this] { on_timer(); });
}

void Engine::on_timer() {
  if (alarm_at_) {
    const auto lag = std::chrono::duration_cast<Duration>(clock_.steady() - *alarm_at_);
    metrics_.loop.take(lag);
  }
  alarm_at_.reset();
  Instant now = read_clock();
  look_at_jobs(now);
  if (auto wake = decider_.next_wake(); wake && *wake <= now) turn_at(Tick{}, now);
  run_due_probes();
  look_at_lateness(now);
  arm();
}

}  // namespace yagura
