#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "support.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

Samples& of_web(Samples& samples, Instant now = noon) {
  samples.set_platform(platform_of({{"db", {"tcp"}}, {"web", {"http", "tcp"}}}), now);
  return samples;
}

// One run of web/http in each span from `from` on.
void write_spans(const TempFolder& folder, Samples& samples, Instant from, int spans) {
  for (int i = 0; i < spans; ++i) {
    samples.take(web, ran(Verdict::ok, {{"v", i}}));
    auto write = written(folder, samples, from + 5min * (i + 1));
    REQUIRE_MESSAGE(write.layout_row, (write.layout_row ? "" : write.layout_row.error().message));
  }
}

std::string content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("what was written is read again, of those asked for and in which something ran") {
  TempFolder folder;
  CHECK(read_all(folder, "web").empty());
  Samples samples;
  of_web(samples);
  samples.take(web, ran(Verdict::ok, {{"status", 200}, {"total_seconds", 0.5}}));
  samples.take(web, ran(Verdict::failing, {{"total_seconds", 1.5}}));
  samples.take({"db", "tcp"}, ran(Verdict::ok, {{"connect_seconds", 1}}));
  CHECK(written(folder, samples, noon + 5min).layout_row);
  samples.take(web, ran(Verdict::unknown));
  samples.take({"web", "tcp"}, ran(Verdict::ok));
  CHECK(written(folder, samples, noon + 10min).layout_row);

  const auto rows = read_all(folder, "web");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].from == noon);
  CHECK(rows[0].probe == web);
  CHECK(rows[0].tally.runs.by_verdict == std::array<std::uint32_t, 4>{1, 0, 1, 0});
  CHECK(rows[0].tally.values.at("total_seconds").mean == 1);
  CHECK(rows[0].tally.values.at("total_seconds").max == 1.5);
  CHECK(rows[0].tally.values.at("status").runs == 1);
  CHECK(rows[1].from == noon + 5min);
  CHECK(rows[1].tally.values.empty());
  CHECK(rows[2].probe == ProbeId{"web", "tcp"});
  CHECK(read_all(folder, "web", "tcp").size() == 1);
  CHECK(read_all(folder, "we").empty());
  struct stat status {};
  REQUIRE(stat((folder.path + "/samples.db").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a span is one row, and the layout is written when it changed, also over a restart") {
  TempFolder folder;
  Samples samples;
  of_web(samples);
  samples.take(web, ran(Verdict::ok, {{"v", 1}}));
  const auto first = written(folder, samples, noon + 5min);
  REQUIRE(first.layout_row);
  Samples::Span span = samples.end(noon + 10min);
  CHECK(write_span(folder.path, {span.from, span.bytes, std::nullopt, *first.layout_row},
                   {noon, 24h, false})
            .layout_row);
  {
    Samples again;
    of_web(again, noon + 10min).take(web, ran(Verdict::ok, {{"v", 1}}));
    CHECK(*written(folder, again, noon + 15min).layout_row == *first.layout_row);
    again.take(web, ran(Verdict::ok, {{"w", 1}}));
    CHECK(*written(folder, again, noon + 20min).layout_row != *first.layout_row);
  }
  CHECK(number_in_file(folder, "SELECT count(*) FROM span") == 4);
  CHECK(number_in_file(folder, "SELECT count(*) FROM layout") == 2);
  const auto rows = read_all(folder, "web");
  REQUIRE(rows.size() == 3);
  CHECK(rows[2].tally.values.count("v") == 0);
}

TEST_CASE("a layout that the file does not know is asked for again") {
  TempFolder folder;
  Samples samples;
  Samples::Span span = of_web(samples).end(noon + 5min);
  CHECK_FALSE(write_span(folder.path, {span.from, span.bytes, std::nullopt, 7}, {noon, 24h, false})
                  .layout_row);
  CHECK(written(folder, samples, noon + 10min).layout_row);
}

TEST_CASE("after two days an hour becomes one row, one hour with each span that is written") {
  TempFolder folder;
  Samples samples;
  of_web(samples);
  write_spans(folder, samples, noon, 24);  // two hours
  CHECK(number_in_file(folder, "SELECT count(*) FROM span WHERE seconds = 300") == 24);
  samples.end(noon + 49h);
  const auto write_next = [&](int nth) {
    samples.take(web, ran(Verdict::ok));
    return written(folder, samples, noon + 50h + 5min * nth);
  };
  CHECK(write_next(0).layout_row);
  CHECK(number_in_file(folder, "SELECT count(*) FROM span WHERE seconds = 300") == 13);
  CHECK(write_next(1).layout_row);
  CHECK(number_in_file(folder, "SELECT count(*) FROM span WHERE seconds = 300") == 2);
  CHECK(write_next(2).layout_row);
  CHECK(number_in_file(folder, "SELECT count(*) FROM span WHERE seconds = 300") == 3);

  const auto rows = read_all(folder, "web");
  REQUIRE(rows.size() == 5);
  CHECK(rows[0].from == noon);
  CHECK(rows[0].tally.runs.of(Verdict::ok) == 12);
  CHECK(rows[0].tally.values.at("v").mean == doctest::Approx(5.5));
  CHECK(rows[0].tally.values.at("v").max == 11);
  CHECK(rows[1].from == noon + 1h);
  CHECK(rows[1].tally.values.at("v").mean == doctest::Approx(17.5));
}

TEST_CASE("an hour in which the layout changed is thinned whole") {
  TempFolder folder;
  Samples samples;
  of_web(samples);
  write_spans(folder, samples, noon, 6);
  samples.set_platform(platform_of({{"mail", {"smtp"}}, {"web", {"http"}}}), noon + 30min);
  for (int i = 6; i < 12; ++i) {
    samples.take(web, ran(Verdict::failing, {{"v", 100}, {"w", 1}}));
    samples.take({"mail", "smtp"}, ran(Verdict::ok));
    CHECK(written(folder, samples, noon + 5min * (i + 1)).layout_row);
  }
  samples.end(noon + 60h);
  CHECK(written(folder, samples, noon + 60h + 5min).layout_row);
  const auto rows = read_all(folder, "web");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].tally.runs.by_verdict == std::array<std::uint32_t, 4>{6, 0, 6, 0});
  CHECK(rows[0].tally.values.at("v").runs == 12);
  CHECK(rows[0].tally.values.at("v").mean == doctest::Approx(51.25));
  CHECK(rows[0].tally.values.at("w").runs == 6);
  CHECK(read_all(folder, "mail").size() == 1);
  // What nothing refers to any more is gone.
  CHECK(number_in_file(folder, "SELECT count(*) FROM layout") == 2);
}

