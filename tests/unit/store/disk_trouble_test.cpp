// Disks that are full, fail, hang or are taken away: nothing is lost or reordered, and somebody is
// told in words.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>
#include <random>
#include <thread>

#include "disk_faults.hpp"
#include "support.hpp"

using namespace yagura;

namespace {

// Waits for a condition that another thread brings about.
template <class Condition>
bool comes_true(Condition condition, Duration at_most = 20s) {
  auto end = std::chrono::steady_clock::now() + at_most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

bool numbers_fit(Store& store, std::int64_t count) {
  std::int64_t expected = 0;
  auto read = store.each(
      {}, [&](const RecordRow& row) { return row.payload.rfind(numbered(++expected), 0) == 0; });
  auto found = store.verify();
  return read.has_value() && expected == count && found.has_value() && !found->has_value();
}

// Runs a part of a test in a process of its own. What it prints ends up in `said`; 0 is success.
struct Apart {
  int status = -1;
  std::string said;
};

Apart apart(const std::function<int(const std::function<void(const std::string&)>&)>& part) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    close(ends[0]);
    _exit(part([&](const std::string& text) {
      if (write(ends[1], text.data(), text.size()) < 0) _exit(99);
    }));
  }
  close(ends[1]);
  Apart result;
  char buffer[512];
  for (ssize_t size = 0; (size = read(ends[0], buffer, sizeof buffer)) > 0;) {
    result.said.append(buffer, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(process, &status, 0) == process);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

// Gives the process mounts of its own: as root, or else as the root of a user namespace of its own.
bool enter_own_mounts() {
  const auto put = [](const char* path, const std::string& text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool written = file >= 0 && write(file, text.data(), text.size()) > 0;
    close(file);
    return written;
  };
  if (unshare(CLONE_NEWNS) == 0) return true;
  uid_t user = geteuid();
  gid_t group = getegid();
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
         put("/proc/self/uid_map", fmt::format("0 {} 1", user)) &&
         put("/proc/self/gid_map", fmt::format("0 {} 1", group));
}

// Appends until the store says that it is in trouble, lifts the limit, and looks at what is there.
int fill_and_lift(const std::string& folder, const std::function<bool()>& narrow,
                  const std::function<bool()>& lift, const std::string& expected,
                  const std::function<void(const std::string&)>& say) {
  auto store = Store::open(folder, quick_options());
  if (!store) return say(store.error().message), 1;
  if (!narrow()) return say("the limit could not be set"), 2;
  std::atomic<std::int64_t> durable{0};
  std::atomic<bool> in_order{true};
  std::int64_t count = 0;
  const auto append = [&] {
    std::int64_t n = ++count;
    (*store)->append(one(entry("fact", numbered(n) + std::string(2000, ' '))), [&, n] {
      if (++durable != n) in_order = false;
    });
  };
  while (!(*store)->trouble() && count < 20'000) {
    append();
    std::this_thread::sleep_for(200us);
  }
  auto trouble = (*store)->trouble();
  if (!trouble || !has(*trouble, expected)) return say(trouble.value_or("no trouble")), 3;
  for (int more = 0; more < 100; ++more)
    append();
  if ((*store)->flush(200ms)) return say("written in spite of the limit"), 4;
  if (!numbers_fit(**store, durable)) return say("the record does not fit while in trouble"), 5;
  if (!lift()) return say("the limit could not be lifted"), 6;
  if (!(*store)->flush(20s)) return say((*store)->trouble().value_or("slow")), 7;
  if ((*store)->trouble()) return say("trouble after it was over"), 8;
  if (!in_order || durable != count) return say("lost or reordered"), 9;
  if (!numbers_fit(**store, count)) return say("the record does not fit"), 10;
  return 0;
}

}  // namespace

TEST_CASE("a file system that is full keeps entries waiting until there is room") {
  TempFolder folder;
  Apart result = apart([&](const auto& say) {
    // A mount of its own in a namespace of its own: nobody else sees it, and it ends with the
    // process.
    if (!enter_own_mounts()) return 77;
    mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (mount("none", folder.path().c_str(), "tmpfs", 0, "size=1m") != 0) return 77;
    return fill_and_lift(
        folder.path(), [] { return true; },
        [&] { return mount("none", folder.path().c_str(), "tmpfs", MS_REMOUNT, "size=256m") == 0; },
        "the disk is full", say);
  });
  CAPTURE(result.said);
  if (result.status == 77) {
    MESSAGE("mounting is not allowed here: the full file system was not tried");
  } else {
    CHECK(result.status == 0);
  }
}

TEST_CASE("a file that may not grow keeps entries waiting until it may") {
  TempFolder folder;
  Apart result = apart([&](const auto& say) {
    const auto limit = [](rlim_t bytes) {
      rlimit now{};
      getrlimit(RLIMIT_FSIZE, &now);
      now.rlim_cur = std::min(bytes, now.rlim_max);
      return setrlimit(RLIMIT_FSIZE, &now) == 0;
    };
    return fill_and_lift(
        folder.path(), [&] { return limit(300'000); }, [&] { return limit(RLIM_INFINITY); },
        "the disk or file system reports an error", say);
  });
  CAPTURE(result.said);
  CHECK(result.status == 0);
}

TEST_CASE("a commit is called durable only after the log was synchronised") {
  TempFolder folder;
  std::atomic<int> writes{0}, synced_writes{0};
  auto store = open_store(folder.path());
  DiskFaults watch([&](DiskCall call, const std::string& file) {
    if (file == "yagura.db-wal" && call == DiskCall::write) ++writes;
    if (file == "yagura.db-wal" && call == DiskCall::sync) synced_writes = writes.load();
    return DiskAnswer{};
  });
  for (int n = 1; n <= 50; ++n) {
    int before = writes;
    bool synced = false;
    store->append(one(entry("fact", numbered(n))), [&] { synced = synced_writes == writes; });
    REQUIRE(store->flush(10s));
    CHECK(writes > before);
    CHECK(synced);
  }
}

TEST_CASE("a disk that fails now and then, anywhere, loses, doubles and reorders nothing") {
  std::mt19937 random(7), of_the_disk(8);  // each of one thread
  TempFolder folder;
  std::vector<std::string> news;
  std::atomic<int> failures{0};
  std::map<DiskCall, int> failed;
  std::atomic<std::int64_t> durable{0};
  std::atomic<bool> in_order{true};
  constexpr std::int64_t count = 1500;
  {
    StoreOptions options = quick_options();
    options.retry_every = 1ms;
    options.warn = [&](const std::string& text) { news.push_back(text); };
    auto store = open_store(folder.path(), options);
    DiskFaults faults([&](DiskCall call, const std::string&) {
      if (of_the_disk() % 40 != 0) return DiskAnswer{};
      ++failures;
      ++failed[call];
      const int errors[] = {ENOSPC, EIO, EDQUOT};
      return DiskAnswer{errors[of_the_disk() % 3], of_the_disk() % 2 == 0};
    });
    for (std::int64_t n = 1; n <= count; ++n) {
      // Long ones now and then, so that the log wraps and pages are carried over into the database.
      store->append(one(entry("fact", numbered(n) + std::string(random() % 6000, ' '))), [&, n] {
        if (++durable != n) in_order = false;
      });
      if (random() % 8 == 0) store->flush(5ms);
    }
    REQUIRE(store->flush(60s));
    CHECK(numbers_fit(*store, count));
  }
  CHECK(in_order);
  CHECK(durable == count);
  CHECK(failures > 50);
  CHECK(failed[DiskCall::write] > 0);
  CHECK(failed[DiskCall::sync] > 0);
  REQUIRE_FALSE(news.empty());
  CHECK(has(news.front(), "cannot be written"));
  CHECK(has(news.back(), "is written again"));
  CHECK(numbers_fit(*open_store(folder.path()), count));
}

TEST_CASE("a disk that is full at the start is refused in words, and nothing half-made stays") {
  TempFolder folder;
  {
    DiskFaults faults([](DiskCall call, const std::string&) {
      return DiskAnswer{call == DiskCall::write ? ENOSPC : 0, true};
    });
    auto refused = Store::open(folder.path());
    REQUIRE_FALSE(refused.has_value());
    CHECK(has(refused.error().message, "the disk is full"));
  }
  auto store = open_store(folder.path());
  store->append(one(entry("fact", numbered(1))), nullptr);
  REQUIRE(store->flush(10s));
  CHECK(numbers_fit(*store, 1));
}

TEST_CASE("trouble says what is wrong, how long and how much waits, and ends by itself") {
  TempFolder folder;
  auto store = open_store(folder.path());
  std::atomic<int> error{EIO};
  DiskFaults faults([&](DiskCall call, const std::string&) {
    return DiskAnswer{call == DiskCall::sync ? error.load() : 0};
  });
  bool done = false;
  Transaction two = one(entry("fact"));
  two.entries.push_back(entry("fact"));
  store->append(std::move(two), [&] { done = true; });
  REQUIRE(comes_true([&] { return store->trouble().has_value(); }));
  std::string trouble = *store->trouble();
  CAPTURE(trouble);
  CHECK(has(trouble, "cannot be written for 0s, 2 entries wait in memory"));
  CHECK(has(trouble, folder / "yagura.db"));
  CHECK(has(trouble, "Input/output error"));
  CHECK(store->queued() == 2);
  CHECK_FALSE(done);
  CHECK(all_rows(*store).empty());
  error = 0;
  CHECK(store->flush(10s));
  CHECK(done);
  CHECK_FALSE(store->trouble().has_value());
}

TEST_CASE("a database that is moved away is not written to unseen") {
  TempFolder folder;
  auto store = open_store(folder.path());
  std::filesystem::rename(folder / "yagura.db", folder / "elsewhere");
  bool done = false;
  store->append(one(entry("fact")), [&] { done = true; });
  REQUIRE(comes_true([&] { return store->trouble().has_value(); }));
  CHECK(has(*store->trouble(), "moved, removed or replaced"));
  CHECK_FALSE(done);
  std::filesystem::rename(folder / "elsewhere", folder / "yagura.db");
  CHECK(store->flush(10s));
  CHECK(done);
}

TEST_CASE("a write without an answer is trouble, and closing does not wait for it for ever") {
  TempFolder folder;
  std::atomic<bool> hang{true};
  std::atomic<bool> called{false};
  std::vector<std::string> news;
  StoreOptions options = quick_options();
  options.hangs_after = 50ms;
  options.drain_at_most = 100ms;
  options.warn = [&](const std::string& text) { news.push_back(text); };
  auto store = open_store(folder.path(), options);
  DiskFaults faults([&](DiskCall call, const std::string&) {
    while (call == DiskCall::sync && hang)
      std::this_thread::sleep_for(1ms);
    return DiskAnswer{};
  });
  store->append(one(entry("fact")), [&] { called = true; });
  store->append(one(entry("fact")), [&] { called = true; });
  REQUIRE(comes_true([&] { return store->trouble().has_value(); }));
  CHECK(has(*store->trouble(), "the disk hangs"));

  auto begin = std::chrono::steady_clock::now();
  store.reset();
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  REQUIRE(news.size() == 1);
  CHECK(has(news[0], "2 entries were not written"));
  // Who still hangs in the disk keeps the next one out.
  CHECK_FALSE(Store::open(folder.path()).has_value());
  hang = false;
  CHECK(comes_true([&] { return Store::open(folder.path(), quick_options()).has_value(); }));
  CHECK_FALSE(called);
}

TEST_CASE("closing with a failing disk is bounded and says how much is lost") {
  TempFolder folder;
  std::vector<std::string> news;
  StoreOptions options = quick_options();
  options.drain_at_most = 50ms;
  options.warn = [&](const std::string& text) { news.push_back(text); };
  auto store = open_store(folder.path(), options);
  DiskFaults faults([](DiskCall, const std::string&) { return DiskAnswer{ENOSPC}; });
  bool called = false;
  for (int n = 0; n < 3; ++n)
    store->append(one(entry("fact")), [&] { called = true; });
  store.reset();
  REQUIRE_FALSE(news.empty());
  CHECK(has(news.back(), "3 entries were not written"));
  CHECK(has(news.back(), "the disk is full"));
  CHECK_FALSE(called);
}

TEST_CASE("more than the stated number waiting is trouble, and nothing is dropped") {
  TempFolder folder;
  std::atomic<bool> slow{true};
  StoreOptions options = quick_options();
  options.most_queued = 100;
  auto store = open_store(folder.path(), options);
  DiskFaults faults([&](DiskCall call, const std::string&) {
    while (call == DiskCall::sync && slow)
      std::this_thread::sleep_for(1ms);
    return DiskAnswer{};
  });
  for (int n = 1; n <= 100; ++n)
    store->append(one(entry("fact", numbered(n))), nullptr);
  CHECK_FALSE(store->trouble().has_value());
  store->append(one(entry("fact", numbered(101))), nullptr);
  REQUIRE(store->trouble().has_value());
  CHECK(has(*store->trouble(), "101 entries wait in memory to be written, more than 100"));
  slow = false;
  REQUIRE(store->flush(10s));
  CHECK_FALSE(store->trouble().has_value());
  CHECK(numbers_fit(*store, 101));
}

TEST_CASE("another program that holds the database only delays") {
  TempFolder folder;
  auto store = open_store(folder.path());
  auto other = raw(folder / "yagura.db");
  run(other, "BEGIN IMMEDIATE");
  store->append(one(entry("fact", numbered(1))), nullptr);
  REQUIRE(comes_true([&] { return store->trouble().has_value(); }));
  CHECK(has(*store->trouble(), "another program holds the database"));
  run(other, "COMMIT");
  CHECK(store->flush(10s));
  CHECK(numbers_fit(*store, 1));
}
