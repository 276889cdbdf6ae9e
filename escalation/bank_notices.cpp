// What each bank is owed of a failure (N1 to N4), from what it has been told and what is true now. At most one
// notice of a failure to a bank is under way; one that no longer says what is owed is withdrawn and replaced.
#include <fmt/format.h>

#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

int reports_to_banks(const Failure& failure) {
  return static_cast<int>(std::count_if(failure.reports.begin(), failure.reports.end(),
                                        [](const ProgressReport& report) { return report.to_banks; }));
}

NoticeId unsent_to(const Turn& turn, FailureId failure, const std::string& audience) {
  // One of a failure that joined this one counts: it may be under way.
  auto unsent = turn.live.index.unsent_of.find(failure);
  if (unsent == turn.live.index.unsent_of.end()) return 0;
  for (NoticeId id : unsent->second) {
    const Notice& notice = turn.notice(id);
    if (notice.audience == audience && end_of_joins(turn, notice.failure) == failure) return id;
  }
  return 0;
}

void owe_bank(Turn& turn, FailureId id, const BankName& bank) {
  const Failure& failure = turn.failure(id);
  const BankThread& thread = failure.banks.at(bank);
  const std::string audience = "bank:" + bank;
  NoticeId unsent = unsent_to(turn, id, audience);
  Owed owed = owed_to(failure, thread, bank_named(turn.platform, bank));
  bool lead_hold = false, released = false;
  std::optional<Instant> brake_until, hold_told_at;
  if (unsent != 0) {
    const Notice& notice = turn.notice(unsent);
    if (notice.in_flight) return;  // Judged again when it is back.
    if (notice.frozen && !notice.accepted.empty() && owed.kind) {
      // The bank has it, though not every contact does. News waits for those for a while, not for ever.
      // One further off than that is of a clock that was set back.
      Instant until = *notice.sent_at + turn.platform.mail.retry_most;
      if (turn.now < until && turn.now >= *notice.sent_at) {
        turn.wake_at(until);
        return;
      }
      give_up_the_rest(turn, unsent, "a later notice to the bank takes its place");
    } else if (notice.frozen) {
      // Perhaps the bank has it. The same mail goes again, unless it must not be mailed any more: then what it may have
      // read is corrected.
      if (failure.classification == FailureClass::major || notice.kind == NoticeKind::bank_corrected) {
        return;
      }
      turn.withdraw(unsent, "lowered to an incident, after an attempt whose outcome is unknown");
      if (is_bank_first(notice.kind)) turn.edit(id).banks.at(bank).told = Told::first;
      owe_bank(turn, id, bank);
      return;
    } else {
      bool same = owed.kind == notice.kind;
      bool says_so = !notice.rendered || notice.bank_version == failure.bank_version;
      if (same && notice.failure == id && says_so) return;
      lead_hold = notice.lead_hold;
      released = notice.released && !turn.platform.bank_notices.approval;  // Other words want their own approval.
      if (owed.kind) drop_edit(turn, unsent);
      brake_until = notice.brake_until;
      hold_told_at = notice.hold_told_at;
      turn.withdraw(unsent, same ? "what it says has changed; another takes its place" : owed.reason);
    }
  }
  if (!owed.kind) return;
  if (turn.recipients(audience, *owed.kind).empty()) return;
  // A bank that the lead added need not wait for the chain.
  std::string window = failure.bank_window.empty() ? "bank_mail" : failure.bank_window;
  NoticeId made = turn.queue({*owed.kind, audience, id, owed.reason, {}, {}, window});
  if (made != 0 && (lead_hold || released || brake_until)) {
    Notice& notice = turn.edit_notice(made);
    notice.lead_hold = lead_hold;
    notice.released = released;
    notice.brake_until = brake_until;
    notice.hold_told_at = hold_told_at;
  }
}

}  // namespace

const Bank* bank_named(const Platform& platform, const BankName& name) {
  auto found = platform.banks.find(name);
  return found == platform.banks.end() ? nullptr : &found->second;
}

