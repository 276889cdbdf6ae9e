// Months that leave the record: what stays, that the rest verifies, and what an archive shows by itself.
#include "archive.hpp"

#include <filesystem>
#include <fstream>

#include "archive_file.hpp"
#include "export.hpp"
#include "support.hpp"

using namespace yagura;

namespace {

const Zone zone = *Zone::named("Asia/Tokyo");
Instant at(const std::string& text) { return *parse_instant(text); }

void add(Store& store, const std::string& when, std::string what, std::string subject, std::int64_t failure,
         std::int64_t notice = 0) {
  RecordEntry made = entry(std::move(what), numbered(failure), std::move(subject));
  made.at = at(when);
  made.failure = failure;
  made.notice = notice;
  store.append(one(made), nullptr);
}

// January: rows 1 to 5, with one past midnight UTC and not past midnight here; February: 6 to 8; March: 9.
void make_months(Store& store) {
  add(store, "2026-01-10T10:00:00+09:00", "failure.opened", "", 1);
  add(store, "2026-01-10T10:00:00+09:00", "state.failure", "failure:1", 1);
  add(store, "2026-01-11T10:00:00+09:00", "state.failure", "failure:2", 2);
  add(store, "2026-01-12T10:00:00+09:00", "notice.queued", "", 0, 7);
  add(store, "2026-01-31T23:59:59+09:00", "failure.closed", "", 2);
  add(store, "2026-02-01T00:00:00+09:00", "state.failure", "failure:1", 1);
  add(store, "2026-02-20T00:00:00+09:00", "state.core", "core", 0);
  add(store, "2026-02-28T23:00:00+09:00", "state.core", "core", 0);
  add(store, "2026-03-01T00:00:00+09:00", "failure.progress", "", 1);
  REQUIRE(store.flush(10s));
}

std::vector<ArchiveSpan> months(const TempFolder& folder, const std::string& until) {
  auto reader = RecordReader::open(folder / "yagura.db");
  REQUIRE(reader.has_value());
  auto found = months_to_archive(*reader, zone, at(until));
  REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().message));
  return *found;
}

Transaction archiving(const ArchiveSpan& span, std::vector<std::int64_t> failures = {},
                      std::vector<std::int64_t> notices = {}) {
  Transaction transaction;
  ArchiveOrder order;
  order.span = span;
  order.at = at("2027-04-01T10:00:00+09:00");
  order.who = "kanda";
  order.file = "record.jsonl";
  order.sha256 = "ab";
  order.failures = std::move(failures);
  order.notices = std::move(notices);
  transaction.archive = std::move(order);
  return transaction;
}

std::vector<std::int64_t> ids(Store& store) {
  std::vector<std::int64_t> found;
  for (const RecordRow& row : all_rows(store)) found.push_back(row.id);
  return found;
}
using Ids = std::vector<std::int64_t>;

std::string misfit(Store& store) {
  auto mismatch = store.verify();
  REQUIRE(mismatch.has_value());
  return *mismatch ? fmt::format("{}: {}", (*mismatch)->row, (*mismatch)->why) : "";
}

// The archive as the command writes it.
std::string write_archive(Store& store, const ArchiveSpan& span, const std::string& file) {
  std::ofstream out(file, std::ios::binary);
  Instant last{};
  for (const RecordRow& row : all_rows(store)) {
    if (row.id < span.first || row.id > span.last) continue;
    out << export_row(ExportFormat::jsonl, zone, row);
    last = row.at;
  }
  out << archive_end_line(zone, span, last);
  return file;
}

}  // namespace

TEST_CASE("whole months are archived, the oldest first, by the zone's days") {
  TempFolder folder;
  auto store = open_store(folder.path());
  make_months(*store);
  CHECK(months(folder, "2026-01-31T23:59:59+09:00").empty());
  auto found = months(folder, "2026-12-01T00:00:00+09:00");
  REQUIRE(found.size() == 2);  // the last month stays: what comes after it is not there yet
  CHECK(found[0].month == "2026-01");
  CHECK(found[0].first == 1);
  CHECK(found[0].last == 5);
  CHECK(found[1].first == 6);
  CHECK(found[1].last == 8);
  CHECK(found[1].before == found[0].chain);
}

