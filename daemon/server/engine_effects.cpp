// What is done once a decision is recorded: response steps, deliveries, answers.
#include <fmt/format.h>

#include <algorithm>

#include "engine.hpp"
#include "text.hpp"

namespace yagura {

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
    } else if (const auto* forget = std::get_if<ForgetSpooled>(&effect)) {
      if (mail_recorded_) mail_recorded_(forget->spooled);
    }
  }
  run_due_probes();
  arm();
}

// The decision code would end them in the turn that follows, and knows nothing of what they have written.
void Engine::end_overdue_steps(Instant now) {
  std::vector<StepEnded> ended;
  for (auto& [key, child] : steps_) {
    FailureId id = key.failure;
    auto failure = state().failures.find(id);
    while (failure != state().failures.end() && failure->second.joined_into != 0) {
      id = failure->second.joined_into;
      failure = state().failures.find(id);
    }
    const StepRun* run = failure == state().failures.end() ? nullptr : failure->second.running_step();
    if (run == nullptr || run->component != key.component || run->step != key.step || now < run->deadline) continue;
    std::string output = child->written();
    if (!output.empty() && !output.ends_with('\n')) output += '\n';
    output += "ran longer than " + format_duration(run->deadline - run->started) + " and was killed";
    ended.push_back({key.failure, key.component, key.step, StepResult::timed_out, many_lines(output)});
  }
  for (const StepEnded& one : ended) {
    steps_.erase({one.failure, one.component, one.step});
    turn_at(one, now);
  }
}

void Engine::act(const StartStep& start) {
  if (draining_) return;  // Starts as interrupted after the restart.
  StepKey key{start.failure, start.component, start.step};
  io::ChildCommand command;
  command.argv = start.run;
  command.timeout = start.limit + 5s;  // end_overdue_steps() is before it.
  command.extra_environment = {{"YAGURA_FAILURE", std::to_string(start.failure)},
                               {"YAGURA_COMPONENT", start.component}};
  run_as_response_user(command);
  auto done = [this, key](io::ChildResult result) {
    StepEnded ended{key.failure, key.component, key.step, StepResult::failed,
                    many_lines(result.output.empty() ? result.reason
                                                     : result.output + "\n" + result.reason)};
    if (result.succeeded()) ended.result = StepResult::succeeded;
    if (result.how == io::ChildResult::How::timed_out) ended.result = StepResult::timed_out;
    // The program may not be destroyed within its own callback.
    surroundings_.post([this, key, ended = std::move(ended), alive = std::weak_ptr(alive_)] {
      if (auto still = alive.lock(); !still || !*still) return;
      steps_.erase(key);
      turn(ended);
    });
  };
  steps_[key] = surroundings_.start_program(std::move(command), std::move(done));
}

void Engine::run_as_response_user(io::ChildCommand& command) const {
  command.as = configuration_.response_user;
  if (!command.as) return;
  command.extra_environment.insert({{"HOME", command.as->home}, {"USER", command.as->user}, {"LOGNAME", command.as->user}});
}

namespace {

constexpr std::size_t most_text_for_a_command = 16'000;  // bytes; the kernel takes 128 KiB for one variable

void add(Delivery part, Delivery& whole) {
  auto move_into = [](auto& from, auto& to) { to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end())); };
  move_into(part.accepted, whole.accepted);
  move_into(part.refused, whole.refused);
  move_into(part.deferred, whole.deferred);
  whole.unknown = whole.unknown || part.unknown;
  const std::string said = part.relay.empty() ? part.reply : part.relay + ": " + part.reply;
  whole.reply += (whole.reply.empty() || said.empty() ? "" : "; ") + said;
}

}  // namespace

