// What each bank is owed of a planned stop (C3, N5), from what it has been told and what is true
// now. At most one notice of a stop to a bank is under way; one that no longer says what is owed is
// withdrawn and replaced.
#include <fmt/format.h>

#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

// How far back from its day an announcement may have to go.
constexpr int days_looked_back = 400;

constexpr int days_of_notice = 5;  // business days (C3)

NoticeId unsent_of_stop(const Turn& turn, StopId id, const std::string& audience) {
  auto unsent = turn.live.index.unsent_of_stop.find(id);
  if (unsent == turn.live.index.unsent_of_stop.end()) return 0;
  for (NoticeId one : unsent->second) {
    if (turn.notice(one).audience == audience) return one;
  }
  return 0;
}

// The first instant of the bank window on the business day before the stop. None: there is no such
// instant any more.
std::optional<Instant> remind_at(const Turn& turn, const Stop& stop) {
  auto day = turn.platform.calendar.business_days_before(turn.platform.zone.date_of(stop.from), 1);
  if (!day) return std::nullopt;
  auto opens = turn.platform.window("bank_mail")
                   .next_open(turn.platform.zone.midnight(*day), turn.platform.context());
  return opens && *opens < stop.from ? opens : std::nullopt;
}

// How its end is known: by runs begun after it, since a service that does not come back is no
// completion.
enum class Outcome { not_seen, well, failed };
Outcome outcome_for(const Turn& turn, const Stop& stop, const Bank& bank) {
  Instant since = *stop.ended_at;
  if (turn.live.restarted_at) since = std::max(since, *turn.live.restarted_at);
  Outcome outcome = Outcome::well;
  for (const ServiceName& service : stop.services) {
    if (!bank.services.contains(service) || !turn.platform.services.contains(service)) continue;
    for (FailureId id : turn.open_failures()) {
      const Failure& failure = turn.failure(id);
      if (!failure.kept_down.contains(service)) continue;
      // One that was over before the stop began has no part in how it ended.
      const bool before = failure.recovered_at && stop.began_at && *failure.recovered_at < *stop.began_at;
      if (failure.classification == FailureClass::major && !before) return Outcome::failed;
      if (failure.keeps_down.contains(service)) outcome = Outcome::not_seen;
    }
    // Another stop of it goes on: it cannot be used as usual.
    if (turn.live.all_stopped || turn.live.stopped.contains(service)) outcome = Outcome::not_seen;
    const std::vector<ComponentName>& needed = turn.topology.components_of(service);
    const bool seen = std::all_of(needed.begin(), needed.end(), [&](const ComponentName& name) {
      return is_seen_since(turn, name, since, false);
    });
    auto status = turn.state().services.find(service);
    const bool up = status == turn.state().services.end() ||
                    status->second.state == ServiceState::up ||
                    status->second.state == ServiceState::degraded;
    if (!seen || !up) outcome = Outcome::not_seen;
  }
  return outcome;
}

// One mail says that it was, and that it is over.
bool says_the_end(const Stop& stop, NoticeKind kind) {
  return kind == NoticeKind::stop_emergency && stop.ended_at;
}

bool is_known_end(const Turn& turn, const Notice& notice) {
  return turn.stop(notice.stop).ended_at &&
         (notice.kind == NoticeKind::stop_completed || notice.topic == "completed");
}

