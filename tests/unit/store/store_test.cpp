#include "store.hpp"

#include <atomic>
#include <set>
#include <thread>

#include "reader.hpp"
#include "support.hpp"

using namespace yagura;

TEST_CASE("what is appended is read back, also after the store was opened again") {
  TempFolder folder;
  std::string instance;
  {
    auto store = open_store(folder.path());
    instance = store->instance();
    CHECK(instance.size() == 16);
    CHECK(instance.find_first_not_of("0123456789abcdef") == std::string::npos);
    RecordEntry made = entry("failure.opened", R"({"原因":"接続拒否"})", "failure:3");
    made.failure = 3;
    made.notice = 7;
    made.who = "suzuki";
    store->append(one(made), nullptr);
    CHECK(store->flush(10s));
    CHECK(store->queued() == 0);
    CHECK(store->trouble() == std::nullopt);
  }
  auto store = open_store(folder.path());
  CHECK(store->instance() == instance);
  std::vector<RecordRow> rows = all_rows(*store);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].id == 1);
  CHECK(rows[0].at == at_second(0));
  CHECK(rows[0].what == "failure.opened");
  CHECK(rows[0].failure == 3);
  CHECK(rows[0].notice == 7);
  CHECK(rows[0].who == "suzuki");
  CHECK(rows[0].subject == "failure:3");
  CHECK(rows[0].payload == R"({"原因":"接続拒否"})");
  CHECK_FALSE(rows[0].erased);
  CHECK(store->head().id == 1);
  CHECK(store->head().chain == rows[0].chain);
  TempFolder other;
  CHECK(open_store(other.path())->instance() != instance);
}

TEST_CASE("done is called in order, once for each transaction, when its rows can be read") {
  TempFolder folder;
  auto store = open_store(folder.path());
  std::vector<int> called;
  std::atomic<int> unreadable{0};
  for (int n = 1; n <= 500; ++n) {
    Transaction transaction = n % 10 == 0 ? Transaction{} : one(entry("fact", numbered(n)));
    store->append(std::move(transaction), [&, n] {
      called.push_back(n);
      if (n % 100 != 1) return;
      Store::Query last;
      last.after_id = n - 1 - n / 10;
      auto rows = store->read(last);
      if (!rows || rows->empty() || rows->front().payload != numbered(n)) ++unreadable;
    });
  }
  REQUIRE(store->flush(30s));
  REQUIRE(called.size() == 500);
  for (int n = 1; n <= 500; ++n)
    CHECK(called[static_cast<std::size_t>(n - 1)] == n);
  CHECK(unreadable == 0);
  CHECK(all_rows(*store).size() == 450);
}

TEST_CASE("of very many that come one by one some are committed together") {
  TempFolder folder;
  auto store = open_store(folder.path());
  std::atomic<int> done{0};
  const auto began = std::chrono::steady_clock::now();
  for (int n = 1; n <= 2000; ++n) {
    const bool last = n > 1990;
    // The last ones come when the others have been taken, one by one.
    while (last && done < n - 1)
      std::this_thread::sleep_for(1ms);
    store->append(one(entry("fact", numbered(n))), [&done] { ++done; });
  }
  while (done < 2000)
    std::this_thread::sleep_for(1ms);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  CHECK(static_cast<double>(store->commits()) <= 5 + 15 * took.count() + 1);
  CHECK(store->commits() >= 11);
  CHECK(all_rows(*store).size() == 2000);
}

