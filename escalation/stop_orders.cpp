// The system lead's orders on planned stops: plan, change, end, cancel (INTERFACE.md §5, §7; C3).
#include <fmt/format.h>

#include "orders.hpp"

namespace yagura {

namespace {

// What is quiet is not watched: a mistyped year must not make it so.
constexpr Duration longest_stop = 31 * 24h;

std::string names_of(const Stop& stop) {
  return stop.all_services ? "all services" : join(stop.services);
}

std::optional<std::string> wrong_times(const Turn& turn, Instant from, Instant until, bool begun) {
  if (until <= from)
    return "the stop would end before it begins: --until has to be later than --from";
  if (!begun && from < turn.now) {
    return fmt::format("{} is past: a stop that has begun cannot be planned any more",
                       turn.time(from));
  }
  if (until <= turn.now) return fmt::format("{} is past", turn.time(until));
  if (until - from > longest_stop) {
    return fmt::format(
        "{} to {} is longer than 31 days, in which nothing of it would be watched; is the year "
        "right?",
        turn.time(from), turn.time(until));
  }
  if (!turn.platform.calendar.covers(turn.platform.zone.date_of(until))) {
    return "the calendar does not know the days of " + turn.time(until);
  }
  return std::nullopt;
}

// C3: by when the banks have to be told, and whether they still can be.
struct Announcing {
  std::optional<std::string> refusal;
  std::string deadline;  // in words
};
Announcing check_notice(const Turn& turn, Instant from, bool emergency, bool after_the_fact) {
  Announcing result;
  auto last = announce_by(turn.platform, from);
  auto opens =
      turn.platform.window("bank_mail")
          .next_open(turn.now, turn.platform.mail.attempt_timeout, turn.platform.context());
  result.deadline = last ? fmt::format("the last moment for the notice is {}", turn.time(*last))
                         : "no window of bank mail lies five business days before it";
  const bool in_time = last && opens && *opens <= *last;
  if (in_time) return result;
  if (!emergency) {
    result.refusal = fmt::format(
        "too late: {}, five business days before the stop, and the next mail to banks can go {}. "
        "Choose a later day, or say --emergency, with the reason in -m",
        last ? fmt::format("the last moment for the notice was {}", turn.time(*last))
             : result.deadline,
        opens ? turn.time(*opens) : "never");
    return result;
  }
  result.deadline =
      last ? fmt::format("an emergency: the last moment for the notice was {}", turn.time(*last))
           : "an emergency";
  if ((!opens || *opens >= from) && !after_the_fact) {
    result.refusal = fmt::format(
        "the notice cannot go out before the stop begins: the next mail to banks can go {}. Say "
        "--after-the-fact to have it worded as news of what was done",
        opens ? turn.time(*opens) : "never");
  }
  return result;
}

std::string whom(const Turn& turn, const Stop& stop, NoticeKind kind) {
  std::set<std::string> told, without;
  for (const auto& [name, bank] : turn.platform.banks) {
    if (!concerns(stop, bank)) continue;
    (turn.recipients("bank:" + name, kind).empty() ? without : told).insert(name);
  }
  std::string text = told.empty() ? "no bank is told" : "to be told: " + join(told);
  if (!without.empty())
    text += fmt::format("; NOT told, without a contact for stops: {}", join(without));
  return text;
}

std::optional<Reply> no_such_stop(const Turn& turn, StopId id) {
  auto found = turn.state().stops.find(id);
  if (found == turn.state().stops.end() || !found->second.regular.empty()) {
    return refused(fmt::format("there is no planned stop {}; `yagura stops` lists them", id));
  }
  if (found->second.cancelled_at) return refused(fmt::format("stop {} is cancelled already", id));
  if (found->second.ended_at) return refused(fmt::format("stop {} is over", id));
  return std::nullopt;
}

// The stops are looked at again in this turn.
void look_again(Turn& turn) {
  turn.live.stops_change_at = turn.now;
}

Turn::Details details_of(const Turn& turn, const Stop& stop) {
  return {{"stop", std::to_string(stop.id)},
          {"services", names_of(stop)},
          {"from", turn.time(stop.from)},
          {"until", turn.time(stop.until)},
          {"text", stop.text},
          {"emergency", stop.emergency ? "true" : "false"}};
}

const Maintenance* regular_stop(const Turn& turn, const std::string& name) {
  for (const Maintenance& one : turn.platform.maintenance) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

Reply no_regular_stop(const std::string& name) {
  return refused(fmt::format("there is no regular stop {}; `yagura stops` lists them", name));
}

// The date of it that is under way or comes next.
std::optional<Interval> next_date(const Turn& turn, const Maintenance& regular, Instant from) {
  return without_cancelled(turn.platform, regular, turn.state().stops).next_interval(from, turn.platform.context());
}

}  // namespace

Reply follow(Turn& turn, const Caller& who, const PlanStop& order) {
  if (!who.is_lead()) return refused(only_lead);
  if (is_blank(order.text)) {
    return refused(order.emergency ? "say why it cannot wait, in words that banks may read: -m TEXT"
                                   : "say what is done, in words that banks may read: -m TEXT");
  }
  Stop plan;
  plan.all_services = order.all_services;
  plan.services = order.services;
  if (order.all_services) {
    for (const auto& [name, service] : turn.platform.services)
      plan.services.insert(name);
  }
  if (plan.services.empty())
    return refused("name the services that stop: --service S, or --service all");
  for (const ServiceName& service : plan.services) {
    if (!turn.platform.services.contains(service)) return refused("there is no service " + service);
  }
  if (auto wrong = wrong_times(turn, order.from, order.until, false)) return refused(*wrong);
  if (order.after_the_fact && !order.emergency)
    return refused("--after-the-fact is for an emergency: say --emergency too");
  Announcing notice = check_notice(turn, order.from, order.emergency, order.after_the_fact);
  if (notice.refusal) return refused(*notice.refusal);
  for (const auto& [id, other] : turn.state().stops) {
    if (other.takes_place() && other.from == order.from && other.until == order.until &&
        other.services == plan.services) {
      return refused(
          fmt::format("stop {} is this one already; `yagura stop change {}` changes it", id, id));
    }
  }
  Stop& stop = turn.add_stop();
  stop.services = std::move(plan.services);
  stop.all_services = order.all_services;
  stop.from = order.from;
  stop.until = order.until;
  stop.text = order.text;
  stop.emergency = order.emergency;
  stop.after_the_fact = order.after_the_fact;
  stop.by = who.person.id;
  turn.fact("stop.planned", 0, details_of(turn, stop), who.person.id);
  look_again(turn);
  Reply reply = done(fmt::format("stop {} is planned; {}; {}", stop.id, notice.deadline,
                                 whom(turn, stop, NoticeKind::stop_planned)));
  reply.stop = stop.id;
  return reply;
}

namespace {

// A regular stop that runs over goes on as a single one, an emergency, from its end: of that the banks are told.
Reply extend_regular(Turn& turn, const Caller& who, const ChangeStop& order) {
  const Maintenance* regular = regular_stop(turn, order.regular);
  if (regular == nullptr) return no_regular_stop(order.regular);
  const auto date = next_date(turn, *regular, turn.now);
  if (!date || date->from > turn.now) {
    return refused(fmt::format("{} is not under way{}. For a longer one on a day to come, plan a single stop beside it: "
                               "`yagura stop plan`",
                               order.regular, date ? ": it begins " + turn.time(date->from) : ""));
  }
  if (order.from || !order.until || *order.until <= date->until) {
    return refused(fmt::format("{} ends {}: it can be extended to a later time, --until T", order.regular,
                               turn.time(date->until)));
  }
  if (is_blank(order.text)) return refused("say why it takes longer, in words that banks may read: -m TEXT");
  PlanStop rest;
  rest.all_services = regular->all_services;
  if (!rest.all_services) rest.services = regular->services;
  rest.from = date->until;
  rest.until = *order.until;
  rest.text = order.text;
  rest.emergency = rest.after_the_fact = true;
  Reply reply = follow(turn, who, rest);
  if (reply.done) {
    reply.text = fmt::format("{} goes on until {}, from its end as a stop of its own: {}", order.regular,
                             turn.time(rest.until), reply.text);
  }
  return reply;
}

}  // namespace

Reply follow(Turn& turn, const Caller& who, const ChangeStop& order) {
  if (!who.is_lead()) return refused(only_lead);
  if (!order.regular.empty()) return extend_regular(turn, who, order);
  if (auto no = no_such_stop(turn, order.stop)) return *no;
  const Stop& seen = turn.stop(order.stop);
  const bool running = seen.began_at.has_value();
  const Instant from = order.from.value_or(seen.from), until = order.until.value_or(seen.until);
  if (running && from != seen.from) {
    return refused(fmt::format("stop {} runs since {}: only its end can be changed", seen.id,
                               turn.time(*seen.began_at)));
  }
  if (running && until < seen.until) {
    return refused(fmt::format("stop {} runs: `yagura stop end {}` ends it now", seen.id, seen.id));
  }
  const bool times = from != seen.from || until != seen.until;
  const bool words = !is_blank(order.text) && order.text != seen.text;
  if (!times && !words) return refused(fmt::format("that is what stop {} is already", seen.id));
  if (auto wrong = wrong_times(turn, from, until, running)) return refused(*wrong);
  const bool wider = from < seen.from || until > seen.until;
  Announcing notice;
  if (wider && !running) {
    notice = check_notice(turn, from, order.emergency || seen.emergency,
                          order.after_the_fact || seen.after_the_fact);
    if (notice.refusal) return refused(*notice.refusal);
  }
  Stop& stop = turn.edit_stop(order.stop);
  stop.from = from;
  stop.until = until;
  if (words) stop.text = order.text;
  stop.emergency = stop.emergency || (order.emergency && wider);
  stop.after_the_fact = stop.after_the_fact || (order.after_the_fact && wider);
  stop.changed_at = turn.now;
  if (times) stop.late_told = false;  // The new day has its own last moment.
  if (times || !running) ++stop.version;
  turn.fact(running ? "stop.extended" : "stop.changed", 0, details_of(turn, stop), who.person.id);
  look_again(turn);
  Reply reply =
      done(fmt::format("stop {} is changed: {} to {}{}; {}", stop.id, turn.time(stop.from),
                       turn.time(stop.until), notice.deadline.empty() ? "" : "; " + notice.deadline,
                       whom(turn, stop, NoticeKind::stop_changed)));
  reply.stop = stop.id;
  return reply;
}

Reply follow(Turn& turn, const Caller& who, const EndStop& order) {
  if (!who.is_lead()) return refused(only_lead);
  if (!order.regular.empty()) {
    const Maintenance* regular = regular_stop(turn, order.regular);
    if (regular == nullptr) return no_regular_stop(order.regular);
    const auto date = next_date(turn, *regular, turn.now);
    if (!date) return refused(order.regular + " is not under way");
    return refused(date->from > turn.now
                       ? fmt::format("{0} is not under way: it begins {1}. `yagura stop cancel {0} --on {2}` cancels that date",
                                     order.regular, turn.time(date->from),
                                     format_date(turn.platform.zone.date_of(date->from)))
                       : fmt::format("{} is a regular stop, and ends at its time, {}: until then its services are seen, and not "
                                     "judged",
                                     order.regular, turn.time(date->until)));
  }
  if (auto no = no_such_stop(turn, order.stop)) return *no;
  if (!turn.stop(order.stop).began_at) {
    return refused(fmt::format("stop {} has not begun: `yagura stop cancel {}` cancels it",
                               order.stop, order.stop));
  }
  Stop& stop = turn.edit_stop(order.stop);
  stop.until = turn.now;
  stop.ended_at = turn.now;
  stop.ended_early = true;
  turn.fact("stop.completed", 0, {{"stop", std::to_string(stop.id)}}, who.person.id);
  look_again(turn);
  Reply reply = done(fmt::format("stop {} is over; its services are judged from now on", stop.id));
  reply.stop = stop.id;
  return reply;
}

namespace {

Reply cancel_one_date(Turn& turn, const Caller& who, const CancelStop& order) {
  const Maintenance* regular = regular_stop(turn, order.regular);
  if (regular == nullptr) return no_regular_stop(order.regular);
  if (!order.on) {
    return refused(
        fmt::format("{} is a regular stop: say which date of it is cancelled, --on DATE (all of "
                    "them: remove it "
                    "from `maintenance`)",
                    order.regular));
  }
  const Instant midnight = turn.platform.zone.midnight(*order.on);
  auto interval = next_date(turn, *regular, midnight);
  if (!interval || turn.platform.zone.date_of(interval->from) != *order.on) {
    return refused(
        fmt::format("{} does not take place on {}{}", order.regular, format_date(*order.on),
                    interval ? "; its next date from then on is " +
                                   format_date(turn.platform.zone.date_of(interval->from))
                             : ""));
  }
  if (interval->from <= turn.now) {
    return refused(
        fmt::format("{} of {} has begun already", order.regular, format_date(*order.on)));
  }
  Stop& stop = turn.add_stop();
  stop.regular = regular->name;
  stop.all_services = regular->all_services;
  stop.services = regular->services;
  if (stop.all_services) {
    for (const auto& [name, service] : turn.platform.services)
      stop.services.insert(name);
  }
  stop.from = interval->from;
  stop.until = interval->until;
  stop.by = who.person.id;
  stop.cancelled_at = turn.now;
  stop.cancel_text = order.text;
  turn.fact("stop.cancelled", 0,
            {{"stop", std::to_string(stop.id)},
             {"regular", stop.regular},
             {"text", order.text},
             {"from", turn.time(stop.from)},
             {"until", turn.time(stop.until)}},
            who.person.id);
  look_again(turn);
  Reply reply =
      done(fmt::format("{} of {} is cancelled: its services are watched as ever; {}", stop.regular,
                       format_date(*order.on), whom(turn, stop, NoticeKind::stop_cancelled)));
  reply.stop = stop.id;
  return reply;
}

}  // namespace

Reply follow(Turn& turn, const Caller& who, const CancelStop& order) {
  if (!who.is_lead()) return refused(only_lead);
  if (!order.regular.empty()) return cancel_one_date(turn, who, order);
  if (auto no = no_such_stop(turn, order.stop)) return *no;
  const Stop& seen = turn.stop(order.stop);
  if (order.on)
    return refused(fmt::format("stop {} is a single one: cancel it without --on", order.stop));
  if (seen.began_at)
    return refused(
        fmt::format("stop {} has begun: `yagura stop end {}` ends it now", seen.id, seen.id));
  bool told = false;
  for (const auto& [bank, thread] : seen.banks)
    told = told || thread.told == Told::first;
  Stop& stop = turn.edit_stop(order.stop);
  stop.cancelled_at = turn.now;
  stop.cancel_text = order.text;
  turn.fact("stop.cancelled", 0, {{"stop", std::to_string(stop.id)}, {"text", order.text}},
            who.person.id);
  look_again(turn);
  Reply reply = done(fmt::format(
      "stop {} is cancelled; {}", stop.id,
      told ? "the banks that were told of it are told so" : "no bank had been told of it"));
  reply.stop = stop.id;
  return reply;
}

}  // namespace yagura
