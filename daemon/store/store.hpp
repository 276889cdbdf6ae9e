// The record: everything that happened, in order, never changed, in one SQLite database (WAL,
// synchronous=FULL) that one worker thread writes. What the daemon knows after a crash is what it
// had recorded, and rows are chained by hash so that tampering shows (docs/record.md). Owned by the
// daemon: one Store for one folder, opened at start and closed last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

// One row to append. `what` is a stable name: "failure.opened", "notice.sent", "state.failure", …
// The store puts `what`, `who` and `subject` on one line each; the payload is kept byte by byte.
struct RecordEntry {
  Instant at{};
  std::string what;
  std::int64_t failure = 0;  // 0: of none
  std::int64_t notice = 0;   // 0: of none
  std::string who;           // person, "daemon", "uid:1000"
  // Whose state the row holds: "failure:3", "notice:7", "component:web-1", "service:site", "core". The last row of
  // a subject is its state (last_states). Empty for plain facts. At most 1,000 bytes.
  std::string subject;
  std::string payload;  // JSON object, UTF-8
};

struct RecordRow : RecordEntry {
  std::int64_t id = 0;  // from 1, without holes
  std::string digest;   // SHA-256 of the payload, hex; stays when the payload is erased
  std::string chain;  // SHA-256 over the row before's chain, this row's fields and its digest, hex
  bool erased = false;  // the payload was erased on request, and is empty
};

// The bytes of a mail, as first handed over. They are written once for a notice: the same bytes
// again change nothing; other bytes are refused with a warning, and the first stay. Not part of the
// chain.
struct MailBytes {
  std::int64_t notice = 0;
  std::string message_id;
  std::string bytes;
};

// The kept state of a job or alarm probe, replaced at each ping, or word. Not part of the chain.
struct JobRow {
  std::string component, probe;
  std::string state;  // JSON
};

// A run of rows, the oldest of the record: a whole month.
struct ArchiveSpan {
  std::string month;  // "2026-01"
  std::int64_t first = 0, last = 0;
  std::string before, chain;  // the chain of the row before the first, and of the last
};

// Takes a month out of the record whose rows were exported (archive.hpp). Where the record does not
// begin with these rows any more, nothing is done.
struct ArchiveOrder {
  ArchiveSpan span;
  Instant at{};
  std::string who, from;                    // who signs it off
  std::string file, sha256;                 // the export
  std::vector<std::int64_t> failures, notices;  // that are not at their end: their rows stay
};

// What one decision writes, all or nothing.
struct Transaction {
  std::vector<RecordEntry> entries;
  std::vector<MailBytes> mails;
  std::vector<JobRow> jobs;
  // A sign that the database takes writes, in the place of the one before; not part of the chain.
  std::optional<Instant> written_at;
  // Orders of people to take something out, after the entries: rows whose payload, and mails whose
  // bytes are emptied; a month that is archived.
  std::vector<std::int64_t> erase_rows, erase_mails;
  std::optional<ArchiveOrder> archive;
  bool empty() const {
    return entries.empty() && mails.empty() && jobs.empty() && !written_at && erase_rows.empty() &&
           erase_mails.empty() && !archive;
  }
};

struct StoreOptions {
  Duration retry_every = 1s;  // between two attempts to write
  // An attempt that takes longer counts as trouble: the disk or its driver hangs.
  Duration hangs_after = 10s;
  // With more than this many entries, mails and job states waiting, `trouble` says so. None is
  // dropped.
  std::size_t most_queued = 100'000;
  // How long the destructor waits for what is queued.
  Duration drain_at_most = 10s;
  // Sentences for the log. Called from the worker, and from the thread that closes; must not throw.
  std::function<void(const std::string&)> warn;
};

// Why a record is not opened.
struct StoreRefusal : Error {
  // Another try changes nothing: the record is damaged, lost, or made by another release.
  bool needs_person = false;
};

