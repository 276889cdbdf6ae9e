#include "store.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "aside.hpp"
#include "backup.hpp"
#include "folder.hpp"
#include "reader.hpp"
#include "writer.hpp"

namespace yagura {
namespace {

using Clock = std::chrono::steady_clock;

// What is committed together: enough to catch up, little enough that a commit stays short. After a
// failure half as much is tried, down to one transaction, so that what still fits on a disk that is
// nearly full gets there, and a disk that fails now and then is got past.
constexpr std::size_t most_items_together = 10'000;
// How long the destructor gives a worker, once told to give up, before it leaves it behind.
constexpr Duration leave_at_most = 100ms;
// How many of the last rows have their chain walked at start: some milliseconds.
constexpr std::int64_t rows_verified_at_start = 1000;

// Commits are free for a few that come alone, as a failure and its mail do; of a storm's many some wait for each other, as each
// commit costs a synchronisation of the disk.
constexpr int commits_at_once = 5, commits_per_second = 15;

class Pace {
 public:
  // When the next commit may begin.
  Clock::time_point next(Clock::time_point now) const { return std::max(now, full_at_ - (commits_at_once - 1) * each); }
  void begin(Clock::time_point now) { full_at_ = std::max(now, full_at_) + each; }

 private:
  static constexpr Clock::duration each = std::chrono::microseconds(1'000'000 / commits_per_second);
  Clock::time_point full_at_{};  // when all that was begun is made up for
};

struct Item {
  Transaction transaction;
  std::function<void()> done;
  std::size_t size = 1;
};

std::size_t size_of(const Transaction& transaction) {
  return std::max<std::size_t>(
      1, transaction.entries.size() + transaction.mails.size() + transaction.jobs.size());
}

Duration since(Clock::time_point begin) {
  return std::chrono::floor<std::chrono::seconds>(Clock::now() - begin);
}

// What the worker and the owner share. The worker holds it too: a disk that never answers may keep
// the worker for ever, and must not keep the owner. The lock of the folder goes when both are gone.
struct Shared {
  Shared(OwnedFile lock_file, Writer database, StoreOptions wishes)
      : folder_lock(std::move(lock_file)),
        writer(std::move(database)),
        options(std::move(wishes)),
        head(writer.head()) {}

  OwnedFile folder_lock;  // first, so that it is released last
  Writer writer;          // of the worker alone
  const StoreOptions options;

