#include "reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "archive.hpp"
#include "chain.hpp"
#include "erasure.hpp"

namespace yagura {
namespace {

#define YAGURA_RECORD_COLUMNS \
  "id, at_ms, what, failure, notice, who, subject, digest, chain, erased, payload"

// A batch ends with whichever comes first, so that long payloads do not add up in memory.
constexpr std::size_t batch_rows = 256;
constexpr std::size_t batch_bytes = 1024 * 1024;

RecordRow row_of(const sqlite::Statement& statement) {
  RecordRow row;
  row.id = statement.integer(0);
  row.at = Instant(Duration(statement.integer(1)));
  row.what = statement.text(2);
  row.failure = statement.integer(3);
  row.notice = statement.integer(4);
  row.who = statement.text(5);
  row.subject = statement.text(6);
  row.digest = statement.text(7);
  row.chain = statement.text(8);
  row.erased = statement.integer(9) != 0;
  row.payload = statement.text(10);
  return row;
}

std::int64_t milliseconds(std::optional<Instant> instant, std::int64_t otherwise) {
  return instant ? instant->time_since_epoch().count() : otherwise;
}

// What all rows of a query have in common, as SQL. Every parameter is numbered, as the text may be
// repeated in a statement: 1 after, 2 last, 3 since, 4 until, 5 failure, 6 who, 7 what, 8 how many.
std::string conditions(const Store::Query& query) {
  std::string sql = "id > ?1 AND id <= ?2 AND +at_ms >= ?3 AND +at_ms < ?4";
  if (query.failure) {
    // An index knows only rows of a failure, and has to be told that this is one.
    sql += *query.failure == 0 ? " AND failure = ?5" : " AND failure = ?5 AND failure <> 0";
  }
  if (query.who) {
    const bool indexed = *query.who != "daemon" && !query.failure;
    sql += indexed ? " AND who = ?6 AND who <> 'daemon'" : " AND +who = ?6";
  }
  if (query.without_states) sql += " AND substr(what, 1, 6) <> 'state.'";
  return sql;
}

// How many names a pattern may fit for each to be looked up by itself: SQLite takes 500 parts of a
// statement. There are about a hundred names.
constexpr std::size_t most_names = 200;

// The names of rows that the pattern fits, found from name to name along the index; nothing where
// they are too many.
Result<std::optional<std::vector<std::string>>> names_like(sqlite::Connection& connection,
                                                           const std::string& pattern) {
  Result<sqlite::Statement> statement = connection.prepare(
      "WITH RECURSIVE known(what) AS ("
      "  SELECT min(what) FROM record"
      "  UNION ALL"
      "  SELECT (SELECT min(what) FROM record WHERE what > known.what)"
      "  FROM known WHERE known.what IS NOT NULL"
      ") SELECT what FROM known WHERE what GLOB ?1");
  if (!statement) return tl::unexpected(statement.error());
  std::vector<std::string> names;
  Result<bool> more = statement->bind(1, pattern).step();
  for (; more && *more; more = statement->step()) {
    if (names.size() == most_names) return std::optional<std::vector<std::string>>();
    names.push_back(statement->text(0));
  }
  if (!more) return tl::unexpected(more.error());
  return std::optional(std::move(names));
}

// SQLite's GLOB has ranges in brackets, too, which nobody is to meet by accident.
std::string glob_of(std::string_view pattern) {
  std::string glob;
  for (char c : pattern)
    glob += c == '[' ? std::string("[[]") : std::string(1, c);
  return glob;
}

// The statement that gives the next rows of a query, in order of their ids. Each batch begins where
// the one before ended and looks at no row twice; by failure, person and name the rows are found
// along an index.
Result<std::string> statement_of(sqlite::Connection& connection, const Store::Query& query) {
  const std::string columns = "SELECT " YAGURA_RECORD_COLUMNS " FROM record WHERE ";
  const std::string common = conditions(query),
                    end = query.newest ? " ORDER BY id DESC LIMIT ?8" : " ORDER BY id LIMIT ?8";
  if (!query.what) return columns + common + end;
  const bool by_other_index = query.failure || (query.who && *query.who != "daemon");
  if (by_other_index) return columns + common + " AND +what GLOB ?7" + end;
  Result<std::optional<std::vector<std::string>>> names =
      names_like(connection, glob_of(*query.what));
  if (!names) return tl::unexpected(names.error());
  if (!*names) return columns + common + " AND +what GLOB ?7" + end;
  // The first rows of each name, of which the first are taken: an index on names knows no order of
  // the rows of several.
  std::string parts;
  for (std::string name : **names) {
    for (std::size_t at = 0; (at = name.find('\'', at)) != std::string::npos; at += 2)
      name.insert(at, "'");
    parts += fmt::format("{}SELECT id FROM (SELECT id FROM record WHERE what = '{}' AND {}{})",
                         parts.empty() ? "" : " UNION ALL ", name, common, end);
  }
  if (parts.empty()) parts = "SELECT 0 WHERE 0";
  return fmt::format("{}id IN ({}){}", columns, parts, end);
}

// A query as a statement over a range of ids that is asked for batch by batch.
class Rows {
 public:
  static Result<Rows> of(sqlite::Connection& connection, const Store::Query& query) {
    Result<std::string> sql = statement_of(connection, query);
    if (!sql) return tl::unexpected(sql.error());
    Result<sqlite::Statement> statement = connection.prepare(*sql);
    if (!statement) return tl::unexpected(statement.error());

    Rows rows(std::move(*statement), query);
    Result<void> bounded = rows.find_bounds(connection);
    if (!bounded) return tl::unexpected(bounded.error());
    return rows;
  }

