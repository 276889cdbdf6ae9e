// A log's tail through all that happens to logs: nothing is read twice, and what is lost is said.
#include "security/log_tail.hpp"

#include <sys/stat.h>

#include "folder.hpp"
#include "log_run.hpp"

using namespace yagura;
using local::append;
using local::contains;
using local::Folder;

namespace {

// Reads on from where it was; the position goes through its text each time, as over a restart.
struct Tail {
  std::string path;
  std::optional<TailPosition> position{};
  TailLimits limits{};
  std::string note{};
  std::int64_t unread = 0;

  std::string next() {
    auto read = read_tail(path, position, limits);
    if (!read) return read.error().message;
    position = TailPosition::parse(read->position.text());
    REQUIRE(position);
    note = read->note;
    unread = read->unread;
    std::string all;
    for (const std::string& line : read->lines)
      all += line + ";";
    return all;
  }
};

}  // namespace

TEST_CASE("a log's tail begins at the end, says so, and gives whole lines once") {
  const Folder folder;
  Tail log{folder.write("app.log", "old 1\nold 2\nhalf a li")};
  CHECK(log.next() == "");
  CHECK(contains(log.note, "from its present end on"));
  append(log.path, "ne\nnew 1\n\nne");
  CHECK(log.next() == "half a line;new 1;");
  CHECK(log.note == "");
  CHECK(log.next() == "");
  append(log.path, "w 2\n");
  CHECK(log.next() == "new 2;");
}

TEST_CASE("a log's tail goes through a rotation: the rest of the old file, then the new one") {
  const Folder folder;
  Tail log{folder.write("app.log", "1\n")};
  log.next();
  append(log.path, "2\n");
  std::filesystem::rename(log.path, log.path + ".1");
  SUBCASE("and is seen when the new file has something already") {
    append(log.path, "3\n");
    CHECK(log.next() == "2;3;");
    CHECK(log.next() == "");
    append(log.path, "4\n");
    CHECK(log.next() == "4;");
  }
  SUBCASE("and before whoever writes goes over to the new file") {
    append(log.path, "");
    CHECK(log.next() == "2;");
    append(log.path + ".1", "2b\n");
    CHECK(log.next() == "2b;");
    append(log.path + ".1", "2c\n2d");
    append(log.path, "3\n");
    CHECK(log.next() == "2c;2d;3;");
  }
  SUBCASE("with more than one run reads, in pieces") {
    append(log.path + ".1", "2b\n2c\n2d\n");
    append(log.path, "3\n");
    log.limits.lines = 2;
    CHECK(log.next() == "2;2b;");
    CHECK(log.unread > 0);
    CHECK(log.next() == "2c;2d;3;");
    CHECK(log.next() == "");
    CHECK(log.unread == 0);
  }
  CHECK(log.note == "");
}

TEST_CASE("a log's tail goes through a copy and a truncation") {
  const Folder folder;
  Tail log{folder.write("app.log", "1\n")};
  log.next();
  append(log.path, "2\n");
  std::filesystem::copy_file(log.path, log.path + "-20261127");
  std::filesystem::resize_file(log.path, 0);
  SUBCASE("the file is shorter than before") {
    append(log.path, "3\n");
  }
  SUBCASE("the file has outgrown the place reached") {
    append(log.path, "3 is a longer line\n");
  }
  const std::string read = log.next();
  CHECK(read.starts_with("2;3"));
  CHECK(log.note == "");
}

