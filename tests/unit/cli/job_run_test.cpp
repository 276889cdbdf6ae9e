#include "job_run.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <future>
#include <sstream>

#include "support.hpp"
#include "text.hpp"

using namespace yagura;
using namespace yagura::cli;
using namespace yagura::cli::testing;

namespace {

// A file in memory to write to.
class Written {
 public:
  Written() : number_(memfd_create("written", MFD_CLOEXEC)) { REQUIRE(number_ >= 0); }
  ~Written() { close(number_); }
  int get() const { return number_; }
  std::string text() const {
    std::string all(static_cast<std::size_t>(lseek(number_, 0, SEEK_END)), '\0');
    CHECK(pread(number_, all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
    return all;
  }

 private:
  int number_;
};

Ended run_shell(const std::string& script, const Written& out, const Written& err, Tail& tail,
                Duration linger = 5s) {
  return run_program({"sh", "-c", script}, out.get(), err.get(), tail, linger);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a program's output goes where it would have gone, and its exit status is given") {
  Written out, err;
  Tail tail(10'000);
  CHECK(run_shell("echo 正常; echo bad >&2; exit 3", out, err, tail).exit == 3);
  CHECK(out.text() == "正常\n");
  CHECK(err.text() == "bad\n");
  CHECK(contains(tail.text(), "正常\n"));
  CHECK(contains(tail.text(), "bad\n"));
}

TEST_CASE("a program ended by a signal gives 128 and the signal's number, as shells do") {
  Written out, err;
  Tail tail(100);
  CHECK(run_shell("kill -KILL $$", out, err, tail).exit == 128 + SIGKILL);
}

TEST_CASE("a program that cannot be started says why") {
  Written out, err;
  Tail tail(100);
  const Ended ended = run_program({"/no/such/program"}, out.get(), err.get(), tail);
  CHECK(ended.exit == 127);
  CHECK_FALSE(ended.not_started.empty());
  CHECK(run_program({"/"}, out.get(), err.get(), tail).exit == 126);
}

TEST_CASE("signals that come to us go on to the program, and not to us") {
  Written out, err;
  Tail tail(100);
  const std::string script =
      "trap 'echo got it; exit 7' TERM; kill -TERM $PPID; for i in 1 2 3 4 5 6 7 8 9; do sleep "
      "0.2; done";
  CHECK(run_shell(script, out, err, tail).exit == 7);
  CHECK(out.text() == "got it\n");
}

TEST_CASE("the program has the signals' usual meaning") {
  Written out, err;
  Tail tail(1000);
  // A writer whose reader has gone ends by SIGPIPE, though we ourselves ignore it.
  CHECK(run_shell("(yes; echo $? >&2) | head -1", out, err, tail).exit == 0);
  CHECK(err.text() == "141\n");
}

TEST_CASE("a program whose reader has gone ends as it would by itself") {
  int both[2];
  REQUIRE(pipe(both) == 0);
  close(both[0]);
  Written err;
  Tail tail(100);
  CHECK(run_program({"head", "-c", "20000000", "/dev/zero"}, both[1], err.get(), tail).exit ==
        128 + SIGPIPE);
  close(both[1]);
}

TEST_CASE("who holds the output open after the program's end is not waited for without end") {
  Written out, err;
  Tail tail(100);
  const auto began = std::chrono::steady_clock::now();
  CHECK(run_shell("echo done; sleep 20 & echo $! >&2", out, err, tail, 100ms).exit == 0);
  CHECK(std::chrono::steady_clock::now() - began < 10s);
  CHECK(out.text() == "done\n");
  kill(static_cast<pid_t>(std::stoi(err.text())), SIGKILL);
}

TEST_CASE("the tail is the last of much output, cut at a character, and safe") {
  Tail tail(10);
  for (int i = 0; i < 1000; ++i)
    tail.add("あ");
  CHECK(tail.text() == "あああ");
  Tail nasty(100);
  nasty.add("\x1b[2J");
  CHECK(nasty.text() == "\\x1b[2J");
  Tail many(10'000);
  for (int i = 0; i < 5000; ++i)
    many.add(
        "\x1b\xff"
        "abc\n");
  CHECK(many.text().size() <= 10'000);
  CHECK(is_utf8(many.text()));
}

TEST_CASE("a job's start and end are reported with one random run id") {
  Folder folder;
  setenv("XDG_STATE_HOME", folder.file("state").c_str(), 1);
  StandIn daemon(folder.file("s"), [](const Request&) {
    return std::pair{200, std::string("{\"done\":true}\n")};
  });
  const std::vector<std::string> words{
      "--socket", folder.file("s"), "job", "run", "settle/cron", "--", "sh", "-c", "exit 4"};
  CHECK(run(words).exit == 4);
  const auto asked = daemon.requests();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].head == "POST /v1/ping");
  CHECK(contains(asked[0].body, R"("component":"settle","probe":"cron","event":"start")"));
  CHECK(contains(asked[1].body, R"("event":"fail")"));
  CHECK(contains(asked[1].body, R"("exit_status":4)"));
  const auto run_id = asked[0].body.substr(asked[0].body.find("run_id") + 9, 36);
  CHECK(contains(asked[1].body, run_id));
  CHECK(run_id[14] == '4');

  CHECK(run({"--socket", folder.file("s"), "job", "run", "settle", "--", "true"}).exit == 0);
  const auto again = daemon.requests();
  REQUIRE(again.size() == 4);
  CHECK(contains(again[3].body, R"("event":"success")"));
  CHECK_FALSE(contains(again[3].body, run_id));
}

TEST_CASE("a job runs all the same where the daemon is away or refuses, and that is said") {
  Folder folder;
  setenv("XDG_STATE_HOME", folder.file("state").c_str(), 1);
  const Outcome away =
      run({"--socket", folder.file("none"), "job", "run", "settle", "--", "sh", "-c", "exit 5"});
  CHECK(away.exit == 5);
  CHECK(contains(away.err, "the start of job settle is not reported: there is no socket"));
  CHECK(contains(away.err, "the end of job settle is not reported: there is no socket"));
  CHECK(contains(away.err, "; it is kept, and reported after your next `yagura job run`"));

  StandIn daemon(folder.file("s"), [](const Request&) {
    return std::pair{404, std::string(R"({"error":"there is no job settle"})")};
  });
  const Outcome refused = run({"--socket", folder.file("s"), "job", "run", "settle", "--", "true"});
  CHECK(refused.exit == 0);
  CHECK(contains(refused.err, "there is no job settle"));
  CHECK_FALSE(contains(refused.err, "kept"));
  CHECK(daemon.requests().size() == 2);  // a refusal is not asked for again
  unsetenv("XDG_STATE_HOME");
}

TEST_CASE(
    "a daemon that takes a report and says nothing is waited for once, and not for each of the "
    "tries") {
  Folder folder;
  setenv("XDG_STATE_HOME", folder.file("state").c_str(), 1);
  std::promise<void> free;
  const auto freed = free.get_future().share();
  StandIn daemon(folder.file("s"), [freed](const Request&) {
    freed.wait();
    return std::pair{200, std::string("{}\n")};
  });
  Arguments given;
  given.socket = folder.file("s");
  given.values["COMPONENT"] = {"settle"};
  given.after_dashes = {"sh", "-c", "exit 6"};
  std::ostringstream out, err;
  CHECK(job_run(given, {out, err, test_screen()}, {50ms, 100ms, 3, 1ms}) == 6);
  CHECK(contains(err.str(), "does not answer in time"));
  CHECK(contains(err.str(), "; it is kept"));
  free.set_value();
  run({"--socket", folder.file("s"), "stops"});  // behind all that was asked before
  CHECK(daemon.requests().size() == 3);
  unsetenv("XDG_STATE_HOME");
}
