// Mail to banks that waits for the system lead's word (`bank_notices.approval: system-lead`).
#include "rules.hpp"

namespace yagura {

namespace {

constexpr Duration before_closing = 30min;

void ask(Turn& turn, NoticeId id, const std::string& why) {
  Notice& notice = turn.edit_notice(id);
  notice.approval_asked_at = turn.now;
  notice.approval_asked_version = version_of(turn, notice);
  turn.queue_for(Role::system_lead, {NoticeKind::lead_attention, {}, notice.failure, why, "approval",
                                     {{"notice", std::to_string(id)}}, {}, false, notice.stop});
}

}  // namespace

int version_of(const Turn& turn, const Notice& notice) {
  if (notice.stop != 0) return turn.stop(notice.stop).version;
  return notice.failure != 0 ? turn.failure(end_of_joins(turn, notice.failure)).bank_version : 0;
}

bool awaits_approval(const Turn& turn, const Notice& notice) {
  if (!turn.platform.bank_notices.approval || !is_bank(notice.kind)) return false;
  // What the lead ordered word for word, and the repeat of a mail that may have arrived, were approved before.
  if (notice.kind == NoticeKind::bank_security || notice.frozen) return false;
  return !notice.released || notice.released_version != version_of(turn, notice);
}

void ask_for_approval(Turn& turn, NoticeId id) {
  const Notice& notice = turn.notice(id);
  if (!awaits_approval(turn, notice) || notice.lead_hold) return;
  if (!notice.approval_asked_at || notice.approval_asked_version != version_of(turn, notice)) {
    return ask(turn, id, "a notice to a bank waits for approval");
  }
  auto window = turn.platform.windows.find(notice.window);
  if (window == turn.platform.windows.end()) return;
  auto interval = window->second.next_interval(turn.now, turn.platform.context());
  if (!interval) return;
  const Instant due = std::max(interval->from, interval->until - before_closing);
  if (turn.now < due) return turn.wake_at(due);
  if (*notice.approval_asked_at < due) ask(turn, id, "the window closes soon, and a notice to a bank waits for approval");
  turn.wake_at(interval->until);
}

}  // namespace yagura
