#include "writer.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "archive.hpp"
#include "chain.hpp"
#include "folder.hpp"
#include "migrations.hpp"

namespace yagura {
namespace {

// A large database is checked at start for this long only: the daemon has to come up.
constexpr Duration damage_check_at_most = 10s;
// After a burst the write-ahead log is cut back to this.
constexpr int largest_idle_log = 64 * 1024 * 1024;
// As SQLite has it by default.
constexpr int pages_between_checkpoints = 1000;

// Sets what a connection must have so that an acknowledged commit survives a power cut, and reads
// it back, since SQLite answers a setting that it cannot follow with another one, not with an
// error.
Result<void> make_durable(sqlite::Connection& connection) {
  Result<std::string> mode = connection.text("PRAGMA journal_mode=WAL");
  if (!mode) return tl::unexpected(mode.error());
  if (*mode != "wal") {
    return failure_of(
        fmt::format("{}: this file system cannot hold a write-ahead log (SQLite says "
                    "'{}'): use a local disk",
                    connection.path(), *mode));
  }
  Result<void> set = connection.run(
      fmt::format("PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON; "
                  "PRAGMA journal_size_limit={}",
                  largest_idle_log));
  if (!set) return set;
  Result<std::int64_t> synchronous = connection.integer("PRAGMA synchronous");
  if (!synchronous) return tl::unexpected(synchronous.error());
  if (*synchronous != 2) {
    return failure_of(fmt::format("{}: SQLite refuses to write durably", connection.path()));
  }
  return {};
}

}  // namespace

Result<Writer> Writer::open(const std::string& path, Opening& opening) {
  Result<sqlite::Connection> connection =
      sqlite::Connection::open(path, sqlite::Connection::Access::write);
  if (!connection) return tl::unexpected(connection.error());
  Writer writer(std::move(*connection));
  Result<void> opened = writer.take_over(opening);
  if (opened) opened = writer.prepare();
  opening.damaged = writer.found_damage();
  if (!opened) {
    // What is refused stays as it is.
    writer.connection_.tidy_up_at_close(false);
    return tl::unexpected(opened.error());
  }
  return writer;
}

Result<void> Writer::take_over(Opening& opening) {
  // Until the database is known to be ours and sound, nothing of it may change.
  connection_.tidy_up_at_close(false);
  Result<bool> sound = connection_.check_for_damage(damage_check_at_most);
  if (!sound) return tl::unexpected(sound.error());
  opening.looked_at_all = *sound;
  if (connection_.is_read_only()) {
    return failure_of(fmt::format("{}: the database is not writable", connection_.path()));
  }
  Result<std::optional<std::string>> strange = foreign(connection_, record_migrations());
  if (!strange) return tl::unexpected(strange.error());
  if (*strange) {
    opening.foreign = true;
    return failure_of(**strange);
  }
  Result<void> migrated = migrate(connection_, record_migrations());
  if (!migrated) return migrated;
  Result<void> durable = make_durable(connection_);
  if (!durable) return durable;
  connection_.checkpoint_by_hand();
  connection_.tidy_up_at_close(true);
  return {};
}

Result<void> Writer::renew_instance() {
  Result<void> renewed =
      connection_.run("UPDATE meta SET value = lower(hex(randomblob(8))) WHERE name = 'instance'");
  if (!renewed) return renewed;
  Result<std::string> instance = connection_.text("SELECT value FROM meta WHERE name = 'instance'");
  if (!instance) return tl::unexpected(instance.error());
  instance_ = *instance;
  return {};
}

Result<void> Writer::prepare() {
  struct Need {
    sqlite::Statement& statement;
    const char* sql;
  };
  const Need needs[] = {
      {last_row_, "SELECT id, chain FROM record ORDER BY id DESC LIMIT 1"},
      {insert_row_,
       "INSERT INTO record (id, at_ms, what, failure, notice, who, subject, digest, chain, "
       "payload) "
       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
      {insert_mail_,
       "INSERT INTO mail (notice, message_id, bytes) VALUES (?1, ?2, ?3) "
       "ON CONFLICT (notice) DO NOTHING"},
      {same_mail_,
       "SELECT count(*) FROM mail WHERE notice = ?1 AND message_id = ?2 AND bytes = ?3"},
      {insert_job_,
       "INSERT INTO job (component, probe, state) VALUES (?1, ?2, ?3) "
       "ON CONFLICT (component, probe) DO UPDATE SET state = excluded.state"},
      {insert_written_,
       "INSERT INTO meta (name, value) VALUES ('written_at_ms', ?1) "
       "ON CONFLICT (name) DO UPDATE SET value = excluded.value"},
  };
  for (const Need& need : needs) {
    Result<sqlite::Statement> statement = connection_.prepare(need.sql);
    if (!statement) return tl::unexpected(statement.error());
    need.statement = std::move(*statement);
  }
  Result<std::string> instance = connection_.text("SELECT value FROM meta WHERE name = 'instance'");
  if (!instance) return tl::unexpected(instance.error());
  instance_ = *instance;
  Result<Store::Head> head = last_row();
  if (!head) return tl::unexpected(head.error());
  head_ = *head;
  struct stat status {};
  if (stat(connection_.path().c_str(), &status) != 0) {
    return tl::unexpected(system_error(connection_.path(), "look at", errno));
  }
  device_ = status.st_dev;
  file_ = status.st_ino;
  return {};
}

// A file that was removed or replaced goes on to be written, unseen, until its last descriptor is
// closed: a commit into it would be called durable and be gone after a restart.
Result<void> Writer::check_place() const {
  struct stat status {};
  if (stat(connection_.path().c_str(), &status) != 0 && errno != ENOENT) {
    return tl::unexpected(system_error(connection_.path(), "look at", errno));
  }
  if (status.st_dev == device_ && status.st_ino == file_) return {};
  return failure_of(fmt::format(
      "{}: the database was moved, removed or replaced while the daemon runs: put it back, "
      "or, where another one was put there on purpose, restart the daemon",
      connection_.path()));
}

Result<Store::Head> Writer::last_row() {
  Result<bool> row = last_row_.step();
  Store::Head head{0, chain_genesis()};
  if (row && *row) head = {last_row_.integer(0), last_row_.text(1)};
  last_row_.reset();
  if (!row) return tl::unexpected(row.error());
  return head;
}

Result<void> Writer::insert(const RecordEntry& entry, Store::Head& head) {
  RecordRow row;
  static_cast<RecordEntry&>(row) = safe_entry(entry);
  row.id = head.id + 1;
  row.digest = sha256_hex(row.payload);
  row.chain = chain_link(head.chain, row);
  insert_row_.bind(1, row.id)
      .bind(2, row.at.time_since_epoch().count())
      .bind(3, row.what)
      .bind(4, row.failure)
      .bind(5, row.notice)
      .bind(6, row.who)
      .bind(7, row.subject)
      .bind(8, row.digest)
      .bind(9, row.chain)
      .bind(10, row.payload);
  Result<void> done = insert_row_.run();
  if (done) head = {row.id, row.chain};
  return done;
}

Result<void> Writer::insert(const MailBytes& mail,
                            const std::function<void(const MailBytes&)>& refused) {
  insert_mail_.bind(1, mail.notice).bind(2, mail.message_id).bind_bytes(3, mail.bytes);
  Result<void> done = insert_mail_.run();
  if (!done) return done;
  same_mail_.bind(1, mail.notice).bind(2, mail.message_id).bind_bytes(3, mail.bytes);
  Result<bool> row = same_mail_.step();
  bool same = row && *row && same_mail_.integer(0) == 1;
  same_mail_.reset();
  if (!row) return tl::unexpected(row.error());
  if (!same) refused(mail);
  return {};
}

Result<void> Writer::insert(const JobRow& job) {
  return insert_job_.bind(1, job.component).bind(2, job.probe).bind(3, job.state).run();
}

Result<void> Writer::erase(const Transaction& transaction) {
  Result<void> done;
  const std::pair<const char*, const std::vector<std::int64_t>&> both[] = {
      {"UPDATE record SET payload = '', erased = 1 WHERE id = ?1", transaction.erase_rows},
      {"UPDATE mail SET bytes = x'' WHERE notice = ?1", transaction.erase_mails}};
  for (const auto& [sql, numbers] : both) {
    if (numbers.empty()) continue;
    Result<sqlite::Statement> statement = connection_.prepare(sql);
    if (!statement) return tl::unexpected(statement.error());
    for (std::int64_t number : numbers)
      if (done) done = statement->bind(1, number).run();
  }
  return done;
}

Result<void> Writer::archive(const ArchiveOrder& order, Store::Head& head) {
  Result<std::optional<RecordEntry>> summary = prepare_archive(connection_, order);
  if (!summary) return tl::unexpected(summary.error());
  if (!*summary) return {};
  Result<void> done = insert(**summary, head);
  if (done) done = remove_archived(connection_, order);
  return done;
}

Result<void> Writer::write(std::span<const Transaction* const> transactions,
                           const std::function<void(const MailBytes&)>& refused) {
  Result<void> in_place = check_place();
  if (!in_place) return in_place;
  Result<sqlite::TransactionScope> scope = sqlite::TransactionScope::begin(connection_);
  if (!scope) return tl::unexpected(scope.error());
  // Rows that somebody else added meanwhile do not keep the daemon from working: it goes on after
  // them, and verify() finds that they do not fit. Rows that somebody took away leave a gap.
  Result<Store::Head> stored = last_row();
  if (!stored) return tl::unexpected(stored.error());
  Store::Head head = stored->id > head_.id ? *stored : head_;

  Result<void> done;
  for (const Transaction* transaction : transactions) {
    for (const RecordEntry& entry : transaction->entries) {
      if (done) done = insert(entry, head);
    }
    for (const MailBytes& mail : transaction->mails) {
      if (done) done = insert(mail, refused);
    }
    for (const JobRow& job : transaction->jobs) {
      if (done) done = insert(job);
    }
    if (done && transaction->written_at) {
      const auto written_at = transaction->written_at->time_since_epoch().count();
      done = insert_written_.bind(1, std::to_string(written_at)).run();
    }
    if (done) done = erase(*transaction);
    if (done && transaction->archive) done = archive(*transaction->archive, head);
  }
  if (done) done = scope->commit();
  if (done) head_ = head;
  if (done) checkpoint();
  return done;
}

// SQLite copies the log into the database in pieces, synchronises once at the last of them, and where that fails copies the
// last piece again. But a kernel that could not write a page forgets that it has to: the next synchronising says that
// all is well, and pieces before the last may never have reached the disk, when the log is begun anew over them.
void Writer::checkpoint() {
  if (keeps_log_ || connection_.log_pages() < pages_between_checkpoints) return;
  if (connection_.checkpoint()) return;
  keeps_log_ = true;
  connection_.tidy_up_at_close(false);
}

}  // namespace yagura