  // The next rows, at most `most`; none when there are no more.
  Result<std::vector<RecordRow>> next(std::size_t most) {
    std::vector<RecordRow> rows;
    if (finished_) return rows;
    std::size_t asked = std::min(most, batch_rows);
    statement_.bind(1, after_).bind(2, last_).bind(3, since_).bind(4, until_);
    if (query_.failure) statement_.bind(5, *query_.failure);
    if (query_.who) statement_.bind(6, *query_.who);
    if (query_.what) statement_.bind(7, glob_of(*query_.what));
    statement_.bind(8, static_cast<std::int64_t>(asked));
    std::size_t bytes = 0;
    Result<bool> more = statement_.step();
    while (more && *more) {
      rows.push_back(row_of(statement_));
      bytes += rows.back().payload.size();
      if (bytes >= batch_bytes) break;
      more = statement_.step();
    }
    statement_.reset();
    if (!more) return tl::unexpected(more.error());
    finished_ = rows.size() < asked && bytes < batch_bytes;
    if (!rows.empty() && query_.newest) last_ = rows.back().id - 1;
    if (!rows.empty() && !query_.newest) after_ = rows.back().id;
    return rows;
  }

 private:
  Rows(sqlite::Statement statement, const Store::Query& query)
      : statement_(std::move(statement)),
        query_(query),
        after_(query.after_id),
        since_(milliseconds(query.since, std::numeric_limits<std::int64_t>::min())),
        until_(milliseconds(query.until, std::numeric_limits<std::int64_t>::max())) {}

  // Rows added after the call are not given, so that reading ends. Where a period is asked for, the
  // index on time gives the first and last id of it; times in between may have jumped, so the query
  // looks at them again.
  Result<void> find_bounds(sqlite::Connection& connection) {
    bool period = query_.since || query_.until;
    Result<sqlite::Statement> bounds = connection.prepare(
        period ? "SELECT min(id), max(id) FROM record WHERE at_ms >= ?1 AND at_ms < ?2"
               : "SELECT 1, max(id) FROM record");
    if (!bounds) return tl::unexpected(bounds.error());
    if (period) bounds->bind(1, since_).bind(2, until_);
    Result<bool> row = bounds->step();
    if (!row) return tl::unexpected(row.error());
    after_ = std::max(after_, bounds->integer(0) - 1);
    last_ = bounds->integer(1);
    return {};
  }

