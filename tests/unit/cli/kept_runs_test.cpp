// Ends of runs that wait for a daemon that is away: the folder, and the commands that keep and tell.
#include "kept_runs.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support.hpp"
#include "zone.hpp"

using namespace yagura;
using namespace yagura::cli;
using namespace yagura::cli::testing;

namespace {

using Answer = Result<std::pair<int, std::string>>;

const Instant noon = *parse_instant("2026-12-28T12:00:00Z");

struct Kept {
  Kept() : path(folder.file("state/yagura/jobs")) {
    setenv("XDG_STATE_HOME", folder.file("state").c_str(), 1);
  }
  ~Kept() { unsetenv("XDG_STATE_HOME"); }

  KeptRuns open(bool make = true) {
    auto opened = KeptRuns::open(path, make);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
    return std::move(*opened);
  }
  void keep(const std::string& job, Instant ended, const std::string& socket = "/s") {
    auto runs = open();
    REQUIRE(runs.keep({socket, {{"component", job}, {"run_id", "r-" + job}, {"ended_at", Zone().format(ended)}}}, ended)
                .has_value());
  }
  std::size_t files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path)) ++count;
    return count;
  }
  // What the daemon hears, which answers so.
  KeptRuns::Told tell(const Answer& answer, std::size_t at_most = 100) {
    return open().deliver(
        "/s",
        [&](const std::string& body) {
          heard.push_back(body);
          return answer;
        },
        noon, at_most, 10s);
  }

  Folder folder;
  std::string path;
  std::vector<std::string> heard;
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("kept runs are told of in the order of their ends, once, to the daemon that they are for") {
  Kept kept;
  kept.keep("second", noon - 1h);
  kept.keep("first", noon - 2h);
  kept.keep("other", noon - 3h, "/of another daemon");
  const auto told = kept.tell(Answer{{200, ""}});
  REQUIRE(kept.heard.size() == 2);
  CHECK(contains(kept.heard[0], "\"component\":\"first\""));
  CHECK(contains(kept.heard[1], "\"ended_at\":\"2026-12-28T11:00:00.000"));
  CHECK(told.delivered.size() == 2);
  CHECK(told.left == 0);
  CHECK(kept.files() == 1);
  CHECK(kept.tell(Answer{{200, ""}}).delivered.empty());
}

TEST_CASE("a daemon that is away is asked once, and everything stays; what it refuses goes") {
  Kept kept;
  for (int i = 0; i < 3; ++i) kept.keep("job" + std::to_string(i), noon - 1h * (i + 1));
  SUBCASE("away") {
    for (const Answer& answer : {Answer{failure_of("nobody there")}, Answer{{503, "in a moment"}}}) {
      kept.heard.clear();
      const auto told = kept.tell(answer);
      CHECK(kept.heard.size() == 1);
      CHECK(told.left == 3);
      CHECK(told.why_left == (answer ? "in a moment" : "nobody there"));
      CHECK(kept.files() == 3);
    }
  }
  SUBCASE("refused") {
    const auto told = kept.tell(Answer{{404, "there is no such job"}});
    CHECK(told.dropped.size() == 3);
    CHECK(contains(told.dropped.front(), "job2, ended 2026-12-28T09:00:00.000"));
    CHECK(contains(told.dropped.front(), "there is no such job"));
    CHECK(kept.files() == 0);
  }
  SUBCASE("a few at a time") {
    const auto told = kept.tell(Answer{{200, ""}}, 2);
    CHECK(told.delivered.size() == 2);
    CHECK(told.left == 1);
    CHECK(told.why_left.empty());
  }
}

TEST_CASE("what is too old or no kept run is dropped, and said") {
  Kept kept;
  kept.keep("old", noon - 24h * 7 - 1s);
  std::ofstream(kept.path + "/1.json") << "{\"socket\": 4}";
  std::ofstream(kept.path + "/2.json") << "[[[";
  std::filesystem::create_symlink("/etc/passwd", kept.path + "/3.json");
  REQUIRE(mkfifo((kept.path + "/4.json").c_str(), 0600) == 0);
  const auto told = kept.tell(Answer{{200, ""}});
  CHECK(kept.heard.empty());
  CHECK(told.dropped.size() == 5);
  CHECK(kept.files() == 0);
}

TEST_CASE("a folder that others can get at is not used, nor one behind a link") {
  Kept kept;
  kept.keep("job", noon);
  chmod(kept.path.c_str(), 0750);
  auto opened = KeptRuns::open(kept.path, true);
  REQUIRE_FALSE(opened.has_value());
  CHECK(contains(opened.error().message, "chmod 700"));
  std::filesystem::rename(kept.path, kept.folder.file("elsewhere"));
  std::filesystem::create_directory_symlink(kept.folder.file("elsewhere"), kept.path);
  chmod(kept.folder.file("elsewhere").c_str(), 0700);
  CHECK_FALSE(KeptRuns::open(kept.path, true).has_value());
}