TEST_CASE("what nobody can read any more does not keep the rest from being thinned") {
  TempFolder folder;
  Samples samples;
  of_web(samples);
  write_spans(folder, samples, noon, 12);
  {
    auto raw =
        sqlite::Connection::open(folder.path + "/samples.db", sqlite::Connection::Access::write);
    REQUIRE(raw);
    CHECK(raw->run(
        "UPDATE span SET bytes = x'ffffffff' WHERE id = 3; "
        "INSERT INTO layout VALUES (99, x'ff'); UPDATE span SET layout = 99 WHERE id = 4"));
  }
  CHECK(read_all(folder, "web").size() == 10);
  samples.end(noon + 60h);
  CHECK(written(folder, samples, noon + 60h + 5min).layout_row);
  const auto rows = read_all(folder, "web");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].tally.runs.all() == 10);
}

TEST_CASE("what is older than retention.samples goes, some rows with each span that is written") {
  TempFolder folder;
  Samples samples;
  of_web(samples);
  write_spans(folder, samples, noon, 40);
  samples.end(noon + 24h * 3);
  const auto write_next = [&](int nth) {
    CHECK(written(folder, samples, noon + 24h * 3 + 5min * nth, 24h).layout_row);
    return number_in_file(folder,
                          "SELECT count(*) FROM span WHERE from_s < unixepoch('2026-12-29')");
  };
  CHECK(write_next(1) < 10);
  CHECK(write_next(2) == 0);
  CHECK(number_in_file(folder, "SELECT count(*) FROM span") == 2);
}

