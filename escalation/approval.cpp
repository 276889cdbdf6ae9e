// Mail to banks that waits for the system lead's word (`bank_notices.approval: system-lead`), and
// what the lead wrote in place of the template's words.
#include <algorithm>

#include "edition.hpp"
#include "rules.hpp"

namespace yagura {

namespace {

constexpr Duration before_closing = 30min;

// The instant from which on the lead is asked again, within the opening that is under way or next;
// none: it never opens.
std::optional<Interval> last_half_hour(const Turn& turn, const Notice& notice) {
  auto window = turn.platform.windows.find(notice.window);
  if (window == turn.platform.windows.end()) return std::nullopt;
  auto opening = window->second.next_interval(turn.now, turn.platform.context());
  if (!opening) return std::nullopt;
  return Interval{std::max(opening->from, opening->until - before_closing), opening->until};
}

}  // namespace

int version_of(const State& state, const Notice& notice) {
  if (notice.stop != 0) return state.stops.at(notice.stop).version;
  if (notice.failure == 0) return 0;
  const Failure* failure = &state.failures.at(notice.failure);
  while (failure->joined_into != 0)
    failure = &state.failures.at(failure->joined_into);
  return failure->bank_version;
}

std::string edition_of(const State& state, const Notice& notice) {
  std::string edition = std::to_string(version_of(state, notice));
  if (notice.edited) edition += "-" + std::to_string(notice.edited->number);
  return edition;
}

bool awaits_approval(const Turn& turn, const Notice& notice) {
  if (!turn.platform.bank_notices.approval || !is_bank(notice.kind)) return false;
  // What the lead ordered word for word, and the repeat of a mail that may have arrived, were
  // approved before.
  if (notice.kind == NoticeKind::bank_security || notice.frozen) return false;
  return !notice.released || notice.released_version != version_of(turn.state(), notice);
}

void consider_approval(Turn& turn, NoticeId id, Questions& questions) {
  const Notice& notice = turn.notice(id);
  if (notice.lead_hold || !awaits_approval(turn, notice)) return;
  if (!notice.approval_asked_at || notice.approval_asked_version != version_of(turn.state(), notice)) {
    questions[{notice.failure, notice.stop, "notices to banks wait for approval"}].push_back(id);
    return;
  }
  auto last = last_half_hour(turn, notice);
  if (!last) return;
  turn.wake_at(turn.now < last->from ? last->from : last->until);
  if (turn.now >= last->from && *notice.approval_asked_at < last->from) {
    questions[{notice.failure, notice.stop, "the window closes soon, and notices to banks wait for approval"}].push_back(id);
  }
}

void ask_for_approval(Turn& turn, const Questions& questions) {
  for (const auto& [subject, ids] : questions) {
    const auto& [failure, stop, why] = subject;
    std::string numbers;
    for (NoticeId id : ids) {
      Notice& notice = turn.edit_notice(id);
      notice.approval_asked_at = turn.now;
      notice.approval_asked_version = version_of(turn.state(), notice);
      numbers += (numbers.empty() ? "" : ", ") + std::to_string(id);
    }
    turn.queue_for(Role::system_lead, {NoticeKind::lead_attention, {}, failure, std::string(why), "approval",
                                       {{"notices", numbers}}, {}, false, stop});
  }
}

void drop_outdated_edit(Turn& turn, NoticeId id) {
  const Notice& notice = turn.notice(id);
  if (notice.rendered || !notice.edited ||
      notice.edited->version == version_of(turn.state(), notice))
    return;
  drop_edit(turn, id);
}

void drop_edit(Turn& turn, NoticeId id) {
  if (!turn.notice(id).edited) return;
  Notice& notice = turn.edit_notice(id);
  turn.batch.facts.push_back(
      {turn.now,
       "notice.edit-dropped",
       notice.failure,
       id,
       "daemon",
       {{"by", notice.edited->by}, {"why", "what it has to say has changed"}}});
  turn.queue_for(Role::system_lead, {NoticeKind::lead_attention,
                                     {},
                                     notice.failure,
                                     "what was written for a bank is out of date",
                                     "edit_dropped",
                                     {{"notice", std::to_string(id)}},
                                     {},
                                     false,
                                     notice.stop});
  notice.edited.reset();
}

}  // namespace yagura
