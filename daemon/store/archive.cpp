#include "archive.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "archive_file.hpp"
#include "chain.hpp"
#include "export.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

constexpr std::size_t most_months = 120;

// The first row from `from` on that was made at `at` or later; 0: none.
Result<std::int64_t> first_row_since(sqlite::Connection& connection, std::int64_t from, Instant at) {
  Result<sqlite::Statement> statement =
      connection.prepare("SELECT id FROM record WHERE id >= ?1 AND +at_ms >= ?2 ORDER BY id LIMIT 1");
  if (!statement) return tl::unexpected(statement.error());
  Result<bool> row = statement->bind(1, from).bind(2, at.time_since_epoch().count()).step();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

}  // namespace

Result<ArchiveEnd> end_of_archive(sqlite::Connection& connection) {
  ArchiveEnd end{0, chain_genesis(), 0, {}};
  Result<sqlite::Statement> statement = connection.prepare(
      "SELECT id, payload FROM record WHERE subject = ?1 AND subject <> '' AND what = 'record.archived' "
      "ORDER BY id DESC LIMIT 1");
  if (!statement) return tl::unexpected(statement.error());
  Result<bool> row = statement->bind(1, archive_subject).step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return end;
  json::error_code error;
  const json::value value = json::parse(statement->text(1), error);
  const json::object* object = value.if_object();
  const auto number = [&](const char* key) -> std::int64_t {
    const json::value* found = object == nullptr ? nullptr : object->if_contains(key);
    return found != nullptr && found->is_int64() ? found->get_int64() : -1;
  };
  const auto text = [&](const char* key) {
    const json::value* found = object == nullptr ? nullptr : object->if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  if (number("last") < 1 || number("kept") < 0 || text("chain").empty()) {
    return failure_of(fmt::format("row {} says that rows were archived, and cannot be read", statement->integer(0)));
  }
  return ArchiveEnd{number("last"), text("chain"), number("kept"), text("kept_digest")};
}

std::string kept_link(const std::string& digest_before, const RecordRow& row) {
  return chain_link(digest_before, row);
}

Result<Instant> end_of_month(const Zone& zone, const std::string& month) {
  auto first = parse_date(month + "-01");
  if (!first || month.size() != 7) return failure_of("a month is written 2026-01");
  // The longest month has 31 days, and the next one more than three.
  const std::string next = format_date(*first + std::chrono::days(31)).substr(0, 7);
  return zone.midnight(*parse_date(next + "-01"));
}

namespace {

// The numbers, in a table of the connection's own.
Result<void> fill(sqlite::Connection& connection, const char* table, const std::vector<std::int64_t>& numbers) {
  Result<void> done = connection.run(
      fmt::format("CREATE TEMP TABLE IF NOT EXISTS {0} (id INTEGER PRIMARY KEY); DELETE FROM temp.{0}", table));
  if (!done) return done;
  Result<sqlite::Statement> insert =
      connection.prepare(fmt::format("INSERT OR IGNORE INTO temp.{} VALUES (?1)", table));
  if (!insert) return tl::unexpected(insert.error());
  for (std::int64_t number : numbers)
    if (done) done = insert->bind(1, number).run();
  return done;
}

// What stays of the rows up to `last`, into temp.kept: the last row of each subject, which is its state; all of failures
// and notices that are not at their end; and what was erased, by whom.
Result<void> find_kept(sqlite::Connection& connection, const ArchiveOrder& order) {
  Result<void> done = fill(connection, "kept", {});
  if (done) done = fill(connection, "needed_failures", order.failures);
  if (done) done = fill(connection, "needed_notices", order.notices);
  const std::string sql = fmt::format(
      "INSERT OR IGNORE INTO temp.kept WITH RECURSIVE known(subject) AS ("
      "  SELECT min(subject) FROM record WHERE subject <> ''"
      "  UNION ALL"
      "  SELECT (SELECT min(subject) FROM record WHERE subject <> '' AND subject > known.subject)"
      "  FROM known WHERE known.subject IS NOT NULL"
      ") SELECT last FROM (SELECT (SELECT max(id) FROM record AS own"
      "                            WHERE own.subject = known.subject AND own.subject <> '') AS last"
      "                    FROM known WHERE known.subject IS NOT NULL AND known.subject <> '{1}')"
      "  WHERE last <= {0};"
      "INSERT OR IGNORE INTO temp.kept SELECT id FROM record WHERE id <= {0} AND"
      "  (failure IN (SELECT id FROM temp.needed_failures) OR notice IN (SELECT id FROM temp.needed_notices)"
      "   OR what = 'record.erased')",
      order.span.last, archive_subject);
  if (done) done = connection.run(sql);
  return done;
}

}  // namespace

Result<std::optional<RecordEntry>> prepare_archive(sqlite::Connection& connection, const ArchiveOrder& order) {
  const ArchiveSpan& span = order.span;
  Result<ArchiveEnd> end = end_of_archive(connection);
  if (!end) return tl::unexpected(end.error());
  Result<std::string> chain = connection.text(fmt::format("SELECT chain FROM record WHERE id = {}", span.last));
  if (!chain) return tl::unexpected(chain.error());
  if (end->last + 1 != span.first || end->chain != span.before || *chain != span.chain) {
    return std::optional<RecordEntry>();
  }
  Result<void> found = find_kept(connection, order);
  if (!found) return tl::unexpected(found.error());
  Result<sqlite::Statement> rows = connection.prepare(
      "SELECT id, at_ms, what, failure, notice, who, subject, digest FROM record "
      "WHERE id IN (SELECT id FROM temp.kept) ORDER BY id");
  if (!rows) return tl::unexpected(rows.error());
  std::int64_t kept = 0;
  std::string digest;
  Result<bool> more = rows->step();
  for (; more && *more; more = rows->step()) {
    RecordRow row;
    row.id = rows->integer(0);
    row.at = Instant(Duration(rows->integer(1)));
    row.what = rows->text(2);
    row.failure = rows->integer(3);
    row.notice = rows->integer(4);
    row.who = rows->text(5);
    row.subject = rows->text(6);
    row.digest = rows->text(7);
    digest = kept_link(digest, row);
    ++kept;
  }
  if (!more) return tl::unexpected(more.error());
  Result<std::int64_t> before = connection.integer(fmt::format("SELECT count(*) FROM record WHERE id <= {}", span.last));
  if (!before) return tl::unexpected(before.error());
  RecordEntry entry;
  entry.at = order.at;
  entry.what = "record.archived";
  entry.who = order.who;
  entry.subject = archive_subject;
  entry.payload = json::serialize(json::object{{"month", span.month},
                                               {"first", span.first},
                                               {"last", span.last},
                                               {"rows", span.last - span.first + 1},
                                               {"before", span.before},
                                               {"chain", span.chain},
                                               {"file", order.file},
                                               {"sha256", order.sha256},
                                               {"removed", *before - kept},
                                               {"kept", kept},
                                               {"kept_digest", digest},
                                               {"from", order.from}});
  return std::optional(std::move(entry));
}

Result<void> remove_archived(sqlite::Connection& connection, const ArchiveOrder& order) {
  return connection.run(fmt::format(
      "INSERT INTO meta (name, value) VALUES ('archived_to', '{0}') "
      "ON CONFLICT (name) DO UPDATE SET value = excluded.value;"
      "DELETE FROM record WHERE id <= {0} AND id NOT IN (SELECT id FROM temp.kept);"
      "DELETE FROM temp.kept",
      order.span.last));
}

Result<std::vector<ArchiveSpan>> months_to_archive(RecordReader& reader, const Zone& zone, Instant until) {
  sqlite::Connection& connection = reader.connection();
  std::vector<ArchiveSpan> months;
  Result<ArchiveEnd> end = end_of_archive(connection);
  if (!end) return tl::unexpected(end.error());
  Store::Head before{end->last, end->chain};
  while (months.size() < most_months) {
    Store::Query first_row;
    first_row.after_id = before.id;
    first_row.limit = 1;
    Result<std::vector<RecordRow>> first = reader.read(first_row);
    if (!first) return tl::unexpected(first.error());
    if (first->empty()) break;
    const std::string month = format_date(zone.date_of(first->front().at)).substr(0, 7);
    const Instant ends = *end_of_month(zone, month);
    if (ends > until) break;
    Result<std::int64_t> next = first_row_since(connection, before.id + 1, ends);
    if (!next) return tl::unexpected(next.error());
    if (*next == 0) break;  // the last rows stay, so that the chain has something to stand on
    first_row.after_id = *next - 2;
    Result<std::vector<RecordRow>> last = reader.read(first_row);
    if (!last) return tl::unexpected(last.error());
    if (last->empty() || last->front().id != *next - 1) break;  // a gap: the chain is broken, verify() says where
    ArchiveSpan span{month, before.id + 1, *next - 1, before.chain, last->front().chain};
    before = {span.last, span.chain};
    months.push_back(std::move(span));
  }
  return months;
}

std::string archive_end_line(const Zone& zone, const ArchiveSpan& span, Instant at) {
  RecordRow row;
  row.at = at;
  row.what = end_of_part_name;
  row.payload = json::serialize(json::object{{"month", span.month},
                                             {"rows", span.last - span.first + 1},
                                             {"first", span.first},
                                             {"last", span.last},
                                             {"before", span.before},
                                             {"chain", span.chain}});
  row.digest = sha256_hex(row.payload);
  return export_row(ExportFormat::jsonl, zone, row);
}

Result<std::string> archive_digest(RecordReader& reader, const Zone& zone, const ArchiveSpan& span) {
  Sha256 digest;
  Store::Query query;
  query.after_id = span.first - 1;
  Instant at{};
  std::int64_t rows = 0;
  Result<void> read = reader.each(query, [&](const RecordRow& row) {
    if (row.id > span.last) return false;
    ++rows;
    at = row.at;
    digest.add(export_row(ExportFormat::jsonl, zone, row));
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  if (rows != span.last - span.first + 1) return failure_of("rows are missing: `yagura record --verify` says where");
  digest.add(archive_end_line(zone, span, at));
  return digest.hex();
}

}  // namespace yagura
