#include "backup.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "aside.hpp"
#include "folder.hpp"
#include "support.hpp"

using namespace yagura;

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Store::Head copied(const std::string& folder, const std::string& to) {
  auto head = copy_record(folder, to, [] { return true; });
  REQUIRE_MESSAGE(head.has_value(), (head ? "" : head.error().message));
  return *head;
}

RecordCopy checked(const std::string& file) {
  auto copy = check_copy(file);
  REQUIRE_MESSAGE(copy.has_value(), (copy ? "" : copy.error().message));
  return *copy;
}

void append(Store& store, int from, int until) {
  for (int n = from; n < until; ++n)
    store.append(one(entry("fact", numbered(n) + std::string(1000, ' '))), nullptr);
  REQUIRE(store.flush(10s));
}

Replacement replacement(const std::string& folder, const std::string& source) {
  Replacement wanted;
  wanted.folder = folder;
  wanted.source = source;
  wanted.who = "unix:root";
  wanted.now = at_second(1000);
  return wanted;
}

Replaced replaced(const Replacement& wanted) {
  auto done = replace_record(wanted);
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
  return *done;
}

std::string refusal(const Replacement& wanted) {
  auto done = replace_record(wanted);
  REQUIRE_FALSE(done.has_value());
  return done.error().message;
}

}  // namespace

TEST_CASE("a copy is one file of one moment, for its owner alone, and passes its check") {
  TempFolder folder;
  auto store = open_store(folder.path());
  append(*store, 0, 300);
  const std::string to = folder / "copy";
  const Store::Head head = copied(folder.path(), to);
  append(*store, 300, 310);
  CHECK(head.id == 300);
  const RecordCopy copy = checked(to);
  CHECK(copy.head.id == 300);
  CHECK(copy.head.chain == head.chain);
  CHECK(copy.last_at == at_second(0));
  CHECK_FALSE(copy.broken.has_value());
  struct stat status {};
  REQUIRE(stat(to.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  // In the old journal's form: it opens without a log beside it, and from a folder for reading
  // only.
  CHECK(bytes_of(to)[18] == 1);
  CHECK_FALSE(std::filesystem::exists(to + "-wal"));
}

TEST_CASE("a copy never overwrites") {
  TempFolder folder;
  auto store = open_store(folder.path());
  std::ofstream(folder / "there") << "precious";
  auto copy = copy_record(folder.path(), folder / "there", [] { return true; });
  REQUIRE_FALSE(copy.has_value());
  CHECK(has(copy.error().message, "File exists"));
  CHECK(bytes_of(folder / "there") == "precious");
}

TEST_CASE("a copy comes to its end while rows are written all the time, and nobody waits for it") {
  TempFolder folder;
  auto store = open_store(folder.path());
  append(*store, 0, 3000);
  std::atomic<bool> ended{false};
  std::atomic<int> durable{0};
  // The writer goes on through every step of the copy: without one view over all steps the copy
  // would begin again at each, and never end.
  int at_begin = -1, at_end = -1, asked = 0;
  std::thread load([&] {
    for (int n = 0; !ended; ++n) {
      store->append(one(entry("fact", numbered(n))), [&] { ++durable; });
      store->flush(10s);
    }
  });
  auto head = copy_record(folder.path(), folder / "copy", [&] {
    if (at_begin < 0) at_begin = durable;
    const int before = durable;
    // Wait until the writer has committed between two steps.
    for (int patience = 0; durable == before && patience < 5000; ++patience)
      std::this_thread::sleep_for(1ms);
    at_end = durable;
    return ++asked < 10'000;
  });
  ended = true;
  load.join();
  REQUIRE_MESSAGE(head.has_value(), (head ? "" : head.error().message));
  CHECK(asked > 5);
  CHECK(at_end > at_begin);
  CHECK(head->id >= 3000);
  CHECK_FALSE(checked(folder / "copy").broken.has_value());
  CHECK(checked(folder / "copy").head.id == head->id);
}

TEST_CASE("a copy that is broken off leaves nothing") {
  TempFolder folder;
  auto store = open_store(folder.path());
  append(*store, 0, 1000);
  int asked = 0;
  auto copy = copy_record(folder.path(), folder / "copy", [&] { return ++asked < 3; });
  REQUIRE_FALSE(copy.has_value());
  CHECK(has(copy.error().message, "broken off"));
  for (const char* ending : {"", "-wal", "-shm", "-journal"})
    CHECK_FALSE(std::filesystem::exists(folder / "copy" + ending));
}

TEST_CASE("what a crash left of a copy goes at the next start") {
  TempFolder folder;
  std::ofstream(unfinished_copy(folder.path())) << "x";
  auto store = open_store(folder.path());
  CHECK_FALSE(std::filesystem::exists(unfinished_copy(folder.path())));
}

TEST_CASE("the check of a copy finds damage, a broken chain, and what is no record") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    append(*store, 0, 300);
    copied(folder.path(), folder / "copy");
  }
  std::string bytes = bytes_of(folder / "copy");
  std::string damaged = bytes;
  damaged.replace(damaged.size() - 8192, 8192, std::string(8192, '\x5a'));
  std::ofstream(folder / "damaged", std::ios::binary) << damaged;
  auto found = check_copy(folder / "damaged");
  REQUIRE_FALSE(found.has_value());
  CHECK(has(found.error().message, "is damaged"));

  std::string torn = bytes.substr(0, bytes.size() / 2);
  std::ofstream(folder / "torn", std::ios::binary) << torn;
  CHECK_FALSE(check_copy(folder / "torn").has_value());

  std::ofstream(folder / "empty").close();
  auto empty = check_copy(folder / "empty");
  REQUIRE_FALSE(empty.has_value());
  CHECK(has(empty.error().message, "holds no record"));

  {
    auto connection = raw(folder / "copy");
    run(connection, "DROP TRIGGER record_keeps_values; UPDATE record SET who = 'x' WHERE id = 7");
  }
  const RecordCopy copy = checked(folder / "copy");
  REQUIRE(copy.broken.has_value());
  CHECK(copy.broken->row == 7);
}