std::optional<Instant> relapse_felt_by(const Failure& failure, const Bank* bank) {
  std::optional<Instant> last;
  if (bank == nullptr || failure.down_again.empty()) return last;
  const std::set<ServiceName> told = services_told(failure, *bank);
  for (const auto& [service, at] : failure.down_again) {
    if (told.contains(service)) last = std::max(last, std::optional(at));
  }
  return last;
}

// The rules, in order; each with its reason.
Owed owed_to(const Failure& failure, const BankThread& thread, const Bank* bank) {
  const bool closed = !failure.is_open();
  if (failure.closing == Closing::joined) return {{}, "goes on as another failure"};
  if (thread.undeliverable) return {{}, "its first notice was refused for good"};
  if (!thread.withdrawn_by.empty()) return {{}, "withdrawn by " + thread.withdrawn_by};
  if (thread.told == Told::ended) return {{}, "has been told how it ended"};
  if (failure.classification != FailureClass::major) {
    if (thread.told == Told::first) return {NoticeKind::bank_corrected, "lowered to an incident"};
    return {{}, "not a major failure"};
  }
  if (thread.told == Told::nothing) {
    if (thread.removed) return {{}, "taken out by the system lead"};
    if (!thread.affected && !thread.added) return {{}, "not affected"};
    if (closed) {
      return {NoticeKind::bank_occurred_and_recovered,
              "a major failure that was confirmed as recovered before the bank could be told"};
    }
    return {NoticeKind::bank_first, "a major failure that affects the bank"};
  }
  if (closed) return {NoticeKind::bank_recovered, "recovery confirmed"};
  if (relapse_felt_by(failure, bank) > thread.relapse_told) {
    return {NoticeKind::bank_progress, "relapsed"};
  }
  if (reports_to_banks(failure) > thread.reports_told) {
    return {NoticeKind::bank_progress, "a progress report relayed by the system lead"};
  }
  return {{}, "has been told all so far"};
}

FailureId end_of_joins(const Turn& turn, FailureId id) { return end_of_joins(turn.state(), id); }

void find_affected_banks(Turn& turn, FailureId id) {
  const Failure& failure = turn.failure(id);
  if (failure.classification != FailureClass::major) return;
  std::set<BankName> possibly, joined, left;
  const bool banks_due = !failure.bank_window.empty();
  for (const auto& [name, bank] : turn.platform.banks) {
    auto touched_by = [&bank = bank](const auto& service) { return bank.services.contains(service); };
    bool affected = std::any_of(failure.kept_down.begin(), failure.kept_down.end(),
                                [&](const auto& kept) { return touched_by(kept.first); });
    auto thread = failure.banks.find(name);
    bool known = thread != failure.banks.end();
    if (known && thread->second.removed && thread->second.told == Told::nothing &&
        std::any_of(failure.kept_down.begin(), failure.kept_down.end(), [&](const auto& kept) {
          return touched_by(kept.first) && !thread->second.removed_for.contains(kept.first);
        })) {
      // The lead's word stands until a further service of the bank goes down.
      turn.edit(id).banks[name].removed = false;
      turn.fact("bank.affected", id, {{"bank", name}, {"why", "a further service of its is down"}});
    }
    if (affected && !(known && thread->second.affected)) {
      turn.edit(id).banks[name].affected = true;
      turn.fact("bank.affected", id, {{"bank", name}});
      joined.insert(name);
    } else if (!affected && known && thread->second.affected && thread->second.told == Told::nothing) {
      // The contract or the bank is gone by a reload, before it was told.
      turn.edit(id).banks[name].affected = false;
      turn.fact("bank.not-affected", id, {{"bank", name}});
      left.insert(name);
    }
    if (affected || (known && thread->second.added)) continue;
    if (failure.is_open() && !failure.proposed.contains(name) &&
        std::any_of(failure.touched.begin(), failure.touched.end(), touched_by)) {
      possibly.insert(name);
    }
  }
  // A bank that the configuration no longer knows cannot be mailed.
  for (const auto& [name, thread] : std::map(failure.banks)) {
    if (turn.platform.banks.contains(name) || !thread.affected || thread.told != Told::nothing) continue;
    turn.edit(id).banks[name].affected = false;
    turn.fact("bank.not-affected", id, {{"bank", name}, {"why", "not in the configuration"}});
    left.insert(name);
  }
  if (turn.reloading && banks_due && !(joined.empty() && left.empty())) {
    turn.queue_for(Role::system_lead,
                   {NoticeKind::lead_attention, {}, id,
                    "a reload changed which banks are affected by a failure that they are to be told of",
                    "recipients", {{"joined", join(joined)}, {"left", join(left)}}});
  }
  if (possibly.empty()) return;
  turn.edit(id).proposed.insert(possibly.begin(), possibly.end());
  turn.queue_for(Role::system_lead,
                 {NoticeKind::lead_attention, {}, id,
                  "services of these banks are degraded or unknown", "possibly_affected",
                  {{"banks", join(possibly)}, {"services", join(failure.touched)}}});
}