void owe_bank_of_stop(Turn& turn, StopId id, const BankName& bank) {
  const std::string audience = "bank:" + bank;
  const Stop& stop = turn.stop(id);
  Owed owed = owed_to(turn, stop, stop.banks.at(bank), bank);
  NoticeId unsent = unsent_of_stop(turn, id, audience);
  bool lead_hold = false;
  std::optional<Instant> hold_told_at;
  if (unsent != 0) {
    const Notice& notice = turn.notice(unsent);
    if (notice.in_flight) return;  // Judged again when it is back.
    if (notice.frozen && !notice.accepted.empty() && owed.kind) {
      // The bank has it, though not every contact does. News waits for those for a while, not for
      // ever.
      Instant until = *notice.sent_at + turn.platform.mail.retry_most;
      if (turn.now < until) return turn.wake_at(until);
      give_up_the_rest(turn, unsent, "a later notice to the bank takes its place");
    } else if (notice.frozen) {
      // Perhaps the bank has it: the same mail goes again, unless it would be old news.
      const bool announces =
          notice.kind != NoticeKind::stop_cancelled && notice.kind != NoticeKind::stop_completed;
      if (!announces || stop.takes_place()) return;
      turn.withdraw(unsent,
                    "the stop is over or cancelled, after an attempt whose outcome is unknown");
      StopThread& thread = turn.edit_stop(id).banks.at(bank);
      thread.told = notice.topic == "completed" ? Told::ended : Told::first;
      return owe_bank_of_stop(turn, id, bank);
    } else {
      const bool same = owed.kind == notice.kind &&
                        (notice.topic == "completed") == says_the_end(stop, notice.kind);
      if (same && (!notice.rendered || notice.bank_version == stop.version)) return;
      // It waits until that is seen once more: see unseen_end().
      if (!owed.kind && !unseen_end(turn, notice).empty()) return;
      lead_hold = notice.lead_hold;
      hold_told_at = notice.hold_told_at;
      if (owed.kind) drop_edit(turn, unsent);
      turn.withdraw(unsent,
                    same ? "what it says has changed; another takes its place" : owed.reason);
    }
  }
  if (!owed.kind || turn.recipients(audience, *owed.kind).empty()) return;
  NoticeId made = turn.queue({*owed.kind,
                              audience,
                              0,
                              owed.reason,
                              says_the_end(stop, *owed.kind) ? "completed" : "",
                              {},
                              "bank_mail",
                              false,
                              id});
  if (made != 0 && lead_hold) {
    Notice& notice = turn.edit_notice(made);
    notice.lead_hold = true;
    notice.hold_told_at = hold_told_at;
  }
}

// The five business days are a promise: that one is broken is for the lead to know.
void tell_late(Turn& turn, StopId id) {
  const Stop& stop = turn.stop(id);
  if (stop.late_told || stop.emergency || !stop.takes_place()) return;
  auto last = announce_by(turn.platform, stop.from);
  if (!last) return;
  if (turn.now <= *last) return turn.wake_at(*last + 1ms);
  std::set<std::string> untold;
  for (const auto& [bank, thread] : stop.banks) {
    if (thread.told == Told::nothing && thread.withdrawn_by.empty() &&
        !turn.recipients("bank:" + bank, NoticeKind::stop_planned).empty()) {
      untold.insert(bank);
    }
  }
  turn.edit_stop(id).late_told = true;
  if (untold.empty()) return;
  turn.queue_for(
      Role::system_lead,
      {NoticeKind::lead_attention,
       {},
       0,
       "a planned stop was not announced five business days before",
       "stop_late",
       {{"banks", join(untold)}, {"from", turn.time(stop.from)}, {"last", turn.time(*last)}},
       {},
       false,
       id});
}

// Over, and nothing is owed any more, nor may come to be.
void settle_stop(Turn& turn, StopId id) {
  const Stop& stop = turn.stop(id);
  if (stop.takes_place() || (!stop.regular.empty() && turn.now < stop.until)) return;
  for (const auto& [name, thread] : stop.banks) {
    if (unsent_of_stop(turn, id, "bank:" + name) != 0) return;
    const Bank* bank = bank_named(turn.platform, name);
    const bool nobody = turn.recipients("bank:" + name, NoticeKind::stop_completed).empty();
    // A reload may bring somebody who can be told in time that it does not take place.
    if (nobody && stop.cancelled_at && thread.told == Told::first && turn.now < stop.until)
      return turn.wake_at(stop.until);
    if (!stop.ended_at || bank == nullptr || nobody) continue;
    if (thread.told == Told::ended || thread.undeliverable || !thread.withdrawn_by.empty())
      continue;
    // It was planned while the bank had contracted a service of it.
    if (thread.told == Told::nothing && !concerns(stop, *bank)) continue;
    // Who was never told of it hears of it when the failure is over.
    if (outcome_for(turn, stop, *bank) != Outcome::failed || thread.told == Told::nothing) return;
  }
  turn.edit_stop(id).settled = true;
}

}  // namespace