class Store {
 public:
  // Takes the lock that refuses a second instance, then opens or creates FOLDER/yagura.db (mode
  // 0600, a folder made by it 0711) and migrates it forward. Refusals, in words for 3 a.m.: locked
  // by another instance (with its process number), made by a newer release or another program,
  // damaged, lost, not writable, disk full. What is refused is left as it is, but for a damaged
  // one, which is set aside (aside.hpp). A new record is begun only where there never was one.
  static tl::expected<std::unique_ptr<Store>, StoreRefusal> open(const std::string& folder,
                                                                 StoreOptions options = {});
  // Waits for what is queued, at most `drain_at_most`; what is still not written then is lost, with
  // a warning that says how much. No `done` is called after it. Not to be called from a `done`.
  virtual ~Store() = default;

  // A random id of this database, 16 hex digits, made at creation: part of every Message-ID.
  virtual const std::string& instance() const = 0;

  // Queues the transaction; never waits for the disk. The worker commits in order, several queued
  // ones together where it lags, or where very many come one by one: after a burst of five commits there
  // are fifteen a second, so that a storm costs no more than twenty synchronisations in any second. `done` is called from the worker thread, in order, only after the
  // commit is durable; it must be quick and must not throw. While the disk is full or failing the
  // worker tries again every second for as long as it takes; nothing is lost or reordered.
  virtual void append(Transaction transaction, std::function<void()> done) = 0;
  // How many entries, mails and job states are not durable yet (an empty transaction counts as
  // one).
  virtual std::size_t queued() const = 0;
  // How often the disk was asked to make something durable, since the start.
  virtual std::uint64_t commits() const = 0;
  // What keeps the record from being written, in words; nothing while writing works.
  virtual std::optional<std::string> trouble() const = 0;
  // For how long something has waited without an attempt to write having come to its end, well or
  // badly: the worker, or a call of it to the disk, hangs. A disk that answers with an error is no
  // such case.
  virtual Duration stalled_for() const { return Duration{0}; }
  // Waits until everything queued so far is durable and its `done` was called, at most that long.
  // False: not all. Not to be called from a `done`.
  virtual bool flush(Duration at_most) = 0;

  // Reading may be done from any thread. Each call has a connection of its own, sees what is
  // committed, and never makes the writer wait.
  struct Query {
    std::optional<Instant> since, until;  // until exclusive
    std::optional<std::int64_t> failure;
    std::optional<std::string> who;   // exactly
    std::optional<std::string> what;  // a pattern: * stands for anything, ? for one character
    bool without_states = false;  // leaves out what begins with "state."
    std::int64_t after_id = 0;
    std::size_t limit = 1000;  // of read(); each() has none
    bool newest = false;       // of more than `limit` the last ones, still oldest first; read() only
  };
  virtual Result<std::vector<RecordRow>> read(const Query& query) = 0;
  // Calls `row` for every row that was there at the call, in order, and stops where it returns
  // false. Holds few rows at a time and no read lock while `row` runs, so `row` may be slow.
  virtual Result<void> each(const Query& query,
                            const std::function<bool(const RecordRow&)>& row) = 0;
  // For start-up: of each subject the last row, in id order. Subjects that the caller does not know
  // are to be passed over: "row:N" names a row whose payload was erased. The time that it takes
  // grows with the number of subjects, not of rows.
  virtual Result<void> last_states(const std::function<void(const RecordRow&)>& row) = 0;
  virtual Result<std::optional<MailBytes>> mail(std::int64_t notice) = 0;
  virtual Result<std::vector<JobRow>> jobs() = 0;

  // The last durable row. Kept elsewhere (an export, a mail, paper) it is what shows a record that
  // was cut or written anew as a whole.
  struct Head {
    std::int64_t id = 0;  // 0: no row yet
    std::string chain;
  };
  virtual Head head() const = 0;
  // Walks the whole chain. Gives the first row that does not fit, with why, or nothing. What it
  // cannot see is listed in docs/record.md.
  struct Mismatch {
    std::int64_t row = 0;
    std::string why;
  };
  virtual Result<std::optional<Mismatch>> verify() = 0;
};

}  // namespace yagura
