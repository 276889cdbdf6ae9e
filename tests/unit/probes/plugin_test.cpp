// Real programs that do what plugins should, and what they should not.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "folder.hpp"
#include "io/places.hpp"
#include "io/run_as.hpp"
#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;
using local::Folder;

namespace {

Node list(const std::vector<std::string>& words) {
  Node node;
  node.kind = Node::Kind::list;
  for (const std::string& word : words)
    node.items.push_back(local::scalar(word));
  return node;
}

Finding run_words(std::vector<std::string> words, Duration timeout = 20s,
                  std::string on_timeout = "unknown") {
  auto probe =
      local::made(make_plugin, {{"run", list(words)}, {"on_timeout", std::move(on_timeout)}});
  return local::run(*probe, false, timeout);
}
Finding shell(std::string script, Duration timeout = 20s, std::string on_timeout = "unknown") {
  return run_words({"/bin/sh", "-c", std::move(script)}, timeout, std::move(on_timeout));
}

// The numbers that a script wrote into a file.
std::vector<int> pids_in(const std::string& path) {
  std::ifstream file(path);
  return {std::istream_iterator<int>(file), std::istream_iterator<int>()};
}
// Dead, or a zombie that whoever adopted it has not looked at yet.
bool soon_gone(int pid) {
  for (int turn = 0; turn < 300; ++turn) {
    if (::kill(pid, 0) != 0) return true;
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    std::getline(file, line);
    const auto end = line.rfind(')');
    if (end == line.npos || line.substr(end + 2, 1) == "Z") return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

}  // namespace

TEST_CASE("the exit status is the verdict, and the first line the reason") {
  struct Row {
    int status;
    Verdict verdict;
  };
  for (auto [status, verdict] : {Row{0, Verdict::ok}, Row{1, Verdict::warning},
                                 Row{2, Verdict::failing}, Row{3, Verdict::unknown}}) {
    CAPTURE(status);
    Finding finding = shell(fmt::format("echo 'a b | t=3ms'; echo more; exit {}", status));
    CHECK(finding.verdict == verdict);
    CHECK(finding.reason == "a b");
    CHECK(finding.values == MeasuredValues{{"t_seconds", 0.003}});
  }
  Finding odd = shell("echo odd; exit 7");
  CHECK(odd.verdict == Verdict::unknown);
  CHECK(odd.reason == "the plugin ended with status 7, which plugins do not have: odd");
}

TEST_CASE("a reason names the first value that is beyond its range") {
  CHECK(shell("echo 'SLOW | a=1;2;3 t=5s;2;4 u=9;1;1'; exit 2").reason ==
        "SLOW; t 5s, critical above 4");
  CHECK(shell("echo 'SLOW | a=1;2;3 t=5s;2;4'; exit 1").reason == "SLOW; t 5s, warning above 2");
  CHECK(shell("echo 'FAST | a=4;2;3'").reason == "FAST");
}

TEST_CASE("who says nothing has its status for a reason, or what it wrote to its errors") {
  Finding silent = shell("exit 2");
  CHECK(silent.verdict == Verdict::failing);
  CHECK(silent.reason == "the plugin ended with status 2 and said nothing");
  CHECK(shell("echo 'no such option' >&2; exit 3").reason == "no such option");
  CHECK(shell("echo noise >&2; echo OK").reason == "OK");
  CHECK(shell("echo; echo second").reason == "second");
}

TEST_CASE("arguments are its own, its environment is small, and its input is empty") {
  CHECK(run_words({"/usr/bin/printf", "%s,", "a b", "$(id)", "*"}).reason == "a b,$(id),*,");
  CHECK(shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort | tr '\\n' ' '").reason ==
        "LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  CHECK(shell("cat; echo end").reason == "end");
}

TEST_CASE("a program that is not there, or is none, could not be asked") {
  Finding missing = run_words({"/nonexistent/check_x"});
  CHECK(missing.verdict == Verdict::unknown);
  CHECK(missing.reason == "cannot start /nonexistent/check_x: No such file or directory");
  Finding no_program = run_words({"/etc/passwd"});
  CHECK(no_program.verdict == Verdict::unknown);
  CHECK(no_program.reason == "cannot start /etc/passwd: Permission denied");
  Finding killed = shell("echo half; kill -SEGV $$");
  CHECK(killed.verdict == Verdict::unknown);
  CHECK(killed.reason == "the plugin was ended by SIGSEGV: half");
}

TEST_CASE("who does not end in time is killed with its group, and is what the configuration says") {
  Folder folder;
  const std::string pids = (folder / "pids").string();
  // It takes no notice of the first signal, and lets go of its output.
  const std::string script = fmt::format(
      "trap '' TERM; sleep 60 & echo $$ $! >{}; echo 'looking | n=1'; exec >&- 2>&-; wait; sleep "
      "60",
      pids);
  Finding late = shell(script, 300ms);
  CHECK(late.verdict == Verdict::unknown);
  CHECK(late.reason == "the plugin ran longer than 300ms and was killed: looking");
  CHECK(late.values.at("n") == 1);
  REQUIRE(pids_in(pids).size() == 2);
  for (int pid : pids_in(pids))
    CHECK(soon_gone(pid));
  CHECK(shell("sleep 60", 200ms, "failing").verdict == Verdict::failing);
}

TEST_CASE("a flood is read to the end of the time, and kept to its limit") {
  struct rusage before {
  }, after{};
  ::getrusage(RUSAGE_SELF, &before);
  Finding flood = shell("echo first; exec cat /dev/zero", 500ms);
  ::getrusage(RUSAGE_SELF, &after);
  CHECK(flood.verdict == Verdict::unknown);
  CHECK(flood.reason == "the plugin ran longer than 500ms and was killed: first");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(after.ru_maxrss - before.ru_maxrss < 16 * 1024);
#endif
  Finding errors = shell("head -c 10000000 /dev/zero >&2; echo OK");
  CHECK(errors.verdict == Verdict::ok);
  Finding values = shell("printf 'OK|'; yes 'v=12345' | head -c 200000 | tr '\\n' ' '");
  CHECK(values.verdict == Verdict::ok);
  CHECK(values.values.size() == 64);
}

TEST_CASE("bytes that are no text are made visible") {
  CHECK(shell("printf 'a\\377\\033[2Jb\\tc\\n'").reason == "a\xef\xbf\xbd\\x1b[2Jb c");
}

TEST_CASE("a child that stays behind with the output holds nothing up, and is killed") {
  Folder folder;
  const std::string pids = (folder / "pids").string();
  Finding well = shell(fmt::format("sleep 60 & echo $! >{}; echo OK", pids), 15s);
  CHECK(well.verdict == Verdict::ok);
  CHECK(well.reason == "OK");
  for (int pid : pids_in(pids))
    CHECK(soon_gone(pid));
}

TEST_CASE("a probe that is given up takes its program with it") {
  Folder folder;
  const std::string pids = (folder / "pids").string();
  auto probe = local::made(
      make_plugin,
      {{"run", list({"/bin/sh", "-c",
                     fmt::format("sleep 60 & echo $$ $! >{0}.new; mv {0}.new {0}; wait", pids)})}});
  boost::asio::io_context loop;
  io::Runtime runtime(loop);
  bool called = false;
  probe->start(runtime, {Instant{}, 20s}, [&](const Finding&) { called = true; });
  for (int turn = 0; turn < 1000 && pids_in(pids).size() < 2; ++turn)
    loop.run_for(10ms);
  probe.reset();
  loop.run_for(100ms);
  CHECK_FALSE(called);
  REQUIRE(pids_in(pids).size() == 2);
  for (int pid : pids_in(pids))
    CHECK(soon_gone(pid));
}

TEST_CASE("who finds no room waits half of its time, and gets what is left") {
  boost::asio::io_context loop;
  io::Runtime runtime(loop);
  std::vector<std::unique_ptr<io::Places::Place>> taken;
  for (std::size_t count = 0; count < runtime.program_places().count(); ++count)
    taken.push_back(runtime.program_places().ask([] {}));
  const auto run_here = [&](Duration timeout, const std::string& script, Duration free_after) {
    auto probe = local::made(make_plugin,
                             {{"run", list({"/bin/sh", "-c", script})}, {"on_timeout", "failing"}});
    std::optional<Finding> found;
    probe->start(runtime, {Instant{}, timeout}, [&](Finding finding) {
      found = std::move(finding);
      loop.stop();
    });
    loop.restart();
    loop.run_for(free_after);
    if (!found) taken.clear();
    loop.restart();
    if (!found) loop.run_for(20s);
    REQUIRE(found);
    return *found;
  };
  Finding none = run_here(200ms, "echo OK", 10s);
  CHECK(none.verdict == Verdict::unknown);
  CHECK(none.reason == "no room to run the plugin within 100ms: 32 programs of probes run already");
  Finding late = run_here(1s, "exec sleep 60", 300ms);
  CHECK(late.verdict == Verdict::unknown);  // It did not have its time.
  CHECK(contains(late.reason, "ran longer than 1s and was killed, after "));
}

TEST_CASE("it runs as the user that it is told to") {
  if (::geteuid() != 0) return;
  auto nobody = io::find_user("nobody");
  REQUIRE(nobody.has_value());
  auto probe =
      local::made(make_plugin, {{"run", list({"/bin/sh", "-c", "echo $(id -un) $USER $HOME"})}});
  boost::asio::io_context loop;
  io::Runtime runtime(loop);
  std::optional<Finding> found;
  ProbeRun run{Instant{}, 20s};
  run.programs_as = &*nobody;
  probe->start(runtime, run, [&](Finding finding) {
    found = std::move(finding);
    loop.stop();
  });
  loop.run_for(20s);
  REQUIRE(found);
  CHECK(found->reason == "nobody nobody " + nobody->home);
}

TEST_CASE("the keys of a plugin are checked") {
  const auto problems = [](std::vector<local::Key> keys) {
    return local::problems_of(make_plugin, std::move(keys));
  };
  CHECK(problems({{"run", list({"/bin/true", "-w", "5"})}}).empty());
  CHECK(contains(problems({}), "`run`"));
  CHECK(contains(problems({{"run", "/bin/true -w 5"}}), "must be a list, as no shell reads it"));
  CHECK(contains(problems({{"run", list({})}}), "must be a list"));
  CHECK(contains(problems({{"run", list({"true"})}}), "full path of a program"));
  Node nested = list({"/bin/true"});
  nested.items.push_back(list({"x"}));
  CHECK(contains(problems({{"run", nested}}), "must be a text"));
  CHECK(contains(problems({{"run", list(std::vector<std::string>(300, "/x"))}}), "more than 256"));
  CHECK(contains(problems({{"run", list({"/bin/true"})}, {"on_timeout", "ok"}}),
                 "must be unknown or failing"));
}