TEST_CASE("what of a log is not to be had is said, and nothing is read twice") {
  const Folder folder;
  Tail log{folder.write("app.log", "first line\nsecond line\n")};
  log.next();
  SUBCASE("truncated, without a copy") {
    std::filesystem::resize_file(log.path, 0);
    append(log.path, "new\n");
    CHECK(log.next() == "new;");
    CHECK(contains(log.note, "not to be had"));
  }
  SUBCASE("removed and made anew") {
    std::filesystem::remove(log.path);
    append(log.path, "another beginning that is longer than what was read\n");
    CHECK(log.next() == "another beginning that is longer than what was read;");
    CHECK(contains(log.note, "not to be had"));
  }
  SUBCASE("edited in place: a line in the middle is gone") {
    const std::string start(600, 'a');
    Tail edited{folder.write("edited.log", start + "\nb\nc\n")};
    edited.next();
    folder.write("edited.log", start + "\nc\nd\ne\n");
    CHECK(edited.next() == "");
    CHECK(contains(edited.note, "place reached is not in it any more"));
    append(edited.path, "f\n");
    CHECK(edited.next() == "f;");
  }
  SUBCASE("an empty file replaced by another lost nothing") {
    Tail empty{folder.write("empty.log", "")};
    empty.next();
    std::filesystem::rename(empty.path, empty.path + ".1");
    append(empty.path, "x\n");
    CHECK(empty.next() == "x;");
    CHECK(empty.note == "");
  }
}

TEST_CASE("a log that grows faster than it is read is read in pieces, and what is left is known") {
  const Folder folder;
  Tail log{folder.write("app.log", "")};
  log.next();
  std::string lines;
  for (int i = 0; i < 1000; ++i)
    lines += std::to_string(i) + "\n";
  append(log.path, lines);
  log.limits.bytes = 100;
  std::string all;
  int calls = 0;
  do {
    all += log.next();
    CHECK(++calls < 100);
  } while (log.unread > 0);
  for (char& c : lines)
    c = c == '\n' ? ';' : c;
  CHECK(all == lines);
  CHECK(calls > 30);
}

TEST_CASE("a line of any length costs what a long one costs, and the next one is seen whole") {
  const Folder folder;
  Tail log{folder.write("app.log", "")};
  log.next();
  log.limits = {100'000, 100, 10};
  append(log.path, std::string(1000, 'x') + "\nnext\n" + std::string(50, 'y'));
  CHECK(log.next() == "xxxxxxxxxx;next;yyyyyyyyyy;");
  append(log.path, std::string(50, 'z'));
  CHECK(log.next() == "");
  append(log.path, "\nlast\n");
  CHECK(log.next() == "last;");
  log.limits.bytes = 8;  // less than a line: it goes on all the same
  append(log.path, std::string(30, 'w') + "\nend\n");
  std::string all;
  for (int i = 0; i < 10; ++i)
    all += log.next();
  CHECK(all == "wwwwwwww;end;");
}

TEST_CASE("what is no log is refused in words, and nothing is waited for") {
  const Folder folder;
  const auto said = [&](const std::string& path) {
    auto read = read_tail(path, std::nullopt);
    return read ? "read" : read.error().message;
  };
  CHECK(contains(said((folder / "none").string()), "cannot be read: No such file"));
  CHECK(contains(said(folder.text()), "is no file"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(contains(said((folder / "pipe").string()), "is no file"));
  CHECK(contains(said("/dev/null"), "is no file"));
  const std::string hidden = folder.write("hidden", "x\n");
  REQUIRE(::chmod(hidden.c_str(), 0) == 0);
  if (::geteuid() != 0)
    CHECK(contains(said(hidden), "permission denied; who runs the daemon has to be in the group"));
}

TEST_CASE("a position that was kept is read back, and nonsense is none") {
  const TailPosition position{123, 77, 0xFFFFFFFFFFFFFFFFU, 1, true};
  const auto back = TailPosition::parse(position.text());
  REQUIRE(back);
  CHECK(back->text() == position.text());
  for (const char* text : {"", "1", "1 2 3 4", "1 2 3 4 5 6", "-1 2 3 4 0", "x 2 3 4 0",
                           "1 2 3 4 0 ", "1  2 3 4 0", "99999999999999999999 2 3 4 0"})
    CHECK_MESSAGE(!TailPosition::parse(text), text);
}