  // Held while the owner's functions are called; taken before `mutex`. Who has it can count on no
  // call being under way.
  std::mutex calling;
  std::mutex mutex;  // for all below
  std::condition_variable wake, moved;
  std::deque<Item> queue;  // what is being written stays at the front until it is durable
  std::size_t items = 0;   // the sizes of all in the queue
  std::uint64_t accepted = 0, finished = 0;  // transactions ever
  std::uint64_t commits = 0;
  int hurried_by = 0;  // who waits in flush(): nothing waits for more then
  bool waits_for_more = false;
  Store::Head head;
  std::string error;  // of the last attempt; empty after a success
  bool keeps_log = false;  // Writer::keeps_log(), and said so
  std::optional<Clock::time_point> attempt_since, failing_since;
  Clock::time_point moved_at{};  // an attempt ended, or something came while nothing waited
  bool stopping = false;  // ends when the queue is empty
  bool given_up = false;  // ends now, calls nobody
  bool ended = false;
};

// Calls the log of the owner, unless the owner has gone.
void warn(Shared& shared, const std::string& text) {
  std::lock_guard calling(shared.calling);
  {
    std::lock_guard lock(shared.mutex);
    if (shared.given_up) return;
  }
  if (shared.options.warn) shared.options.warn(text);
}

// What to commit next. References into a deque stay valid while others add at its end.
std::vector<const Transaction*> next_batch(const std::deque<Item>& queue, std::size_t most) {
  std::vector<const Transaction*> batch;
  std::size_t items = 0;
  for (const Item& item : queue) {
    if (!batch.empty() && items + item.size > most) break;
    batch.push_back(&item.transaction);
    items += item.size;
  }
  return batch;
}

// Takes what is durable now off the queue and tells its owners, in order.
void finish(Shared& shared, std::size_t count) {
  std::lock_guard calling(shared.calling);
  std::vector<Item> durable;
  {
    std::lock_guard lock(shared.mutex);
    shared.head = shared.writer.head();
    for (; count > 0; --count) {
      shared.items -= shared.queue.front().size;
      durable.push_back(std::move(shared.queue.front()));
      shared.queue.pop_front();
    }
    if (shared.given_up) return;
  }
  for (Item& item : durable) {
    if (item.done) item.done();
  }
  std::lock_guard lock(shared.mutex);
  shared.finished += durable.size();
  shared.moved.notify_all();
}

// One attempt to write the front of the queue, about `together` items. False: it failed.
bool attempt(Shared& shared, std::size_t& together) {
  std::vector<const Transaction*> batch;
  {
    std::lock_guard lock(shared.mutex);
    batch = next_batch(shared.queue, together);
    shared.attempt_since = Clock::now();
  }
  std::vector<std::int64_t> refused;
  Result<void> written = shared.writer.write(
      batch, [&refused](const MailBytes& mail) { refused.push_back(mail.notice); });

  together = written ? std::min(most_items_together, together * 2)
                     : std::max<std::size_t>(1, std::min(together, batch.size()) / 2);

  std::string news, error;
  if (!written) error = written.error().message;
  if (!written && shared.writer.found_damage()) {
    error += "; stop the daemon, and start it again: it sets a damaged record aside, and says how "
             "a backup takes its place";
  }
  {
    std::lock_guard lock(shared.mutex);
    shared.attempt_since.reset();
    shared.moved_at = Clock::now();
    if (written) ++shared.commits;
    if (written && shared.failing_since) {
      news = fmt::format("the record is written again after {}",
                         format_duration(since(*shared.failing_since)));
      shared.failing_since.reset();
    } else if (!written && shared.error != error) {
      news = fmt::format("the record cannot be written, trying again every {}: {}",
                         format_duration(shared.options.retry_every), error);
    }
    if (shared.writer.keeps_log() && !shared.keeps_log) {
      shared.keeps_log = true;
      news = "the disk did not synchronise the database once (fsync): what is committed is safe in the write-ahead log, which "
             "is kept whole, and grows, until the next start; look at the disk, then restart the daemon";
    }
    if (!written && !shared.failing_since) shared.failing_since = Clock::now();
    shared.error = error;
  }
  if (!news.empty()) warn(shared, news);
  if (!written) return false;
  for (std::int64_t notice : refused) {
    warn(shared,
         fmt::format("notice {} has a mail already; the other one given for it was not kept",
                     notice));
  }
  finish(shared, batch.size());
  return true;
}

void work(const std::shared_ptr<Shared>& shared) {
  std::size_t together = most_items_together;
  Pace pace;
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->wake.wait(
        lock, [&] { return shared->given_up || shared->stopping || !shared->queue.empty(); });
    if (shared->given_up || shared->queue.empty()) break;
    shared->waits_for_more = true;
    shared->wake.wait_until(lock, pace.next(Clock::now()), [&] {
      return shared->given_up || shared->stopping || shared->hurried_by > 0 || shared->items >= most_items_together;
    });
    shared->waits_for_more = false;
    if (shared->given_up) break;
    pace.begin(Clock::now());
    lock.unlock();
    bool written = attempt(*shared, together);
    lock.lock();
    if (!written) {
      shared->wake.wait_for(lock, shared->options.retry_every, [&] { return shared->given_up; });
    }
  }
  shared->ended = true;
  shared->moved.notify_all();
}

// The worker takes no signals: they are the main thread's, and a write must not end with one.
std::thread start_worker(std::shared_ptr<Shared> shared) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread worker([shared = std::move(shared)] { work(shared); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(worker.native_handle(), "record");
  return worker;
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, std::shared_ptr<Shared> shared)
      : path_(std::move(path)),
        instance_(shared->writer.instance()),
        shared_(std::move(shared)),
        worker_(start_worker(shared_)) {}

  ~SqliteStore() override {
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->wake.notify_all();
    const auto ended = [this] { return shared_->ended; };
    if (!shared_->moved.wait_for(lock, shared_->options.drain_at_most, ended)) {
      lock.unlock();
      give_up();
      lock.lock();
      shared_->moved.wait_for(lock, leave_at_most, ended);
    }
    bool joinable = shared_->ended;
    lock.unlock();
    if (joinable) {
      worker_.join();
    } else {
      worker_.detach();
    }
  }

  const std::string& instance() const override { return instance_; }

  void append(Transaction transaction, std::function<void()> done) override {
    std::size_t size = size_of(transaction);
    std::lock_guard lock(shared_->mutex);
    if (shared_->queue.empty()) shared_->moved_at = Clock::now();
    shared_->queue.push_back(Item{std::move(transaction), std::move(done), size});
    shared_->items += size;
    ++shared_->accepted;
    // While an attempt waits for its next try, new work does not hurry it; nor, but for very much of it, the next commit.
    if (!shared_->waits_for_more || shared_->items >= most_items_together) shared_->wake.notify_all();
  }

  std::size_t queued() const override {
    std::lock_guard lock(shared_->mutex);
    return shared_->items;
  }

  std::uint64_t commits() const override {
    std::lock_guard lock(shared_->mutex);
    return shared_->commits;
  }

  std::optional<std::string> trouble() const override {
    std::lock_guard lock(shared_->mutex);
    const Shared& now = *shared_;
    if (!now.error.empty()) {
      return fmt::format("the record cannot be written for {}, {} entries wait in memory: {}",
                         format_duration(since(*now.failing_since)), now.items, now.error);
    }
    if (now.attempt_since && Clock::now() - *now.attempt_since > now.options.hangs_after) {
      return fmt::format(
          "{}: a write was not answered for {}, {} entries wait in memory: the disk hangs", path_,
          format_duration(since(*now.attempt_since)), now.items);
    }
    if (now.items > now.options.most_queued) {
      return fmt::format(
          "{}: {} entries wait in memory to be written, more than {}: the disk is too slow", path_,
          now.items, now.options.most_queued);
    }
    return std::nullopt;
  }

  Duration stalled_for() const override {
    std::lock_guard lock(shared_->mutex);
    return shared_->queue.empty() ? Duration{0} : since(shared_->moved_at);
  }

  bool flush(Duration at_most) override {
    std::unique_lock lock(shared_->mutex);
    std::uint64_t until = shared_->accepted;
    ++shared_->hurried_by;
    shared_->wake.notify_all();
    const bool all = shared_->moved.wait_for(lock, at_most, [&] { return shared_->finished >= until; });
    --shared_->hurried_by;
    return all;
  }

  Result<std::vector<RecordRow>> read(const Query& query) override {
    return RecordReader::open(path_).and_then([&](RecordReader&& reader) { return reader.read(query); });
  }
  Result<void> each(const Query& query, const std::function<bool(const RecordRow&)>& row) override {
    return RecordReader::open(path_).and_then([&](RecordReader&& reader) { return reader.each(query, row); });
  }
  Result<void> last_states(const std::function<void(const RecordRow&)>& row) override {
    return RecordReader::open(path_).and_then([&](RecordReader&& reader) { return reader.last_states(row); });
  }
  Result<std::optional<MailBytes>> mail(std::int64_t notice) override {
    return RecordReader::open(path_).and_then([&](RecordReader&& reader) { return reader.mail(notice); });
  }
  Result<std::vector<JobRow>> jobs() override {
    return RecordReader::open(path_).and_then([](RecordReader&& reader) { return reader.jobs(); });
  }
  Head head() const override {
    std::lock_guard lock(shared_->mutex);
    return shared_->head;
  }
  Result<std::optional<Mismatch>> verify() override {
    Head known = head();  // before the reader's view begins, so that the row has to be in it
    return RecordReader::open(path_).and_then([&](RecordReader&& reader) { return reader.verify(known); });
  }

 private:
  void give_up() {
    std::lock_guard calling(shared_->calling);
    std::size_t lost = 0;
    std::string error;
    {
      std::lock_guard lock(shared_->mutex);
      if (shared_->ended) return;
      shared_->given_up = true;
      lost = shared_->items;
      error = shared_->error;
      // What the functions hold belongs to the owner, who is about to go.
      for (Item& item : shared_->queue)
        item.done = nullptr;
      shared_->wake.notify_all();
    }
    if (lost > 0 && shared_->options.warn) {
      shared_->options.warn(
          fmt::format("{}: {} entries were not written by the end of the daemon and are lost: {}",
                      path_, lost, error.empty() ? "the disk did not answer in time" : error));
    }
  }

  std::string path_;
  std::string instance_;
  std::shared_ptr<Shared> shared_;
  std::thread worker_;
};

}  // namespace