  sqlite::Statement statement_;
  Store::Query query_;
  std::int64_t after_, last_ = 0, since_, until_;
  bool finished_ = false;
};

// One step of the walk: why this row does not fit, or nothing.
std::optional<std::string> misfit(const RecordRow& row, const Store::Head& before) {
  if (row.id != before.id + 1) {
    return row.id == before.id + 2 ? std::string("the row is missing")
                                   : fmt::format("the rows up to {} are missing", row.id - 1);
  }
  if (row.erased && !row.payload.empty()) return "it is marked as erased, but has a payload";
  if (!row.erased && sha256_hex(row.payload) != row.digest) {
    return "its payload is not the one that was recorded";
  }
  if (chain_link(before.chain, row) != row.chain) {
    return "its fields, or the row before it, are not those that were recorded";
  }
  return std::nullopt;
}

// The row that a walk of the last so many rows begins after; the genesis for a walk of all. It is
// there, or an earlier one is taken, so that rows missing in between show.
Result<Store::Head> row_before(sqlite::Connection& connection, std::int64_t last_rows) {
  Store::Head before{0, chain_genesis()};
  if (last_rows == RecordReader::all_rows) return before;
  Result<sqlite::Statement> statement = connection.prepare(
      "SELECT id, chain FROM record WHERE id <= (SELECT max(id) FROM record) - ?1 "
      "ORDER BY id DESC LIMIT 1");
  if (!statement) return tl::unexpected(statement.error());
  Result<bool> row = statement->bind(1, last_rows).step();
  if (!row) return tl::unexpected(row.error());
  if (*row) before = {statement->integer(0), statement->text(1)};
  return before;
}

}  // namespace

Result<std::string> query_sql(sqlite::Connection& connection, const Store::Query& query) {
  return statement_of(connection, query);
}

const char* last_states_sql() {
  // Goes from subject to subject along the index, so that the many rows of a subject are not looked
  // at.
  return "WITH RECURSIVE known(subject) AS ("
         "  SELECT min(subject) FROM record WHERE subject <> ''"
         "  UNION ALL"
         "  SELECT (SELECT min(subject) FROM record"
         "          WHERE subject <> '' AND subject > known.subject)"
         "  FROM known WHERE known.subject IS NOT NULL"
         ") "
         "SELECT " YAGURA_RECORD_COLUMNS
         " FROM record WHERE id IN ("
         "  SELECT (SELECT max(id) FROM record AS own"
         "          WHERE own.subject = known.subject AND own.subject <> '')"
         "  FROM known WHERE known.subject IS NOT NULL"
         ") ORDER BY id";
}

Result<RecordReader> RecordReader::open(const std::string& path) {
  Result<sqlite::Connection> connection =
      sqlite::Connection::open(path, sqlite::Connection::Access::read);
  if (!connection) return tl::unexpected(connection.error());
  // Sorting must not need room on a disk that may be full.
  Result<void> set = connection->run("PRAGMA temp_store=MEMORY");
  if (!set) return tl::unexpected(set.error());
  return RecordReader(std::move(*connection));
}

Result<std::vector<RecordRow>> RecordReader::read(const Store::Query& query) {
  Result<Rows> rows = Rows::of(connection_, query);
  if (!rows) return tl::unexpected(rows.error());
  std::vector<RecordRow> all;
  while (all.size() < query.limit) {
    Result<std::vector<RecordRow>> batch = rows->next(query.limit - all.size());
    if (!batch) return batch;
    if (batch->empty()) break;
    std::move(batch->begin(), batch->end(), std::back_inserter(all));
  }
  if (query.newest) std::reverse(all.begin(), all.end());
  return all;
}

Result<void> RecordReader::each(const Store::Query& query,
                          const std::function<bool(const RecordRow&)>& row) {
  Result<Rows> rows = Rows::of(connection_, query);
  if (!rows) return tl::unexpected(rows.error());
  while (true) {
    Result<std::vector<RecordRow>> batch = rows->next(batch_rows);
    if (!batch) return tl::unexpected(batch.error());
    if (batch->empty()) return {};
    for (const RecordRow& one : *batch) {
      if (!row(one)) return {};
    }
  }
}

Result<void> RecordReader::last_states(const std::function<void(const RecordRow&)>& row) {
  Result<sqlite::Statement> statement = connection_.prepare(last_states_sql());
  if (!statement) return tl::unexpected(statement.error());
  Result<bool> more = statement->step();
  for (; more && *more; more = statement->step())
    row(row_of(*statement));
  if (!more) return tl::unexpected(more.error());
  return {};
}

Result<std::optional<MailBytes>> RecordReader::mail(std::int64_t notice) {
  Result<sqlite::Statement> statement =
      connection_.prepare("SELECT message_id, bytes FROM mail WHERE notice = ?1");
  if (!statement) return tl::unexpected(statement.error());
  Result<bool> row = statement->bind(1, notice).step();
  if (!row) return tl::unexpected(row.error());
  std::optional<MailBytes> mail;
  if (*row) mail = MailBytes{notice, statement->text(0), statement->text(1)};
  return mail;
}

Result<std::vector<JobRow>> RecordReader::jobs() {
  Result<sqlite::Statement> statement =
      connection_.prepare("SELECT component, probe, state FROM job ORDER BY component, probe");
  if (!statement) return tl::unexpected(statement.error());
  std::vector<JobRow> jobs;
  Result<bool> more = statement->step();
  for (; more && *more; more = statement->step()) {
    jobs.push_back(JobRow{statement->text(0), statement->text(1), statement->text(2)});
  }
  if (!more) return tl::unexpected(more.error());
  return jobs;
}

Result<Store::Head> RecordReader::head() {
  Result<sqlite::Statement> last =
      connection_.prepare("SELECT id, chain FROM record ORDER BY id DESC LIMIT 1");
  if (!last) return tl::unexpected(last.error());
  Result<bool> row = last->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return Store::Head{0, chain_genesis()};
  return Store::Head{last->integer(0), last->text(1)};
}

Result<std::optional<Instant>> RecordReader::last_at() {
  Result<sqlite::Statement> last =
      connection_.prepare("SELECT at_ms FROM record ORDER BY id DESC LIMIT 1");
  if (!last) return tl::unexpected(last.error());
  Result<bool> row = last->step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::optional<Instant>();
  return Instant(Duration(last->integer(0)));
}

namespace {

// Which rows were erased, and by which row: the subject `row:N` of one, or the ranges in its payload.
class Erasures {
 public:
  static Result<Erasures> of(sqlite::Connection& connection) {
    Result<sqlite::Statement> rows =
        connection.prepare("SELECT id, subject, payload FROM record WHERE what = 'record.erased' ORDER BY id");
    if (!rows) return tl::unexpected(rows.error());
    Erasures erasures;
    Result<bool> more = rows->step();
    for (; more && *more; more = rows->step()) {
      const std::string subject = rows->text(1);
      std::string ranges = subject.starts_with("row:") ? subject.substr(4) : "";
      boost::json::error_code error;
      const boost::json::value value = boost::json::parse(rows->text(2), error);
      if (!error && value.is_object()) {
        const boost::json::value* named = value.get_object().if_contains("erased_rows");
        if (named != nullptr && named->is_string()) ranges = std::string(named->get_string());
      }
      for (const ErasedRange& range : read_ranges(ranges)) {
        if (range.until < rows->integer(0)) erasures.ranges_.push_back(range);
      }
    }
    if (!more) return tl::unexpected(more.error());
    std::sort(erasures.ranges_.begin(), erasures.ranges_.end(),
              [](const ErasedRange& a, const ErasedRange& b) { return a.from < b.from; });
    return erasures;
  }

