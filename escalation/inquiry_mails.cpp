// A mail to the inquiry desk (C5): which inquiry it belongs to, and whether anybody is to be told. Nobody is ever answered
// by itself, so that no two programs can answer each other.
#include <algorithm>
#include <charconv>
#include <chrono>

#include "rules.hpp"
#include "text.hpp"

namespace yagura {

namespace {

constexpr std::size_t longest_aside = 2'000;
constexpr int most_within_an_hour = 20;     // of one sender
constexpr std::size_t most_aside = 500;     // that can be read; of older ones the record has the text

bool is_within_an_hour(const Turn& turn, Instant at) {
  return at > turn.now - 1h && at <= turn.now;
}

// It was taken already: the daemon ended before its file was gone, or a mail server sent it twice.
bool is_known(const Turn& turn, const MailCame& mail) {
  for (const auto& [id, inquiry] : turn.state().inquiries) {
    for (const InquiryMessage& message : inquiry.messages) {
      if (message.ours) continue;
      if (!message.spooled.empty() && message.spooled == mail.spooled) return true;
      const bool same_mail = !mail.message_id.empty() && message.message_id == mail.message_id && message.who == mail.from_address;
      // One that broke off is followed by the whole.
      if (same_mail && (inquiry.aside != Aside::no || message.text == many_lines(mail.text, most_of_a_message))) return true;
    }
  }
  return false;
}

// Which of our notices has that Message-ID: "<notice-7.INSTANCE@domain>". 0: none.
NoticeId notice_with(const Turn& turn, std::string_view message_id) {
  constexpr std::string_view begin = "<notice-";
  if (!message_id.starts_with(begin)) return 0;
  NoticeId id = 0;
  std::from_chars(message_id.data() + begin.size(), message_id.data() + message_id.size(), id);
  auto found = turn.state().notices.find(id);
  return found != turn.state().notices.end() && found->second.message_id == message_id ? id : 0;
}

// One of ours came back, after the relay had taken it.
bool take_bounces(Turn& turn, const MailCame& mail) {
  bool any = false;
  for (const std::string& message_id : mail.undelivered) {
    const NoticeId id = notice_with(turn, message_id);
    if (id == 0) continue;
    any = true;
    const Notice& notice = turn.notice(id);
    turn.batch.facts.push_back({turn.now, "notice.bounced", notice.failure, id, "daemon",
                                {{"kind", name_of(notice.kind)},
                                 {"audience", notice.audience},
                                 {"text", many_lines(mail.text, longest_aside)}}});
    if (!is_answer(notice.kind) || !turn.state().inquiries.contains(notice.inquiry)) continue;
    for (InquiryMessage& message : turn.edit_inquiry(notice.inquiry).messages) {
      if (message.notice != id || message.undelivered) continue;
      message.undelivered = true;
      if (turn.inquiry(notice.inquiry).is_open()) {
        lose_answer(turn, notice.inquiry, "it came back from the mail server of who asked", one_line(mail.text));
      }
    }
  }
  return any;
}

bool is_of(const Inquiry& inquiry, const Correspondent& sender) {
  return inquiry.aside == Aside::no && inquiry.bank == sender.bank && inquiry.colleague == sender.colleague;
}

// The inquiry that the mail goes on with: by what it refers to, the nearest first, else by the number in its subject. Only one
// of the same bank or colleague: a number can be guessed. 0: none.
InquiryId thread_of(const Turn& turn, const MailCame& mail, const Correspondent& sender) {
  const auto of_sender = [&](InquiryId id) {
    auto found = turn.state().inquiries.find(id);
    return found != turn.state().inquiries.end() && is_of(found->second, sender);
  };
  for (auto reference = mail.references.rbegin(); reference != mail.references.rend(); ++reference) {
    if (const NoticeId notice = notice_with(turn, *reference); notice != 0 && is_answer(turn.notice(notice).kind)) {
      if (of_sender(turn.notice(notice).inquiry)) return turn.notice(notice).inquiry;
    }
    for (const auto& [id, inquiry] : turn.state().inquiries) {
      if (!is_of(inquiry, sender)) continue;
      for (const InquiryMessage& message : inquiry.messages) {
        if (!message.ours && message.message_id == *reference) return id;
      }
    }
  }
  return of_sender(mail.number) ? mail.number : 0;
}

bool writes_too_much(const Turn& turn, const std::string& address) {
  int count = 0;
  for (const auto& [id, inquiry] : turn.state().inquiries) {
    for (const InquiryMessage& message : inquiry.messages) {
      if (!message.ours && message.who == address && is_within_an_hour(turn, message.at)) ++count;
    }
  }
  return count >= most_within_an_hour;
}

InquiryMessage message_of(const Turn& turn, const MailCame& mail) {
  InquiryMessage message;
  message.at = turn.now;
  message.automatic = !mail.automatic.empty();
  message.who = mail.from_address;
  message.text = many_lines(mail.text, most_of_a_message);
  message.message_id = mail.message_id;
  message.files = mail.files;
  message.left_out = mail.left_out;
  message.spooled = mail.spooled;
  return message;
}

std::string subject_of(const MailCame& mail) {
  return one_line(mail.subject.empty() ? mail.text : mail.subject, most_of_a_subject);
}

Turn::Details details_of(InquiryId id, const MailCame& mail, std::size_t longest) {
  Turn::Details details{{"inquiry", std::to_string(id)},
                        {"from", one_line(mail.from_address, most_of_a_subject)},
                        {"subject", subject_of(mail)},
                        {"text", many_lines(mail.text, longest)}};
  if (!mail.files.empty()) details["files"] = std::to_string(mail.files.size());
  if (!mail.left_out.empty()) details["files_left_out"] = std::to_string(mail.left_out.size());
  if (!mail.automatic.empty()) details["automatic"] = mail.automatic;
  return details;
}

// The oldest make room: the record has what they said.
void let_go_of_old_ones(Turn& turn) {
  std::vector<InquiryId> kept;
  for (const auto& [id, inquiry] : turn.state().inquiries) {
    if (inquiry.aside != Aside::no && !inquiry.closed_at) kept.push_back(id);
  }
  if (kept.size() <= most_aside) return;
  kept.resize(kept.size() - most_aside);
  for (InquiryId id : kept) {
    const auto& seen = turn.inquiry(id).messages;
    if (std::all_of(seen.begin(), seen.end(), [](const InquiryMessage& one) { return one.files.empty(); })) {
      turn.forget_inquiry(id);
      continue;
    }
    // Its files are found by it.
    Inquiry& inquiry = turn.edit_inquiry(id);
    inquiry.closed_at = turn.now;
    inquiry.closed_by = "daemon";
    for (InquiryMessage& message : inquiry.messages) message.text.clear();
  }
}

void put_aside(Turn& turn, const MailCame& mail, const std::optional<Correspondent>& sender, Aside why) {
  Inquiry& made = turn.add_inquiry();
  const InquiryId id = made.id;
  if (sender) {
    made.bank = sender->bank;
    made.colleague = sender->colleague;
  }
  made.from = one_line(mail.from_name.empty() ? mail.from_address : mail.from_name, most_of_a_subject);
  if (made.from.empty()) made.from = "?";
  made.address = mail.from_address;
  made.subject = subject_of(mail);
  made.by_mail = true;
  made.aside = why;
  made.told = true;
  made.messages.push_back(message_of(turn, mail));
  made.messages.back().text = many_lines(mail.text, longest_aside);
  Turn::Details details = details_of(id, mail, longest_aside);
  details["why"] = boost::describe::enum_to_string(why, "");
  turn.fact("inquiry.aside", 0, std::move(details));
  let_go_of_old_ones(turn);
}

void go_on_with(Turn& turn, InquiryId id, const MailCame& mail, const Correspondent& sender) {
  if (!mail.automatic.empty()) {
    // Nobody waits for an answer to it, nor is its writer the one to answer.
    turn.edit_inquiry(id).messages.push_back(message_of(turn, mail));
    turn.fact("inquiry.automatic", 0, details_of(id, mail, longest_aside));
    return;
  }
  Inquiry& inquiry = turn.edit_inquiry(id);
  inquiry.from = sender.name;  // Another contact of the bank may go on with it.
  inquiry.address = sender.address;
  take_message(turn, id, message_of(turn, mail));
  Turn::Details details = details_of(id, mail, most_of_a_message);
  details["further"] = "true";
  turn.fact("inquiry.received", 0, std::move(details));
}

void begin(Turn& turn, const MailCame& mail, const Correspondent& sender) {
  Inquiry& made = add_inquiry_of(turn, sender, subject_of(mail));
  const InquiryId id = made.id;
  made.by_mail = true;
  take_message(turn, id, message_of(turn, mail));
  Turn::Details details = details_of(id, mail, most_of_a_message);
  if (!made.bank.empty()) details["bank"] = made.bank;
  if (made.first_reply_due) details["due"] = turn.time(*made.first_reply_due);
  turn.fact("inquiry.received", 0, std::move(details));
}

}  // namespace

void take_mail(Turn& turn, const MailCame& came) {
  turn.effect(ForgetSpooled{came.spooled});
  MailCame mail = came;
  if (mail.automatic.empty() && notice_with(turn, mail.message_id) != 0) mail.automatic = "our own mail";
  if (is_known(turn, mail)) {
    turn.fact("inquiry.repeated", 0, {{"from", one_line(mail.from_address, most_of_a_subject)}});
    return;
  }
  if (take_bounces(turn, mail)) return;
  const std::optional<Correspondent> sender = correspondent_of(turn.platform, mail.from_address);
  if (!sender) {
    return put_aside(turn, mail, sender, mail.automatic.empty() ? Aside::unknown_sender : Aside::automatic);
  }
  if (writes_too_much(turn, mail.from_address)) return put_aside(turn, mail, sender, Aside::too_many);
  const InquiryId thread = thread_of(turn, mail, *sender);
  if (thread != 0 && turn.inquiry(thread).messages.size() < most_messages) {
    return go_on_with(turn, thread, mail, *sender);
  }
  if (!mail.automatic.empty()) return put_aside(turn, mail, sender, Aside::automatic);
  begin(turn, mail, *sender);
}

}  // namespace yagura