void owe_banks(Turn& turn, FailureId id) {
  const Failure& failure = turn.failure(id);
  std::vector<BankName> banks;
  for (const auto& [bank, thread] : failure.banks) {
    if (!failure.bank_window.empty() || thread.added || thread.told != Told::nothing) banks.push_back(bank);
  }
  for (const BankName& bank : banks) owe_bank(turn, id, bank);
}

void settle(Turn& turn, FailureId id) {
  const Failure& failure = turn.failure(id);
  if (failure.is_open() || !may_decide(turn, failure)) return;
  if (auto unsent = turn.live.index.unsent_of.find(id); unsent != turn.live.index.unsent_of.end()) {
    for (NoticeId one : unsent->second) {
      const Notice& notice = turn.notice(one);
      if (is_bank(notice.kind) && end_of_joins(turn, notice.failure) == id) return;
    }
  }
  for (const auto& [bank, thread] : failure.banks) {
    const bool owed = owed_to(failure, thread, bank_named(turn.platform, bank)).kind.has_value();
    if (owed && !turn.recipients("bank:" + bank, NoticeKind::bank_first).empty()) return;
  }
  turn.edit(id).settled = true;
  turn.index_failure(id);
}

void bank_told(Turn& turn, const Notice& notice) {
  FailureId id = end_of_joins(turn, notice.failure);
  BankThread& thread = turn.edit(id).banks[notice.bank()];
  ++thread.mails;
  switch (notice.kind) {
    case NoticeKind::bank_first:
    case NoticeKind::bank_progress:
      thread.told = Told::first;
      thread.reports_told = std::max(thread.reports_told, notice.reports);
      thread.relapse_told = std::max(thread.relapse_told, notice.relapse);
      break;
    case NoticeKind::bank_corrected: thread.corrected = true; [[fallthrough]];
    default: thread.told = Told::ended; break;
  }
  if (thread.corrected && turn.failure(id).classification == FailureClass::major) {
    // It became a major one again while the correction was under way: a new story for the bank.
    thread.told = Told::nothing;
    thread.corrected = false;
  }
}

void bank_refused(Turn& turn, const Notice& notice) {
  BankThread& thread = turn.edit(end_of_joins(turn, notice.failure)).banks[notice.bank()];
  if (is_bank_first(notice.kind)) {
    // After an attempt whose outcome is unknown the bank may have read it all the same, and hears how it ends.
    const Told read = notice.kind == NoticeKind::bank_first ? Told::first : Told::ended;
    if (notice.frozen) {
      thread.told = read;
      thread.reports_told = std::max(thread.reports_told, notice.reports);
      thread.relapse_told = std::max(thread.relapse_told, notice.relapse);
    } else {
      thread.undeliverable = true;
    }
  } else if (notice.kind == NoticeKind::bank_progress) {
    thread.reports_told = std::max(thread.reports_told, notice.reports);
    thread.relapse_told = std::max(thread.relapse_told, notice.relapse);
  } else {
    thread.told = Told::ended;
  }
}

}  // namespace yagura
