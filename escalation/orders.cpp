// What people order: who may, whether it makes sense now, and what it changes (INTERFACE.md §7).
#include <fmt/format.h>

#include <algorithm>

#include "orders.hpp"
#include "text.hpp"

namespace yagura {

bool is_blank(std::string_view text) {
  constexpr std::string_view wide_space = "\u3000";
  while (!text.empty()) {
    std::size_t step = text.starts_with(wide_space) ? wide_space.size() : 1;
    if (step == 1 && std::string_view(" \t\r\n\v\f").find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(step);
  }
  return true;
}

namespace {

// Refusals common to what is done to one failure.
std::optional<Reply> no_such(const Turn& turn, FailureId id, bool closed_too = false) {
  auto found = turn.state().failures.find(id);
  if (found == turn.state().failures.end()) {
    return refused(fmt::format("there is no failure {}; `yagura failures` lists them", id));
  }
  const Failure& failure = found->second;
  if (failure.closing == Closing::joined) {
    return refused(fmt::format("failure {} joined failure {}; say {} instead", id, failure.joined_into,
                               end_of_joins(turn, id)));
  }
  if (!closed_too && !failure.is_open()) {
    return refused(fmt::format("failure {} is closed: `yagura show {}` has how it ended; new trouble is a failure of its own, "
                               "which `yagura open` reports where the probes do not see it", id, id));
  }
  return std::nullopt;
}

Reply follow(Turn& turn, const Caller& who, const Acknowledge& order) {
  if (!who.acts()) return refused(only_ops);
  if (auto no = no_such(turn, order.failure)) return *no;
  const Failure& seen = turn.failure(order.failure);
  if (seen.acknowledged) {
    return refused(fmt::format("failure {} is acknowledged already, by {} at {}", seen.id,
                               seen.acknowledged->by, turn.time(seen.acknowledged->at)));
  }
  Failure& failure = turn.edit(order.failure);
  failure.acknowledged = Acknowledgement{who.person.id, turn.now, order.text};
  failure.remind_at.reset();
  turn.fact("failure.acknowledged", failure.id, {{"text", order.text}}, who.person.id);
  turn.withdraw_where(failure.id, "acknowledged", [](const Notice& notice) {
    return notice.unless_acknowledged ||
           (notice.kind == NoticeKind::failure_reminder && notice.topic == "unacknowledged");
  });
  turn.queue_for(Role::system_lead, {NoticeKind::failure_acknowledged, {}, failure.id,
                                     "acknowledged by " + who.person.id});
  if (failure.from_desk) {
    turn.queue_for(Role::inquiry_desk, {NoticeKind::failure_acknowledged, {}, failure.id,
                                        "the desk reported it; acknowledged by " + who.person.id});
  }
  return done(fmt::format("failure {} is acknowledged", failure.id), failure.id);
}

Reply follow(Turn& turn, const Caller& who, const Respond& order) {
  if (!who.acts()) return refused(only_ops);
  if (auto no = no_such(turn, order.failure)) return *no;
  const StepRun* step = turn.failure(order.failure).running_step();
  if (step == nullptr || !step->manual) {
    return refused(fmt::format("no manual step of failure {} is running: `yagura show {}` has the steps of its primary "
                               "response", order.failure, order.failure));
  }
  end_step(turn, order.failure, order.success ? StepResult::succeeded : StepResult::failed, order.text,
           who.person.id);
  return done("the step is ended; the probes are asked now", order.failure);
}

Reply follow(Turn& turn, const Caller& who, const Report& order) {
  if (!who.acts()) return refused(only_ops);
  if (order.to_banks && !who.is_lead()) {
    return refused("only the system lead may relay a report to the banks; report without --to-banks");
  }
  if (is_blank(order.text)) return refused("a report needs a text: -m TEXT");
  if (auto no = no_such(turn, order.failure)) return *no;
  Failure& failure = turn.edit(order.failure);
  failure.reports.push_back({turn.now, who.person.id, order.text, order.to_banks});
  failure.report_due_at.reset();
  if (order.to_banks) ++failure.bank_version;
  turn.fact("failure.progress", failure.id,
            {{"text", order.text}, {"to_banks", order.to_banks ? "true" : "false"}}, who.person.id);
  turn.queue_for(Role::system_lead, {NoticeKind::failure_progress, {}, failure.id,
                                     "a progress report by " + who.person.id});
  if (!order.to_banks) return done("reported to the system lead", failure.id);
  if (failure.classification != FailureClass::major) {
    return done("reported to the system lead. NO bank is told: banks are told of major failures only; should "
                "this become one, its first notice says this too",
                failure.id);
  }
  std::string banks;
  for (const auto& [name, thread] : failure.banks) {
    if (thread.told == Told::ended || !owed_to(failure, thread, bank_named(turn.platform, name)).kind) continue;
    if (!turn.recipients("bank:" + name, NoticeKind::bank_progress).empty()) banks += (banks.empty() ? "" : ", ") + name;
  }
  if (banks.empty()) {
    return done(fmt::format("reported to the system lead. NO bank is told: none is to be told of failure {}; `yagura why {}` "
                            "says for each why not", failure.id, failure.id),
                failure.id);
  }
  return done("reported, and relayed in their window to " + banks, failure.id);
}

Reply follow(Turn& turn, const Caller& who, const Recover& order) {
  if (!who.acts()) return refused(only_ops);
  if (auto no = no_such(turn, order.failure)) return *no;
  const Failure& seen = turn.failure(order.failure);
  if (seen.recovered_at) return refused(fmt::format("failure {} has recovered already", seen.id));
  for (const auto& [name, since] : seen.members) {
    if (!turn.platform.components.contains(name) || !is_bad(turn, name)) continue;
    return refused(fmt::format("a probe of failure {} still fails: {} {}", seen.id, name,
                               component_reason(turn, name)));
  }
  Failure& failure = turn.edit(order.failure);
  failure.awaits_recover = false;
  failure.reported_services.clear();
  failure.services_unseen.clear();
  turn.index_failure(failure.id);
  turn.fact("failure.repaired", failure.id, {{"text", order.text}}, who.person.id);
  classify(turn, failure.id);
  mark_recovered(turn, failure.id, "repaired, says " + who.person.id);
  return done(fmt::format("failure {} has recovered; confirm it with `yagura confirm {} -m TEXT`",
                          failure.id, failure.id),
              failure.id);
}

Reply follow(Turn& turn, const Caller& who, const Confirm& order, CommandId command) {
  if (!who.acts()) return refused(only_ops);
  if (order.job_ok && !who.is_lead()) return refused("only the system lead may say --job-ok");
  if (is_blank(order.text)) return refused("a confirmation needs a text: -m TEXT");
  if (auto no = no_such(turn, order.failure)) return *no;
  const Failure& failure = turn.failure(order.failure);
  if (!failure.reported_services.empty() || failure.awaits_recover) {
    return refused(fmt::format("failure {} was reported by a person and waits for `yagura recover {}`",
                               failure.id, failure.id));
  }
  if (turn.live.confirming.contains(failure.id)) {
    return refused(fmt::format("failure {} is being confirmed just now", failure.id));
  }
  turn.live.confirming[failure.id] = {command,      who.person.id, order.text,
                                      order.job_ok, turn.now,      turn.now + 5min};
  std::vector<ProbeId> probes = probes_of(turn, failure);
  if (!probes.empty()) turn.effect(RunProbes{std::move(probes)});
  Reply reply;
  reply.later = true;
  return reply;
}

Reply follow(Turn& turn, const Caller& who, const Classify& order) {
  if (!who.is_lead()) return refused(only_lead);
  if (is_blank(order.text)) return refused("a class needs its reason: -m TEXT");
  if (auto no = no_such(turn, order.failure)) return *no;
  const Failure& failure = turn.failure(order.failure);
  if (failure.classification == order.classification && failure.class_rule == ClassRule::system_lead) {
    return refused(fmt::format("failure {} has this class already, by {}: nothing is to be done", failure.id, failure.class_by));
  }
  decide_class(turn, failure.id, order.classification, ClassRule::system_lead, order.text,
               who.person.id);
  return done(fmt::format("failure {} is {} now", failure.id,
                          order.classification == FailureClass::major ? "a major failure"
                                                                      : "an incident"),
              failure.id);
}

Reply follow(Turn& turn, const Caller& who, const ChangeBanks& order) {
  if (!who.is_lead()) return refused(only_lead);
  if (is_blank(order.text)) return refused("it needs a reason: -m TEXT");
  if (auto no = no_such(turn, order.failure, true)) return *no;
  if (!turn.platform.banks.contains(order.bank)) {
    return refused(fmt::format("there is no bank {} in the configuration", order.bank));
  }
  const Failure& seen = turn.failure(order.failure);
  if (seen.classification != FailureClass::major) {
    return refused(fmt::format("failure {} is not a major one, and banks are told of major failures only: `yagura classify "
                               "{} major -m TEXT` makes it one", seen.id, seen.id));
  }
  auto thread = seen.banks.find(order.bank);
  const bool told = thread != seen.banks.end() && thread->second.told != Told::nothing;
  if (order.add) {
    if (thread != seen.banks.end() && !thread->second.removed && thread->second.withdrawn_by.empty() &&
        !thread->second.undeliverable && (thread->second.affected || thread->second.added)) {
      return refused(fmt::format("{} is among the banks of failure {} already", order.bank, seen.id));
    }
  } else if (told) {
    return refused(fmt::format("{} has been told of failure {}, and will be told how it ends",
                               order.bank, seen.id));
  }
  if (!order.add && (thread == seen.banks.end() || thread->second.removed ||
                     !(thread->second.affected || thread->second.added))) {
    return refused(fmt::format("{} is not among the banks of failure {}", order.bank, seen.id));
  }
  Failure& failure = turn.edit(order.failure);
  failure.settled = false;
  turn.index_failure(failure.id);
  BankThread& changed = failure.banks[order.bank];
  changed.added = order.add;
  changed.removed = !order.add;
  changed.removed_for.clear();
  if (!order.add) {
    for (const auto& [service, since] : failure.kept_down) changed.removed_for.insert(service);
  }
  if (order.add) {
    changed.withdrawn_by.clear();
    changed.undeliverable = false;
  }
  turn.fact(order.add ? "bank.added" : "bank.removed", failure.id,
            {{"bank", order.bank}, {"text", order.text}}, who.person.id);
  std::string reply = fmt::format("{} will {}be told of failure {}", order.bank, order.add ? "" : "not ", failure.id);
  const Bank& bank = turn.platform.banks.at(order.bank);
  const std::set<ServiceName> of = services_told(failure, bank);
  if (order.add && std::none_of(of.begin(), of.end(), [&](const ServiceName& one) { return bank.services.contains(one); })) {
    reply += fmt::format(". NOTE that it has contracted none of its services{}: `yagura banks {} --remove {} -m TEXT` takes "
                         "this back while nothing has been sent", of.empty() ? "" : " (" + join(of) + "), and is told of all",
                         failure.id, order.bank);
  }
  return done(reply, failure.id);
}

// A failure that already covers what a person reports; 0: none.
FailureId covering(const Turn& turn, const Open& order) {
  for (FailureId id : turn.open_failures()) {
    const Failure& failure = turn.failure(id);
    bool covers = true;
    for (const ComponentName& name : order.components) covers = covers && failure.members.contains(name);
    for (const ServiceName& name : order.services) {
      covers = covers && (failure.keeps_down.contains(name) || failure.reported_services.contains(name));
    }
    if (covers) return id;
  }
  return 0;
}

Role owner_of_service(const Turn& turn, const ServiceName& service) {
  const std::vector<ComponentName>& components = turn.topology.components_of(service);
  return components.empty() ? Role::ap_ops : turn.platform.components.at(components.front()).owner;
}

Reply follow(Turn& turn, const Caller& who, const Open& order) {
  if (is_blank(order.text)) return refused("say what was reported: -m TEXT");
  if (order.components.empty() && order.services.empty()) {
    return refused("name what fails: --component C or --service S");
  }
  if (order.major && !who.is_lead()) return refused("only the system lead may say --class major");
  for (const ComponentName& name : order.components) {
    if (!turn.platform.components.contains(name)) return refused("there is no component " + name);
  }
  for (const ServiceName& name : order.services) {
    if (!turn.platform.services.contains(name)) return refused("there is no service " + name);
  }
  if (FailureId id = covering(turn, order)) {
    Failure& failure = turn.edit(id);
    if (order.from_desk && !failure.from_desk && failure.acknowledged) {
      turn.queue_for(Role::inquiry_desk, {NoticeKind::failure_acknowledged, {}, id,
                                          "the desk reported it; acknowledged by " + failure.acknowledged->by});
    }
    failure.from_desk = failure.from_desk || order.from_desk;
    failure.reported_services.insert(order.services.begin(), order.services.end());
    turn.index_failure(id);
    // Where the probes see it too, their word is enough for its recovery.
    if (!order.services.empty() || failure.recovered_at) failure.awaits_recover = true;
    turn.fact("failure.reported", id,
              {{"text", order.text}, {"from_desk", order.from_desk ? "true" : "false"}}, who.person.id);
    if (failure.recovered_at) {
      fall_back(turn, id, failure.cause.empty() ? "what was reported" : failure.cause,
                "reported: " + one_line(order.text, 200));
    }
    if (order.major && failure.classification != FailureClass::major) {
      decide_class(turn, id, FailureClass::major, ClassRule::system_lead, order.text, who.person.id);
    }
    return done(fmt::format("failure {} covers this already; the report was added to it", id), id);
  }
  Failure& failure = turn.add_failure();
  failure.reported_by = who.person.id;
  failure.report_text = order.text;
  failure.from_desk = order.from_desk;
  failure.awaits_recover = true;
  failure.reported_services.insert(order.services.begin(), order.services.end());
  std::string names;
  for (const ComponentName& name : std::set(order.components.begin(), order.components.end())) {
    names += (names.empty() ? "" : ", ") + name;
    // What another failure has stays there.
    if (turn.failure_of(name) == 0) turn.add_member(failure.id, name, turn.now);
  }
  for (const ServiceName& name : std::set(order.services.begin(), order.services.end())) {
    names += (names.empty() ? "" : ", ") + turn.platform.services.at(name).name;
  }
  if (!order.components.empty()) {
    failure.cause = failure.members.empty() ? order.components.front() : failure.members.begin()->first;
    failure.owner = turn.platform.components.at(failure.cause).owner;
  } else {
    failure.owner = owner_of_service(turn, order.services.front());
  }
  failure.title = one_line(fmt::format("{} — reported: {}", names, order.text), 200);
  failure.detected_chain.base = turn.now;
  turn.index_failure(failure.id);
  turn.fact("failure.opened", failure.id,
            with_outside(turn, failure, {{"title", failure.title},
                                         {"cause", failure.cause},
                                         {"owner", std::string(name_of(failure.owner))},
                                         {"from_desk", order.from_desk ? "true" : "false"}}),
            who.person.id);
  if (order.major) {
    decide_class(turn, failure.id, FailureClass::major, ClassRule::system_lead, order.text,
                 who.person.id);
  }
  return done(fmt::format("failure {} is open", failure.id), failure.id);
}

std::string_view name_of_order(const Order& order) {
  static constexpr std::string_view names[] = {"ack",   "respond", "report", "recover",
                                               "confirm", "classify", "banks", "open",
                                               "notice hold", "notice release", "notice withdraw", "notice edit", "notice security", "duty swap", "duty cancel", "escalate",
                                               "stop plan", "stop change", "stop end", "stop cancel",
                                               "inquiry open", "inquiry reply", "inquiry close", "inquiry link"};
  static_assert(std::size(names) == std::variant_size_v<Order>);
  return names[order.index()];
}

}  // namespace

void obey(Turn& turn, const Command& command) {
  auto person = turn.platform.people.find(command.by);
  Reply reply;
  if (person == turn.platform.people.end()) {
    reply = refused(command.by + " is none of the people of the configuration");
  } else {
    Caller who{person->second};
    reply = std::visit(
        [&](const auto& order) -> Reply {
          if constexpr (std::is_same_v<std::decay_t<decltype(order)>, Confirm>) {
            return follow(turn, who, order, command.id);
          } else if constexpr (std::is_same_v<std::decay_t<decltype(order)>, Open>) {
            if (auto no = no_report_from(turn, who, order)) return *no;
            Reply given = follow(turn, who, order);
            link_report(turn, who, order, given);
            return given;
          } else {
            return follow(turn, who, order);
          }
        },
        command.order);
  }
  if (reply.later) return;
  if (!reply.done) {
    turn.fact("command.refused", reply.failure,
              {{"order", std::string(name_of_order(command.order))}, {"reason", reply.text}}, command.by);
  }
  turn.effect(Answer{command.id, reply.done, reply.text, reply.failure, reply.stop, reply.inquiry});
}

}  // namespace yagura
