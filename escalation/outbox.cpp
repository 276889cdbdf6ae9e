// Which notices go out now, and what holds the others. Asked again at every try.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "rules.hpp"
#include "text.hpp"

namespace yagura {

namespace {

// Without a window (a leak that is told at once) no clock can be wrong about it.
std::optional<Instant> clock_hold(const State& state, const Notice& notice, Instant now) {
  const std::optional<Instant>& until = state.core.bank_hold_until;
  return until && now < *until && is_bank(notice.kind) && !notice.window.empty() ? until : std::nullopt;
}

constexpr Duration bundle_time = 5s;
constexpr Duration brake_time = 30min;
constexpr Duration leak_told_again = 30min;

struct Hold {
  std::string why;                // empty: nothing holds it
  std::optional<Instant> until;   // none: until something happens
};

Hold window_hold(Turn& turn, const Notice& notice) {
  auto window = turn.platform.windows.find(notice.window);
  if (notice.window.empty()) return {};
  if (window == turn.platform.windows.end()) return {"window " + notice.window + " is not configured", {}};
  auto opens = window->second.next_open(turn.now, turn.platform.mail.attempt_timeout,
                                        turn.platform.context());
  if (!opens) return {"window " + notice.window + " does not open any more", {}};
  if (*opens > turn.now) return {fmt::format("window {} opens {}", notice.window, turn.time(*opens)), opens};
  // While it waits for a retry it may come to be too late for this opening: to be seen at that moment.
  // While it waits for a free place, at the next turn after that.
  if (auto interval = window->second.interval_at(turn.now, turn.platform.context())) {
    const Instant too_late = interval->until - turn.platform.mail.attempt_timeout + 1ms;
    if (notice.retry_at) turn.wake_at(too_late);
    turn.live.notices.look_at(notice.id, too_late);
  }
  return {};
}

bool counts(Instant at, Instant now) { return at > now - 1h; }

// More than first_per_hour first notices to one bank within an hour ask the lead, and go after half an hour. One that waits
// for its next try is not one more than itself.
Hold brake(Turn& turn, NoticeId id) {
  const Notice& notice = turn.notice(id);
  if (!is_bank_first(notice.kind) || notice.released) return {};
  if (notice.brake_until) {
    if (turn.now >= *notice.brake_until) return {};
    return {"brake: waits for the system lead's release until " + turn.time(*notice.brake_until),
            notice.brake_until};
  }
  auto firsts = turn.state().core.firsts.find(notice.bank());
  std::size_t recent = 0;
  if (firsts != turn.state().core.firsts.end()) {
    recent = static_cast<std::size_t>(
        std::count_if(firsts->second.begin(), firsts->second.end(), [&](Instant at) { return counts(at, turn.now); }));
  }
  if (recent > 0 && notice.counted_at && counts(*notice.counted_at, turn.now)) --recent;
  if (recent < static_cast<std::size_t>(turn.platform.bank_notices.first_per_hour)) return {};
  Instant until = turn.now + brake_time;
  turn.edit_notice(id).brake_until = until;
  turn.queue_for(Role::system_lead,
                 {NoticeKind::lead_attention, {}, notice.failure,
                  "many first notices to one bank within an hour", "brake",
                  {{"notice", std::to_string(id)},
                   {"bank", notice.bank()},
                   {"count", std::to_string(recent)},
                   {"until", turn.time(until)}}});
  return {"brake: waits for the system lead's release until " + turn.time(until), until};
}

Hold hold_of(Turn& turn, NoticeId id) {
  const Notice& notice = turn.notice(id);
  if (notice.lead_hold) {
    return {notice.kind == NoticeKind::bank_security ? "waits for the system lead's second word" : "held by the system lead", {}};
  }
  if (awaits_approval(turn, notice)) return {"waits for the system lead's approval", {}};
  if (Hold hold = window_hold(turn, notice); !hold.why.empty()) return hold;
  if (!is_bank(notice.kind)) return {};
  FailureId failure = end_of_joins(turn, notice.failure);
  if (failure != 0 && !may_decide(turn, turn.failure(failure))) {
    return {"after a restart: the failure's probes have not run afresh yet", {}};
  }
  if (notice.stop != 0) {
    if (std::string why = unseen_end(turn, notice); !why.empty()) return {std::move(why), {}};
  }
  if (auto until = clock_hold(turn.state(), notice, turn.now)) {
    return {"the clock jumped: bank mail waits until " + turn.time(*until), until};
  }
  if (notice.frozen) return {};  // A repeat of a mail that may have arrived.
  return brake(turn, id);
}

void follow_hold(Turn& turn, NoticeId id, const Hold& hold) {
  const Notice& seen = turn.notice(id);
  NoticeState state = hold.why.empty() ? NoticeState::due : NoticeState::held;
  Instant not_before = hold.until.value_or(hold.why.empty() ? std::min(seen.not_before, turn.now)
                                                            : seen.not_before);
  if (hold.until) turn.wake_at(*hold.until);
  if (seen.state == state && seen.hold == hold.why && seen.not_before == not_before) return;
  Notice& notice = turn.edit_notice(id);
  bool moved = notice.not_before != not_before;
  bool told = notice.hold != hold.why && !hold.why.empty();
  notice.state = state;
  notice.hold = hold.why;
  notice.not_before = not_before;
  if (moved || told) {
    turn.batch.facts.push_back({turn.now, "notice.held", notice.failure, id, "daemon",
                                {{"kind", name_of(notice.kind)},
                                 {"audience", notice.audience},
                                 {"hold", hold.why},
                                 {"not_before", turn.time(not_before)}}});
  }
}

bool is_stale_reminder(const Turn& turn, const Notice& notice) {
  if (notice.kind != NoticeKind::failure_reminder || notice.frozen) return false;
  // One that carries others is stale when all of them are.
  for (NoticeId carried : notice.carries) {
    if (!is_stale_reminder(turn, turn.notice(carried))) return false;
  }
  const Failure& failure = turn.failure(notice.failure);
  if (!failure.is_open()) return true;
  if (notice.topic == "unconfirmed") return !failure.recovered_at.has_value();
  if (failure.recovered_at) return true;
  if (notice.topic == "unacknowledged") return failure.acknowledged.has_value();
  if (notice.topic == "report_overdue") {
    return !failure.reports.empty() && failure.reports.back().at >= notice.created_at;
  }
  return failure.acknowledged && !failure.reports.empty() &&
         failure.reports.back().at >= notice.created_at;
}

// It was under way when the desk answered, and was put off.
bool is_answered_reminder(const Turn& turn, const Notice& notice) {
  if (notice.kind != NoticeKind::inquiry_reminder || notice.frozen || !notice.carries.empty()) return false;
  const std::optional<Instant>& since = turn.inquiry(notice.inquiry).waits_since;
  return !since || (notice.topic != "undelivered" && *since > notice.created_at);
}

// Asked again at each try: what ended while the notice was under way, or came with a failure that joined, ends it too.
std::string why_lapsed(const Turn& turn, const Notice& notice) {
  if (is_stale_reminder(turn, notice)) return "no longer needed";
  if (is_answered_reminder(turn, notice)) return "the inquiry is answered";
  if (notice.failure == 0 || notice.frozen || !notice.carries.empty()) return {};
  const Failure& failure = turn.failure(end_of_joins(turn, notice.failure));
  if (notice.unless_acknowledged && failure.acknowledged) return "acknowledged";
  if (notice.kind != NoticeKind::failure_escalated) return {};
  if (!failure.is_open()) return "the failure is closed";
  if (failure.recovered_at) return "the failure recovered";
  if (failure.classification == FailureClass::major) return "the failure is a major one now";
  return {};
}

void tell_overdue(Turn& turn, NoticeId id) {
  const Notice& notice = turn.notice(id);
  if (notice.overdue_told || notice.kind == NoticeKind::delivery_failed) return;
  if (!notice.due_since) return;
  Instant overdue = *notice.due_since + undelivered_for;
  if (turn.now < overdue) {
    turn.wake_at(overdue);
    return;
  }
  turn.edit_notice(id).overdue_told = true;
  turn.queue_for(Role::system_lead,
                 {NoticeKind::delivery_failed, {}, notice.failure, "undelivered for 24 h", {},
                  {{"notice", std::to_string(id)},
                   {"kind", name_of(notice.kind)},
                   {"audience", notice.audience},
                   {"age", format_duration(undelivered_for)},
                   {"last_error", notice.last_error}}});
}

// What the lead holds back from a bank is brought to the lead's mind each business day; of a leak every half hour.
void tell_held_by_lead(Turn& turn, NoticeId id) {
  const Notice& notice = turn.notice(id);
  if (!notice.lead_hold || !is_bank(notice.kind) || !notice.hold_told_at) return;
  const bool leak = notice.kind == NoticeKind::bank_security;
  Date next = turn.platform.zone.date_of(*notice.hold_told_at) + std::chrono::days{1};
  auto due = leak ? std::optional(*notice.hold_told_at + leak_told_again)
                  : turn.platform.window("response_hours").next_open(turn.platform.zone.midnight(next),
                                                                     turn.platform.context());
  if (!due) return;
  if (turn.now < *due) {
    turn.wake_at(*due);
    return;
  }
  turn.edit_notice(id).hold_told_at = turn.now;
  turn.queue_for(Role::system_lead,
                 {NoticeKind::lead_attention, {}, notice.failure, "a notice to a bank is held by the system lead",
                  "bank_waits", {{"notice", std::to_string(id)}, {"reason", leak ? "second-word" : "lead"}}});
}

void hand_over(Turn& turn, NoticeId id) {
  Notice& notice = turn.edit_notice(id);
  notice.state = NoticeState::due;
  notice.hold.clear();
  notice.in_flight = true;
  turn.live.index.in_flight.insert(id);
  notice.grouped = true;
  notice.retry_at.reset();
  ++notice.attempts;
  // The duty may have been handed over since.
  if (auto role = role_named(role_of_audience(notice.audience)); role && !notice.rendered && turn.platform.duty.contains(*role)) {
    if (auto to = turn.recipients(notice); !to.empty()) notice.to = std::move(to);
    drop_commands(turn, id);
  }
  if (!notice.rendered && is_bank(notice.kind) && notice.failure != 0) {
    const Failure& failure = turn.failure(notice.failure);
    const BankThread& thread = failure.banks.at(notice.bank());
    notice.number = thread.mails + 1;
    notice.bank_version = failure.bank_version;
    notice.relapse = relapse_felt_by(failure, bank_named(turn.platform, notice.bank()));
    notice.reports = 0;
    for (const ProgressReport& report : failure.reports) notice.reports += report.to_banks ? 1 : 0;
  }
  if (!notice.rendered && notice.stop != 0 && is_bank(notice.kind)) {
    const Stop& stop = turn.stop(notice.stop);
    notice.number = stop.banks.at(notice.bank()).mails + 1;
    notice.bank_version = stop.version;
  }
  if (is_bank_first(notice.kind) && !(notice.counted_at && counts(*notice.counted_at, turn.now))) {
    std::vector<Instant>& firsts = turn.edit_core().firsts[notice.bank()];
    std::erase_if(firsts, [&](Instant at) { return !counts(at, turn.now); });
    firsts.push_back(turn.now);
    notice.counted_at = turn.now;
    // From this one on the brake holds the bank's others, those too that wait for a free place or for their next try.
    if (firsts.size() == static_cast<std::size_t>(turn.platform.bank_notices.first_per_hour)) {
      for (NoticeId other : turn.live.unsent) {
        if (is_bank_first(turn.notice(other).kind) && turn.notice(other).audience == notice.audience) turn.live.notices.touch(other);
      }
    }
  }
  turn.effect(HandOver{id});
}

// When the mail is due that it waits for; none where it waits for none, or for one that is due.
std::optional<Instant> bundle_due(const Turn& turn, NoticeId id) {
  const auto opened = turn.state().core.bundle_from.find(turn.notice(id).audience);
  if (!turn.live.bundled.contains(id) || opened == turn.state().core.bundle_from.end()) return std::nullopt;
  const Instant due = opened->second + bundle_time;
  return turn.now < due ? std::optional(due) : std::nullopt;
}

// Ops audiences: the first goes at once, the rest of the five seconds after it as one mail.
bool waits_for_bundle(Turn& turn, NoticeId id, std::map<std::string, std::vector<NoticeId>>& bundles) {
  const Notice& notice = turn.notice(id);
  if (is_bank(notice.kind) || is_answer(notice.kind) || notice.grouped) return false;
  auto& from = turn.state().core.bundle_from;
  auto opened = from.find(notice.audience);
  if (opened == from.end()) {
    turn.edit_core().bundle_from[notice.audience] = turn.now;
    turn.edit_notice(id).grouped = true;  // It goes alone, even where it has to wait for a free place.
    turn.wake_at(turn.now + bundle_time);
    return false;
  }
  if (turn.now < opened->second + bundle_time) {
    turn.wake_at(opened->second + bundle_time);
    turn.live.bundled.insert(id);
    return true;
  }
  bundles[notice.audience].push_back(id);
  return true;
}

// The gravest carries the others.
NoticeId group(Turn& turn, std::vector<NoticeId> ids) {
  NoticeId carrier = *std::min_element(ids.begin(), ids.end(), [&](NoticeId a, NoticeId b) {
    return std::pair(turn.notice(a).kind, a) < std::pair(turn.notice(b).kind, b);
  });
  for (NoticeId id : ids) {
    turn.edit_notice(id).grouped = true;
    if (id == carrier) continue;
    Notice& merged = turn.edit_notice(id);
    merged.state = NoticeState::merged;
    merged.into = carrier;
    turn.leave_outbox(id);
    turn.edit_notice(carrier).carries.push_back(id);
    turn.batch.facts.push_back({turn.now, "notice.merged", merged.failure, id, "daemon",
                                {{"kind", name_of(merged.kind)},
                                 {"audience", merged.audience},
                                 {"into", std::to_string(carrier)}}});
  }
  if (auto to = turn.recipients(turn.notice(carrier)); !to.empty()) turn.edit_notice(carrier).to = std::move(to);
  turn.live.index.add_unsent(turn.state(), turn.notice(carrier));
  return carrier;
}

void close_bundle_times(Turn& turn) {
  std::vector<std::string> over;
  for (const auto& [audience, from] : turn.state().core.bundle_from) {
    if (turn.now >= from + bundle_time) {
      over.push_back(audience);
    } else {
      turn.wake_at(from + bundle_time);
    }
  }
  for (const std::string& audience : over) turn.edit_core().bundle_from.erase(audience);
}

void reached(Turn& turn, const Notice& notice) {
  if (notice.failure == 0) return;
  if (notice.kind != NoticeKind::failure_detected && notice.kind != NoticeKind::failure_escalated &&
      notice.kind != NoticeKind::major_declared) {
    return;
  }
  FailureId failure = end_of_joins(turn, notice.failure);
  if (auto role = role_named(notice.audience); role && !turn.failure(failure).reached.contains(*role)) {
    turn.edit(failure).reached.insert(*role);
    if (turn.platform.duty.contains(*role)) turn.edit(failure).reached_at.emplace(notice.audience, turn.now);
  }
}

void sent(Turn& turn, NoticeId id) {
  Notice& notice = turn.edit_notice(id);
  notice.state = NoticeState::sent;
  notice.retry_at.reset();
  turn.leave_outbox(id);
  turn.batch.facts.push_back({turn.now, "notice.sent", notice.failure, id, "daemon",
                              {{"kind", name_of(notice.kind)}, {"audience", notice.audience}}});
}

void tell_refused(Turn& turn, const Notice& notice) {
  if (notice.kind == NoticeKind::delivery_failed) return;
  std::string refused;
  for (const std::string& one : notice.refused) refused += (refused.empty() ? "" : "\n") + one;
  turn.queue_for(Role::system_lead,
                 {NoticeKind::delivery_failed, {}, notice.failure, "refused for good", {},
                  {{"notice", std::to_string(notice.id)},
                   {"kind", name_of(notice.kind)},
                   {"audience", notice.audience},
                   {"refused", refused},
                   {"last_error", notice.last_error}}});
}

// All have it, or have refused it for good.
void end_delivery(Turn& turn, NoticeId id) {
  Notice& notice = turn.edit_notice(id);
  if (notice.accepted.empty()) {
    notice.state = NoticeState::undeliverable;
    notice.reason = "every recipient was refused for good";
    turn.leave_outbox(id);
    turn.batch.facts.push_back({turn.now, "notice.undeliverable", notice.failure, id, "daemon",
                                {{"kind", name_of(notice.kind)},
                                 {"audience", notice.audience},
                                 {"reply", notice.last_error}}});
    if (is_bank(notice.kind) && notice.failure != 0) bank_refused(turn, notice);
    if (is_bank(notice.kind) && notice.stop != 0) bank_refused_stop(turn, notice);
  } else {
    sent(turn, id);
  }
  if (!notice.refused.empty()) tell_refused(turn, turn.notice(id));
}

// Those to which something happened, whose time has come, or whose failure was looked at.
std::set<NoticeId> to_look_at(const Turn& turn) {
  std::set<NoticeId> ids;
  for (NoticeId id : turn.live.notices.looked_at()) ids.insert(id);
  for (FailureId failure : turn.live.failures.looked_at()) {
    auto unsent = turn.live.index.unsent_of.find(failure);
    if (unsent == turn.live.index.unsent_of.end()) continue;
    // Of a failure that thousands joined, as many wait for one mail.
    std::copy_if(unsent->second.begin(), unsent->second.end(), std::inserter(ids, ids.end()),
                 [&](NoticeId id) { return !turn.live.bundled.contains(id); });
  }
  for (StopId stop : turn.live.stops.looked_at()) {
    auto unsent = turn.live.index.unsent_of_stop.find(stop);
    if (unsent != turn.live.index.unsent_of_stop.end()) ids.insert(unsent->second.begin(), unsent->second.end());
  }
  std::erase_if(ids, [&](NoticeId id) { return !turn.live.unsent.contains(id); });
  return ids;
}

void judge(Turn& turn, NoticeId id, std::map<std::string, std::vector<NoticeId>>& bundles, Questions& questions) {
  turn.live.ready.erase(rank_of(turn.notice(id)));
  if (turn.notice(id).in_flight) return;
  if (auto due = bundle_due(turn, id)) return turn.wake_at(*due);
  turn.live.bundled.erase(id);
  if (std::string why = why_lapsed(turn, turn.notice(id)); !why.empty()) {
    turn.withdraw(id, why);
    return;
  }
  if (drop_commands(turn, id)) return end_delivery(turn, id);
  drop_outdated_edit(turn, id);
  Hold hold = hold_of(turn, id);
  follow_hold(turn, id, hold);
  if (hold.why.empty() && !turn.notice(id).due_since) turn.edit_notice(id).due_since = turn.now;
  tell_overdue(turn, id);
  tell_held_by_lead(turn, id);
  consider_approval(turn, id, questions);
  if (!hold.why.empty()) return;
  // One further off than any is of a clock that was set back.
  if (auto retry = turn.notice(id).retry_at;
      retry && turn.now < *retry && *retry - turn.now <= turn.platform.mail.retry_most) {
    turn.wake_at(*retry);
    return;
  }
  if (!waits_for_bundle(turn, id, bundles)) turn.live.ready.insert(rank_of(turn.notice(id)));
}

void pass(Turn& turn) {
  std::map<std::string, std::vector<NoticeId>> bundles;
  Questions questions;
  for (NoticeId id : to_look_at(turn)) {
    turn.about({0, id}, [&] { judge(turn, id, bundles, questions); });
  }
  ask_for_approval(turn, questions);
  for (auto& [audience, ids] : bundles) turn.live.ready.insert(rank_of(turn.notice(group(turn, std::move(ids)))));
  close_bundle_times(turn);
  const auto limit = static_cast<std::size_t>(turn.platform.mail.parallel);
  while (!turn.live.ready.empty() && turn.live.index.in_flight.size() < limit) {
    const NoticeId id = std::get<2>(*turn.live.ready.begin());
    turn.live.ready.erase(turn.live.ready.begin());
    hand_over(turn, id);
  }
}

}  // namespace

void hand_over_what_is_due(Turn& turn) {
  // A brake or an overdue notice queues one to the lead, which may go at once.
  for (int passes = 0; passes < 4; ++passes) {
    NoticeId last = turn.state().core.last_notice;
    pass(turn);
    if (turn.state().core.last_notice == last) return;
  }
}

bool may_leave(const Platform& platform, const State& state, const Notice& notice, Instant now) {
  if (clock_hold(state, notice, now)) return false;
  auto window = platform.windows.find(notice.window);
  if (window == platform.windows.end()) return true;
  return window->second.next_open(now, platform.mail.attempt_timeout, platform.context()) == now;
}

namespace {

// Where some recipients took the mail, what the others answered.
const std::string& error_of(const Delivered& delivered) {
  static const std::string none;
  const auto& bad = delivered.deferred.empty() ? delivered.refused : delivered.deferred;
  if (bad.empty()) return delivered.unknown ? delivered.reply : none;
  return delivered.accepted.empty() || bad.back().second.empty() ? delivered.reply : bad.back().second;
}

}  // namespace

void give_up_the_rest(Turn& turn, NoticeId id, const std::string& why) {
  std::string left;
  for (const Recipient& recipient : turn.notice(id).to) {
    if (is_settled(turn.notice(id), recipient)) continue;
    left += (left.empty() ? "" : "\n") + recipient.mail + " " + turn.notice(id).last_error;
  }
  sent(turn, id);
  const Notice& notice = turn.notice(id);
  turn.batch.facts.push_back({turn.now, "notice.given-up", notice.failure, id, "daemon",
                              {{"audience", notice.audience}, {"recipients", one_line(left)}, {"why", why}}});
  turn.queue_for(Role::system_lead, {NoticeKind::delivery_failed, {}, notice.failure,
                                     "not every contact could be reached; " + why, {},
                                     {{"notice", std::to_string(id)},
                                      {"kind", name_of(notice.kind)},
                                      {"audience", notice.audience},
                                      {"refused", left},
                                      {"last_error", notice.last_error}}});
}

void take_delivery(Turn& turn, const Delivered& delivered) {
  auto known = turn.state().notices.find(delivered.notice);
  if (known == turn.state().notices.end() || !known->second.in_flight) return;
  NoticeId id = delivered.notice;
  Notice& notice = turn.edit_notice(id);
  notice.in_flight = false;
  turn.live.index.in_flight.erase(id);
  notice.last_error = one_line(error_of(delivered));
  turn.batch.facts.push_back({turn.now, "notice.attempt", notice.failure, id, "daemon",
                              {{"reply", one_line(delivered.reply)},
                               {"outcome", delivered.unknown             ? "unknown"
                                           : !delivered.deferred.empty() ? "deferred"
                                           : !delivered.refused.empty()  ? "refused"
                                                                         : "accepted"},
                               {"attempt", std::to_string(notice.attempts)}}});
  const bool had_none = notice.accepted.empty();
  for (const std::string& address : delivered.accepted) notice.accepted.push_back(address);
  for (const auto& [address, reply] : delivered.refused) {
    notice.refused.push_back(one_line(address + " " + reply));
  }
  if (had_none && !notice.accepted.empty()) {
    notice.sent_at = turn.now;
    if (is_bank(notice.kind) && notice.failure != 0) bank_told(turn, notice);
    if (is_bank(notice.kind) && notice.stop != 0) bank_told_of_stop(turn, notice);
    reached(turn, notice);
    for (NoticeId carried : notice.carries) reached(turn, turn.notice(carried));
  }
  bool open_recipient = false;
  for (const Recipient& recipient : notice.to) {
    open_recipient = open_recipient || !is_settled(notice, recipient);
  }
  if (delivered.unknown) notice.frozen = true;
  if (open_recipient) {
    if (!notice.accepted.empty()) notice.frozen = true;
    Duration wait = turn.platform.mail.retry_first;
    for (int i = 1; i < notice.attempts && wait < turn.platform.mail.retry_most; ++i) wait *= 2;
    wait = std::min(wait, turn.platform.mail.retry_most);
    notice.retry_at = turn.now + wait;
    turn.wake_at(*notice.retry_at);
    compute_recipients_again(turn, {id});  // A reload may have come while it was under way.
    return;
  }
  end_delivery(turn, id);
}

}  // namespace yagura
