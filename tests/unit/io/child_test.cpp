#include "child.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>

#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

using namespace yagura;
using io::Child;
using io::ChildCommand;
using io::ChildResult;
using How = ChildResult::How;

namespace {

ChildCommand shell(std::string script, Duration timeout = 20s) {
  ChildCommand command;
  command.argv = {"/bin/sh", "-c", std::move(script)};
  command.timeout = timeout;
  return command;
}

ChildResult run(ChildCommand command) {
  boost::asio::io_context loop;
  std::optional<ChildResult> result;
  int calls = 0;
  Child child(loop, std::move(command), [&](ChildResult given) {
    ++calls;
    CHECK(given.output.capacity() < 200'000);  // However much it wrote.
    result = std::move(given);
  });
  CHECK(calls == 0);
  loop.run_for(30s);
  CHECK(calls == 1);
  CHECK(loop.stopped());
  CHECK(child.pid() == 0);
  return result.value_or(ChildResult{});
}

// Dead, or a zombie that whoever adopted it has not looked at yet.
bool is_gone(int pid) {
  if (::kill(pid, 0) != 0 && errno == ESRCH) return true;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  std::size_t end = line.rfind(')');
  return end == std::string::npos || line.substr(end + 2, 1) == "Z";
}

bool soon_gone(int pid) {
  for (int turn = 0; turn < 300; ++turn) {
    if (is_gone(pid)) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

}  // namespace

TEST_CASE("a program's exit status and output come back") {
  auto well = run(shell("echo out; echo err >&2"));
  CHECK(well.succeeded());
  CHECK(well.output == "out\nerr\n");
  CHECK(well.reason == "exited with status 0");
  auto bad = run(shell("exit 3"));
  CHECK(bad.how == How::exited);
  CHECK(bad.status == 3);
  CHECK_FALSE(bad.succeeded());
  CHECK(bad.reason == "exited with status 3");
}

TEST_CASE("a program that a signal ends says which") {
  auto result = run(shell("kill -SEGV $$"));
  CHECK(result.how == How::signalled);
  CHECK(result.status == SIGSEGV);
  CHECK(result.reason == "was ended by SIGSEGV");
}

TEST_CASE("arguments are a list and never a shell's") {
  ChildCommand command;
  command.argv = {"printf", "%s|", "a b", "$(id)", "; echo x", "*"};
  command.timeout = 20s;
  CHECK(run(command).output == "a b|$(id)|; echo x|*|");
}

TEST_CASE("a missing program, or a forbidden one, is not started and says why") {
  ChildCommand command;
  command.timeout = 1s;
  command.argv = {"/nonexistent/switch-over"};
  auto missing = run(command);
  CHECK(missing.how == How::not_started);
  CHECK(missing.reason == "cannot start /nonexistent/switch-over: No such file or directory");
  command.argv = {"/etc/passwd"};
  CHECK(run(command).how == How::not_started);
  command.argv = {};
  CHECK(run(command).how == How::not_started);
  command.argv = {"echo", std::string("a\0b", 3)};
  CHECK(run(command).how == How::not_started);
}

TEST_CASE("its input is empty, its environment is ours with what was added") {
  auto result = run(shell("cat; readlink /proc/self/fd/0"));
  CHECK(result.output == "/dev/null\n");
  ::setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
  auto command =
      shell("echo $YAGURA_FAILURE; echo \"[$NOTIFY_SOCKET]\"; test -n \"$PATH\" && echo path");
  command.extra_environment = {{"YAGURA_FAILURE", "17"}};
  CHECK(run(command).output == "17\n[]\npath\n");
  ::unsetenv("NOTIFY_SOCKET");
}

TEST_CASE("no descriptor of ours is open in it, and no signal is blocked") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);  // Not close-on-exec, on purpose.
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  auto result = run(
      shell("for d in /proc/self/fd/*; do echo ${d##*/}; done | sort -n | head -4 | tr '\\n' ' '; "
            "grep SigBlk /proc/self/status"));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::istringstream words(result.output);
  std::string zero, one, two;
  words >> zero >> one >> two;
  CHECK(zero == "0");
  CHECK(one == "1");
  CHECK(two == "2");
  CHECK(result.output.find("SigBlk:\t0000000000000000") != std::string::npos);
  auto held =
      run(shell("test -e /proc/self/fd/" + std::to_string(ends[1]) + " && readlink /proc/self/fd/" +
                std::to_string(ends[1]) + " | grep -c pipe"));
  CHECK(held.output != "1\n");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("of a flood of output the last bytes are kept, and memory stays bounded") {
  auto command = shell("head -c 50000000 /dev/zero | tr '\\0' 'x'; echo the end");
  command.output_limit = 1000;
  auto result = run(command);
  CHECK(result.succeeded());
  CHECK(result.output.size() == 1000);
  CHECK(result.output.substr(992) == "the end\n");
}

TEST_CASE("what a program wrote before its end arrives whole and in order, however late we look") {
  boost::asio::io_context loop;
  auto command = shell("seq 1 8000");  // More than is read at a time, less than a pipe holds.
  command.output_limit = 100'000;
  std::string expected;
  for (int number = 1; number <= 8000; ++number)
    expected += std::to_string(number) + "\n";
  std::optional<ChildResult> result;
  Child child(loop, command, [&](ChildResult given) { result = std::move(given); });
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT) == 0);
  loop.run_for(10s);
  REQUIRE(result);
  CHECK(result->succeeded());
  CHECK(result->output.size() == expected.size());
  CHECK((result->output == expected));
}

TEST_CASE("invalid UTF-8 in the output is handed on as it is") {
  CHECK(run(shell("printf '\\377\\033[31m'")).output == "\xff\x1b[31m");
}

