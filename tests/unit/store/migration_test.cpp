// Records of every earlier version, as their releases wrote them: tests/data/record/version-N.sql,
// dumped from a database that a daemon of that version had made. Whoever adds version N+1 dumps one
// of version N first; a fixture is never made again.
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "backup.hpp"
#include "migrations.hpp"
#include "support.hpp"

using namespace yagura;

namespace {

std::string fixture(std::size_t version) {
  return fmt::format("{}/tests/data/record/version-{}.sql", YAGURA_SOURCE, version);
}

void make_from(const std::string& script, const std::string& database) {
  std::ifstream file(script);
  REQUIRE_MESSAGE(file, (script + " is missing"));
  std::ofstream(database).close();
  auto connection = raw(database);
  run(connection, {std::istreambuf_iterator<char>(file), {}});
}

// What the schema of a database holds, by name, however its texts are laid out.
std::map<std::string, std::string> schema_of(const std::string& database) {
  auto connection = raw(database);
  auto things = connection.prepare("SELECT type || ' ' || name, sql FROM sqlite_schema");
  REQUIRE(things.has_value());
  std::map<std::string, std::string> schema;
  for (auto more = things->step(); more && *more; more = things->step())
    schema[things->text(0)] = things->text(1);
  return schema;
}

}  // namespace

TEST_CASE("a record of every version is migrated to the schema of a new one, and verifies") {
  TempFolder fresh;
  open_store(fresh.path());
  for (std::size_t version = 1; version <= record_migrations().size(); ++version) {
    CAPTURE(version);
    TempFolder folder;
    make_from(fixture(version), folder / "yagura.db");
    {
      auto connection = raw(folder / "yagura.db");
      REQUIRE(connection.integer("PRAGMA user_version").value_or(0) ==
              static_cast<std::int64_t>(version));
    }
    auto store = open_store(folder.path());
    const std::int64_t rows = store->head().id;
    CHECK(rows > 10);
    CHECK_FALSE(store->verify()->has_value());
    std::size_t states = 0;
    REQUIRE(store->last_states([&](const RecordRow&) { ++states; }).has_value());
    CHECK(states > 3);
    store->append(one(entry("fact")), nullptr);
    REQUIRE(store->flush(10s));
    CHECK(store->head().id == rows + 1);
    CHECK_FALSE(store->verify()->has_value());
    store.reset();
    CHECK(schema_of(folder / "yagura.db") == schema_of(fresh / "yagura.db"));
  }
}

TEST_CASE("a step to the next version keeps every row, its chain, mails and jobs") {
  TempFolder folder;
  make_from(fixture(1), folder / "yagura.db");
  std::vector<const char*> steps(record_migrations().begin(), record_migrations().end());
  steps.push_back(
      "ALTER TABLE job ADD COLUMN kind TEXT NOT NULL DEFAULT 'job';"
      "CREATE INDEX record_chain ON record (chain)");
  const auto count = [&](const char* sql) {
    auto connection = raw(folder / "yagura.db");
    return connection.integer(sql).value_or(-1);
  };
  const std::int64_t rows = count("SELECT count(*) FROM record");
  const std::int64_t mails = count("SELECT count(*) FROM mail");
  {
    auto connection = raw(folder / "yagura.db");
    auto migrated = migrate(connection, steps);
    REQUIRE_MESSAGE(migrated.has_value(), (migrated ? "" : migrated.error().message));
  }
  CHECK(count("PRAGMA user_version") == static_cast<std::int64_t>(steps.size()));
  CHECK(count("SELECT count(*) FROM record") == rows);
  CHECK(count("SELECT count(*) FROM mail") == mails);
  CHECK(count("SELECT count(*) FROM job WHERE kind = 'job'") == 1);
  auto reader = RecordReader::open(folder / "yagura.db");
  REQUIRE(reader.has_value());
  CHECK_FALSE(reader->verify(*reader->head())->has_value());

  // This program is older than that database now, and leaves it as it is.
  auto refused = Store::open(folder.path());
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().needs_person);
  CHECK(has(refused.error().message, "was made by a newer yagurad"));
}

TEST_CASE("a backup of an earlier version is brought to this one when it is restored") {
  TempFolder folder;
  make_from(fixture(1), folder / "old.db");
  Replacement wanted;
  wanted.folder = folder / "state";
  wanted.source = folder / "old.db";
  wanted.who = "unix:root";
  wanted.now = at_second(0);
  auto done = replace_record(wanted);
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
  auto store = open_store(folder / "state");
  CHECK(store->head().id == done->copy.head.id + 1);
  CHECK_FALSE(store->verify()->has_value());
}
