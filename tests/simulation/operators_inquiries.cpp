// What the inquiry desk does, and who would like to be it.
#include "operators.hpp"

namespace yagura::sim {

void Operators::open_inquiry(const PersonName& by, Random& random) {
  OpenInquiry open;
  open.text = words();
  if (random.one_in(2)) open.subject = "asked on the telephone";
  if (random.one_in(4)) {
    open.from = random.one_in(2) ? random.pick(shape_.people).id : "somebody";
    return order(by, open, open.text);
  }
  const Shape::Bank& bank = random.pick(shape_.banks);
  open.bank = random.one_in(20) ? "nobody" : bank.id;
  if (!random.one_in(3)) open.from = random.one_in(4) ? "a new one" : random.pick(bank.mails);
  order(by, open, open.text);
}

void Operators::act_on_inquiries(Random& random) {
  if (engine_ == nullptr) return;
  std::vector<InquiryId> all{999}, open;
  for (const auto& [id, inquiry] : engine_->state().inquiries) {
    all.push_back(id);
    if (inquiry.is_open()) open.push_back(id);
  }
  std::vector<FailureId> failures{999};
  for (const auto& [id, failure] : engine_->state().failures) {
    if (failure.is_open() || random.one_in(3)) failures.push_back(id);
  }
  const InquiryId inquiry =
      open.empty() || random.one_in(12) ? random.pick(all) : random.pick(open);
  const FailureId failure = random.pick(failures);
  const PersonName by = random.one_in(10)  ? random.pick(shape_.people).id
                        : random.one_in(3) ? "lead1"
                                           : "desk1";
  const std::string text = words();
  switch (random.below(12)) {
    case 0:
    case 1:
      return open_inquiry(by, random);
    case 2:
    case 3:
    case 4:
    case 5:
      return order(by, ReplyInquiry{inquiry, 0, text, random.one_in(4)}, text);
    case 6: {  // Mostly one that somebody asks about.
      std::vector<FailureId> asked{failure};
      for (InquiryId id : open) {
        const auto& about = engine_->state().inquiries.at(id).failures;
        asked.insert(asked.end(), about.begin(), about.end());
      }
      return order(by, ReplyInquiry{0, random.pick(asked), text, false}, text);
    }
    case 7:
      return order(by, CloseInquiry{inquiry, text}, text);
    case 8:
      return order(by, CloseInquiry{inquiry, {}});
    case 9:
    case 10:
      return order(by, LinkInquiry{inquiry, failure});
    case 11: {
      Open reported;
      reported.components = {random.pick(shape_.components).id};
      reported.inquiry = inquiry;
      reported.text = text;
      return order(by, reported, text);
    }
  }
}

bool Operators::put_inquiries_right() {
  std::vector<InquiryId> open;
  for (const auto& [id, inquiry] : engine_->state().inquiries) {
    if (inquiry.is_open()) open.push_back(id);
  }
  for (InquiryId id : open) {
    const Inquiry& inquiry = engine_->state().inquiries.at(id);
    const bool unsent = std::any_of(
        inquiry.messages.begin(), inquiry.messages.end(), [&](const InquiryMessage& message) {
          auto notice = engine_->state().notices.find(message.notice);
          return notice != engine_->state().notices.end() && notice->second.is_unsent();
        });
    const std::string text = words();
    if (inquiry.waits_since) {
      order("desk1", ReplyInquiry{id, 0, text, false}, text);
    } else if (!unsent) {
      order("desk1", CloseInquiry{id, text}, text);
    }
  }
  return open.empty();
}

}  // namespace yagura::sim
