// The record's real writer, reader and schema, without the worker thread: what is queued is written
// when the simulation says so, within that call. Batches, their halving after an error and the
// order of what is told are those of daemon/store/store.cpp. Owned by the run; one for each start
// of the daemon.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "store.hpp"
#include "writer.hpp"

namespace yagura::sim {

class SimulatedStore final : public Store {
 public:
  struct Hooks {
    std::function<void(const Transaction&)> queued;     // before anything else knows of it
    std::function<void(const Transaction&)> committed;  // before its `done`
    std::function<void()> wants_attempt;                // the queue is not empty any more
  };
  static Result<std::unique_ptr<SimulatedStore>> open(const std::string& path, Hooks hooks);

  // Writes the front of the queue. False: it failed, and is to be tried again.
  bool attempt();
  // Why the last attempt failed; empty: it did not.
  const std::string& error() const { return error_; }

  const std::string& instance() const override { return writer_.instance(); }
  void append(Transaction transaction, std::function<void()> done) override;
  std::size_t queued() const override { return items_; }
  std::uint64_t commits() const override { return 0; }
  std::optional<std::string> trouble() const override;
  bool flush(Duration) override { return queue_.empty(); }
  Result<std::vector<RecordRow>> read(const Query& query) override;
  Result<void> each(const Query& query, const std::function<bool(const RecordRow&)>& row) override;
  Result<void> last_states(const std::function<void(const RecordRow&)>& row) override;
  Result<std::optional<MailBytes>> mail(std::int64_t notice) override;
  Result<std::vector<JobRow>> jobs() override;
  Head head() const override { return writer_.head(); }
  Result<std::optional<Mismatch>> verify() override;

  // Mails that were refused because their notice has others: never.
  int refused_mails = 0;

 private:
  SimulatedStore(std::string path, Writer writer, Hooks hooks)
      : path_(std::move(path)), writer_(std::move(writer)), hooks_(std::move(hooks)) {}

  struct Item {
    Transaction transaction;
    std::function<void()> done;
    std::size_t size = 1;
  };
  std::string path_;
  Writer writer_;
  Hooks hooks_;
  std::deque<Item> queue_;
  std::size_t items_ = 0;
  std::size_t together_ = 10'000;
  std::string error_;
};

}  // namespace yagura::sim
