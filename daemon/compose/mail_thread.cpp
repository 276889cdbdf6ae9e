#include "mail_thread.hpp"

#include "inquiry_view.hpp"

#include <algorithm>

namespace yagura {
namespace {

constexpr std::size_t most_references = 20;

// The notice whose mail told what this one had to tell; null: none did yet.
const Notice* mail_of(const State& state, const Notice& notice) {
  const Notice* carrier = &notice;
  for (int hops = 0; carrier->state == NoticeState::merged && hops < 10; ++hops) {
    auto found = state.notices.find(carrier->into);
    if (found == state.notices.end()) return nullptr;
    carrier = &found->second;
  }
  return carrier->sent_at ? carrier : nullptr;  // Since the first recipient has it.
}

}  // namespace

std::set<FailureId> with_joined(const State& state, FailureId failure) {
  std::set<FailureId> all{failure};
  for (std::size_t before = 0; before != all.size();) {
    before = all.size();
    for (const auto& [id, one] : state.failures) {
      if (one.joined_into != 0 && all.contains(one.joined_into)) all.insert(id);
    }
  }
  return all;
}

std::vector<const Notice*> thread_before(const State& state, const Notice& notice) {
  std::vector<const Notice*> mails;
  std::set<NoticeId> known;
  const bool of_stop = is_stop(notice.kind);
  const bool of_inquiry = notice.inquiry != 0;
  if (notice.failure == 0 && !of_stop && !of_inquiry) return mails;
  // What is of a stop or an inquiry is of no failure.
  for (const Notice* one : notices_of(state, with_joined(state, notice.failure))) {
    if (one->id == notice.id || one->audience != notice.audience || is_stop(one->kind) != of_stop) continue;
    if (one->inquiry != notice.inquiry) continue;
    if (of_stop && one->stop != notice.stop) continue;
    const Notice* mail = mail_of(state, *one);
    if (mail != nullptr && mail->id != notice.id && known.insert(mail->id).second) mails.push_back(mail);
  }
  std::sort(mails.begin(), mails.end(), [](const Notice* a, const Notice* b) {
    return std::pair(*a->sent_at, a->id) < std::pair(*b->sent_at, b->id);
  });
  // Asked again of a mail that went long ago: what came after it does not belong before it.
  if (notice.sent_at) {
    std::erase_if(mails, [&](const Notice* one) {
      return std::pair(*one->sent_at, one->id) > std::pair(*notice.sent_at, notice.id);
    });
  }
  return mails;
}

std::vector<std::string> references_of(const State& state, const Notice& notice) {
  std::vector<std::string> ids;
  if (is_answer(notice.kind)) ids = references_of_inquiry(state, notice);
  for (const Notice* mail : is_answer(notice.kind) ? std::vector<const Notice*>{} : thread_before(state, notice)) {
    if (!mail->message_id.empty()) ids.push_back(mail->message_id);
  }
  if (ids.size() > most_references) {
    ids.erase(ids.begin() + 1, ids.end() - static_cast<std::ptrdiff_t>(most_references - 1));
  }
  return ids;
}

}  // namespace yagura
