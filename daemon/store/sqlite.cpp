#include "sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "text.hpp"

namespace yagura::sqlite {
namespace {

// How long a statement waits for a lock that another program (a backup, sqlite3 by hand) holds.
// Short: the writer tries again by itself, and closing must not wait for long.
constexpr int busy_timeout_ms = 1000;
// A copy's steps, and the rest after each: at most some 100 MB a second, and never a long wait for
// anybody else.
constexpr std::int64_t copy_step_bytes = 256 * 1024;
constexpr Duration copy_rest = 2ms;

// What went wrong and what to do. The general word comes first, SQLite's own one after it.
std::string describe(const std::string& place, int code, const char* detail, int system_error) {
  std::string_view meaning;
  switch (code & 0xFF) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      meaning = "the database is damaged";
      break;
    case SQLITE_FULL:
      meaning = "the disk is full";
      break;
    case SQLITE_IOERR:
      meaning = "the disk or file system reports an error";
      break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      meaning = "the database is not writable";
      break;
    case SQLITE_CANTOPEN:
      meaning = "the database or its write-ahead log cannot be opened";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      meaning = "another program holds the database";
      break;
    case SQLITE_NOMEM:
      meaning = "memory is exhausted";
      break;
    default:
      meaning = "the database refuses";
      break;
  }
  std::string text = fmt::format("{}: {} ({}, code {}", place, meaning, detail, code);
  if (system_error != 0) text += fmt::format(", {}", std::strerror(system_error));
  return text + ")";
}

// Callers clear errno before the call that may fail: what stands in it after is the system's last
// word. sqlite3_system_errno() knows nothing of an error in COMMIT, and keeps older ones.
tl::unexpected<Error> error_of(Place& place, int code, sqlite3* connection) {
  int system_error = errno;
  int primary = code & 0xFF;
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) place.damaged = true;
  bool of_the_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  bool same = connection != nullptr && sqlite3_extended_errcode(connection) == code;
  return failure_of(describe(place.path, code,
                             same ? sqlite3_errmsg(connection) : sqlite3_errstr(code),
                             of_the_system ? system_error : 0));
}

// Interrupts a connection when time is up, unless told before that the work is done.
class Limit {
 public:
  Limit(sqlite3* connection, Duration at_most)
      : watcher_([this, connection, at_most] {
          std::unique_lock lock(mutex_);
          if (!done_.wait_for(lock, at_most, [this] { return finished_; })) {
            sqlite3_interrupt(connection);
          }
        }) {}
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;
  ~Limit() {
    {
      std::lock_guard lock(mutex_);
      finished_ = true;
    }
    done_.notify_one();
    watcher_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool finished_ = false;
  std::thread watcher_;
};

}  // namespace

