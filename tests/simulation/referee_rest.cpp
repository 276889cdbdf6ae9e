// What has to hold once everything is well and has come to rest.
#include <algorithm>

#include "referee.hpp"

namespace yagura::sim {

void Referee::at_rest() {
  const State& state = engine_->state();
  for (const auto& [id, failure] : state.failures) {
    if (failure.is_open())
      violate("everything comes to rest", fmt::format("failure {} is open", id));
    if (ends_[id] != 1)
      violate("a failure ends once", fmt::format("failure {}: {} times", id, ends_[id]));
    if (failure.closing == Closing::joined) continue;
    if (failure.classification == FailureClass::undetermined)
      violate("every failure gets its class", fmt::format("failure {}", id));
    if (failure.classification != FailureClass::major) continue;
    for (const auto& [bank, thread] : failure.banks) {
      const bool concerned = (thread.affected || thread.added) && !thread.removed &&
                             thread.withdrawn_by.empty() && !thread.undeliverable;
      const bool reachable = engine_->platform().banks.contains(bank);
      if (concerned && reachable && thread.told != Told::ended) {
        violate("everyone concerned hears how it ended", fmt::format("failure {}, {}", id, bank));
      }
    }
  }
  for (const auto& [id, notice] : state.notices) {
    const std::string name = fmt::format("notice {} ({})", id, name_of(notice.kind));
    if (notice.is_unsent()) violate("everything comes to rest", name + " is not sent");
    const Notice* carrier = &notice;
    while (carrier->state == NoticeState::merged)
      carrier = &state.notices.at(carrier->into);
    if (carrier != &notice && carrier->state == NoticeState::withdrawn &&
        notice.kind != NoticeKind::failure_reminder) {
      ++counts.lost;
      violate("nothing is lost", name + " was merged into one that was withdrawn");
    }
    if (notice.state != NoticeState::sent) continue;
    bool anybody = false;
    for (const Recipient& to : notice.to) {
      if (arrivals_.contains({id, to.mail})) {
        anybody = true;
        continue;
      }
      const bool refused =
          std::any_of(notice.refused.begin(), notice.refused.end(),
                      [&](const std::string& one) { return one.starts_with(to.mail + " "); });
      const bool believed = std::find(notice.accepted.begin(), notice.accepted.end(), to.mail) !=
                            notice.accepted.end();
      if (refused || !believed) continue;  // Given up: the lead knows.
      ++counts.lost;
      violate("nothing is lost", name + " to " + to.mail);
    }
    if (!anybody) violate("nothing is lost", name + " is called sent, and nobody has it");
  }
  std::set<BankName> readers;
  for (const Chapter& chapter : story_)
    readers.insert(chapter.bank);
  for (const BankName& bank : readers) {
    if (!bank.empty()) judge_threads_of(bank);
  }
  judge_stops_at_rest();
  judge_inquiries_at_rest();
  compare_with_record();
}

// First, then progress, then how it ended; once.
void Referee::judge_threads_of(const BankName& bank) {
  struct Thread {
    bool told = false, ended = false, corrected = false;
    // Of two that come together, the one that has more to say goes on.
    int weight() const { return !told ? 0 : !ended ? 2 : corrected ? 1 : 3; }
  };
  auto may_have_read = [&](FailureId id) {
    return std::any_of(first_left_.begin(), first_left_.end(), [&](const auto& left) {
      return left.first == bank && root(left.second) == id;
    });
  };
  std::map<FailureId, Thread> threads;
  std::map<FailureId, FailureId> joined;
  for (const Chapter& mail : story_) {
    if (mail.into != 0) {
      joined[mail.failure] = mail.into;
      const Thread from = threads[mail.failure];
      threads.erase(mail.failure);
      if (from.weight() > threads[mail.into].weight()) threads[mail.into] = from;
      continue;
    }
    if (mail.bank != bank) continue;
    FailureId of = mail.failure;
    while (joined.contains(of))
      of = joined[of];
    Thread& thread = threads[of];
    bool right = true;
    switch (mail.kind) {
      case NoticeKind::bank_first:
        right = !thread.ended || thread.corrected;
        thread = {true, false, false};
        break;
      case NoticeKind::bank_occurred_and_recovered:
        right = !thread.told || thread.corrected;
        thread = {true, true, false};
        break;
      case NoticeKind::bank_progress:
        right = (thread.told || may_have_read(root(mail.failure))) && !thread.ended;
        break;
      case NoticeKind::bank_recovered:
        right = (thread.told || may_have_read(root(mail.failure))) && !thread.ended;
        thread.ended = true;
        break;
      case NoticeKind::bank_corrected:
        right = (thread.told || may_have_read(root(mail.failure))) && !thread.ended;
        thread.ended = thread.corrected = true;
        break;
      default:
        break;
    }
    if (!right) {
      violate("a bank reads things in their order",
              fmt::format("{}, failure {}, notice {} ({})", bank, root(mail.failure), mail.notice,
                          name_of(mail.kind)));
    }
  }
  for (const auto& [id, thread] : threads) {
    const Failure& failure = engine_->state().failures.at(id);
    // What the lead withdrew, or who left, is not told.
    auto known = failure.banks.find(bank);
    const bool gone = !engine_->platform().banks.contains(bank);
    if (thread.told && !thread.ended && !gone &&
        !(known != failure.banks.end() && known->second.told == Told::ended)) {
      violate("who was told the first is told the end", fmt::format("{}, failure {}", bank, id));
    }
  }
}

}  // namespace yagura::sim
