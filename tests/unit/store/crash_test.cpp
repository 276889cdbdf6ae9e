// A process that writes is killed at random instants; what it had called durable must be there, in
// whole transactions, in order, with a chain that fits.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "support.hpp"

using namespace yagura;

namespace {

std::int64_t parts_of(std::int64_t n) {
  return 1 + n % 4;
}

Transaction transaction_of(std::int64_t n) {
  Transaction transaction;
  for (std::int64_t part = 1; part <= parts_of(n); ++part) {
    transaction.entries.push_back(entry("state.core", fmt::format("{} {}", n, part), "core"));
  }
  transaction.mails.push_back(MailBytes{n, fmt::format("<{}@x>", n), std::string(500, 'm')});
  transaction.jobs.push_back(JobRow{"settlement", "job", fmt::format("{}", n)});
  return transaction;
}

// Appends from `first` on until killed, and reports each number that is durable.
[[noreturn]] void write_for_ever(const std::string& folder, std::int64_t first, int report) {
  Result<std::unique_ptr<Store>> store = Store::open(folder);
  if (!store) _exit(1);
  for (std::int64_t n = first;; ++n) {
    (*store)->append(transaction_of(n), [n, report] {
      if (write(report, &n, sizeof n) != sizeof n) _exit(2);
    });
    while ((*store)->queued() > 100)
      std::this_thread::sleep_for(100us);
  }
}

struct Child {
  pid_t process = -1;
  int report = -1;
};

Child start(const std::string& folder, std::int64_t first) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  pid_t process = fork();
  REQUIRE(process >= 0);
  if (process == 0) {
    close(ends[0]);
    write_for_ever(folder, first, ends[1]);
  }
  close(ends[1]);
  return {process, ends[0]};
}

}  // namespace

TEST_CASE("kill -9 at any instant loses nothing that was durable and leaves no half transaction") {
  const bool thorough = std::getenv("YAGURA_LONG") != nullptr && *std::getenv("YAGURA_LONG") != 0;
  const int rounds = thorough ? 500 : 25;
  std::mt19937 random(20261228);
  std::uniform_int_distribution<int> microseconds(0, 80'000);
  TempFolder folder;
  std::int64_t last = 0;      // the last transaction that is there
  std::int64_t reported = 0;  // ever
  std::int64_t last_row = 0;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    Child child = start(folder.path(), last + 1);
    // Half of the rounds count from the first commit, the others from the start of the process.
    std::int64_t durable = last;
    std::int64_t n = 0;
    if (round % 2 == 0) {
      REQUIRE(read(child.report, &n, sizeof n) == sizeof n);
      durable = n;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
    REQUIRE(kill(child.process, SIGKILL) == 0);
    while (read(child.report, &n, sizeof n) == sizeof n) {
      CHECK(n == durable + 1);
      durable = n;
    }
    close(child.report);
    int status = 0;
    REQUIRE(waitpid(child.process, &status, 0) == child.process);
    REQUIRE(WIFSIGNALED(status));  // it did not end by itself
    reported += durable - last;

    auto store = open_store(folder.path());
    std::int64_t part = 0;  // of transaction `last`
    Store::Query query;
    query.after_id = last_row;
    bool in_order = true;
    REQUIRE(store
                ->each(query,
                       [&](const RecordRow& row) {
                         if (part == 0 || part == parts_of(last)) {
                           ++last;
                           part = 0;
                         }
                         in_order = row.payload == fmt::format("{} {}", last, ++part);
                         last_row = row.id;
                         return in_order;
                       })
                .has_value());
    CHECK(in_order);
    CHECK((part == 0 || part == parts_of(last)));
    CHECK(last >= durable);
    auto found = store->verify();
    REQUIRE(found.has_value());
    CHECK_FALSE(found->has_value());
    if (last == 0) continue;
    CHECK(store->jobs()->at(0).state == fmt::format("{}", last));
    CHECK(store->mail(last)->has_value());
    CHECK_FALSE(store->mail(last + 1)->has_value());
  }
  CHECK(reported > rounds);
  MESSAGE(reported << " transactions were reported durable in " << rounds << " lives");
}
