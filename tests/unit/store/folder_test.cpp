#include "folder.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "migrations.hpp"
#include "support.hpp"

using namespace yagura;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string refusal(const std::string& folder) {
  auto store = Store::open(folder);
  REQUIRE_FALSE(store.has_value());
  return store.error().message;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("files are made for the daemon's user alone, in folders that others can pass") {
  TempFolder folder;
  const mode_t before = umask(0077);
  auto store = open_store(folder / "a/b");
  store->append(one(entry("fact")), nullptr);
  REQUIRE(store->flush(10s));
  umask(before);
  CHECK(mode_of(folder / "a") == 0711);
  CHECK(mode_of(folder / "a/b") == 0711);
  CHECK_FALSE(is_writable_by_others(folder / "a/b"));
  REQUIRE(chmod((folder / "a/b").c_str(), 0731) == 0);
  CHECK(is_writable_by_others(folder / "a/b"));
  for (const char* name : {"yagura.db", "yagura.db-wal", "yagura.db-shm", "yagura.lock"}) {
    CAPTURE(name);
    CHECK(mode_of(folder / "a/b/" + name) == 0600);
  }
}

TEST_CASE("a folder that is there keeps its mode, a database open to others is closed to them") {
  TempFolder folder;
  open_store(folder.path());
  REQUIRE(chmod(folder.path().c_str(), 0750) == 0);
  REQUIRE(chmod((folder / "yagura.db").c_str(), 0664) == 0);
  auto store = open_store(folder.path());
  CHECK(mode_of(folder.path()) == 0750);
  CHECK(mode_of(folder / "yagura.db") == 0600);
}

TEST_CASE("a second instance is refused with the number of the first, until that ends") {
  TempFolder folder;
  {
    auto first = open_store(folder.path());
    std::string why = refusal(folder.path());
    CHECK(has(why, fmt::format("another yagurad (process {}) is running", getpid())));
    CHECK(has(why, folder.path()));
    first->append(one(entry("fact")), nullptr);  // the refused one took nothing away
    CHECK(first->flush(10s));
  }
  CHECK(all_rows(*open_store(folder.path())).size() == 1);
}

TEST_CASE("the lock comes before the database: who is refused has not made or touched it") {
  TempFolder folder;
  auto lock = lock_folder(folder.path());
  REQUIRE(lock.has_value());
  refusal(folder.path());
  CHECK_FALSE(std::filesystem::exists(folder / "yagura.db"));
}

TEST_CASE("what cannot be a folder or a database is refused in words") {
  TempFolder folder;
  std::ofstream(folder / "file") << "x";
  CHECK(has(refusal(folder / "file"), "is not a folder"));
  CHECK(has(refusal(folder / "file/below"), "folder"));

  std::filesystem::create_directories(folder / "one/yagura.db");
  CHECK(has(refusal(folder / "one"), "yagura.db"));

  std::filesystem::create_directory(folder / "two");
  std::filesystem::create_symlink(folder / "file", folder / "two/yagura.db");
  CHECK(has(refusal(folder / "two"), "is a link"));
}

TEST_CASE("a folder of another user is refused with advice") {
  TempFolder folder;
  REQUIRE(chmod(folder.path().c_str(), 0555) == 0);
  pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    if (geteuid() == 0 && seteuid(65534) != 0) _exit(1);
    auto store = Store::open(folder.path());
    bool advised = !store && has(store.error().message, "cannot write: Permission denied") &&
                   has(store.error().message, "belong to the user that yagurad runs as");
    _exit(advised ? 0 : 2);
  }
  int status = 0;
  REQUIRE(waitpid(process, &status, 0) == process);
  CHECK(status == 0);
  REQUIRE(chmod(folder.path().c_str(), 0700) == 0);
}

TEST_CASE("a database of a newer release or of another program is refused and left as it is") {
  TempFolder folder;
  open_store(folder.path());
  {
    auto connection = raw(folder / "yagura.db");
    run(connection, "PRAGMA user_version = 99");
  }
  std::string before = bytes_of(folder / "yagura.db");
  auto newer = Store::open(folder.path());
  REQUIRE_FALSE(newer.has_value());
  CHECK(newer.error().needs_person);
  std::string why = newer.error().message;
  CHECK(has(why, "newer yagurad (its version is 99, this program knows 2)"));
  CHECK(has(why, folder / "yagura.db"));
  CHECK(bytes_of(folder / "yagura.db") == before);

  TempFolder other;
  std::ofstream(other / "yagura.db").close();
  {
    auto connection = raw(other / "yagura.db");
    run(connection, "CREATE TABLE addresses (name TEXT); INSERT INTO addresses VALUES ('x')");
  }
  before = bytes_of(other / "yagura.db");
  CHECK(has(refusal(other.path()), "made by another program"));
  CHECK(bytes_of(other / "yagura.db") == before);
}

TEST_CASE("migrations are applied one after the other, each whole or not at all") {
  TempFolder folder;
  std::ofstream(folder / "yagura.db").close();
  auto connection = raw(folder / "yagura.db");
  const char* good[] = {"CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO b VALUES (5)"};
  const char* bad[] = {good[0], good[1], "CREATE TABLE c (x); INSERT INTO missing VALUES (1)"};
  const auto integer = [&](const char* sql) { return connection.integer(sql).value_or(-1); };

  REQUIRE(migrate(connection, std::span(good, 1)).has_value());
  CHECK(integer("PRAGMA user_version") == 1);
  REQUIRE(migrate(connection, good).has_value());
  REQUIRE(migrate(connection, good).has_value());
  CHECK(integer("PRAGMA user_version") == 2);
  CHECK(integer("SELECT count(*) FROM b") == 1);

  auto failed = migrate(connection, bad);
  REQUIRE_FALSE(failed.has_value());
  CHECK(has(failed.error().message, "could not be brought to version 3"));
  CHECK(integer("PRAGMA user_version") == 2);
  CHECK(integer("SELECT count(*) FROM sqlite_schema WHERE name = 'c'") == 0);
}

TEST_CASE("a file left empty by a start that was broken off is made a database by the next") {
  TempFolder folder;
  std::ofstream(folder / "yagura.db").close();
  auto store = open_store(folder.path());
  store->append(one(entry("fact")), nullptr);
  CHECK(store->flush(10s));
}