namespace {

using Opened = tl::expected<std::unique_ptr<Store>, StoreRefusal>;

tl::unexpected<StoreRefusal> refused(const Error& error, bool needs_person = false) {
  return tl::unexpected(StoreRefusal{error, needs_person});
}

// Sets the record aside, and says so, why, and what to do now.
tl::unexpected<StoreRefusal> refuse_damaged(const std::string& folder, const std::string& why) {
  const std::string aside =
      aside_name(folder, "damaged", std::chrono::floor<Duration>(std::chrono::system_clock::now()));
  Result<bool> moved = set_aside(folder, aside);
  if (!moved) {
    return refused({fmt::format("{}; it could not be set aside ({}): keep a copy of it; {}", why,
                                moved.error().message, way_back())},
                   true);
  }
  return refused({fmt::format("{}; it was set aside as {}; {}", why, aside, way_back())},
                 true);
}

// A record that was changed by hand does not keep the daemon from watching, but is told.
void look_at_chain(const std::string& path, const Store::Head& head, const StoreOptions& options) {
  Result<std::optional<Store::Mismatch>> mismatch =
      RecordReader::open(path).and_then([&](RecordReader&& reader) {
        return reader.verify(head, rows_verified_at_start);
      });
  if (!options.warn) return;
  if (!mismatch) {
    options.warn(fmt::format("the chain of the last rows could not be looked at: {}",
                             mismatch.error().message));
  } else if (*mismatch) {
    options.warn(fmt::format(
        "the chain of the record is broken at row {}: {}; keep a copy of the file, and compare "
        "with an export or a backup: `yagura record --verify`",
        (*mismatch)->row, (*mismatch)->why));
  }
}

}  // namespace

