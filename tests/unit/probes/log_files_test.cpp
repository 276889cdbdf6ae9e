// Several log files by one pattern, through all that happens to logs: nothing is read twice,
// nothing is left out.
#include "security/log_files.hpp"

#include <sys/stat.h>

#include "folder.hpp"
#include "kinds.hpp"
#include "log_run.hpp"

using namespace yagura;
using local::append;
using local::contains;
using local::Folder;

namespace {

// Reads on from where it was; the position goes through its text each time, as over a restart.
struct Tails {
  std::string pattern;
  TailLimits limits{};
  std::size_t most = 64;
  std::string position{}, note{};
  std::int64_t unread = 0;

  // "app-1.log 3;app-2.log 1;"
  std::string next() {
    auto read = read_log_files(pattern, position, limits, most);
    if (!read) return read.error().message;
    position = read->position;
    note = read->note;
    unread = read->unread;
    std::string all;
    for (const auto& part : read->parts) {
      for (const std::string& line : part.lines)
        all += part.file + " " + line + ";";
    }
    return all;
  }
};

void written(const std::string& path, std::chrono::seconds ago) {
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - ago);
}

}  // namespace

TEST_CASE("the files of a pattern are read from their ends on, and new ones from their start") {
  const Folder folder;
  Tails logs{(folder / "app-*.log").string()};
  CHECK(contains(logs.next(), "no file fits " + logs.pattern));
  const std::string first = folder.write("app-2026-11-27.log", "old\n");
  folder.write("other.log", "x\n");
  folder.write("app-2026-11-26.log.gz", "x\n");
  CHECK(logs.next() == "");
  CHECK(contains(logs.note, "from their present ends on"));
  append(first, "1\n");
  append((folder / "app-2026-11-28.log").string(), "2\n3\n");
  append((folder / "other.log").string(), "y\n");
  written(first, 5s);
  CHECK(logs.next() == "app-2026-11-27.log 1;app-2026-11-28.log 2;app-2026-11-28.log 3;");
  CHECK(logs.note == "");
  const std::string position = logs.position;
  CHECK(logs.next() == "");
  CHECK(logs.position == position);  // nothing new is nothing to keep
  std::filesystem::remove(first);
  CHECK(logs.next() == "");
  CHECK_FALSE(contains(logs.position, "11-27"));
}

TEST_CASE("a file of a pattern that is renamed, or copied and truncated, is not read again") {
  const Folder folder;
  const std::string path = folder.write("app.log", "old line\n");
  Tails logs{(folder / "app.log*").string()};
  logs.next();
  append(path, "1\n");
  SUBCASE("renamed") {
    std::filesystem::rename(path, path + ".1");
    append(path, "2\n");
    written(path + ".1", 5s);
    CHECK(logs.next() == "app.log.1 1;app.log 2;");
  }
  SUBCASE("renamed, and the new one is older by its time") {
    std::filesystem::rename(path, path + ".1");
    append(path, "2\n");
    written(path, 5s);
    CHECK(logs.next() == "app.log 2;app.log.1 1;");
  }
  SUBCASE("renamed when it was empty") {
    CHECK(logs.next() == "app.log 1;");
    std::filesystem::remove(path);
    append(path, "");
    CHECK(logs.next() == "");
    append(path, "1b\n");
    std::filesystem::rename(path, path + ".1");
    append(path, "2\n");
    written(path + ".1", 5s);
    CHECK(logs.next() == "app.log.1 1b;app.log 2;");
  }
  SUBCASE("copied and truncated") {
    std::filesystem::copy(path, path + ".1");
    std::filesystem::resize_file(path, 0);
    append(path, "2\n");
    written(path + ".1", 5s);
    CHECK(logs.next() == "app.log.1 1;app.log 2;");
  }
  SUBCASE("renamed to what does not fit the pattern") {
    logs.pattern = (folder / "*.log").string();
    std::filesystem::rename(path, path + ".1");
    append(path, "2\n");
    CHECK(logs.next() == "app.log 1;app.log 2;");
  }
  CHECK(logs.next() == "");
}

