// Reads the record: rows that match a query, the last row of each subject, mails, job states, and
// the walk along the chain. Each RecordReader has a connection of its own, made for one call; readers
// never make the writer wait.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "result.hpp"
#include "sqlite.hpp"
#include "store.hpp"

namespace yagura {

class RecordReader {
 public:
  static Result<RecordReader> open(const std::string& path);

  Result<std::vector<RecordRow>> read(const Store::Query& query);
  Result<void> each(const Store::Query& query, const std::function<bool(const RecordRow&)>& row);
  Result<void> last_states(const std::function<void(const RecordRow&)>& row);
  Result<std::optional<MailBytes>> mail(std::int64_t notice);
  Result<std::vector<JobRow>> jobs();
  // Walks the chain, the whole of it or that of the last rows only. `head` is the last row that
  // this process knows to be durable; it has to be found.
  static constexpr std::int64_t all_rows = 0;
  Result<std::optional<Store::Mismatch>> verify(const Store::Head& head,
                                                std::int64_t last_rows = all_rows);
  sqlite::Connection& connection() { return connection_; }
  // The last row; the genesis where there is none.
  Result<Store::Head> head();
  // When the last row was made; nothing where there is none.
  Result<std::optional<Instant>> last_at();

 private:
  explicit RecordReader(sqlite::Connection connection) : connection_(std::move(connection)) {}
  sqlite::Connection connection_;
};

// The statements of queries and of last_states, here so that a test can look at their plans.
Result<std::string> query_sql(sqlite::Connection& connection, const Store::Query& query);
const char* last_states_sql();

}  // namespace yagura
