// What the daemon knows of people at a bank that has left, taken out of its state (R4). The figures stay.
#include "codec.hpp"
#include "engine.hpp"
#include "erasure.hpp"

namespace yagura {

namespace {

constexpr const char* erased = "(erased)";

template <class T, class Decode>
void redact_into(std::vector<T>& changed, const T& one, const std::set<std::string>& texts, Decode decode) {
  std::string text = encode(one);
  if (!redact(text, texts)) return;
  // What cannot be read back stays as it is, and is found and left by the search of the rows.
  if (auto read = decode(text)) changed.push_back(std::move(*read));
}

void empty(Notice& notice) {
  for (Recipient& to : notice.to) to = {erased, erased};
  for (std::string& address : notice.accepted) address = erased;
  for (std::string& address : notice.refused) address = erased;
  if (!notice.last_error.empty()) notice.last_error = erased;
  if (!notice.edited) return;
  notice.edited->subject = notice.edited->body = erased;
  if (!notice.subject.empty()) notice.subject = erased;
}

// What its people wrote, and what they were answered. Numbers and times stay, for the figures.
void empty(Inquiry& inquiry) {
  inquiry.from = inquiry.subject = erased;
  inquiry.address.clear();
  if (!inquiry.close_text.empty()) inquiry.close_text = erased;
  for (InquiryMessage& message : inquiry.messages) {
    if (!message.ours) message.who = erased;
    message.text = erased;
    message.message_id.clear();
    message.files.clear();
    message.left_out.clear();
  }
}

// A notice of an inquiry, to whomever it went: its subject is the inquiry's, its recipient may be who asked.
void empty_subject(Notice& notice) {
  if (!notice.subject.empty()) notice.subject = erased;
  if (is_answer(notice.kind)) empty(notice);
}

}  // namespace

std::vector<KeptFile> Engine::erase(const BankName& bank, const std::set<std::string>& texts) {
  Decider::Renamed renamed;
  for (const auto& [id, failure] : state().failures) redact_into(renamed.failures, failure, texts, decode_failure);
  for (const auto& [id, stop] : state().stops) redact_into(renamed.stops, stop, texts, decode_stop);
  std::vector<KeptFile> files;
  std::set<NoticeId> of_its_inquiries;
  for (const auto& [id, inquiry] : state().inquiries) {
    if (inquiry.bank != bank) {
      redact_into(renamed.inquiries, inquiry, texts, decode_inquiry);
      continue;
    }
    for (const InquiryMessage& message : inquiry.messages) files.insert(files.end(), message.files.begin(), message.files.end());
    renamed.inquiries.push_back(inquiry);
    empty(renamed.inquiries.back());
  }
  for (const auto& [id, notice] : state().notices) {
    const auto inquiry = state().inquiries.find(notice.inquiry);
    if (inquiry != state().inquiries.end() && inquiry->second.bank == bank) of_its_inquiries.insert(id);
  }
  for (const auto& [id, notice] : state().notices) {
    if (of_its_inquiries.contains(id)) {
      renamed.notices.push_back(notice);
      empty_subject(renamed.notices.back());
      continue;
    }
    if (notice.bank() != bank) {
      redact_into(renamed.notices, notice, texts, decode_notice);
      continue;
    }
    renamed.notices.push_back(notice);
    empty(renamed.notices.back());
  }
  Batch batch;
  for (const Failure& failure : renamed.failures) batch.failures.insert(failure.id);
  for (const Notice& notice : renamed.notices) batch.notices.insert(notice.id);
  for (const Stop& stop : renamed.stops) batch.stops.insert(stop.id);
  for (const Inquiry& inquiry : renamed.inquiries) batch.inquiries.insert(inquiry.id);
  decider_.replace(renamed);
  Transaction transaction;
  record(batch, read_clock(), transaction);
  metrics_.record_rows += transaction.entries.size();
  store_.append(std::move(transaction), [] {});
  return files;
}

}  // namespace yagura