TEST_CASE("of very many files those that were written last are read, and a run has its limits") {
  const Folder folder;
  Tails logs{(folder / "app-?.log").string()};
  logs.most = 2;
  std::string path[3];
  for (int i = 0; i < 3; ++i) {
    path[i] = folder.write("app-" + std::to_string(i) + ".log", "old " + std::to_string(i) + "\n");
    written(path[i], std::chrono::seconds(10 - i));
    ::usleep(20'000);  // so that the times at which they came to be differ
  }
  logs.next();
  CHECK_FALSE(contains(logs.position, "app-0"));
  // One that was not watched is no new one, so far as the file system knows when it came to be.
  append(path[0], "1\n");
  append(path[2], "2\n");
  written(path[2], 5s);
  struct ::statx status {};
  REQUIRE(::statx(AT_FDCWD, path[0].c_str(), 0, STATX_BTIME, &status) == 0);
  const std::string read = logs.next();
  if ((status.stx_mask & STATX_BTIME) != 0) {
    CHECK(read == "app-2.log 2;");
    CHECK(contains(logs.note, "app-0.log: it is read from its present end on"));
  }
  append(path[0], "3\n");
  CHECK(logs.next() == "app-0.log 3;");
  append(path[0], "4\n5\n6\n7\n");
  append(path[2], "8\n9\n");
  written(path[0], 5s);
  logs.limits.lines = 3;
  CHECK(logs.next() == "app-0.log 4;app-0.log 5;app-0.log 6;");
  CHECK(logs.unread == 6);
  CHECK(logs.next() == "app-0.log 7;app-2.log 8;app-2.log 9;");
  CHECK(logs.next() == "");
  CHECK(logs.unread == 0);
  logs.limits = {};
  logs.limits.bytes = 10'000;
  append(path[0], std::string(9'000, 'x') + "\n");
  append(path[2], "10\n");
  written(path[0], 5s);
  CHECK(logs.next().size() < 9'000);
  CHECK(logs.unread == 3);
  CHECK(logs.next() == "app-2.log 10;");
}

TEST_CASE("a file of a pattern that is emptied, written to and renamed is read from its start") {
  const Folder folder;
  const std::string path = folder.write("app.log", "old line\n");
  ::usleep(20'000);  // so that the other came to be later
  folder.write("app.log.1", "older\n");
  Tails logs{(folder / "app.log*").string()};
  logs.next();
  std::filesystem::resize_file(path, 0);
  append(path, "a new line\n");
  std::filesystem::rename(path, path + "-2");
  append(path, "2\n");
  written(path + "-2", 5s);
  CHECK(logs.next() == "app.log-2 a new line;app.log 2;");
  CHECK(logs.next() == "");
}

TEST_CASE("a second name of a file of a pattern is not read from its start") {
  const Folder folder;
  const std::string path = folder.write("app.log", "old line\n");
  ::usleep(20'000);  // so that the other came to be later
  folder.write("app.log.1", "older\n");
  Tails logs{(folder / "app.log*").string()};
  logs.next();
  std::filesystem::create_hard_link(path, path + "-link");
  CHECK(logs.next() == "");
}

TEST_CASE("of a file that was replaced, and had no turn, all is still unread") {
  const Folder folder;
  const std::string first = folder.write("app-1.log", ""),
                    second = folder.write("app-2.log", "a long line of before\n");
  Tails logs{(folder / "app-*.log").string()};
  logs.next();
  append(first, "1\n2\n");
  std::filesystem::resize_file(second, 0);
  append(second, "3\n");
  written(first, 5s);
  logs.limits.lines = 1;
  CHECK(logs.next() == "app-1.log 1;");
  CHECK(logs.unread == 4);
  CHECK(logs.next() == "app-1.log 2;");
  CHECK(logs.unread == 2);
  CHECK(logs.next() == "app-2.log 3;");
  CHECK(logs.unread == 0);
}

TEST_CASE("links, pipes and a kept place of no form do nothing to the files of a pattern") {
  const Folder folder;
  const std::string path = folder.write("app.log", "old\n");
  std::filesystem::create_symlink(path, folder / "link.log");
  REQUIRE(::mkfifo((folder / "pipe.log").c_str(), 0600) == 0);
  Tails logs{(folder / "*.log").string()};
  CHECK(logs.next() == "");
  append(path, "1\n");
  CHECK(logs.next() == "app.log 1;");
  for (const char* odd : {"", "x", "{}", "[]", R"({"files":[]})", R"({"files":{"app.log":7}})",
                          R"({"born":"x","files":{"app.log":"1 2 3"}})"}) {
    logs.position = odd;
    CHECK(logs.next() == "");
  }
}

TEST_CASE(
    "the probe says of which file the last line is, and refuses patterns where there can be none") {
  const Folder folder;
  const std::string path = folder.write("app-1.log", "ERROR old\n");
  auto probe =
      local::made(make_log, {{"path", (folder / "app-*.log").string()}, {"report", "ERROR"}});
  local::Keeper keeper;
  CHECK(keeper.run(*probe).verdict == Verdict::ok);
  append((folder / "app-2.log").string(), "ERROR 2\n");
  const Finding finding = keeper.run(*probe);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason,
                 "1 line within 10m, failing at >= 1 of " + (folder / "app-*.log").string()));
  CHECK(contains(finding.reason, "; last: app-2.log: ERROR 2"));
}