void Statement::Closer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  int code = sqlite3_bind_int64(handle_.get(), parameter, value);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL; an empty text is a text.
  const char* data = text.empty() ? "" : text.data();
  int code = sqlite3_bind_text64(handle_.get(), parameter, data, text.size(), SQLITE_TRANSIENT,
                                 SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind_bytes(int parameter, std::string_view bytes) {
  const char* data = bytes.empty() ? "" : bytes.data();
  int code = sqlite3_bind_blob64(handle_.get(), parameter, data, bytes.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Result<bool> Statement::step() {
  sqlite3* connection = sqlite3_db_handle(handle_.get());
  errno = 0;
  if (bind_error_ != 0) return error_of(*place_, bind_error_, connection);
  int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of(*place_, code, connection);
}

Result<void> Statement::run() {
  Result<bool> more = step();
  while (more && *more)
    more = step();
  reset();
  if (!more) return tl::unexpected(more.error());
  return {};
}

void Statement::reset() {
  // The code that reset repeats is the one that step() has reported already.
  sqlite3_reset(handle_.get());
  bind_error_ = 0;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string Statement::text(int column) const {
  // The pointer first, the length after it: asking for the bytes may convert the value.
  const void* data = sqlite3_column_blob(handle_.get(), column);
  int size = sqlite3_column_bytes(handle_.get(), column);
  if (data == nullptr || size <= 0) return {};
  return std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

void Connection::Closer::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

Result<Connection> Connection::open(const std::string& path, Access access) {
  int flags = SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE |
              (access == Access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  sqlite3* raw = nullptr;
  errno = 0;
  int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection result;
  result.handle_.reset(raw);
  result.place_ = std::make_shared<Place>(path);
  if (code != SQLITE_OK) return error_of(*result.place_, code, raw);
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  // What stands in a damaged or tampered file must not be able to do more than be read.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Who only reads leaves the log to who writes.
  if (access == Access::read) result.tidy_up_at_close(false);
  return result;
}

Result<void> Connection::run(const std::string& sql) {
  errno = 0;
  int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(*place_, code, handle_.get());
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  errno = 0;
  int code =
      sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), 0, &raw, nullptr);
  Statement result;
  result.handle_.reset(raw);
  result.place_ = place_;
  if (code != SQLITE_OK) return error_of(*place_, code, handle_.get());
  return result;
}

Result<std::int64_t> Connection::integer(std::string_view sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  Result<bool> row = statement->step();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

Result<std::string> Connection::text(std::string_view sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  Result<bool> row = statement->step();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->text(0) : std::string();
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

bool Connection::is_read_only() const {
  return sqlite3_db_readonly(handle_.get(), "main") == 1;
}

void Connection::tidy_up_at_close(bool on) {
  sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1, nullptr);
}

void Connection::checkpoint_by_hand() {
  const auto note = [](void* place, sqlite3*, const char*, int pages) {
    static_cast<Place*>(place)->log_pages = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_.get(), note, place_.get());
}

bool Connection::checkpoint() {
  return sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr) !=
         SQLITE_IOERR_FSYNC;
}

Result<bool> Connection::check_for_damage(Duration at_most) {
  Result<Statement> statement = prepare("PRAGMA quick_check(1)");
  if (!statement) return tl::unexpected(statement.error());
  int code = SQLITE_OK;
  int system_error = 0;
  std::string found;
  {
    Limit limit(handle_.get(), at_most);
    errno = 0;
    code = sqlite3_step(statement->handle_.get());
    system_error = errno;
    if (code == SQLITE_ROW) found = statement->text(0);
  }
  // SQLite tells an interrupted check both ways, as an error or as a finding.
  bool interrupted = code == SQLITE_INTERRUPT ||
                     sqlite3_errcode(handle_.get()) == SQLITE_INTERRUPT || found == "interrupted";
  if (interrupted) return false;
  errno = system_error;
  if (code != SQLITE_ROW) return error_of(*place_, code, handle_.get());
  if (found == "ok") return true;
  place_->damaged = true;
  return failure_of(describe(path(), SQLITE_CORRUPT, one_line(found, 200).c_str(), 0));
}

Result<void> Connection::copy_to(Connection& target, const std::function<bool()>& go_on) {
  // A view of one moment, kept open over all steps: else every commit of the writer would make the
  // copy begin again, and under load it would never end.
  Result<void> begun = run("BEGIN");
  if (!begun) return begun;
  Result<std::int64_t> things = integer("SELECT count(*) FROM sqlite_schema");
  if (!things) return tl::unexpected(things.error());
  Result<std::int64_t> page = integer("PRAGMA page_size");
  if (!page) return tl::unexpected(page.error());
  const int pages = static_cast<int>(std::max<std::int64_t>(1, copy_step_bytes / *page));

  struct Finish {
    void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
  };
  errno = 0;
  std::unique_ptr<sqlite3_backup, Finish> copy(
      sqlite3_backup_init(target.handle_.get(), "main", handle_.get(), "main"));
  sqlite3* const told = target.handle_.get();  // it knows the errors of both
  if (!copy) return error_of(*target.place_, sqlite3_extended_errcode(told), told);
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    if (!go_on()) return failure_of(fmt::format("{}: the copy was broken off", target.path()));
    errno = 0;
    code = sqlite3_backup_step(copy.get(), pages);
    if (code == SQLITE_OK) std::this_thread::sleep_for(copy_rest);
  }
  if (code != SQLITE_DONE) {
    const bool of_the_source = (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
    return error_of(of_the_source ? *place_ : *target.place_, code, told);
  }
  copy.reset();
  return run("COMMIT");
}

Result<void> Connection::make_single_file() {
  Result<std::string> mode = text("PRAGMA journal_mode=DELETE");
  if (!mode) return tl::unexpected(mode.error());
  if (*mode == "delete") return {};
  return failure_of(fmt::format("{}: another program holds the database", path()));
}

Result<TransactionScope> TransactionScope::begin(Connection& connection) {
  Result<void> begun = connection.run("BEGIN IMMEDIATE");
  if (!begun) return tl::unexpected(begun.error());
  return TransactionScope(connection);
}

TransactionScope::TransactionScope(TransactionScope&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {}

TransactionScope::~TransactionScope() {
  // After some errors SQLite has rolled back by itself; a rollback that fails leaves nothing to do.
  if (connection_ != nullptr && connection_->in_transaction()) {
    static_cast<void>(connection_->run("ROLLBACK"));
  }
}

Result<void> TransactionScope::commit() {
  Result<void> committed = connection_->run("COMMIT");
  if (committed) connection_ = nullptr;
  return committed;
}

}  // namespace yagura::sqlite