TEST_CASE("a backup takes the place of the record, which is set aside; the chain goes on") {
  TempFolder folder;
  std::string instance, last;
  {
    auto store = open_store(folder.path());
    instance = store->instance();
    append(*store, 0, 20);
    Transaction mail;
    mail.mails.push_back({7, "<notice-7@x>", "bytes"});
    mail.jobs.push_back({"batch", "job", "{}"});
    store->append(std::move(mail), nullptr);
    REQUIRE(store->flush(10s));
    last = copied(folder.path(), folder / "backup").chain;
    append(*store, 20, 30);
  }
  std::int64_t seen = 0;
  Replacement wanted = replacement(folder.path(), folder / "backup");
  wanted.look = [&](RecordReader& reader) -> Result<void> {
    seen = reader.head()->id;
    return {};
  };
  const Replaced done = replaced(wanted);
  CHECK(seen == 20);
  CHECK(done.copy.head.id == 20);
  CHECK(done.set_aside ==
        aside_name(folder.path(), "replaced", at_second(1000)).substr(0, done.set_aside.size()));
  CHECK(checked(done.set_aside).head.id == 30);
  CHECK(std::filesystem::exists(folder / "backup"));

  auto store = open_store(folder.path());
  const std::vector<RecordRow> rows = all_rows(*store);
  REQUIRE(rows.size() == 21);
  CHECK(rows[19].chain == last);
  CHECK(rows[20].what == "record.restored");
  CHECK(rows[20].who == "unix:root");
  CHECK(rows[20].at == at_second(1000));
  CHECK(has(rows[20].payload, "\"rows\":20"));
  CHECK(has(rows[20].payload, done.set_aside));
  CHECK_FALSE(store->verify()->has_value());
  CHECK((*store->mail(7))->bytes == "bytes");
  CHECK(store->jobs()->size() == 1);
  // Numbers of notices will be given again, Message-IDs must not be.
  CHECK(store->instance() != instance);
}

TEST_CASE("a restore is refused while a daemon runs, and changes nothing") {
  TempFolder folder;
  auto store = open_store(folder.path());
  append(*store, 0, 3);
  copied(folder.path(), folder / "backup");
  CHECK(has(refusal(replacement(folder.path(), folder / "backup")), "another yagurad (process"));
  append(*store, 3, 4);
  CHECK(store->head().id == 4);
}