TEST_CASE("a damaged file is put aside, and begun anew") {
  TempFolder folder;
  const std::string file = folder.path + "/samples.db";
  Samples samples;
  of_web(samples);
  std::string before;
  bool check = true;
  SUBCASE("no database at all") {
    std::ofstream(file) << std::string(10'000, 'x');
    before = content(file);
  }
  SUBCASE("a database with a hole") {
    SUBCASE("looked for") {}
    SUBCASE("met while writing") {
      check = false;
    }
    write_spans(folder, samples, noon, 30);
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(4096)
        << std::string(12'000, '\xff');
    before = content(file);
  }
  SUBCASE("another program's") {
    { std::ofstream make(file); }
    auto other = sqlite::Connection::open(file, sqlite::Connection::Access::write);
    REQUIRE(other);
    REQUIRE(other->run("CREATE TABLE theirs (x); PRAGMA user_version = 3"));
    before = content(file);
  }
  samples.take(web, ran(Verdict::ok));
  Samples::Span span = samples.end(noon + 24h);
  const SpanToWrite write{span.from, span.bytes, samples.layout(), 0};
  const SampleWrite done = write_span(folder.path, write, {noon + 24h, 24h * 90, check});
  REQUIRE_MESSAGE(done.layout_row, (done.layout_row ? "" : done.layout_row.error().message));
  CHECK(done.aside == file + ".damaged");
  CHECK(has(done.why, "samples.db"));
  CHECK(content(file + ".damaged") == before);
  CHECK(read_all(folder, "web").size() == 1);
  // The next write finds nothing wrong.
  CHECK(write_span(folder.path, write, {noon + 24h, 24h * 90, true}).aside.empty());
}

TEST_CASE(
    "a folder or a link in the file's place is put aside; where that fails nothing is written") {
  TempFolder folder;
  Samples samples;
  of_web(samples);
  SUBCASE("a folder") {
    std::filesystem::create_directory(folder.path + "/samples.db");
  }
  SUBCASE("a link") {
    std::filesystem::create_symlink("/dev/null", folder.path + "/samples.db");
  }
  CHECK_FALSE(written(folder, samples, noon + 5min).aside.empty());
  samples.take(web, ran(Verdict::ok));
  CHECK(written(folder, samples, noon + 10min).layout_row);
  CHECK(read_all(folder, "web").size() == 1);

  std::filesystem::remove(folder.path + "/samples.db.damaged");
  std::filesystem::remove(folder.path + "/samples.db");
  std::filesystem::create_directory(folder.path + "/samples.db");
  std::filesystem::create_directory(folder.path + "/samples.db.damaged");
  const SampleWrite refused = written(folder, samples, noon + 15min);
  REQUIRE_FALSE(refused.layout_row);
  CHECK(has(refused.layout_row.error().message, "remove it"));
}

TEST_CASE("a disk that is full costs this span, and damages nothing that is there") {
  TempFolder folder;
  rlim_t most = 0;
  SUBCASE("what SQLite needs beside the file cannot be made") {
    most = 20'000;
  }
  SUBCASE("the span does not fit any more") {
    most = 50'000;
  }
  // In a process of its own, whose files may grow no further.
  const pid_t child = fork();
  if (child == 0) {
    Samples samples;
    of_web(samples);
    write_spans(folder, samples, noon, 3);
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit{most, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    Samples::Span span = samples.end(noon + 1h);
    const SpanToWrite large{span.from, std::string(100'000, '\1'), samples.layout(), 0};
    const SampleWrite refused = write_span(folder.path, large, {noon + 1h, 24h * 90, false});
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    const bool well = !refused.layout_row && refused.aside.empty() &&
                      written(folder, samples, noon + 2h).layout_row;
    _exit(well ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(read_all(folder, "web").size() == 3);
}

TEST_CASE("reading goes on while another one writes, and a writer does not wait for who reads") {
  TempFolder folder;
  Samples samples;
  of_web(samples);
  write_spans(folder, samples, noon, 3);
  int rows = 0;
  const SampleQuery query{"web", "", noon - 1h, noon + 24h};
  auto read = read_spans(folder.path, query, [&](Instant, const ProbeId&, const NamedTally&) {
    if (rows++ == 0) write_spans(folder, samples, noon + 15min, 2);
    return true;
  });
  CHECK(read);
  CHECK(rows == 3);
  CHECK(read_all(folder, "web").size() == 5);
}