TEST_CASE("transactions of several threads stay whole") {
  TempFolder folder;
  auto store = open_store(folder.path());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&store, t] {
      for (int n = 0; n < 100; ++n) {
        Transaction transaction;
        for (int part = 0; part < 3; ++part) {
          transaction.entries.push_back(entry("fact", numbered(t * 1000 + n)));
        }
        store->append(std::move(transaction), nullptr);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  REQUIRE(store->flush(30s));
  std::vector<RecordRow> rows = all_rows(*store);
  REQUIRE(rows.size() == 1200);
  for (std::size_t at = 0; at < rows.size(); at += 3) {
    CHECK(rows[at].payload == rows[at + 1].payload);
    CHECK(rows[at].payload == rows[at + 2].payload);
  }
}

TEST_CASE("closing waits for what is queued") {
  TempFolder folder;
  int done = 0;
  {
    auto store = open_store(folder.path());
    for (int n = 0; n < 2000; ++n) {
      store->append(one(entry("fact", numbered(n))), [&done] { ++done; });
    }
  }
  CHECK(done == 2000);
  CHECK(all_rows(*open_store(folder.path())).size() == 2000);
}

TEST_CASE("queries choose by time, failure, name and place") {
  TempFolder folder;
  auto store = open_store(folder.path());
  // The clock jumps back once: order is by id, and times are looked at one by one.
  for (int second : {10, 20, 15, 30, 40}) {
    RecordEntry made = entry(second == 30 ? "state.failure" : "failure.opened", numbered(second));
    made.at = at_second(second);
    made.failure = second >= 20 ? 1 : 0;
    store->append(one(made), nullptr);
  }
  REQUIRE(store->flush(10s));
  const auto ids = [&](const Store::Query& query) {
    auto rows = store->read(query);
    REQUIRE(rows.has_value());
    std::vector<std::int64_t> found;
    for (const RecordRow& row : *rows)
      found.push_back(row.id);
    std::vector<std::int64_t> streamed;
    Store::Query endless = query;
    endless.limit = 1;  // does not count for each()
    auto done = store->each(endless, [&](const RecordRow& row) {
      streamed.push_back(row.id);
      return true;
    });
    REQUIRE(done.has_value());
    if (query.limit == 1000) CHECK(streamed == found);
    return found;
  };
  using Ids = std::vector<std::int64_t>;
  CHECK(ids({}) == Ids{1, 2, 3, 4, 5});
  CHECK(ids({.since = at_second(20)}) == Ids{2, 4, 5});
  CHECK(ids({.until = at_second(20)}) == Ids{1, 3});
  CHECK(ids({.since = at_second(15), .until = at_second(30)}) == Ids{2, 3});
  CHECK(ids({.since = at_second(50)}).empty());
  CHECK(ids({.failure = 1}) == Ids{2, 4, 5});
  CHECK(ids({.failure = 0}) == Ids{1, 3});
  CHECK(ids({.failure = 2}).empty());
  CHECK(ids({.what = "state.*"}) == Ids{4});
  CHECK(ids({.what = "failure.o%"}).empty());
  CHECK(ids({.without_states = true}) == Ids{1, 2, 3, 5});
  CHECK(ids({.limit = 2}) == Ids{1, 2});
  CHECK(ids({.limit = 2, .newest = true}) == Ids{4, 5});
  CHECK(ids({.failure = 1, .without_states = true, .limit = 1, .newest = true}) == Ids{5});
  CHECK(ids({.since = at_second(15), .until = at_second(40), .limit = 2, .newest = true}) == Ids{3, 4});
  CHECK(ids({.after_id = 3, .limit = 9, .newest = true}) == Ids{4, 5});
  CHECK(ids({.after_id = 3}) == Ids{4, 5});
  CHECK(ids({.after_id = 1, .limit = 2}) == Ids{2, 3});
  CHECK(ids({.limit = 0}).empty());
}

TEST_CASE("queries choose by person and by pattern, in order, along an index") {
  TempFolder folder;
  auto store = open_store(folder.path());
  Transaction many;
  for (int n = 1; n <= 900; ++n) {
    const char* names[] = {"notice.sent", "notice.queued", "failure.opened", "notice[x]"};
    RecordEntry made = entry(names[n % 4], numbered(n));
    made.who = n % 5 == 0 ? "sato" : "daemon";
    made.failure = n % 3;
    many.entries.push_back(std::move(made));
  }
  store->append(std::move(many), nullptr);
  REQUIRE(store->flush(30s));
  const auto matching = [&](const Store::Query& query, auto wanted) {
    std::vector<std::int64_t> expected, found;
    for (int n = 1; n <= 900; ++n)
      if (wanted(n)) expected.push_back(n);
    REQUIRE(store->each(query, [&](const RecordRow& row) {
      found.push_back(row.id);
      return true;
    }).has_value());
    CHECK(found == expected);
    auto connection = raw(folder / "yagura.db");
    auto sql = query_sql(connection, query);
    REQUIRE(sql.has_value());
    auto plan = connection.prepare("EXPLAIN QUERY PLAN " + *sql);
    REQUIRE(plan.has_value());
    std::string steps;
    for (auto row = plan->step(); row && *row; row = plan->step())
      steps += plan->text(3) + "\n";
    return steps;
  };
  std::string plan = matching({.what = "notice.*"}, [](int n) { return n % 4 < 2; });
  CAPTURE(plan);
  CHECK(has(plan, "USING INDEX record_what (what=? AND rowid>? AND rowid<?)"));
  CHECK_FALSE(has(plan, "SCAN record"));
  plan = matching({.who = "sato"}, [](int n) { return n % 5 == 0; });
  CHECK(has(plan, "SEARCH record USING INDEX record_who (who=? AND rowid>? AND rowid<?)"));
  plan = matching({.failure = 2, .what = "notice.queued"}, [](int n) { return n % 3 == 2 && n % 4 == 1; });
  CHECK(has(plan, "SEARCH record USING INDEX record_failure (failure=? AND rowid>? AND rowid<?)"));
  plan = matching({.who = "daemon"}, [](int n) { return n % 5 != 0; });
  CHECK(has(plan, "SEARCH record USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"));
  matching({.who = "sato", .what = "notice.?ent"}, [](int n) { return n % 5 == 0 && n % 4 == 0; });
  matching({.what = "notice[x]"}, [](int n) { return n % 4 == 3; });
  matching({.what = "nothing.*"}, [](int) { return false; });
  matching({.what = "*"}, [](int) { return true; });
}

TEST_CASE(
    "reading row by row passes over batches, ends with what was there, and lets others write") {
  TempFolder folder;
  auto store = open_store(folder.path());
  Transaction many;
  std::string long_text(10'000, 'x');
  for (int n = 1; n <= 1000; ++n) {
    many.entries.push_back(entry("fact", n % 100 == 0 ? long_text : numbered(n)));
  }
  store->append(std::move(many), nullptr);
  REQUIRE(store->flush(30s));
  std::int64_t seen = 0;
  auto read = store->each({}, [&](const RecordRow& row) {
    CHECK(row.id == seen + 1);
    seen = row.id;
    if (seen % 400 == 0) {
      store->append(one(entry("later")), nullptr);
      CHECK(store->flush(10s));
    }
    return true;
  });
  REQUIRE(read.has_value());
  CHECK(seen == 1000);

  seen = 0;
  REQUIRE(store->each({}, [&](const RecordRow&) { return ++seen < 300; }).has_value());
  CHECK(seen == 300);
}

TEST_CASE("of each subject the last row is given, in id order, without looking at all rows") {
  TempFolder folder;
  auto store = open_store(folder.path());
  for (int n = 1; n <= 300; ++n) {
    std::string subject = n % 3 == 0 ? "core" : n % 3 == 1 ? fmt::format("failure:{}", n % 5) : "";
    store->append(one(entry("state.some", numbered(n), subject)), nullptr);
  }
  REQUIRE(store->flush(10s));
  std::vector<std::string> found;
  std::int64_t before = 0;
  REQUIRE(store
              ->last_states([&](const RecordRow& row) {
                CHECK(row.id > before);
                before = row.id;
                found.push_back(fmt::format("{} {}", row.id, row.subject));
              })
              .has_value());
  CHECK(found == std::vector<std::string>{"286 failure:1", "289 failure:4", "292 failure:2",
                                          "295 failure:0", "298 failure:3", "300 core"});

  auto connection = raw(folder / "yagura.db");
  auto plan = connection.prepare(std::string("EXPLAIN QUERY PLAN ") + last_states_sql());
  REQUIRE(plan.has_value());
  std::string steps;
  for (auto row = plan->step(); row && *row; row = plan->step())
    steps += plan->text(3) + "\n";
  CAPTURE(steps);
  CHECK(has(steps, "SEARCH own USING COVERING INDEX record_subject (subject=?)"));
  CHECK(has(steps, "SEARCH record USING INTEGER PRIMARY KEY (rowid=?)"));
  CHECK_FALSE(has(steps, "SCAN record"));
  CHECK_FALSE(has(steps, "SCAN own"));
}

TEST_CASE(
    "a mail is written once: the same again changes nothing, another is refused with a word") {
  TempFolder folder;
  std::vector<std::string> warnings;
  StoreOptions options = quick_options();
  options.warn = [&](const std::string& text) { warnings.push_back(text); };
  auto store = open_store(folder.path(), options);
  std::string bytes("Subject: x\r\n\r\n\0\xff", 16);
  const auto write = [&](std::string id, std::string content) {
    Transaction transaction = one(entry("notice.sent"));
    transaction.mails.push_back(MailBytes{7, std::move(id), std::move(content)});
    store->append(std::move(transaction), nullptr);
    REQUIRE(store->flush(10s));
  };
  write("<a@x>", bytes);
  write("<a@x>", bytes);
  CHECK(warnings.empty());
  write("<a@x>", "other");
  REQUIRE(warnings.size() == 1);
  CHECK(has(warnings[0], "notice 7 has a mail already"));
  auto kept = store->mail(7);
  REQUIRE(kept.has_value());
  REQUIRE(kept->has_value());
  CHECK((*kept)->message_id == "<a@x>");
  CHECK((*kept)->bytes == bytes);
  CHECK_FALSE(store->mail(8)->has_value());
  CHECK(all_rows(*store).size() == 3);  // the row beside a refused mail is written
}

TEST_CASE("the state of a job probe is replaced") {
  TempFolder folder;
  auto store = open_store(folder.path());
  for (int n = 1; n <= 3; ++n) {
    Transaction transaction;
    transaction.jobs.push_back(JobRow{"settlement", "job", numbered(n)});
    transaction.jobs.push_back(JobRow{"backup", "nightly", "{}"});
    store->append(std::move(transaction), nullptr);
  }
  REQUIRE(store->flush(10s));
  auto jobs = store->jobs();
  REQUIRE(jobs.has_value());
  REQUIRE(jobs->size() == 2);
  CHECK((*jobs)[0].component == "backup");
  CHECK((*jobs)[1].component == "settlement");
  CHECK((*jobs)[1].state == numbered(3));
}

TEST_CASE("names are kept on one line and payloads byte by byte") {
  TempFolder folder;
  auto store = open_store(folder.path());
  RecordEntry made = entry("a\nb", "{\"x\":\"\\n\"}\n\xff", "core\r\n1");
  made.who = "eve\n5";
  store->append(one(made), nullptr);
  REQUIRE(store->flush(10s));
  RecordRow row = all_rows(*store).at(0);
  CHECK(row.what == "a b");
  CHECK(row.who == "eve 5");
  CHECK(row.subject.find_first_of("\r\n") == std::string::npos);
  CHECK(row.payload == made.payload);
  CHECK_FALSE(store->verify()->has_value());
}

TEST_CASE("of a long record the newest rows are read, in their order") {
  TempFolder folder;
  auto store = open_store(folder.path());
  for (int number = 1; number <= 1500; ++number) store->append(one(entry("failure.opened", numbered(number))), nullptr);
  REQUIRE(store->flush(10s));
  auto rows = store->read({.limit = 1000, .newest = true});
  REQUIRE(rows.has_value());
  REQUIRE(rows->size() == 1000);
  for (std::size_t i = 0; i < rows->size(); ++i) REQUIRE((*rows)[i].id == static_cast<std::int64_t>(501 + i));
}
