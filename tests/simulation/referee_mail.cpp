// Mails: what leaves, what arrives, and how often.
#include <algorithm>
#include <cstdlib>

#include "referee.hpp"

namespace yagura::sim {

NoticeId notice_of(const Envelope& envelope) {
  return std::strtoll(envelope.name.c_str() + std::string_view("notice-").size(), nullptr, 10);
}

void Referee::mail_leaves(const Envelope& envelope) {
  const NoticeId id = notice_of(envelope);
  trace_.line(world_.wall(),
              fmt::format("mail n{} leaves for {} recipients", id, envelope.to.size()));
  auto known = durable_notices_.find(id);
  if (known == durable_notices_.end() || !known->second.in_flight || !known->second.rendered) {
    return violate("nothing is sent without a durable row", fmt::format("notice {}", id));
  }
  const Notice& notice = known->second;
  if (envelope.to.empty()) violate("a mail has recipients", fmt::format("notice {}", id));
  for (const std::string& address : envelope.to) {
    if (!addresses_.contains(address))
      violate("nobody is mailed who is not known", fmt::format("notice {} to {}", id, address));
    if (std::find(notice.accepted.begin(), notice.accepted.end(), address) !=
        notice.accepted.end()) {
      violate("nothing goes twice to who surely has it",
              fmt::format("notice {} to {}", id, address));
    }
  }
  if (auto bytes = durable_mails_.find(id);
      bytes != durable_mails_.end() && bytes->second != envelope.bytes) {
    violate("what is sent is what is recorded", fmt::format("notice {}", id));
  }
  auto [first, fresh] = first_bytes_.try_emplace(id, envelope.bytes);
  if (!fresh && first->second != envelope.bytes)
    violate("a notice has one mail", fmt::format("notice {}", id));
  if (envelope.bytes.find("Message-ID: " + notice.message_id) == std::string::npos) {
    violate("a mail has its notice's Message-ID", fmt::format("notice {}", id));
  }
  left_.insert(id);
  if (flying_since_.contains(id)) violate("one attempt at a time", fmt::format("notice {}", id));
  flying_since_[id] = world_.clock();
  if (is_answer(notice.kind)) {
    judge_answer_mail(notice, envelope);
  } else if (is_stop(notice.kind)) {
    judge_stop_mail(notice);
  } else if (is_bank(notice.kind)) {
    judge_bank_mail(notice);
  }
  if (is_bank_first(notice.kind)) first_left_.insert({notice.bank(), notice.failure});
}

void Referee::judge_bank_mail(const Notice& notice) {
  const Duration timeout = std::chrono::seconds(shape_.attempt_timeout);
  if (!shape_.stays_open(shape_.bank_mail, world_.wall(), timeout, zone_)) {
    violate("bank mail goes in the window only",
            fmt::format("notice {} at {}", notice.id, zone_.format(world_.wall())));
  }
  auto failure = failures_.find(root(notice.failure));
  if (failure == failures_.end())
    return violate("bank mail is of a failure", fmt::format("notice {}", notice.id));
  // What was decided while it waited for the disk does not count: it could not be known when it was
  // handed over.
  if (notice.kind != NoticeKind::bank_corrected && !notice.frozen &&
      failure->second.classification == FailureClass::incident &&
      lowered_at_[failure->first] < handed_over_at_[notice.id]) {
    violate("no incident is mailed to a bank",
            fmt::format("notice {} of failure {}", notice.id, failure->first));
  }
  bool touched = false;
  for (const auto& [service, since] : failure->second.kept_down) {
    touched = touched || contracts_[notice.bank()].contains(service);
  }
  for (const auto& [of, bank] : added_)
    touched = touched || (bank == notice.bank() && root(of) == failure->first);
  if (!touched)
    violate("no bank hears of what cannot have touched it", fmt::format("notice {}", notice.id));
}

void Referee::mail_arrives(const Envelope& envelope, const std::vector<std::string>& addresses) {
  const NoticeId id = notice_of(envelope);
  bool again = false;
  for (const std::string& address : addresses) {
    trace_.line(world_.wall(), fmt::format("mail n{} arrives for {}", id, address));
    const int times = ++arrivals_[{id, address}];
    if (times == 1) ++counts.delivered;
    again = again || times > 1;
    // Whoever has it may get it once more for each attempt whose outcome nobody could know.
    if (times > 1 + unsure_attempts_[id]) {
      violate("no more duplicates than crashes and lost replies",
              fmt::format("notice {} to {}: {} times, {} attempts of unknown outcome", id, address,
                          times, unsure_attempts_[id]));
    }
  }
  if (again) ++counts.duplicated;
  const Notice& notice = durable_notices_.at(id);
  if (!is_bank(notice.kind)) return;
  ++counts.bank_mails;
  if (is_stop(notice.kind)) {
    std::vector<StopChapter>& story = stop_stories_[{notice.stop, notice.bank()}];
    const bool read = std::any_of(story.begin(), story.end(),
                                  [&](const StopChapter& one) { return one.notice == id; });
    if (read) return;
    const bool ends = notice.kind == NoticeKind::stop_cancelled ||
                      notice.kind == NoticeKind::stop_completed || notice.topic == "completed";
    return story.push_back({id, notice.kind, ends, notice.bank_version});
  }
  const bool seen = std::any_of(story_.begin(), story_.end(),
                                [&](const Chapter& one) { return one.notice == id; });
  if (!seen) story_.push_back({notice.bank(), id, notice.kind, notice.failure});
}

void Referee::reply_is_lost(const Envelope& envelope) {
  ++counts.lost_replies;
  ++unsure_attempts_[notice_of(envelope)];
}

void Referee::mail_is_refused(const Envelope& envelope, const std::string& address) {
  refusals_.insert({notice_of(envelope), address});
}

}  // namespace yagura::sim
