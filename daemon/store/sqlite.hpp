// A thin wrapper around SQLite: connections and statements that close themselves, and errors as
// sentences for the person who is called at 3 a.m. sqlite.cpp is the only source that includes
// sqlite3.h. Nothing here throws.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "instant.hpp"
#include "result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace yagura::sqlite {

// The file that connections and statements speak of. Threads may share it.
struct Place {
  explicit Place(std::string file) : path(std::move(file)) {}
  const std::string path;
  std::atomic<bool> damaged{false};  // SQLite has called it damaged, or no database, at some time
  std::atomic<int> log_pages{0};     // of its write-ahead log, with checkpoint_by_hand()
};

// A prepared statement. Its connection must outlive it.
class Statement {
 public:
  // Parameters are numbered from 1, as in SQL; texts and bytes are copied. A failed binding is
  // reported by the next step().
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view text);
  Statement& bind_bytes(int parameter, std::string_view bytes);

  // True: a row is there to be read. False: finished.
  Result<bool> step();
  // Steps to the end, then makes the statement ready for the next use.
  Result<void> run();
  void reset();

  // Columns are numbered from 0, as SQLite has it. A NULL reads as 0 or "".
  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  friend class Connection;
  struct Closer {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Closer> handle_;
  std::shared_ptr<Place> place_;
  int bind_error_ = 0;
};

class Connection {
 public:
  enum class Access { read, write };
  // The file must exist; making it is not left to SQLite.
  static Result<Connection> open(const std::string& path, Access access);

  // Runs one or more statements whose rows do not matter.
  Result<void> run(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // The first column of the first row; 0 or "" where there is none.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  const std::string& path() const { return place_->path; }
  // What was read of the file is damaged, or no database at all. Stays true once it is.
  bool found_damage() const { return place_->damaged; }
  bool in_transaction() const;
  // The file could be opened for reading only, although writing was asked for.
  bool is_read_only() const;
  // While off, closing the last connection leaves file and write-ahead log exactly as they are.
  void tidy_up_at_close(bool on);
  // From now on the write-ahead log is copied into the database by checkpoint() only.
  void checkpoint_by_hand();
  // How many pages the log has, as of the last commit.
  int log_pages() const { return place_->log_pages; }
  // Copies what no reader still needs of the log; what could not be copied now is, the next time. False: the disk did not
  // synchronise what was copied.
  bool checkpoint();
  // Looks for damage (PRAGMA quick_check), at most that long: what was not reached by then counts
  // as sound, so that a large database does not keep the daemon from starting. Gives whether all
  // of it was looked at.
  Result<bool> check_for_damage(Duration at_most);
  // Copies the whole database, as it stands at the beginning, over that of `target`, in steps of
  // 256 KiB with a rest after each, so that nobody else waits long for the disk. Who writes goes
  // on writing. `go_on` is asked before each step; where it says no, that is an error.
  Result<void> copy_to(Connection& target, const std::function<bool()>& go_on);
  // The same database in one file, without a write-ahead log beside it.
  Result<void> make_single_file();

 private:
  struct Closer {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Closer> handle_;
  std::shared_ptr<Place> place_;
};

// Rolls back when left without commit().
class TransactionScope {
 public:
  static Result<TransactionScope> begin(Connection& connection);
  TransactionScope(TransactionScope&& other) noexcept;
  TransactionScope& operator=(TransactionScope&&) = delete;
  ~TransactionScope();
  Result<void> commit();

 private:
  explicit TransactionScope(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace yagura::sqlite