TEST_CASE("a program over its time is ended with its whole group") {
  auto result = run(shell("sleep 100 & echo $!; sleep 100", 300ms));
  CHECK(result.how == How::timed_out);
  CHECK(result.reason == "ran longer than 300ms and was killed");
  int grandchild = std::atoi(result.output.c_str());
  REQUIRE(grandchild > 1);
  CHECK(soon_gone(grandchild));
}

TEST_CASE("one that ignores TERM is killed two seconds later, its children too") {
  auto began = std::chrono::steady_clock::now();
  auto result =
      run(shell("trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo $!; "
                "while :; do sleep 0.1; done",
                200ms));
  auto took = std::chrono::steady_clock::now() - began;
  CHECK(result.how == How::timed_out);
  CHECK(took >= 2s);
  CHECK(took < 8s);
  int grandchild = std::atoi(result.output.c_str());
  REQUIRE(grandchild > 1);
  CHECK(soon_gone(grandchild));
}

TEST_CASE("one that floods for ever is ended at its time") {
  auto command = shell("yes", 300ms);
  command.output_limit = 500;
  auto result = run(command);
  CHECK(result.how == How::timed_out);
  CHECK(result.output.size() == 500);
}

TEST_CASE("a service that it leaves behind with its pipe delays nothing and is left alone") {
  auto began = std::chrono::steady_clock::now();
  auto result = run(shell("sleep 30 & echo $!"));
  CHECK(result.succeeded());
  CHECK(std::chrono::steady_clock::now() - began < 10s);
  int service = std::atoi(result.output.c_str());
  REQUIRE(service > 1);
  CHECK_FALSE(is_gone(service));
  ::kill(service, SIGKILL);
}

TEST_CASE("destroying a child kills its group and tells nothing") {
  boost::asio::io_context loop;
  int calls = 0;
  auto child = std::make_unique<Child>(loop, shell("sleep 100 & wait"),
                                       [&](const ChildResult&) { ++calls; });
  int pid = child->pid();
  REQUIRE(pid > 0);
  loop.run_for(50ms);
  child.reset();
  loop.restart();
  loop.run_for(5s);
  CHECK(calls == 0);
  CHECK(loop.stopped());
  CHECK(::kill(pid, 0) != 0);  // Reaped, too.
  CHECK(errno == ESRCH);
}

TEST_CASE("a child destroyed in the turn in which its time is up leaves no timer behind") {
  // Such a timer would in the end send KILL to a group that is no longer the child's.
  boost::asio::io_context loop;
  int calls = 0;
  auto child =
      std::make_unique<Child>(loop, shell("sleep 100", 20ms), [&](const ChildResult&) { ++calls; });
  boost::asio::steady_timer earlier(loop, 10ms);
  earlier.async_wait([&](boost::system::error_code) { child.reset(); });
  std::this_thread::sleep_for(60ms);  // Both have rung when the loop looks.
  loop.run_for(1s);
  CHECK(loop.stopped());
  CHECK(calls == 0);
}

TEST_CASE("a child may be destroyed from its own report") {
  boost::asio::io_context loop;
  int calls = 0;
  std::unique_ptr<Child> child;
  child = std::make_unique<Child>(loop, shell("exit 0"), [&](const ChildResult&) {
    ++calls;
    child.reset();
  });
  loop.run_for(10s);
  CHECK(calls == 1);
}

TEST_CASE("a loop that ends before the child does not leave it running") {
  int pid = 0;
  {
    auto loop = std::make_unique<boost::asio::io_context>();
    auto child = std::make_unique<Child>(*loop, shell("sleep 100"), [](const ChildResult&) {});
    pid = child->pid();
    child.reset();
    loop.reset();
  }
  CHECK(soon_gone(pid));
  ::waitpid(pid, nullptr, WNOHANG);
}

TEST_CASE("errors may come apart, the first of them, and hold nobody up however many they are") {
  ChildCommand command = shell("echo told >&2; head -c 1000000 /dev/zero >&2; echo out");
  command.errors_apart = true;
  auto result = run(command);
  CHECK(result.output == "out\n");
  CHECK(result.errors.size() == 4096);
  CHECK(result.errors.starts_with("told\n"));
  CHECK(run(shell("echo told >&2")).errors.empty());
}

TEST_CASE("the beginning of an output may be what is kept") {
  ChildCommand command = shell("echo first; head -c 1000000 /dev/zero; echo last");
  command.keep = ChildCommand::Keep::beginning;
  command.output_limit = 1000;
  auto result = run(command);
  CHECK(result.succeeded());
  CHECK(result.output.size() == 1000);
  CHECK(result.output.starts_with("first\n"));
}

TEST_CASE("an environment of its own has nothing of ours") {
  ChildCommand command = shell("");
  command.argv = {"/usr/bin/env"};
  command.own_environment_only = true;
  command.extra_environment = {{"LC_ALL", "C"}};
  CHECK(run(command).output == "LC_ALL=C\n");
}

TEST_CASE("what a program leaves behind dies with it where it may not outlive it") {
  ChildCommand command = shell("sleep 60 & echo $!");
  auto stays = run(command);
  CHECK_FALSE(is_gone(std::stoi(stays.output)));
  ::kill(std::stoi(stays.output), SIGKILL);
  command.group_may_outlive = false;
  auto goes = run(command);
  CHECK(goes.succeeded());
  CHECK(soon_gone(std::stoi(goes.output)));
}

TEST_CASE("a program that was started and that nobody took over is killed") {
  int pid = 0;
  {
    auto spawned = io::spawn(shell("sleep 60"));
    REQUIRE(spawned.has_value());
    pid = spawned->take();
    io::Spawned again(pid, std::move(spawned->output), std::move(spawned->errors));
  }
  CHECK(::kill(pid, 0) != 0);
}
