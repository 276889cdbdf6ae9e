#include "simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "codec.hpp"
#include "text.hpp"

namespace yagura {
namespace {

// A stated limit on what may follow at one instant: more is a decision that never comes to rest.
constexpr std::size_t most_turns_at_instant = 200'000;
constexpr std::string_view instance = "rehearsal";

// A state as it is after a restart: written and read back, each entity by itself, as in the record.
Result<State> read_back(const State& state) {
  State back;
  for (const auto& [id, failure] : state.failures) {
    auto read = decode_failure(encode(failure));
    if (!read) return tl::unexpected(read.error());
    back.failures.emplace(id, std::move(*read));
  }
  for (const auto& [id, notice] : state.notices) {
    auto read = decode_notice(encode(notice));
    if (!read) return tl::unexpected(read.error());
    back.notices.emplace(id, std::move(*read));
  }
  for (const auto& [id, stop] : state.stops) {
    auto read = decode_stop(encode(stop));
    if (!read) return tl::unexpected(read.error());
    back.stops.emplace(id, std::move(*read));
  }
  for (const auto& [id, inquiry] : state.inquiries) {
    auto read = decode_inquiry(encode(inquiry));
    if (!read) return tl::unexpected(read.error());
    back.inquiries.emplace(id, std::move(*read));
  }
  for (const auto& [name, component] : state.components) {
    auto read = decode_component(encode(component));
    if (!read) return tl::unexpected(read.error());
    back.components.emplace(name, std::move(*read));
  }
  for (const auto& [name, service] : state.services) {
    auto read = decode_service(encode(service));
    if (!read) return tl::unexpected(read.error());
    back.services.emplace(name, *read);
  }
  auto core = decode_core(encode(state.core));
  if (!core) return tl::unexpected(core.error());
  back.core = std::move(*core);
  return back;
}

// Who has not got it yet.
std::vector<std::string> open_recipients(const Notice& notice) {
  std::vector<std::string> open;
  for (const Recipient& recipient : notice.to) {
    const bool accepted = std::find(notice.accepted.begin(), notice.accepted.end(),
                                    recipient.mail) != notice.accepted.end();
    const bool refused =
        std::any_of(notice.refused.begin(), notice.refused.end(), [&](const std::string& row) {
          return std::string_view(row).substr(0, row.find(' ')) == recipient.mail;
        });
    if (!accepted && !refused) open.push_back(recipient.mail);
  }
  return open;
}

}  // namespace

Simulation::Simulation(const Story& story, StagePtr stage,
                       std::map<std::string, Result<StagePtr>> reloads, std::uint64_t seed,
                       Sink sink)
    : story_(story),
      stage_(std::move(stage)),
      reloads_(std::move(reloads)),
      seed_(seed),
      sink_(std::move(sink)),
      decider_(std::make_unique<Decider>(stage_->configuration.platform, State{},
                                         std::string(instance))),
      scheduler_(seed),
      now_(story.from) {
  scheduler_.set_platform(stage_->configuration.platform, now_);
  jobs_.set_configuration(stage_->configuration, now_);
}

Result<void> Simulation::run() {
  happen(Tick{});
  while (!fault_) {
    const auto next = next_instant();
    if (!next || *next > story_.until) break;
    if (*next > now_) turns_at_instant_ = 0;
    now_ = std::max(now_, *next);
    step();
  }
  if (fault_) return tl::unexpected(*fault_);
  now_ = story_.until;
  RehearsalLine end;
  end.at = now_;
  end.what = "rehearsal.ended";
  const State& state = decider_->state();
  end.details["failures_open"] =
      std::to_string(std::count_if(state.failures.begin(), state.failures.end(),
                                   [](const auto& row) { return row.second.is_open(); }));
  end.details["notices_unsent"] =
      std::to_string(std::count_if(state.notices.begin(), state.notices.end(),
                                   [](const auto& row) { return row.second.is_unsent(); }));
  say(std::move(end));
  return {};
}

std::optional<Instant> Simulation::next_instant() const {
  std::optional<Instant> next;
  const auto consider = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (next_entry_ < story_.entries.size()) consider(story_.entries[next_entry_].at);
  if (is_down()) {
    consider(up_again_at_);
  } else {
    consider(jobs_.next());
    consider(scheduler_.next_due());
    consider(decider_->next_wake());
  }
  return next;
}

// One thing at a time, in the order of the header's last sentence.
void Simulation::step() {
  const auto is_now = [this](std::optional<Instant> at) { return at && *at <= now_; };
  if (is_now(up_again_at_)) {
    start_again();
  } else if (next_entry_ < story_.entries.size() && story_.entries[next_entry_].at <= now_) {
    play(story_.entries[next_entry_++]);
  } else if (is_now(jobs_.next())) {
    take(jobs_.pass(now_));
  } else if (is_now(scheduler_.next_due())) {
    run_probes();
  } else {
    happen(Tick{});
  }
}

// ---- The daemon ----

void Simulation::start_again() {
  up_again_at_.reset();
  auto state = read_back(decider_->state());
  if (!state) {
    fault_ = state.error();
    return;
  }
  decider_ = std::make_unique<Decider>(stage_->configuration.platform, std::move(*state),
                                       std::string(instance));
  scheduler_ = Scheduler(seed_);
  scheduler_.set_platform(stage_->configuration.platform, now_);
  asleep_unwell_.clear();
  if (auto started = jobs_.daemon_starts(now_); !started) {
    fault_ = started.error();
    return;
  }
  happen(Restarted{});
}

void Simulation::run_probes() {
  const auto due = scheduler_.due(now_);
  const std::vector<Scheduler::Run> runs(due.begin(), due.end());
  for (const Scheduler::Run& run : runs)
    run_probe(run);
}

void Simulation::run_probe(const Scheduler::Run& run) {
  if (!scheduler_.is_running(run.probe)) return;
  Said said;
  if (auto found = said_.find(run.probe); found != said_.end()) said = found->second;
  Batch batch = decider_->handle(
      Observed{run.probe, Observation{said.verdict, said.reason, {}, run.scheduled, now_, now_}},
      now_);
  const bool wants_retry = decider_->wants_retry(run.probe);
  scheduler_.ended(run.probe, now_, wants_retry);
  // Settled: a further run would find, and change, the same.
  const auto& health =
      decider_->state().components.at(run.probe.component).probes.at(run.probe.probe);
  if (!wants_retry && health.verdict == said.verdict) {
    scheduler_.sleep(run.probe);
    if (said.verdict != Verdict::ok) asleep_unwell_.insert(run.probe);
  }
  follow(std::move(batch));
  happen_all();
}

void Simulation::take(std::vector<StoryJobs::Seen> seen) {
  for (StoryJobs::Seen& one : seen)
    happen(Observed{std::move(one.probe), std::move(one.observation)});
}

void Simulation::wake(const ProbeId& probe) {
  asleep_unwell_.erase(probe);
  scheduler_.wake(probe, now_);
}

// A failing run may count for more after any decision than it did before (the end of a planned
// stop).
void Simulation::wake_unwell() {
  for (const ProbeId& probe : std::exchange(asleep_unwell_, {}))
    scheduler_.wake(probe, now_);
}

void Simulation::wake_all() {
  asleep_unwell_.clear();
  for (const auto& [name, component] : stage_->configuration.platform->components) {
    for (const ProbeSpec& spec : component.probes)
      scheduler_.wake({name, spec.name}, now_);
  }
}

// ---- Decisions, and what follows from them ----

void Simulation::happen(Event event) {
  events_.push_back(std::move(event));
  happen_all();
}

void Simulation::happen_all() {
  while (!events_.empty() && !fault_) {
    const Event next = std::move(events_.front());
    events_.pop_front();
    follow(decider_->handle(next, now_));
    wake_unwell();
  }
}

void Simulation::follow(Batch batch) {
  if (++turns_at_instant_ > most_turns_at_instant) {
    fault_ = Error{fmt::format("the decisions at {} never come to rest: a fault of the program",
                               stage_->configuration.platform->zone.format(now_))};
  }
  render(batch);
  for (const Fact& fact : batch.facts)
    tell(fact);
  for (const Effect& effect : batch.effects) {
    if (fault_) return;
    if (const auto* run = std::get_if<RunProbes>(&effect)) {
      for (const ProbeId& probe : run->probes) {
        asleep_unwell_.erase(probe);
        scheduler_.run_fresh(probe, now_);
      }
    } else if (const auto* hand_over = std::get_if<HandOver>(&effect)) {
      deliver(decider_->state().notices.at(hand_over->notice));
    } else if (const auto* answer = std::get_if<Answer>(&effect)) {
      // A step that starts or is stopped needs nobody here: it ends when the story says so, or when
      // its time is up.
      auto entry = commands_.find(answer->command);
      if (entry == commands_.end()) continue;
      if (!answer->done) refuse(entry->second, answer->text);
      commands_.erase(entry);
    }
  }
}

void Simulation::render(const Batch& batch) {
  const Configuration& configuration = stage_->configuration;
  for (const Effect& effect : batch.effects) {
    const auto* hand_over = std::get_if<HandOver>(&effect);
    if (hand_over == nullptr) continue;
    const Notice& notice = decider_->state().notices.at(hand_over->notice);
    if (notice.rendered) continue;
    auto message = stage_->composer.compose(*configuration.platform, decider_->state(), notice,
                                            configuration.mail.from, now_);
    if (!message) {
      fault_ =
          Error{fmt::format("notice {} cannot be written: {}", notice.id, message.error().message)};
      return;
    }
    auto bytes = encode(*message, configuration.platform->zone);
    if (!bytes) {
      fault_ = Error{fmt::format("notice {} is no mail: {}", notice.id, bytes.error().message)};
      return;
    }
    decider_->rendered(notice.id, message->subject);
  }
}

void Simulation::deliver(const Notice& notice) {
  Delivered delivered;
  delivered.notice = notice.id;
  if (relay_up_) {
    delivered.accepted = open_recipients(notice);
    delivered.reply = "250 accepted";
  } else {
    delivered.reply = "the relay is unreachable (story)";
    for (std::string& address : open_recipients(notice)) {
      delivered.deferred.emplace_back(std::move(address), delivered.reply);
    }
  }
  events_.push_back(std::move(delivered));
}

void Simulation::tell(const Fact& fact) {
  const State& state = decider_->state();
  RehearsalLine line;
  line.at = fact.at;
  line.what = fact.what;
  line.who = fact.who;
  line.failure = fact.failure;
  line.details = fact.details;
  if (fact.failure != 0) {
    std::string& classification = classes_.try_emplace(fact.failure, "undetermined").first->second;
    if (fact.what == "failure.classified" && fact.details.contains("class")) {
      classification = fact.details.at("class");
    }
    line.classification = classification;
  }
  if (auto stop = fact.details.find("stop"); stop != fact.details.end()) {
    std::from_chars(stop->second.data(), stop->second.data() + stop->second.size(), line.stop);
  }
  if (auto notice = state.notices.find(fact.notice); notice != state.notices.end()) {
    line.notice = fact.notice;
    line.kind = name_of(notice->second.kind);
    line.audience = notice->second.audience;
    line.stop = notice->second.stop;
    line.to = notice->second.to;
    line.details.try_emplace("reason", notice->second.reason);
    line.subject = notice->second.rendered
                       ? notice->second.subject
                       : stage_->composer.subject(*stage_->configuration.platform, state,
                                                  notice->second, now_);
    if (auto not_before = line.details.find("not_before"); not_before != line.details.end()) {
      if (auto instant = parse_instant(not_before->second)) line.not_before = *instant;
    }
  }
  say(std::move(line));
}

}  // namespace yagura