Opened Store::open(const std::string& folder, StoreOptions options) {
  Result<void> made = make_folder(folder);
  if (!made) return refused(made.error());
  Result<OwnedFile> lock = lock_folder(folder);
  if (!lock) return refused(lock.error());
  std::string path = folder + "/yagura.db";
  if (presence_of_record(folder, *lock) == Presence::lost) {
    struct stat status {};
    if (stat(path.c_str(), &status) == 0) {
      return refuse_damaged(folder, path + ": the file is empty");
    }
    const std::vector<std::string> aside = records_aside(folder);
    const std::string last =
        aside.empty() ? "" : fmt::format(" ({} was set aside)", aside.back());
    return refused({fmt::format("{}: the record is gone from here{}; {}", path, last, way_back())},
                   true);
  }
  remove_unfinished_copies(folder);
  Result<void> file = make_private_file(path);
  if (!file) return refused(file.error());
  Opening opening;
  Result<Writer> writer = Writer::open(path, opening);
  if (!writer && opening.damaged) return refuse_damaged(folder, writer.error().message);
  if (!writer) return refused(writer.error(), opening.foreign);
  Result<void> synced = sync_folder(folder);
  if (synced) synced = note_record(*lock, folder);
  if (!synced) return refused(synced.error());
  if (!opening.looked_at_all && options.warn) {
    options.warn(fmt::format(
        "{}: the record is large: the check for damage was ended early, and what it had not "
        "reached was not looked at; `yagura backup FILE` looks at all of it",
        path));
  }
  look_at_chain(path, writer->head(), options);
  return std::make_unique<SqliteStore>(
      path, std::make_shared<Shared>(std::move(*lock), std::move(*writer), std::move(options)));
}

}  // namespace yagura
