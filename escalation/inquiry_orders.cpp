// The orders on inquiries: open, reply, close, link to a failure, report a failure (C5, F3;
// INTERFACE.md §7).
#include <fmt/format.h>

#include <algorithm>

#include "orders.hpp"
#include "text.hpp"

namespace yagura {

namespace {

const std::string only_desk = "only the inquiry desk and the system lead may do this";

bool may(const Caller& who) {
  return who.is_lead() || who.has(Role::inquiry_desk);
}

std::optional<Reply> no_such_inquiry(const Turn& turn, InquiryId id) {
  auto found = turn.state().inquiries.find(id);
  if (found != turn.state().inquiries.end()) return std::nullopt;
  return refused(fmt::format("there is no inquiry {}; `yagura inquiries` lists them", id));
}

std::optional<Reply> not_open(const Turn& turn, InquiryId id) {
  if (auto no = no_such_inquiry(turn, id)) return no;
  const Inquiry& inquiry = turn.inquiry(id);
  if (inquiry.closed_at) {
    return refused(
        fmt::format("inquiry {} is closed, by {} at {}; a further question is a new one: "
                    "`yagura inquiry open`",
                    id, inquiry.closed_by, turn.time(*inquiry.closed_at)));
  }
  return std::nullopt;
}

std::optional<Reply> no_such_failure(const Turn& turn, FailureId id) {
  if (turn.state().failures.contains(id)) return std::nullopt;
  return refused(fmt::format("there is no failure {}; `yagura failures --all` lists them", id));
}

std::string names_of_contacts(const Bank& bank) {
  std::string names;
  for (const Contact& contact : bank.contacts) {
    names += fmt::format("{}{} <{}>", names.empty() ? "" : ", ", contact.name, contact.mail);
  }
  return names;
}

// Who asks, by what the desk wrote: a contact of the bank, one of the people, or somebody else.
Result<Correspondent> contact_of(const Bank& bank, const std::string& from) {
  if (from.empty()) {
    if (bank.contacts.size() == 1)
      return Correspondent{bank.id, {}, bank.contacts[0].name, bank.contacts[0].mail};
    return failure_of(fmt::format("say which contact of {} asks: --from NAME. They are {}", bank.id,
                                  names_of_contacts(bank)));
  }
  for (const Contact& contact : bank.contacts) {
    if (contact.name == from || contact.mail == from)
      return Correspondent{bank.id, {}, contact.name, contact.mail};
  }
  return Correspondent{bank.id, {}, from, {}};
}

Result<Correspondent> asker_of(const Turn& turn, const OpenInquiry& order) {
  const std::string from = one_line(order.from, most_of_a_subject);
  if (!order.bank.empty()) {
    auto bank = turn.platform.banks.find(order.bank);
    if (bank == turn.platform.banks.end()) {
      return failure_of(fmt::format("there is no bank {} in the configuration", order.bank));
    }
    return contact_of(bank->second, is_blank(from) ? std::string() : from);
  }
  if (is_blank(from)) return failure_of("say who asks: --bank B, or --from TEXT");
  if (auto known = correspondent_of(turn.platform, from)) return *known;
  if (auto person = turn.platform.people.find(from); person != turn.platform.people.end()) {
    return Correspondent{{}, person->first, person->second.name, person->second.mail};
  }
  return Correspondent{{}, {}, from, {}};
}

// Says by when; or why no time runs.
std::string due_words(const Turn& turn, const Inquiry& inquiry) {
  return inquiry.first_reply_due ? "an answer is due by " + turn.time(*inquiry.first_reply_due)
                                 : "no answer is due: the window response_hours does not open";
}

std::string subject_or_text(const std::string& subject, const std::string& text) {
  return one_line(is_blank(subject) ? text : subject, most_of_a_subject);
}

// The answer, as a message of the inquiry; mailed where there is an address that answers may go to.
// Gives whether it is.
bool answer(Turn& turn, const Caller& who, InquiryId id, NoticeKind kind, const std::string& text,
            FailureId failure) {
  const std::string audience = fmt::format("inquiry:{}", id);
  const bool mailed = !turn.recipients(audience, kind).empty();
  Inquiry& inquiry = turn.edit_inquiry(id);
  InquiryMessage message;
  message.at = turn.now;
  message.ours = true;
  message.who = who.person.id;
  message.text = many_lines(text, most_of_a_message);
  message.failure = failure;
  inquiry.messages.push_back(std::move(message));
  if (!inquiry.first_reply_at) inquiry.first_reply_at = turn.now;
  wait_no_more(turn, id, fmt::format("inquiry {} is answered", id));
  Turn::Details details{
      {"inquiry", std::to_string(id)}, {"text", text}, {"mailed", mailed ? "true" : "false"}};
  turn.fact("inquiry.replied", failure, std::move(details), who.person.id);
  if (!mailed) return false;
  Turn::Draft draft{kind, audience, failure, fmt::format("answered by {}", who.person.id)};
  draft.window = "response_hours";
  draft.inquiry = id;
  // Which of the messages it is: kept with the notice, as another may come to carry it.
  draft.details["message"] = std::to_string(inquiry.messages.size());
  const NoticeId notice = turn.queue(std::move(draft));
  turn.edit_inquiry(id).messages.back().notice = notice;
  return true;
}

std::string when_mailed(const Turn& turn, InquiryId id) {
  const Inquiry& inquiry = turn.inquiry(id);
  const Notice& notice = turn.notice(inquiry.messages.back().notice);
  const std::string to = notice.to.empty() ? "" : notice.to.front().mail;
  return notice.state == NoticeState::held
             ? fmt::format("it is mailed to {} in the response hours, from {}", to,
                           turn.time(notice.not_before))
             : fmt::format("it is mailed to {}", to);
}

Reply answer_one(Turn& turn, const Caller& who, const ReplyInquiry& order) {
  if (auto no = not_open(turn, order.inquiry)) return *no;
  const Inquiry& seen = turn.inquiry(order.inquiry);
  if (seen.aside != Aside::no) {
    return refused(
        fmt::format("inquiry {} is kept aside: nobody is answered by mail who is neither a bank's "
                    "contact nor one of the people",
                    seen.id));
  }
  if (seen.messages.size() >= most_messages) {
    return refused(fmt::format("inquiry {} has {} messages already: close it, and open a new one",
                               seen.id, seen.messages.size()));
  }
  if (const InquiryMessage* last = seen.last_answer();
      !seen.waits_since && last != nullptr && !order.again) {
    return refused(
        fmt::format("inquiry {} is answered already, by {} at {}: \"{}\". Say --again to say more",
                    seen.id, last->who, turn.time(last->at), one_line(last->text, 200)));
  }
  const InquiryId id = seen.id;
  const bool mailed = answer(turn, who, id, NoticeKind::inquiry_reply, order.text, 0);
  Reply reply =
      done(mailed ? fmt::format("inquiry {} is answered; {}", id, when_mailed(turn, id))
                  : fmt::format(
                        "inquiry {} is answered by word of mouth: NOBODY is mailed, as {} has no "
                        "address among the contacts and people of the configuration",
                        id, turn.inquiry(id).from));
  reply.inquiry = id;
  return reply;
}

Reply answer_all(Turn& turn, const Caller& who, const ReplyInquiry& order) {
  if (auto no = no_such_failure(turn, order.failure)) return *no;
  const FailureId failure = end_of_joins(turn, order.failure);
  std::set<InquiryId> asking;
  for (InquiryId id : turn.live.index.open_inquiries) {
    const Inquiry& inquiry = turn.inquiry(id);
    if (!inquiry.is_open() || inquiry.messages.size() >= most_messages) continue;
    const bool about =
        std::any_of(inquiry.failures.begin(), inquiry.failures.end(),
                    [&](FailureId one) { return end_of_joins(turn, one) == failure; });
    if (about) asking.insert(id);
  }
  if (asking.empty()) {
    return refused(fmt::format(
        "no open inquiry is about failure {}; `yagura inquiry link N --failure {}` links one",
        failure, failure));
  }
  if (!turn.failure(failure).is_open()) {
    return refused(fmt::format("failure {} is closed: answer its inquiries one by one", failure));
  }
  // Two people who answer at once: the second reads what the first said.
  const auto answered_by_another = [&](InquiryId id) -> const InquiryMessage* {
    const Inquiry& inquiry = turn.inquiry(id);
    const InquiryMessage* last = inquiry.last_answer();
    const bool about_it = last != nullptr && last->failure != 0 && end_of_joins(turn, last->failure) == failure;
    return !inquiry.waits_since && about_it && last->who != who.person.id ? last : nullptr;
  };
  if (!order.again && std::all_of(asking.begin(), asking.end(), answered_by_another)) {
    const InquiryMessage& last = *answered_by_another(*asking.begin());
    return refused(fmt::format("all who ask about failure {} are answered already, by {} at {}: \"{}\". Say --again to say more",
                               failure, last.who, turn.time(last.at), one_line(last.text, 200)));
  }
  std::set<std::string> mailed, unmailed;
  for (InquiryId id : asking) {
    (answer(turn, who, id, NoticeKind::inquiry_update, order.text, failure) ? mailed : unmailed)
        .insert(std::to_string(id));
  }
  std::string text = mailed.empty() ? "nobody is mailed"
                                    : "mailed, in the response hours: inquiries " + join(mailed);
  if (!unmailed.empty()) text += "; NOT mailed, without an address: inquiries " + join(unmailed);
  return done(text, failure);
}

}  // namespace

Reply follow(Turn& turn, const Caller& who, const OpenInquiry& order) {
  if (!may(who)) return refused(only_desk);
  if (is_blank(order.text)) return refused("say what was asked: -m TEXT");
  auto asker = asker_of(turn, order);
  if (!asker) return refused(asker.error().message);
  Inquiry& made = add_inquiry_of(turn, *asker, subject_or_text(order.subject, order.text));
  const InquiryId id = made.id;
  made.by = who.person.id;
  InquiryMessage message;
  message.at = turn.now;
  message.who = made.from;
  message.text = many_lines(order.text, most_of_a_message);
  take_message(turn, id, std::move(message));
  const Inquiry& inquiry = turn.inquiry(id);
  Turn::Details details{{"inquiry", std::to_string(id)},
                        {"from", inquiry.from},
                        {"subject", inquiry.subject},
                        {"text", order.text}};
  if (!inquiry.bank.empty()) details["bank"] = inquiry.bank;
  if (inquiry.first_reply_due) details["due"] = turn.time(*inquiry.first_reply_due);
  turn.fact("inquiry.received", 0, std::move(details), who.person.id);
  Reply reply = done(fmt::format(
      "inquiry {} is open; {}{}", id, due_words(turn, inquiry),
      inquiry.address.empty() ? "; answers to it are not mailed: tell them yourself" : ""));
  reply.inquiry = id;
  return reply;
}

Reply follow(Turn& turn, const Caller& who, const ReplyInquiry& order) {
  if (!may(who)) return refused(only_desk);
  if (is_blank(order.text))
    return refused("an answer needs a text, in words that a bank may read: -m TEXT");
  return order.failure != 0 ? answer_all(turn, who, order) : answer_one(turn, who, order);
}

Reply follow(Turn& turn, const Caller& who, const CloseInquiry& order) {
  if (!may(who)) return refused(only_desk);
  if (auto no = not_open(turn, order.inquiry)) return *no;
  const Inquiry& seen = turn.inquiry(order.inquiry);
  if (seen.waits_since && is_blank(order.text)) {
    return refused(
        fmt::format("inquiry {} waits for an answer since {}: answer it, or say in -m how it ended",
                    seen.id, turn.time(*seen.waits_since)));
  }
  wait_no_more(turn, order.inquiry, fmt::format("inquiry {} is closed", order.inquiry));
  Inquiry& inquiry = turn.edit_inquiry(order.inquiry);
  inquiry.closed_at = turn.now;
  inquiry.closed_by = who.person.id;
  inquiry.close_text = many_lines(order.text, most_of_a_message);
  turn.fact("inquiry.confirmed", 0, {{"inquiry", std::to_string(inquiry.id)}, {"text", order.text}},
            who.person.id);
  Reply reply = done(fmt::format("inquiry {} is closed", inquiry.id));
  reply.inquiry = inquiry.id;
  return reply;
}

Reply follow(Turn& turn, const Caller& who, const LinkInquiry& order) {
  if (!may(who)) return refused(only_desk);
  if (auto no = no_such_inquiry(turn, order.inquiry)) return *no;
  if (auto no = no_such_failure(turn, order.failure)) return *no;
  const FailureId failure = end_of_joins(turn, order.failure);
  if (turn.inquiry(order.inquiry).failures.contains(failure)) {
    return refused(
        fmt::format("inquiry {} is linked to failure {} already", order.inquiry, failure));
  }
  turn.edit_inquiry(order.inquiry).failures.insert(failure);
  turn.fact("inquiry.linked", failure, {{"inquiry", std::to_string(order.inquiry)}}, who.person.id);
  Reply reply =
      done(fmt::format("inquiry {} is linked to failure {}", order.inquiry, failure), failure);
  reply.inquiry = order.inquiry;
  return reply;
}

std::optional<Reply> no_report_from(const Turn& turn, const Caller& who, const Open& order) {
  if (order.inquiry == 0) return std::nullopt;
  if (!may(who)) return refused(only_desk);
  return no_such_inquiry(turn, order.inquiry);
}

void link_report(Turn& turn, const Caller& who, const Open& order, Reply& reply) {
  if (order.inquiry == 0 || !reply.done ||
      turn.inquiry(order.inquiry).failures.contains(reply.failure))
    return;
  turn.edit_inquiry(order.inquiry).failures.insert(reply.failure);
  turn.fact("inquiry.linked", reply.failure, {{"inquiry", std::to_string(order.inquiry)}},
            who.person.id);
  reply.text += fmt::format("; inquiry {} is linked to it", order.inquiry);
  reply.inquiry = order.inquiry;
}

}  // namespace yagura