TEST_CASE("a backup that is damaged, foreign, newer or none is refused, and changes nothing") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    append(*store, 0, 300);
    copied(folder.path(), folder / "backup");
  }
  const std::string before = bytes_of(folder / "yagura.db");
  std::string expected;
  SUBCASE("damaged") {
    std::string bytes = bytes_of(folder / "backup");
    bytes.replace(bytes.size() - 8192, 8192, std::string(8192, '\x5a'));
    std::ofstream(folder / "backup", std::ios::binary) << bytes;
    expected = folder / "backup" + ": the database is damaged";
  }
  SUBCASE("empty") {
    std::ofstream(folder / "backup").close();
    expected = "holds no record";
  }
  SUBCASE("missing") {
    std::filesystem::remove(folder / "backup");
    expected = "No such file";
  }
  SUBCASE("newer") {
    auto connection = raw(folder / "backup");
    run(connection, "PRAGMA user_version = 99");
    expected = "newer yagurad";
  }
  SUBCASE("its chain does not hold") {
    auto connection = raw(folder / "backup");
    run(connection, "DROP TRIGGER record_keeps_values; UPDATE record SET who = 'x' WHERE id = 7");
    expected = "its chain is broken at row 7";
  }
  CHECK(has(refusal(replacement(folder.path(), folder / "backup")), expected));
  CHECK(bytes_of(folder / "yagura.db") == before);
  CHECK(records_aside(folder.path()).empty());
  CHECK_FALSE(std::filesystem::exists(folder / "yagura.db.restoring"));
}

TEST_CASE("what the caller cannot read stops a restore before anything is changed") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    append(*store, 0, 3);
    copied(folder.path(), folder / "backup");
  }
  Replacement wanted = replacement(folder.path(), folder / "backup");
  wanted.look = [](RecordReader&) -> Result<void> { return failure_of("row 2 cannot be read"); };
  CHECK(refusal(wanted) == "row 2 cannot be read");
  CHECK(records_aside(folder.path()).empty());
  CHECK(all_rows(*open_store(folder.path())).size() == 3);
}

TEST_CASE("a backup whose chain does not hold is taken when that is said") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    append(*store, 0, 9);
    copied(folder.path(), folder / "backup");
  }
  {
    auto connection = raw(folder / "backup");
    run(connection, "DROP TRIGGER record_keeps_values; UPDATE record SET who = 'x' WHERE id = 7");
  }
  Replacement wanted = replacement(folder.path(), folder / "backup");
  wanted.broken_chain = true;
  CHECK(replaced(wanted).copy.broken->row == 7);
  CHECK(has(all_rows(*open_store(folder.path())).back().payload, "\"broken_at\":7"));
}

TEST_CASE("a record that was set aside can be restored, with what was in its log only") {
  TempFolder folder;
  TempFolder crashed;
  {
    auto store = open_store(folder.path());
    append(*store, 0, 5);
    for (const char* name : {"yagura.db", "yagura.db-wal"})
      std::filesystem::copy_file(folder / name, crashed / name);
  }
  const Replaced first = replaced(replacement(crashed.path(), ""));
  REQUIRE(std::filesystem::exists(first.set_aside + "-wal"));
  CHECK(all_rows(*open_store(crashed.path())).size() == 1);
  const Replaced second = replaced(replacement(crashed.path(), first.set_aside));
  CHECK(second.copy.head.id == 5);
  CHECK(all_rows(*open_store(crashed.path())).size() == 6);
}

TEST_CASE("a damaged record gives way to a backup, or to a new record that says so") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    append(*store, 0, 5);
    copied(folder.path(), folder / "backup");
  }
  std::ofstream(folder / "yagura.db") << std::string(5000, 'x');
  REQUIRE_FALSE(Store::open(folder.path()).has_value());
  SUBCASE("a backup") {
    CHECK(replaced(replacement(folder.path(), folder / "backup")).set_aside.empty());
    CHECK(all_rows(*open_store(folder.path())).size() == 6);
  }
  SUBCASE("a new record") {
    replaced(replacement(folder.path(), ""));
    const std::vector<RecordRow> rows = all_rows(*open_store(folder.path()));
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].what == "record.begun");
  }
  CHECK(records_aside(folder.path()).size() == 1);
}

TEST_CASE("a backup is restored where there never was a record") {
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    append(*store, 0, 5);
    copied(folder.path(), folder / "backup");
  }
  CHECK(replaced(replacement(folder / "fresh", folder / "backup")).set_aside.empty());
  CHECK(all_rows(*open_store(folder / "fresh")).size() == 6);
}

TEST_CASE("what root restores in the folder of another user belongs to that user") {
  if (geteuid() != 0) return;
  TempFolder folder;
  {
    auto store = open_store(folder.path());
    append(*store, 0, 5);
    copied(folder.path(), folder / "backup");
  }
  std::filesystem::create_directory(folder / "theirs");
  REQUIRE(chown((folder / "theirs").c_str(), 65534, 65534) == 0);
  replaced(replacement(folder / "theirs", folder / "backup"));
  for (const char* name : {"yagura.db", "yagura.lock"}) {
    struct stat status {};
    REQUIRE(stat((folder / "theirs/" + name).c_str(), &status) == 0);
    CHECK(status.st_uid == 65534);
    CHECK((status.st_mode & 07777) == 0600);
  }
}
