// Who has a notice: recipients by mail, and those whose command is run beside it.
#include <algorithm>
#include <map>

#include "rules.hpp"

namespace yagura {

namespace {

constexpr Duration one_call = 5min;  // what comes within is one thing to a person who is called

std::string_view address_of(std::string_view refused) { return refused.substr(0, refused.find(' ')); }

}  // namespace

bool is_settled(const Notice& notice, const Recipient& recipient) {
  return std::find(notice.accepted.begin(), notice.accepted.end(), recipient.mail) != notice.accepted.end() ||
         std::any_of(notice.refused.begin(), notice.refused.end(), [&](const std::string& refused) {
           return address_of(refused) == recipient.mail;
         });
}

namespace {

// Somebody has it in hand, or it is over, since it was decided.
std::string why_over(const Turn& turn, const Notice& notice) {
  if (notice.failure == 0 || !notice.carries.empty()) return {};
  const Failure& failure = turn.failure(end_of_joins(turn, notice.failure));
  auto since = [&](const std::optional<Instant>& at) { return at && *at > notice.created_at; };
  if (failure.acknowledged && since(failure.acknowledged->at)) return "acknowledged";
  if (since(failure.closed_at)) return "the failure is closed";
  if (since(failure.recovered_at)) return "the failure recovered";
  return {};
}

// Who has two roles hears of one thing by two mails, and is called once: for the gravest that is said, the first of its kind.
bool calls_too(const Notice& other, const Notice& notice, const Recipient& person) {
  const Duration apart = notice.created_at > other.created_at ? notice.created_at - other.created_at
                                                              : other.created_at - notice.created_at;
  return std::pair(other.kind, other.id) < std::pair(notice.kind, notice.id) && other.state != NoticeState::withdrawn &&
         apart < one_call && std::find(other.to.begin(), other.to.end(), person) != other.to.end();
}

}  // namespace

std::string why_no_command(const Turn& turn, const Notice& notice, const Recipient& person) {
  if (notice.due_since && turn.now >= *notice.due_since + undelivered_for) return "not done within " + format_duration(undelivered_for);
  if (std::string why = why_over(turn, notice); !why.empty()) return why;
  auto of = turn.state().notices_by_failure.find(notice.failure);
  if (notice.failure == 0 || of == turn.state().notices_by_failure.end()) return {};
  for (NoticeId id : of->second) {
    if (calls_too(turn.notice(id), notice, person)) return "notice " + std::to_string(id) + " calls the same person";
  }
  return {};
}

bool drop_commands(Turn& turn, NoticeId id) {
  std::map<std::string, std::set<std::string>> dropped;  // by reason
  for (const Recipient& one : turn.notice(id).to) {
    if (!one.is_command() || is_settled(turn.notice(id), one)) continue;
    if (std::string why = why_no_command(turn, turn.notice(id), one); !why.empty()) dropped[why].insert(one.mail);
  }
  if (dropped.empty()) return false;
  const Notice& notice = turn.edit_notice(id);
  for (const auto& [why, commands] : dropped) {
    std::erase_if(turn.edit_notice(id).to, [&names = commands](const Recipient& to) { return names.contains(to.mail); });
    turn.batch.facts.push_back({turn.now, "notice.command-dropped", notice.failure, id, "daemon",
                                {{"audience", notice.audience}, {"to", join(commands)}, {"why", why}}});
  }
  return std::all_of(notice.to.begin(), notice.to.end(), [&](const Recipient& to) { return is_settled(notice, to); });
}

}  // namespace yagura
