#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "aside.hpp"
#include "support.hpp"

using namespace yagura;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

StoreRefusal refusal(const std::string& folder) {
  auto store = Store::open(folder, quick_options());
  REQUIRE_FALSE(store.has_value());
  return store.error();
}

void make_record(const std::string& folder, int rows = 500) {
  auto store = open_store(folder);
  for (int n = 0; n < rows; ++n)
    store->append(one(entry("fact", numbered(n))), nullptr);
  REQUIRE(store->flush(10s));
}

// The record is set aside with these bytes, the message names it and both ways back, and the next
// start does not begin a new record either.
void check_set_aside(const TempFolder& folder, const std::string& bytes) {
  const StoreRefusal why = refusal(folder.path());
  CAPTURE(why.message);
  CHECK(why.needs_person);
  CHECK(has(why.message, folder / "yagura.db"));
  CHECK(has(why.message, "`yagura restore BACKUP`"));
  CHECK(has(why.message, "`yagura restore --new-record`"));
  const std::vector<std::string> aside = records_aside(folder.path());
  REQUIRE(aside.size() == 1);
  CHECK(has(aside[0], folder / "yagura.db.damaged-20"));
  CHECK(has(why.message, aside[0]));
  CHECK(bytes_of(aside[0]) == bytes);
  CHECK_FALSE(std::filesystem::exists(folder / "yagura.db"));

  const StoreRefusal again = refusal(folder.path());
  CAPTURE(again.message);
  CHECK(again.needs_person);
  CHECK(has(again.message, "is gone"));
  CHECK(has(again.message, aside[0]));
  CHECK(has(again.message, "`yagura restore BACKUP`"));
  CHECK_FALSE(std::filesystem::exists(folder / "yagura.db"));
  CHECK(records_aside(folder.path()) == aside);
}

}  // namespace

TEST_CASE("a file that is no database is set aside, and nothing is begun in its place") {
  TempFolder folder;
  std::string text(5000, 'x');
  put_bytes(folder / "yagura.db", text);
  check_set_aside(folder, text);
}

TEST_CASE("a record with a damaged page is set aside as it was") {
  TempFolder folder;
  make_record(folder.path());
  std::string bytes = bytes_of(folder / "yagura.db");
  bytes.replace(bytes.size() - 8192, 8192, std::string(8192, '\x5a'));
  put_bytes(folder / "yagura.db", bytes);
  check_set_aside(folder, bytes);
}

TEST_CASE("a record that was cut off is set aside as it was") {
  TempFolder folder;
  make_record(folder.path());
  std::string bytes = bytes_of(folder / "yagura.db");
  SUBCASE("in the middle") {
    bytes.resize(bytes.size() / 8192 * 4096 + 100);
  }
  SUBCASE("to nothing") {
    bytes.clear();
  }
  put_bytes(folder / "yagura.db", bytes);
  check_set_aside(folder, bytes);
}

TEST_CASE("what belongs to a damaged record is set aside with it") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    store->append(one(entry("fact")), nullptr);
    REQUIRE(store->flush(10s));
    // As a crash leaves them: the log still holds what the database has not got yet.
    for (const char* name : {"yagura.db", "yagura.db-wal", "yagura.lock"})
      std::filesystem::copy_file(folder / name, folder / (std::string("crashed.") + name));
  }
  TempFolder crashed;
  for (const char* name : {"yagura.db", "yagura.db-wal", "yagura.lock"})
    std::filesystem::rename(folder / (std::string("crashed.") + name), crashed / name);
  const std::string log = bytes_of(crashed / "yagura.db-wal");
  REQUIRE_FALSE(log.empty());
  put_bytes(crashed / "yagura.db", std::string(4096, 'x'));
  CHECK(has(refusal(crashed.path()).message, "damaged"));
  const std::vector<std::string> aside = records_aside(crashed.path());
  REQUIRE(aside.size() == 1);
  CHECK(bytes_of(aside[0] + "-wal") == log);
  CHECK_FALSE(std::filesystem::exists(crashed / "yagura.db-wal"));
}

TEST_CASE("a record that is gone is not begun anew in silence") {
  TempFolder folder;
  make_record(folder.path(), 1);
  std::filesystem::remove(folder / "yagura.db");
  const StoreRefusal why = refusal(folder.path());
  CHECK(why.needs_person);
  CHECK(has(why.message, "the record is gone from here; no new record was begun"));
  CHECK_FALSE(std::filesystem::exists(folder / "yagura.db"));
}

TEST_CASE("a disk that cannot be read is no damage: nothing is set aside, and a restart may help") {
  TempFolder folder;
  make_record(folder.path(), 1);
  // A folder in the place of the log is what SQLite cannot open.
  std::filesystem::create_directory(folder / "yagura.db-wal");
  CHECK_FALSE(refusal(folder.path()).needs_person);
  CHECK(records_aside(folder.path()).empty());
  std::filesystem::remove(folder / "yagura.db-wal");
  CHECK(all_rows(*open_store(folder.path())).size() == 1);
}

TEST_CASE("a record that was changed by hand is told of at start, and goes on") {
  TempFolder folder;
  make_record(folder.path(), 3);
  const auto warnings_of = [&] {
    std::vector<std::string> warnings;
    StoreOptions options = quick_options();
    options.warn = [&](const std::string& text) { warnings.push_back(text); };
    open_store(folder.path(), options);
    return warnings;
  };
  CHECK(warnings_of().empty());
  {
    auto connection = raw(folder / "yagura.db");
    run(connection, "DROP TRIGGER record_keeps_values; UPDATE record SET who = 'x' WHERE id = 2");
  }
  const std::vector<std::string> warnings = warnings_of();
  REQUIRE(warnings.size() == 1);
  CHECK(has(warnings[0], "broken at row 2"));
}

TEST_CASE("of a long record the chain of the last rows is walked at start") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    Transaction many;
    for (int n = 0; n < 1500; ++n)
      many.entries.push_back(entry("fact", numbered(n)));
    store->append(std::move(many), nullptr);
    REQUIRE(store->flush(10s));
  }
  const auto warned_after = [&](const char* sql) {
    {
      auto connection = raw(folder / "yagura.db");
      run(connection, sql);
    }
    std::vector<std::string> warnings;
    StoreOptions options = quick_options();
    options.warn = [&](const std::string& text) { warnings.push_back(text); };
    open_store(folder.path(), options);
    return warnings;
  };
  const auto early =
      warned_after("DROP TRIGGER record_keeps_values; UPDATE record SET who = 'x' WHERE id = 400");
  CHECK(early.empty());  // left to `yagura record --verify`
  const auto late = warned_after("UPDATE record SET who = 'x' WHERE id = 501");
  REQUIRE(late.size() == 1);
  CHECK(has(late[0], "broken at row 501"));
}
