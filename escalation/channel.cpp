// Who has a notice: recipients by mail, and those whose command is run beside it.
#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

std::string_view address_of(std::string_view refused) { return refused.substr(0, refused.find(' ')); }

}  // namespace

bool is_settled(const Notice& notice, const Recipient& recipient) {
  return std::find(notice.accepted.begin(), notice.accepted.end(), recipient.mail) != notice.accepted.end() ||
         std::any_of(notice.refused.begin(), notice.refused.end(), [&](const std::string& refused) {
           return address_of(refused) == recipient.mail;
         });
}

namespace {

// A person's command is run to bring them to act: not about what somebody has in hand, or what is over, since it was decided.
std::string why_no_command(const Turn& turn, const Notice& notice) {
  if (notice.due_since && turn.now >= *notice.due_since + undelivered_for) return "not done within " + format_duration(undelivered_for);
  if (notice.failure == 0 || !notice.carries.empty()) return {};
  const Failure& failure = turn.failure(end_of_joins(turn, notice.failure));
  auto since = [&](const std::optional<Instant>& at) { return at && *at > notice.created_at; };
  if (failure.acknowledged && since(failure.acknowledged->at)) return "acknowledged";
  if (since(failure.closed_at)) return "the failure is closed";
  if (since(failure.recovered_at)) return "the failure recovered";
  return {};
}

}  // namespace

bool drop_commands(Turn& turn, NoticeId id) {
  const Notice& notice = turn.notice(id);
  auto waits = [&](const Recipient& to) { return to.is_command() && !is_settled(notice, to); };
  if (std::none_of(notice.to.begin(), notice.to.end(), waits)) return false;
  std::string why = why_no_command(turn, notice);
  if (why.empty()) return false;
  std::set<std::string> dropped;
  for (const Recipient& one : notice.to) {
    if (waits(one)) dropped.insert(one.mail);
  }
  std::erase_if(turn.edit_notice(id).to, waits);
  turn.batch.facts.push_back({turn.now, "notice.command-dropped", notice.failure, id, "daemon",
                              {{"audience", notice.audience}, {"to", join(dropped)}, {"why", why}}});
  return std::all_of(notice.to.begin(), notice.to.end(), [&](const Recipient& to) { return is_settled(notice, to); });
}

}  // namespace yagura