// The rules, in order; each with its reason.
Owed owed_to(const Turn& turn, const Stop& stop, const StopThread& thread, const BankName& name) {
  static const Bank left;
  const Bank* known = bank_named(turn.platform, name);
  const Bank& bank = known == nullptr ? left : *known;
  if (thread.undeliverable) return {{}, "its announcement was refused for good"};
  if (!thread.withdrawn_by.empty()) return {{}, "withdrawn by " + thread.withdrawn_by};
  if (thread.told == Told::ended) return {{}, "has been told how it ended"};
  const bool told = thread.told == Told::first;
  if (!told && !concerns(stop, bank)) return {{}, "not concerned"};
  if (stop.cancelled_at) {
    if (told) return {NoticeKind::stop_cancelled, "cancelled after the bank was told"};
    if (!stop.regular.empty() && turn.now < stop.until) {
      return {NoticeKind::stop_cancelled, "one date of a regular stop was cancelled"};
    }
    return {{}, "cancelled before the bank was told"};
  }
  if (stop.ended_at) {
    switch (outcome_for(turn, stop, bank)) {
      case Outcome::not_seen:
        return {{}, "over; whether its services are well is not seen yet"};
      case Outcome::failed:
        return {{}, "a major failure keeps a service of it down: the bank is told of that"};
      case Outcome::well:
        if (!told && stop.emergency)
          return {NoticeKind::stop_emergency, "completed before the bank could be told"};
        return {NoticeKind::stop_completed, "completed"};
    }
  }
  if (!told) {
    if (stop.emergency)
      return {NoticeKind::stop_emergency, "an emergency stop of a service of the bank"};
    return {NoticeKind::stop_planned, "a planned stop of a service of the bank"};
  }
  if (thread.version_told < stop.version) {
    if (stop.began_at) return {NoticeKind::stop_extended, "goes on longer than the bank was told"};
    return {NoticeKind::stop_changed, "changed after the bank was told"};
  }
  if (turn.platform.bank_notices.stop_reminder && !thread.reminded && !stop.began_at) {
    auto at = remind_at(turn, stop);
    // What was announced, or changed, since then needs no reminder.
    const Instant said = std::max(stop.planned_at, stop.changed_at.value_or(stop.planned_at));
    if (at && turn.now >= *at && said < *at)
      return {NoticeKind::stop_reminder, "the business day before the stop"};
  }
  return {{}, "has been told all so far"};
}

std::string unseen_end(const Turn& turn, const Notice& notice) {
  if (!is_known_end(turn, notice) || notice.frozen) return {};
  const Bank* bank = bank_named(turn.platform, notice.bank());
  const Stop& stop = turn.stop(notice.stop);
  if (bank == nullptr || outcome_for(turn, stop, *bank) != Outcome::not_seen) return {};
  return turn.live.restarted_at && *turn.live.restarted_at >= *stop.ended_at
             ? "after a restart: the services of the stop have not been seen well again"
             : "the services of the stop are not seen well any more";
}

bool concerns(const Stop& stop, const Bank& bank) {
  return std::any_of(stop.services.begin(), stop.services.end(),
                     [&](const ServiceName& service) { return bank.services.contains(service); });
}

