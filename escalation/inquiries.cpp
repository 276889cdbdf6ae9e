// Inquiries: the desk is told of each, reminded before its answer is due, and with the lead once it
// is overdue (C5). Answers are due within `first_reply_within`, counted in the response hours.
#include "inquiry.hpp"

#include <algorithm>

#include "rules.hpp"
#include "text.hpp"

namespace yagura {

namespace {

constexpr int most_openings = 1000;  // of the window, while time is counted

// The desk; where nobody has that role the lead, so that no inquiry is heard by nobody.
Role desk(const Turn& turn) {
  return turn.platform.people_with(Role::inquiry_desk).empty() ? Role::system_lead
                                                               : Role::inquiry_desk;
}

void tell(Turn& turn, Role role, NoticeKind kind, InquiryId id, std::string reason,
          std::string topic) {
  Turn::Draft draft{kind, {}, 0, std::move(reason), std::move(topic)};
  draft.inquiry = id;
  turn.queue_for(role, std::move(draft));
}

// From now on it waits for an answer.
void wait(Turn& turn, Inquiry& inquiry) {
  inquiry.waits_since = turn.now;
  inquiry.first_reply_due = after_open_time(turn.platform, "response_hours", turn.now,
                                            turn.platform.inquiries.first_reply_within);
  inquiry.reminded = inquiry.overdue_told = false;
}

// A mail server refused an answer for good, or it was withdrawn; others may have come after it. Of those that are lost
// together the desk hears once.
void notice_lost_answers(Turn& turn, InquiryId id) {
  const Notice* lost = nullptr;
  for (std::size_t i = 0; i < turn.inquiry(id).messages.size(); ++i) {
    const InquiryMessage& seen = turn.inquiry(id).messages[i];
    if (!seen.ours || seen.notice == 0 || seen.undelivered) continue;
    const Notice& notice = turn.notice(seen.notice);
    if (notice.state != NoticeState::withdrawn && notice.state != NoticeState::undeliverable) continue;
    turn.edit_inquiry(id).messages[i].undelivered = true;
    lost = &notice;
  }
  if (lost == nullptr) return;
  const std::string why = lost->reason, reply = lost->last_error;
  lose_answer(turn, id, why, reply);
}

void follow(Turn& turn, InquiryId id) {
  const Inquiry& seen = turn.inquiry(id);
  if (!seen.told) {
    const bool further = seen.messages.size() > 1;
    turn.edit_inquiry(id).told = true;
    tell(turn, desk(turn), NoticeKind::inquiry_received, id,
         further ? "a further message of an inquiry" : "an inquiry was received",
         further ? "further" : "new");
  }
  if (!seen.first_reply_due) return;
  const Instant due = *seen.first_reply_due;
  if (turn.now >= due) {
    if (seen.overdue_told) return;
    turn.edit_inquiry(id).overdue_told = true;
    turn.fact("inquiry.overdue", 0, {{"inquiry", std::to_string(id)}, {"due", turn.time(due)}});
    for (Role role : std::set<Role>{desk(turn), Role::system_lead}) {
      tell(turn, role, NoticeKind::inquiry_reminder, id, "no answer was given in time", "overdue");
    }
    return;
  }
  turn.wake_at(due);
  const Inquiries& rules = turn.platform.inquiries;
  if (seen.reminded || rules.remind_before <= Duration{0}) return;
  auto remind_at = after_open_time(turn.platform, "response_hours", *seen.waits_since,
                                   rules.first_reply_within - rules.remind_before);
  if (!remind_at || *remind_at >= due) return;
  if (turn.now < *remind_at) return turn.wake_at(*remind_at);
  turn.edit_inquiry(id).reminded = true;
  tell(turn, desk(turn), NoticeKind::inquiry_reminder, id, "an answer is due soon", "due");
}

}  // namespace

std::optional<Instant> after_open_time(const Platform& platform, const std::string& window,
                                       Instant from, Duration length) {
  auto found = platform.windows.find(window);
  if (found == platform.windows.end()) return std::nullopt;
  Instant at = from;
  for (int openings = 0; openings < most_openings; ++openings) {
    auto interval = found->second.next_interval(at, platform.context());
    if (!interval) return std::nullopt;
    const Instant begin = std::max(at, interval->from);
    if (interval->until - begin >= length) return begin + length;
    length -= interval->until - begin;
    at = interval->until;
  }
  return std::nullopt;
}

std::optional<Correspondent> correspondent_of(const Platform& platform, std::string_view address) {
  if (address.empty()) return std::nullopt;
  const std::string wanted = lower(address);
  for (const auto& [id, bank] : platform.banks) {
    for (const Contact& contact : bank.contacts) {
      if (lower(contact.mail) == wanted)
        return Correspondent{id, {}, contact.name, contact.mail};
    }
  }
  for (const auto& [id, person] : platform.people) {
    if (lower(person.mail) == wanted) return Correspondent{{}, id, person.name, person.mail};
  }
  return std::nullopt;
}

void lose_answer(Turn& turn, InquiryId id, const std::string& why, const std::string& reply) {
  if (!turn.inquiry(id).waits_since) wait(turn, turn.edit_inquiry(id));
  turn.fact("inquiry.undelivered", 0, {{"inquiry", std::to_string(id)}, {"why", why}, {"reply", reply}});
  tell(turn, desk(turn), NoticeKind::inquiry_reminder, id, "an answer could not be delivered", "undelivered");
}

Inquiry& add_inquiry_of(Turn& turn, const Correspondent& who, std::string subject) {
  Inquiry& made = turn.add_inquiry();
  made.bank = who.bank;
  made.colleague = who.colleague;
  made.from = who.name.empty() ? who.address : who.name;
  made.address = who.address;
  made.subject = std::move(subject);
  return made;
}

void take_message(Turn& turn, InquiryId id, InquiryMessage message) {
  Inquiry& inquiry = turn.edit_inquiry(id);
  inquiry.messages.push_back(std::move(message));
  if (inquiry.closed_at) {
    inquiry.closed_at.reset();
    inquiry.closed_by.clear();
    inquiry.close_text.clear();
    turn.fact("inquiry.reopened", 0, {{"inquiry", std::to_string(id)}});
  }
  inquiry.told = false;
  if (inquiry.waits_since) return;  // The time runs since the first that nobody answered.
  wait(turn, inquiry);
}

void wait_no_more(Turn& turn, InquiryId id, const std::string& why) {
  Inquiry& inquiry = turn.edit_inquiry(id);
  inquiry.waits_since.reset();
  inquiry.first_reply_due.reset();
  inquiry.told = true;
  const std::set<NoticeId> unsent = turn.live.unsent;
  for (NoticeId notice : unsent) {
    const Notice& one = turn.notice(notice);
    if (one.inquiry != id || one.kind != NoticeKind::inquiry_reminder) continue;
    if (!one.in_flight && !one.frozen && one.carries.empty()) turn.withdraw(notice, why);
  }
}

void compute_due_times_again(Turn& turn) {
  std::set<InquiryId> waiting;
  for (InquiryId id : turn.live.index.open_inquiries) {
    const Inquiry& inquiry = turn.inquiry(id);
    if (inquiry.waits_since && !inquiry.overdue_told) waiting.insert(id);
  }
  for (InquiryId id : waiting) {
    auto due = after_open_time(turn.platform, "response_hours", *turn.inquiry(id).waits_since,
                               turn.platform.inquiries.first_reply_within);
    if (due == turn.inquiry(id).first_reply_due) continue;
    turn.edit_inquiry(id).first_reply_due = due;
    turn.fact("inquiry.due", 0,
              {{"inquiry", std::to_string(id)}, {"due", due ? turn.time(*due) : "never"}});
  }
}

void carried_by(Turn& turn, InquiryId id, NoticeId before, NoticeId now) {
  for (InquiryMessage& message : turn.edit_inquiry(id).messages) {
    if (message.notice == before) message.notice = now;
  }
}

void follow_inquiries(Turn& turn) {
  std::set<InquiryId>& open = turn.live.index.open_inquiries;
  std::erase_if(open, [&](InquiryId id) { return !turn.inquiry(id).is_open(); });
  for (InquiryId id : open) {
    notice_lost_answers(turn, id);
    if (turn.inquiry(id).waits_since) follow(turn, id);
  }
}

}  // namespace yagura
