// Writes transactions into the database: one attempt at a time, all or nothing, each row chained to
// the one before. When to try again, and whom to tell, is the worker's matter (store.cpp). Used by
// one thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <string>

#include "result.hpp"
#include "sqlite.hpp"
#include "store.hpp"

namespace yagura {

// What was learned of a database when it was opened, whether or not that succeeded.
struct Opening {
  bool damaged = false;        // and therefore not opened
  bool foreign = false;        // another program's, or a newer release's, and therefore not opened
  bool looked_at_all = false;  // the check for damage came to its end in time
};

class Writer {
 public:
  // Checks for damage, migrates, and sets the connection to WAL and synchronous=FULL.
  static Result<Writer> open(const std::string& path, Opening& opening);

  const std::string& instance() const { return instance_; }
  const Store::Head& head() const { return head_; }
  bool found_damage() const { return connection_.found_damage(); }
  // The disk did not synchronise the database once. What it then lost of earlier copying nobody knows, so that from then on
  // all that is committed stays in the write-ahead log, from which a start copies all of it again.
  bool keeps_log() const { return keeps_log_; }

  // Takes another random id: what this database names from now on is told from what another one
  // that began as its copy has named.
  Result<void> renew_instance();

  // Commits all of them in order, or none. After success they are durable. A mail whose notice has
  // other bytes already is left out and told to `refused`, also by an attempt that fails later.
  Result<void> write(std::span<const Transaction* const> transactions,
                     const std::function<void(const MailBytes&)>& refused);

 private:
  explicit Writer(sqlite::Connection connection) : connection_(std::move(connection)) {}
  Result<void> take_over(Opening& opening);
  Result<void> prepare();
  Result<void> check_place() const;
  void checkpoint();
  Result<Store::Head> last_row();
  Result<void> insert(const RecordEntry& entry, Store::Head& head);
  Result<void> insert(const MailBytes& mail, const std::function<void(const MailBytes&)>& refused);
  Result<void> insert(const JobRow& job);
  Result<void> erase(const Transaction& transaction);
  Result<void> archive(const ArchiveOrder& order, Store::Head& head);

  sqlite::Connection connection_;  // before the statements, which must go first
  sqlite::Statement last_row_, insert_row_, insert_mail_, same_mail_, insert_job_, insert_written_;
  std::string instance_;
  Store::Head head_;
  dev_t device_ = 0;
  ino_t file_ = 0;
  bool keeps_log_ = false;
};

}  // namespace yagura