TEST_CASE("what is archived goes, but for the last states and what is open; the rest verifies") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    make_months(*store);
    const auto found = months(folder, "2026-12-01T00:00:00+09:00");
    store->append(archiving(found[0], {1}, {7}), nullptr);
    REQUIRE(store->flush(10s));
    // 1, 2: of failure 1, which is open; 3: the last state of failure 2; 4: of notice 7; 5 goes.
    CHECK(ids(*store) == Ids{1, 2, 3, 4, 6, 7, 8, 9, 10});
    CHECK(misfit(*store) == "");
    // The same once more changes nothing.
    store->append(archiving(found[0]), nullptr);
    REQUIRE(store->flush(10s));
    CHECK(store->head().id == 10);
    // By now failure 1 is closed, and notice 7 is out. Of row 1 to 4 only the last states stay.
    store->append(archiving(found[1]), nullptr);
    REQUIRE(store->flush(10s));
    CHECK(ids(*store) == Ids{3, 6, 8, 9, 10, 11});
    CHECK(misfit(*store) == "");
    // What says so came later: March is whole now, too.
    const auto next = months(folder, "2026-12-01T00:00:00+09:00");
    REQUIRE(next.size() == 1);
    CHECK(next[0].month == "2026-03");
    CHECK(next[0].first == 9);
    CHECK(next[0].before == found[1].chain);
  }
  auto store = open_store(folder.path());
  std::vector<std::string> states;
  REQUIRE(store->last_states([&](const RecordRow& row) { states.push_back(row.subject); }).has_value());
  CHECK(states == std::vector<std::string>{"failure:2", "failure:1", "core", "archive"});
  store->append(one(entry("fact")), nullptr);
  REQUIRE(store->flush(10s));
  CHECK(store->head().id == 12);
  CHECK(misfit(*store) == "");
}

TEST_CASE("after an archive no row can be changed, removed or brought back unseen") {
  struct Change {
    const char* sql;
    const char* found;
  };
  const Change changes[] = {
      {"UPDATE record SET who = 'eve' WHERE id = 3", "3: the 1 rows up to 5"},
      {"UPDATE record SET payload = '{}' WHERE id = 3", "3: its payload is not"},
      {"DELETE FROM record WHERE id = 3", "0: the 0 rows up to 5"},
      {"INSERT INTO record SELECT 4, at_ms, what, failure, notice, who, subject, digest, chain, erased, payload "
       "FROM record WHERE id = 6", "4: the 2 rows up to 5"},
      {"DELETE FROM record WHERE id = 6", "6: the row is missing"},
      {"UPDATE record SET at_ms = at_ms + 1 WHERE id = 6", "6: its fields"},
      {"DELETE FROM record WHERE what = 'record.archived'", "1: the rows up to 2 are missing"},
  };
  for (const Change& change : changes) {
    CAPTURE(change.sql);
    TempFolder folder;
    {
      auto store = open_store(folder.path());
      make_months(*store);
      store->append(archiving(months(folder, "2026-12-01T00:00:00+09:00")[0]), nullptr);
      REQUIRE(store->flush(10s));
      CHECK(ids(*store) == Ids{3, 6, 7, 8, 9, 10});
    }
    {
      auto connection = raw(folder / "yagura.db");
      // Rows that were not archived are kept by the trigger.
      CHECK_FALSE(connection.run("DELETE FROM record WHERE id = 7").has_value());
      run(connection, "DROP TRIGGER record_keeps_rows; DROP TRIGGER record_keeps_values;");
      run(connection, change.sql);
    }
    auto reader = RecordReader::open(folder / "yagura.db");
    auto mismatch = reader->verify(Store::Head{});
    REQUIRE(mismatch.has_value());
    REQUIRE(mismatch->has_value());
    CHECK(has(fmt::format("{}: {}", (*mismatch)->row, (*mismatch)->why), change.found));
  }
}

TEST_CASE("an archive is checked by itself: its bytes, its payloads, its links, its end") {
  TempFolder folder;
  auto store = open_store(folder.path());
  make_months(*store);
  const auto found = months(folder, "2026-12-01T00:00:00+09:00");
  const std::string file = write_archive(*store, found[1], folder / "february.jsonl");
  auto reader = RecordReader::open(folder / "yagura.db");
  auto whole = check_archive(file);
  REQUIRE_MESSAGE(whole.has_value(), (whole ? "" : whole.error().message));
  CHECK(whole->broken == "");
  CHECK(whole->whole);
  CHECK(whole->rows == 3);
  CHECK(whole->linked == 3);  // the first follows the row that the last line names
  CHECK(whole->chain == found[1].chain);
  CHECK(whole->digest == *archive_digest(*reader, zone, found[1]));

  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    const std::size_t place = other.find(from);
    REQUIRE(place != std::string::npos);
    other.replace(place, from.size(), to);
    std::ofstream(folder / "other.jsonl") << other;
    auto checked = check_archive(folder / "other.jsonl");
    return checked ? checked->broken : checked.error().message;
  };
  CHECK(has(changed("{\"n\":1}", "{\"n\":2}"), "row 6: its payload is not"));
  CHECK(has(changed("\"who\":\"daemon\"", "\"who\":\"eve\""), "row 6: its fields"));
  CHECK(has(changed(text.substr(0, text.find('\n') + 1), ""), "rows are missing: the last line says 3, from 6 to 8"));
  CHECK(has(changed("{\"id\":7", "{\"x\":7"), "out of order"));
  CHECK(has(changed("{\"id\":7", "\"id\":7"), "line 2 is no row of the record"));
  // Cut off: what is there fits, and the end is not.
  std::ofstream(folder / "other.jsonl") << text.substr(0, text.rfind("{\"id\":0"));
  auto cut = check_archive(folder / "other.jsonl");
  REQUIRE(cut.has_value());
  CHECK(cut->broken == "");
  CHECK_FALSE(cut->whole);
  CHECK(*is_database(folder / "yagura.db"));
  CHECK_FALSE(*is_database(file));
}
