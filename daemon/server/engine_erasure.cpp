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

}  // namespace

void Engine::erase(const BankName& bank, const std::set<std::string>& texts) {
  Decider::Renamed renamed;
  for (const auto& [id, failure] : state().failures) redact_into(renamed.failures, failure, texts, decode_failure);
  for (const auto& [id, stop] : state().stops) redact_into(renamed.stops, stop, texts, decode_stop);
  for (const auto& [id, notice] : state().notices) {
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
  decider_.replace(renamed);
  Transaction transaction;
  record(batch, read_clock(), transaction);
  metrics_.record_rows += transaction.entries.size();
  store_.append(std::move(transaction), [] {});
}

}  // namespace yagura
