#include "simulated_store.hpp"

#include <algorithm>

#include "reader.hpp"

namespace yagura::sim {

Result<std::unique_ptr<SimulatedStore>> SimulatedStore::open(const std::string& path, Hooks hooks) {
  Opening opening;
  Result<Writer> writer = Writer::open(path, opening);
  if (!writer) return tl::unexpected(writer.error());
  return std::unique_ptr<SimulatedStore>(
      new SimulatedStore(path, std::move(*writer), std::move(hooks)));
}

void SimulatedStore::append(Transaction transaction, std::function<void()> done) {
  if (hooks_.queued) hooks_.queued(transaction);
  const std::size_t size = std::max<std::size_t>(
      1, transaction.entries.size() + transaction.mails.size() + transaction.jobs.size());
  queue_.push_back({std::move(transaction), std::move(done), size});
  items_ += size;
  if (queue_.size() == 1 && hooks_.wants_attempt) hooks_.wants_attempt();
}

bool SimulatedStore::attempt() {
  if (queue_.empty()) return true;
  std::vector<const Transaction*> batch;
  std::size_t items = 0;
  for (const Item& item : queue_) {
    if (!batch.empty() && items + item.size > together_) break;
    batch.push_back(&item.transaction);
    items += item.size;
  }
  Result<void> written = writer_.write(batch, [this](const MailBytes&) { ++refused_mails; });
  together_ = written ? std::min<std::size_t>(10'000, together_ * 2)
                      : std::max<std::size_t>(1, std::min(together_, batch.size()) / 2);
  error_ = written ? "" : written.error().message;
  if (!written) return false;
  std::vector<Item> durable;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    items_ -= queue_.front().size;
    durable.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  for (Item& item : durable) {
    if (hooks_.committed) hooks_.committed(item.transaction);
    if (item.done) item.done();
  }
  return true;
}

std::optional<std::string> SimulatedStore::trouble() const {
  if (error_.empty()) return std::nullopt;
  return error_;
}

Result<std::vector<RecordRow>> SimulatedStore::read(const Query& query) {
  return RecordReader::open(path_).and_then(
      [&](RecordReader&& reader) { return reader.read(query); });
}
Result<void> SimulatedStore::each(const Query& query,
                                  const std::function<bool(const RecordRow&)>& row) {
  return RecordReader::open(path_).and_then(
      [&](RecordReader&& reader) { return reader.each(query, row); });
}
Result<void> SimulatedStore::last_states(const std::function<void(const RecordRow&)>& row) {
  return RecordReader::open(path_).and_then(
      [&](RecordReader&& reader) { return reader.last_states(row); });
}
Result<std::optional<MailBytes>> SimulatedStore::mail(std::int64_t notice) {
  return RecordReader::open(path_).and_then(
      [&](RecordReader&& reader) { return reader.mail(notice); });
}
Result<std::vector<JobRow>> SimulatedStore::jobs() {
  return RecordReader::open(path_).and_then([](RecordReader&& reader) { return reader.jobs(); });
}
Result<std::optional<Store::Mismatch>> SimulatedStore::verify() {
  Head known = head();
  return RecordReader::open(path_).and_then(
      [&](RecordReader&& reader) { return reader.verify(known); });
}

}  // namespace yagura::sim