void Engine::act(const HandOver& hand_over) {
  if (draining_) return;  // Comes back as an attempt of unknown outcome: nothing was sent.
  // The decision may have waited for the disk: its window holds for the moment at which the mail leaves.
  const Instant now = read_clock();
  const Notice& notice = state().notices.at(hand_over.notice);
  const bool too_late = !decider_.may_leave(notice.id, now);
  auto bytes = bytes_.find(notice.id);
  if (bytes == bytes_.end()) {
    if (auto kept = store_.mail(notice.id); kept && *kept) {
      bytes = bytes_.emplace(notice.id, (*kept)->bytes).first;
    }
  }
  auto give = [this, id = notice.id](Delivery delivery) {
    deliveries_.erase(id);
    outbox_moved_ = clock_.steady();
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
  deliveries_[notice.id] = outbox_moved_ = clock_.steady();
  std::vector<PersonCommand> commands;
  Envelope envelope;
  envelope.from = configuration_.mail.from.address;
  for (const Recipient& to : notice.to) {
    bool has = std::find(notice.accepted.begin(), notice.accepted.end(), to.mail) != notice.accepted.end();
    for (const std::string& refused : notice.refused) has = has || refused.starts_with(to.mail + " ");
    if (has) continue;
    if (to.is_command()) {
      commands.push_back(command_of(notice, to, now));
    } else {
      envelope.to.push_back(to.mail);
    }
  }
  if (too_late || bytes == bytes_.end()) {
    Delivery none;
    none.reply = too_late ? "not tried: the record was written too late for its window"
                          : "the mail could not be written or read back; see the log";
    for (const std::string& address : envelope.to) none.deferred.push_back({address, none.reply});
    for (const PersonCommand& one : commands) none.deferred.push_back({one.recipient, none.reply});
    surroundings_.post([give, none] { give(none); });
    return;
  }
  envelope.bytes = bytes->second;
  envelope.name = fmt::format("notice-{}.{}", notice.id, store_.instance());
  auto both = std::make_shared<std::pair<int, Delivery>>((envelope.to.empty() ? 0 : 1) + (commands.empty() ? 0 : 1), Delivery{});
  auto give_part = [give, both](Delivery part) {
    auto& [open, whole] = *both;
    add(std::move(part), whole);
    if (--open == 0) give(std::move(whole));
  };
  if (!commands.empty()) person_commands_.run(std::move(commands), give_part);
  if (envelope.to.empty()) return;
  // An attempt keeps its transport, should a reload replace it meanwhile.
  auto transport = transport_;
  transport->deliver(std::move(envelope), [give_part, transport](Delivery delivery) { give_part(std::move(delivery)); });
}

// What it is about, as the program's environment: nothing from outside is an argument, or read by a shell.
PersonCommand Engine::command_of(const Notice& notice, const Recipient& to, Instant now) const {
  PersonCommand person{to.mail, {}};
  const Composer::Mail text = composer_.text(platform(), state(), notice, now);
  io::ChildCommand& command = person.command;
  auto known = configuration_.person_commands.find(to.mail.substr(command_of_person.size()));
  if (known != configuration_.person_commands.end()) {
    command.argv = known->second.run;
    command.timeout = known->second.timeout;
  }
  command.extra_environment = {{"YAGURA_NOTICE", std::to_string(notice.id)},
                               {"YAGURA_KIND", name_of(notice.kind)},
                               {"YAGURA_AUDIENCE", notice.audience},
                               {"YAGURA_PERSON", to.mail.substr(command_of_person.size())},
                               {"YAGURA_SUBJECT", text.subject},
                               {"YAGURA_TEXT", many_lines(text.body, most_text_for_a_command)}};
  if (notice.failure != 0) command.extra_environment["YAGURA_FAILURE"] = std::to_string(notice.failure);
  run_as_response_user(command);
  return person;
}

void Engine::act(const Answer& answer) {
  forget_alarm(answer.command);
  decided_.erase(answer.command);
  unrecorded_.erase(answer.command);
  auto waiting = answers_.find(answer.command);
  if (waiting == answers_.end()) return;
  auto told = std::move(waiting->second);
  answers_.erase(waiting);
  told(answer, true);
}

void Engine::receive(MailCame mail) {
  turn(mail);
}

void Engine::command(const PersonName& by, Order order, Told told) {
  CommandId id = ++last_command_;
  answers_[id] = std::move(told);
  turn(Command{id, by, std::move(order)});
  watch_order(id, 5s);
}

// Who waits for a record that cannot be written is told so, rather than left to try again. It is looked at every second
// from then on, as the record may get into trouble later.
void Engine::watch_order(CommandId id, Duration after) {
  if (!answers_.contains(id)) return;
  auto& alarm = order_alarms_[id];
  if (!alarm) alarm = surroundings_.make_alarm();
  alarm->set(surroundings_.steady() + after, [this, id] {
    auto waiting = answers_.find(id);
    if (waiting == answers_.end()) return;
    std::optional<std::string> trouble = store_.trouble();
    if (!trouble) return watch_order(id, 1s);
    Told told = std::move(waiting->second);
    answers_.erase(waiting);
    forget_alarm(id);
    auto decided = decided_.find(id);
    if (decided != decided_.end() && !decided->second.done) return told(decided->second, true);
    unrecorded_.insert(id);
    Answer answer{id, false, fmt::format("taken, but the record cannot be written yet ({}); it takes effect when it can; "
                                         "do not repeat it", *trouble)};
    told(answer, false);
  });
}

// Not within its own call.
void Engine::forget_alarm(CommandId id) {
  auto alarm = order_alarms_.extract(id);
  if (alarm.empty()) return;
  alarm.mapped()->cancel();
  surroundings_.post([gone = std::shared_ptr<Alarm>(std::move(alarm.mapped()))] {});
}

}  // namespace yagura
