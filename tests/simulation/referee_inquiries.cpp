// Inquiries: every mail that was taken into the spool has one place; who asks is reminded of,
// answered and told as the contract says, and nobody else. When an answer is due, who is known, and
// which inquiries are about a failure is thought out here once more.
#include <algorithm>

#include "referee.hpp"

namespace yagura::sim {

namespace {

constexpr Duration slack = 15s;
constexpr int most_within_an_hour = 20;

const InquiryMessage* last_of_people(const Inquiry& inquiry) {
  for (auto message = inquiry.messages.rbegin(); message != inquiry.messages.rend(); ++message) {
    if (!message->automatic) return &*message;
  }
  return nullptr;
}

bool was_lost(const InquiryMessage& message) {
  return message.ours && message.undelivered;
}

bool has_fact(const std::vector<RecordEntry>& facts, const std::string& what, InquiryId inquiry) {
  return std::any_of(facts.begin(), facts.end(), [&](const RecordEntry& fact) {
    return fact.what == what && details_of(fact)["inquiry"] == std::to_string(inquiry);
  });
}

}  // namespace

// ---- Who is known ----

// "b1", "lead1", or nothing. Addresses are made of these (shape.cpp).
std::string Referee::known_as(const std::string& address) const {
  for (const Shape::Bank& bank : shape_.banks) {
    if (std::find(bank.mails.begin(), bank.mails.end(), address) != bank.mails.end())
      return bank.id;
  }
  for (const Shape::Person& person : shape_.people) {
    if (person.id + "@example.jp" == address) return person.id;
  }
  return {};
}

bool Referee::is_desk(const PersonName& name) const {
  return std::any_of(shape_.people.begin(), shape_.people.end(), [&](const Shape::Person& one) {
    return one.id == name && (one.role == "inquiry-desk" || one.role == "system-lead");
  });
}

Duration Referee::first_reply() const {
  return std::chrono::minutes(shape_.first_reply);
}

// Asked often of the same.
Instant Referee::after_hours(Instant from, Duration length) {
  auto [known, fresh] = after_hours_.try_emplace({from, length});
  if (fresh) known->second = shape_.after_open(shape_.response_hours, from, length, zone_);
  return known->second;
}

// ---- Mails that come ----

void Referee::mail_is_spooled(SpooledMail mail) {
  ++counts.spooled;
  const std::string name = mail.name;
  spooled_[name] = std::move(mail);
}

int Referee::places_in_threads(const SpooledMail& mail) const {
  int places = 0;
  for (const auto& [id, inquiry] : durable_inquiries_) {
    for (const InquiryMessage& message : inquiry.messages) {
      auto one = spooled_.find(message.spooled);
      places += one != spooled_.end() && one->second.same_as == mail.same_as ? 1 : 0;
    }
  }
  return places;
}

void Referee::mail_left_spool(const std::string& name, bool unreadable) {
  SpooledMail& mail = spooled_.at(name);
  mail.unreadable = unreadable;
  const bool taken = places_in_threads(mail) > 0 || durable_texts_of_bounces_.contains(mail.text);
  if (!unreadable && !taken)
    violate("a mail leaves the spool when it is recorded", name + " of " + mail.from);
  for (const auto& [id, inquiry] : durable_inquiries_) {
    for (const InquiryMessage& message : inquiry.messages) {
      if (unreadable && message.spooled == name)
        violate("a mail to the desk has one place",
                fmt::format("{}: unreadable, and in inquiry {}", name, id));
    }
  }
}

void Referee::judge_message(const Inquiry& inquiry, const InquiryMessage& message) {
  const std::string name = fmt::format("inquiry {}", inquiry.id);
  if (message.ours) {
    if (!is_desk(message.who))
      violate("only the desk and the lead answer", name + ": " + message.who);
    return;
  }
  if (message.spooled.empty()) return;
  auto found = spooled_.find(message.spooled);
  if (found == spooled_.end())
    return violate("a message is somebody's", name + ": " + message.spooled);
  const SpooledMail& mail = found->second;
  if (message.who != mail.from ||
      (!mail.from.empty() && message.text.find(mail.text) == std::string::npos))
    violate("a message is what was written", name + ": " + message.spooled);
  const std::string who = known_as(mail.from);
  if (!mail.from.empty() && message.automatic != mail.automatic)
    violate("what a machine wrote is known as such", name + ": " + message.spooled);
  if (inquiry.aside == Aside::no) {
    const std::string of = inquiry.bank.empty() ? inquiry.colleague : inquiry.bank;
    if (who.empty() || who != of)
      violate("an inquiry is of one bank or colleague", name + ": " + mail.from);
    return;
  }
  int lately = 0;
  for (const auto& [id, other] : inquiries_) {
    for (const InquiryMessage& one : other.messages)
      lately += one.who == mail.from && one.at > message.at - 1h && one.at <= message.at ? 1 : 0;
  }
  if (!who.empty() && !mail.automatic && lately < most_within_an_hour)
    violate("what an administrator or a colleague asks is an inquiry", name + ": " + mail.from);
}

// ---- From one state to the next ----

void Referee::judge_inquiry(const Change& change, const Inquiry* before, const Inquiry& after) {
  const std::string name = fmt::format("inquiry {}", after.id);
  auto fact = [&](const std::string& what) { return has_fact(change.facts, what, after.id); };
  for (std::size_t i = before == nullptr ? 0 : before->messages.size(); i < after.messages.size();
       ++i)
    judge_message(after, after.messages[i]);
  if (before == nullptr) {
    if (after.aside == Aside::no) ++counts.inquiries;
  } else {
    judge_kept(*before, after);
    if (before->closed_at && !after.closed_at && !fact("inquiry.reopened"))
      violate("a closed inquiry opens by a further message only", name);
    if (!before->closed_at && after.closed_at &&
        !(fact("inquiry.confirmed") && is_desk(after.closed_by)))
      violate("only the desk and the lead close an inquiry", name);
  }
  std::set<NoticeId> answers;
  for (const InquiryMessage& message : after.messages) {
    if (message.notice != 0 && !answers.insert(message.notice).second)
      violate("an answer is one mail", fmt::format("{}: notice {}", name, message.notice));
  }
  judge_waiting(change, before, after);
}

void Referee::judge_kept(const Inquiry& before, const Inquiry& after) {
  const std::string name = fmt::format("inquiry {}", after.id);
  bool same = before.bank == after.bank && before.colleague == after.colleague &&
              before.aside == after.aside && before.messages.size() <= after.messages.size() &&
              std::includes(after.failures.begin(), after.failures.end(), before.failures.begin(),
                            before.failures.end());
  for (std::size_t i = 0; same && i < before.messages.size(); ++i) {
    const InquiryMessage &one = before.messages[i], &now = after.messages[i];
    same = one.text == now.text && one.who == now.who && one.spooled == now.spooled &&
           one.failure == now.failure && (!one.undelivered || now.undelivered);
  }
  if (!same) violate("what was said in an inquiry stays", name);
}

void Referee::judge_waiting(const Change& change, const Inquiry* before, const Inquiry& after) {
  const std::string name = fmt::format("inquiry {}", after.id);
  auto fact = [&](const std::string& what) { return has_fact(change.facts, what, after.id); };
  const bool waits = after.waits_since.has_value();
  const InquiryMessage* last = last_of_people(after);
  if (!after.is_open()) {
    if (waits) violate("what is closed or aside waits for nothing", name);
    return;
  }
  const bool lost = std::any_of(after.messages.begin(), after.messages.end(), was_lost);
  if (last == nullptr || ((!last->ours || last->undelivered) && !waits))
    violate("who has no answer waits for one", name);
  if (last != nullptr && last->ours && !lost && waits)
    violate("who is answered waits no more", name);
  if (waits != after.first_reply_due.has_value())
    violate("an inquiry that waits has one deadline", name);
  if (!waits || !after.first_reply_due) return;
  const bool anew = before == nullptr || before->waits_since != after.waits_since;
  if (anew && before != nullptr && before->waits_since && !fact("inquiry.replied"))
    violate("the time runs since the first that nobody answered", name);
  if ((anew || before->first_reply_due != after.first_reply_due) &&
      *after.first_reply_due != after_hours(*after.waits_since, first_reply())) {
    violate("an answer is due within the response hours",
            fmt::format("{}: since {}, due {}, and not {}", name, zone_.format(*after.waits_since),
                        zone_.format(*after.first_reply_due),
                        zone_.format(after_hours(*after.waits_since, first_reply()))));
  }
  const bool told = !anew && before->overdue_told;
  if (after.overdue_told && !told && !fact("inquiry.overdue"))
    violate("what is overdue is told once", name + ": without a fact");
}

// What is written to somebody because of an inquiry: "notice.queued", with its number.
void Referee::judge_inquiry_notice(const Change& change, const RecordEntry& fact,
                                   std::map<std::string, std::string> details) {
  const InquiryId id = std::atoll(details["inquiry"].c_str());
  const std::string name =
      fmt::format("inquiry {}: notice {} ({})", id, fact.notice, details["kind"]);
  // Another takes the place of one whose recipients changed.
  for (const RecordEntry& one : change.facts) {
    if (one.what == "notice.withdrawn" && details_of(one)["audience"] == details["audience"])
      return;
  }
  auto changed = change.inquiries.find(id);
  auto known = inquiries_.find(id);
  const Inquiry* before = known == inquiries_.end() ? nullptr : &known->second;
  const Inquiry* after = changed == change.inquiries.end() ? before : &changed->second;
  if (after == nullptr) return violate("a mail about an inquiry is of one", name);
  if (after->closed_at || after->aside != Aside::no)
    violate("a closed inquiry gets only what is owed", name);
  const auto kind = notice_kind_named(details["kind"]);
  if (!kind) return;
  if (is_answer(*kind)) {
    if (!has_fact(change.facts, "inquiry.replied", id))
      violate("nobody is answered by itself", name);
    if (details["audience"] != "inquiry:" + std::to_string(id))
      violate("an answer goes to who asked", name);
    return;
  }
  const auto twins =
      std::count_if(change.facts.begin(), change.facts.end(), [&](const RecordEntry& one) {
        if (one.what != "notice.queued") return false;
        auto other = details_of(one);
        return other["inquiry"] == details["inquiry"] && other["audience"] == details["audience"] &&
               other["topic"] == details["topic"];
      });
  if (twins > 1) violate("a reminder comes once", name);
  if (!after->waits_since) return violate("nobody is reminded of what is answered", name);
  const bool same_time = before != nullptr && before->waits_since == after->waits_since;
  const Instant due = *after->first_reply_due;
  if (details["topic"] == "due") {
    const Instant remind =
        after_hours(*after->waits_since, first_reply() - std::chrono::minutes(shape_.remind_reply));
    if (fact.at < remind) violate("no reminder is early", name);
    if (fact.at >= due || after->overdue_told) violate("reminders come in their order", name);
    if ((same_time && before->reminded) || !after->reminded) violate("a reminder comes once", name);
  } else if (details["topic"] == "overdue") {
    if (fact.at < due) violate("no reminder is early", name);
    if ((same_time && before->overdue_told) || !after->overdue_told)
      violate("a reminder comes once", name);
  } else if (details["topic"] == "undelivered") {
    if (!has_fact(change.facts, "inquiry.undelivered", id))
      violate("a reminder has its reason", name);
  } else if (kind == NoticeKind::inquiry_received) {
    const bool came =
        before == nullptr || before->messages.size() < after->messages.size() || !before->told;
    if (!came || !after->told) violate("the desk hears of a message once", name);
  }
}

// `reply --failure`: all that are open and about it, and these only.
void Referee::judge_replies_about(const Change& change) {
  std::map<FailureId, std::set<InquiryId>> told;
  for (const RecordEntry& fact : change.facts) {
    if (fact.what == "inquiry.replied" && fact.failure != 0)
      told[root(fact.failure)].insert(std::atoll(details_of(fact)["inquiry"].c_str()));
  }
  for (const auto& [failure, inquiries] : told) {
    std::set<InquiryId> asking;
    for (const auto& [id, inquiry] : inquiries_) {
      if (!inquiry.is_open()) continue;
      for (FailureId about : inquiry.failures) {
        if (root(about) == failure) asking.insert(id);
      }
    }
    if (asking != inquiries)
      violate("all who ask about a failure are told, and only they",
              fmt::format("failure {}", failure));
    if (auto of = failures_.find(failure); of != failures_.end() && !of->second.is_open())
      violate("who asks is told while the failure is open", fmt::format("failure {}", failure));
  }
}

// ---- What leaves ----

// In the turn that hands it over.
void Referee::judge_inquiry_hand_over(const Change& change, const Notice& before,
                                      const Notice& after) {
  auto changed = change.inquiries.find(after.inquiry);
  auto known = inquiries_.find(after.inquiry);
  const Inquiry* inquiry = changed != change.inquiries.end() ? &changed->second
                           : known != inquiries_.end()       ? &known->second
                                                             : nullptr;
  const std::string name =
      fmt::format("notice {} ({}) of inquiry {}", after.id, name_of(after.kind), after.inquiry);
  if (inquiry == nullptr) return violate("a mail about an inquiry is of one", name);
  if (before.frozen || after.frozen) return;
  if (!is_answer(after.kind)) {
    const bool of_time = after.topic == "due" || after.topic == "overdue";
    const bool answered = !inquiry->waits_since || *inquiry->waits_since > after.created_at;
    if (of_time && after.carries.empty() && answered)
      violate("nobody is reminded of what is answered", name);
    return;
  }
  const std::string of = inquiry->bank.empty() ? inquiry->colleague : inquiry->bank;
  if (after.to.size() != 1 || known_as(after.to[0].mail) != of || of.empty())
    violate("an answer goes to who asked", name);
}

// It goes to another only where who asked is known no more.
void Referee::judge_new_asker(const Notice& before) {
  auto found = inquiries_.find(before.inquiry);
  if (found == inquiries_.end() || before.to.empty()) return;
  const std::string of = found->second.bank.empty() ? found->second.colleague : found->second.bank;
  if (known_as(before.to[0].mail) == of)
    violate("an answer goes to who asked",
            fmt::format("notice {}: not to {}", before.id, before.to[0].mail));
}

void Referee::judge_answer_mail(const Notice& notice, const Envelope& envelope) {
  const std::string name = fmt::format("notice {} of inquiry {}", notice.id, notice.inquiry);
  const Duration timeout = std::chrono::seconds(shape_.attempt_timeout);
  if (!shape_.stays_open(shape_.response_hours, world_.wall(), timeout, zone_))
    violate("answers go in the response hours", name + " at " + zone_.format(world_.wall()));
  auto inquiry = durable_inquiries_.find(notice.inquiry);
  if (inquiry == durable_inquiries_.end())
    return violate("nothing is sent without a durable row", name);
  const auto& messages = inquiry->second.messages;
  const auto mine = std::find_if(messages.begin(), messages.end(),
                                 [&](const auto& one) { return one.notice == notice.id; });
  if (mine == messages.end()) return violate("an answer stands in its inquiry", name);
  for (auto one = messages.begin(); one != mine; ++one) {
    const bool asked = !one->ours && !one->automatic && !one->message_id.empty();
    if (asked && envelope.bytes.find(one->message_id) == std::string::npos && messages.size() < 20)
      violate("an answer goes in its thread", name);
  }
  for (const auto& [id, other] : durable_inquiries_) {
    for (const InquiryMessage& one : other.messages) {
      const bool foreign = id != notice.inquiry && !one.message_id.empty() && !one.automatic;
      if (foreign && envelope.bytes.find(one.message_id) != std::string::npos)
        violate("an answer goes in its thread", name + ": of inquiry " + std::to_string(id));
    }
  }
}

// ---- What would be late; and at the end ----

void Referee::look_at(const Inquiry& inquiry, Instant now) {
  const std::string name = fmt::format("inquiry {}", inquiry.id);
  for (const InquiryMessage& message : inquiry.messages) {
    if (message.notice == 0 || message.undelivered) continue;
    const NoticeState state = engine_->state().notices.at(message.notice).state;
    if (state == NoticeState::withdrawn || state == NoticeState::undeliverable)
      violate("an answer that is lost is known as such",
              fmt::format("{}: notice {}", name, message.notice));
  }
  if (!inquiry.waits_since || !inquiry.first_reply_due) return;
  if (!inquiry.told) violate("the desk hears of a message once", name + ": not yet");
  if (inquiry.overdue_told) return;
  const Instant due = after_hours(*inquiry.waits_since, first_reply());
  if (*inquiry.first_reply_due != due) violate("an answer is due within the response hours", name);
  if (due + slack < now)
    violate("no deadline stays overdue", name + ": overdue since " + zone_.format(due));
  const Duration ahead = std::chrono::minutes(shape_.remind_reply);
  if (ahead == Duration{0} || inquiry.reminded) return;
  const Instant remind = after_hours(*inquiry.waits_since, first_reply() - ahead);
  if (remind < due && remind + slack < now)
    violate("no deadline stays overdue", name + ": its reminder");
}

void Referee::inquiries_opened(const Kept& kept) {
  for (const auto& [id, inquiry] : durable_inquiries_) {
    auto found = kept.state.inquiries.find(id);
    if (found == kept.state.inquiries.end()) {
      violate("an inquiry survives", fmt::format("inquiry {} is gone", id));
    } else {
      judge_kept(inquiry, found->second);
    }
  }
  inquiries_ = durable_inquiries_ = kept.state.inquiries;
}

void Referee::inquiry_is_durable(const Inquiry& inquiry) {
  durable_inquiries_[inquiry.id] = inquiry;
  for (const InquiryMessage& message : inquiry.messages) {
    auto mail = spooled_.find(message.spooled);
    if (mail == spooled_.end()) continue;
    if (mail->second.unreadable || places_in_threads(mail->second) > 1)
      violate("a mail to the desk has one place", message.spooled + " of " + mail->second.from);
  }
}

void Referee::judge_done_of_inquiry(const PersonName& by, const Order& order,
                                    const Answer& answer) {
  const auto durable = durable_inquiries_.find(answer.inquiry);
  bool kept = true;
  auto done = [&](bool holds) {
    if (!is_desk(by)) violate("only the desk and the lead answer", by);
    kept = durable != durable_inquiries_.end() && holds;
  };
  if (std::holds_alternative<OpenInquiry>(order)) done(true);
  if (const auto* one = std::get_if<LinkInquiry>(&order))
    done(durable != durable_inquiries_.end() &&
         std::any_of(durable->second.failures.begin(), durable->second.failures.end(),
                     [&](FailureId about) { return root(about) == root(one->failure); }));
  if (std::holds_alternative<CloseInquiry>(order))
    done(durable != durable_inquiries_.end() &&
         (durable->second.closed_at || durable->second.waits_since));
  if (!kept) violate("what is confirmed to an operator is durable", answer.text);
}

void Referee::judge_inquiries_at_rest() {
  for (const auto& [id, inquiry] : engine_->state().inquiries) {
    if (inquiry.is_open())
      violate("everything comes to rest", fmt::format("inquiry {} is open", id));
  }
  for (const auto& [name, mail] : spooled_) {
    const bool bounced = durable_texts_of_bounces_.contains(mail.text);
    if (!mail.unreadable && !bounced && places_in_threads(mail) != 1)
      violate("a mail to the desk has one place",
              fmt::format("{} of {}: {}", name, mail.from, places_in_threads(mail)));
  }
}

}  // namespace yagura::sim