std::optional<Instant> announce_by(const Platform& platform, Instant from) {
  auto day = platform.calendar.business_days_before(platform.zone.date_of(from), days_of_notice);
  if (!day) return std::nullopt;
  const Window& window = platform.window("bank_mail");
  const Instant end = platform.zone.midnight(*day + std::chrono::days{1});
  for (int back = 0; back < days_looked_back; ++back) {
    std::optional<Instant> last;
    Instant at = platform.zone.midnight(*day - std::chrono::days{back});
    while (at < end) {
      auto interval = window.next_interval(at, platform.context());
      if (!interval || interval->from >= end) break;
      const Instant latest = std::min(interval->until - platform.mail.attempt_timeout, end - 1ms);
      if (latest >= interval->from) last = latest;
      if (interval->until <= at) break;
      at = interval->until;
    }
    if (last) return last;
  }
  return std::nullopt;
}

void owe_banks_of_stop(Turn& turn, StopId id) {
  if (turn.stop(id).settled) return;
  for (const auto& [name, bank] : turn.platform.banks) {
    const Stop& stop = turn.stop(id);
    if (!stop.banks.contains(name) && concerns(stop, bank)) turn.edit_stop(id).banks[name];
  }
  std::vector<BankName> banks;
  for (const auto& [bank, thread] : turn.stop(id).banks)
    banks.push_back(bank);
  for (const BankName& bank : banks)
    owe_bank_of_stop(turn, id, bank);
  tell_late(turn, id);
  const Stop& stop = turn.stop(id);
  if (stop.takes_place() || (!stop.regular.empty() && turn.now < stop.until)) {
    turn.wake_at(stop.from);
    turn.wake_at(stop.until);
  }
  if (stop.takes_place() && turn.platform.bank_notices.stop_reminder) {
    if (auto at = remind_at(turn, stop)) turn.wake_at(*at);
  }
  settle_stop(turn, id);
}

void bank_told_of_stop(Turn& turn, const Notice& notice) {
  Stop& stop = turn.edit_stop(notice.stop);
  StopThread& thread = stop.banks[notice.bank()];
  ++thread.mails;
  switch (notice.kind) {
    case NoticeKind::stop_cancelled:
    case NoticeKind::stop_completed:
      thread.told = Told::ended;
      break;
    case NoticeKind::stop_reminder:
      thread.reminded = true;
      break;
    default:
      thread.told = notice.topic == "completed" ? Told::ended : Told::first;
      break;
  }
  thread.version_told = std::max(thread.version_told, notice.bank_version);
  if (notice.bank_version == stop.version) {
    thread.told_from = stop.from;
    thread.told_until = stop.until;
  }
}

void bank_refused_stop(Turn& turn, const Notice& notice) {
  StopThread& thread = turn.edit_stop(notice.stop).banks[notice.bank()];
  switch (notice.kind) {
    case NoticeKind::stop_planned:
    case NoticeKind::stop_emergency:
      // After an attempt whose outcome is unknown the bank may have read it all the same, and hears
      // how it goes on.
      if (notice.frozen) {
        thread.told = Told::first;
      } else {
        thread.undeliverable = true;
      }
      break;
    case NoticeKind::stop_cancelled:
    case NoticeKind::stop_completed:
      thread.told = Told::ended;
      break;
    case NoticeKind::stop_reminder:
      thread.reminded = true;
      break;
    default:
      break;
  }
  thread.version_told = std::max(thread.version_told, notice.bank_version);
}

void withdrawn_stop_notice(Turn& turn, const Notice& notice, const PersonName& by) {
  Stop& stop = turn.edit_stop(notice.stop);
  StopThread& thread = stop.banks[notice.bank()];
  switch (notice.kind) {
    case NoticeKind::stop_planned:
    case NoticeKind::stop_emergency:
      thread.withdrawn_by = by;
      break;
    case NoticeKind::stop_cancelled:
    case NoticeKind::stop_completed:
      thread.told = Told::ended;
      break;
    case NoticeKind::stop_reminder:
      thread.reminded = true;
      break;
    default:
      thread.version_told = stop.version;
      break;
  }
}

}  // namespace yagura