TEST_CASE("of too many kept runs the oldest go") {
  Kept kept;
  auto runs = kept.open();
  std::size_t gone = 0;
  for (std::size_t i = 0; i < KeptRuns::most + 2; ++i) {
    const auto over = runs.keep({"/s", {{"run_id", std::to_string(i)}}}, noon + 1s * static_cast<int>(i));
    REQUIRE(over.has_value());
    gone += *over;
  }
  CHECK(gone == 2);
  CHECK(kept.files() == KeptRuns::most);
}

TEST_CASE(
    "of too many bytes of kept runs the oldest go, and the command says so, with the program's "
    "exit status") {
  Kept kept;
  auto runs = kept.open();
  const std::string text(190'600, 'x');
  const std::size_t fit = KeptRuns::most_bytes / 190'640;  // with little left over
  for (std::size_t i = 0; i < fit + 3; ++i)
    REQUIRE(runs.keep({"/s", {{"run_id", std::to_string(i)}, {"body", text}}},
                      noon + 1s * static_cast<int>(i))
                .has_value());
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kept.path))
    bytes += entry.file_size();
  CHECK(bytes <= KeptRuns::most_bytes);
  CHECK(kept.files() == fit);
  const Outcome away = run(
      {"--socket", kept.folder.file("none"), "job", "run", "settle", "--", "sh", "-c", "exit 5"});
  CHECK(away.exit == 5);
  CHECK(kept.files() == fit);
  CHECK(contains(
      away.err,
      "No more than 1000 runs and 16 MiB are kept: for it 1 older had to go"));
  CHECK(contains(away.err, "`yagura job deliver`"));
}

TEST_CASE("what a command that was killed left half written goes in time") {
  Kept kept;
  kept.keep("job", noon);
  for (const char* name : {"/1.json.abcdef", "/2.json.ghijkl"})
    std::ofstream(kept.path + name) << "{";
  std::filesystem::last_write_time(kept.path + "/1.json.abcdef",
                                   std::filesystem::file_time_type::clock::now() - 2h);
  kept.keep("other", noon);
  CHECK(kept.files() == 3);
  CHECK(std::filesystem::exists(kept.path + "/2.json.ghijkl"));
}

TEST_CASE("two do not deliver at once") {
  Kept kept;
  kept.keep("job", noon);
  const int folder = open(kept.path.c_str(), O_RDONLY | O_DIRECTORY);
  REQUIRE(flock(folder, LOCK_EX) == 0);
  CHECK(kept.tell(Answer{{200, ""}}).elsewhere);
  CHECK(kept.heard.empty());
  close(folder);
  CHECK(kept.tell(Answer{{200, ""}}).delivered.size() == 1);
}

TEST_CASE("a run that ended while the daemon was away is reported after the next, with its own times") {
  Kept kept;
  const std::string socket = kept.folder.file("s");
  const Outcome away = run({"--socket", socket, "job", "run", "settle", "--", "sh", "-c", "echo lost; exit 5"});
  CHECK(away.exit == 5);
  CHECK(kept.files() == 1);
  StandIn daemon(socket, [](const Request&) { return std::pair{200, std::string("{\"done\":true}\n")}; });
  SUBCASE("after the next run") {
    CHECK(run({"--socket", socket, "job", "run", "other", "--", "true"}).exit == 0);
    const auto asked = daemon.requests();
    REQUIRE(asked.size() == 3);
    CHECK(contains(asked[0].body, "\"event\":\"start\""));
    CHECK_FALSE(contains(asked[1].body, "ended_at"));
    CHECK(contains(asked[2].body, "\"component\":\"settle\""));
    CHECK(contains(asked[2].body, "\"started_at\":"));
    CHECK(contains(asked[2].body, "\"ended_at\":"));
    CHECK(contains(asked[2].body, "lost"));
    CHECK(contains(asked[2].body, "\"exit_status\":5"));
  }
  SUBCASE("by the command") {
    const Outcome told = run({"--socket", socket, "job", "deliver"});
    CHECK(told.exit == 0);
    CHECK(contains(told.out, "delivered: settle, ended 20"));
    CHECK(run({"--socket", socket, "job", "deliver"}).out == "nothing is kept for this daemon\n");
  }
  CHECK(kept.files() == 0);
}

TEST_CASE("what is kept stays so while the daemon is away, and the command says why") {
  Kept kept;
  const std::string socket = kept.folder.file("s");
  CHECK(run({"--socket", socket, "job", "deliver"}).out == "nothing is kept for this daemon\n");
  run({"--socket", socket, "job", "run", "settle", "--", "true"});
  const Outcome told = run({"--socket", socket, "job", "deliver"});
  CHECK(told.exit == 3);
  CHECK(contains(told.err, "1 still kept: there is no socket"));
  CHECK(kept.files() == 1);
}