  // To be asked in the order of the rows.
  bool name(std::int64_t row) {
    for (; next_ < ranges_.size() && ranges_[next_].from <= row; ++next_)
      until_ = std::max(until_, ranges_[next_].until);
    return row <= until_;
  }

 private:
  std::vector<ErasedRange> ranges_;
  std::size_t next_ = 0;
  std::int64_t until_ = 0;
};

constexpr const char* erased_by_nobody = "its payload was erased, and no row says by whom";

// The rows that stay of those archived: none changed, none missing.
Result<std::optional<Store::Mismatch>> verify_kept(sqlite::Connection& connection, const ArchiveEnd& end,
                                                   Erasures& erasures) {
  Result<sqlite::Statement> rows =
      connection.prepare("SELECT " YAGURA_RECORD_COLUMNS " FROM record WHERE id <= ?1 ORDER BY id");
  if (!rows) return tl::unexpected(rows.error());
  std::string digest;
  std::int64_t kept = 0, last = 0;
  Result<bool> more = rows->bind(1, end.last).step();
  for (; more && *more; more = rows->step()) {
    const RecordRow row = row_of(*rows);
    if (row.erased ? !row.payload.empty() : sha256_hex(row.payload) != row.digest) {
      return Store::Mismatch{row.id, "its payload is not the one that was recorded"};
    }
    if (row.erased && !erasures.name(row.id)) return Store::Mismatch{row.id, erased_by_nobody};
    digest = kept_link(digest, row);
    last = row.id;
    ++kept;
  }
  if (!more) return tl::unexpected(more.error());
  if (kept == end.kept && digest == end.kept_digest) return std::optional<Store::Mismatch>();
  return Store::Mismatch{last, fmt::format("the {} rows up to {}, which was archived, are not the {} that were to stay",
                                           kept, end.last, end.kept)};
}

}  // namespace

Result<std::optional<Store::Mismatch>> RecordReader::verify(const Store::Head& head,
                                                            std::int64_t last_rows) {
  // One view of the database from the first row to the count at the end, however long the walk
  // takes.
  Result<void> begun = connection_.run("BEGIN");
  if (!begun) return tl::unexpected(begun.error());
  Result<Store::Head> begin = row_before(connection_, last_rows);
  if (!begin) return tl::unexpected(begin.error());
  Result<ArchiveEnd> archived = end_of_archive(connection_);
  if (!archived) return tl::unexpected(archived.error());
  Result<Erasures> erasures = Erasures::of(connection_);
  if (!erasures) return tl::unexpected(erasures.error());
  if (archived->last > 0 && last_rows == all_rows) {
    auto mismatch = verify_kept(connection_, *archived, *erasures);
    if (!mismatch || *mismatch) return mismatch;
  }
  if (begin->id < archived->last) begin = Store::Head{archived->last, archived->chain};
  Result<sqlite::Statement> rows =
      connection_.prepare("SELECT " YAGURA_RECORD_COLUMNS " FROM record WHERE id > ?1 ORDER BY id");
  if (!rows) return tl::unexpected(rows.error());
  // The whole walk sees rows, too, that somebody gave a number below the first.
  const bool from_the_first = last_rows == all_rows && archived->last == 0;
  rows->bind(1, from_the_first ? std::numeric_limits<std::int64_t>::min() : begin->id);
  Store::Head before = *begin;
  Result<bool> more = rows->step();
  for (; more && *more; more = rows->step()) {
    RecordRow row = row_of(*rows);
    std::optional<std::string> why = misfit(row, before);
    if (!why && row.id == head.id && row.chain != head.chain) {
      why = "the record was written anew while the daemon was running";
    }
    if (!why && row.erased && !erasures->name(row.id)) why = erased_by_nobody;
    if (why) return Store::Mismatch{before.id + 1, *why};
    before = {row.id, row.chain};
  }
  if (!more) return tl::unexpected(more.error());

  Result<std::int64_t> given =
      connection_.integer("SELECT seq FROM sqlite_sequence WHERE name = 'record'");
  if (!given) return tl::unexpected(given.error());
  std::int64_t known = std::max(*given, head.id);
  if (known > before.id) {
    return Store::Mismatch{before.id + 1,
                           fmt::format("the rows from here to {} were cut off", known)};
  }
  if (*given < before.id) {
    return Store::Mismatch{before.id, "the database's own count of rows was changed"};
  }
  return std::optional<Store::Mismatch>();
}

}  // namespace yagura
