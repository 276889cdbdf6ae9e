#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <re2/re2.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "folder.hpp"
#include "kinds.hpp"
#include "liveness/process_search.hpp"
#include "liveness/process_table.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;
using local::Folder;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

// A real process, gone with its owner. Its program has begun when the constructor returns.
class Process {
 public:
  explicit Process(std::vector<std::string> argv, std::string file = "/bin/sleep", uid_t user = 0) {
    std::array<int, 2> begun{};
    REQUIRE(::pipe2(begun.data(), O_CLOEXEC) == 0);
    std::vector<char*> arguments;
    for (std::string& argument : argv)
      arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      if (user == 0 || ::setresuid(user, user, user) == 0) ::execv(file.c_str(), arguments.data());
      ::_exit(127);
    }
    ::close(begun[1]);
    char byte = 0;
    CHECK(::read(begun[0], &byte, 1) == 0);
    ::close(begun[0]);
  }
  ~Process() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  int pid() const { return pid_; }
  void end_unwaited() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }

 private:
  pid_t pid_ = -1;
};

// A word that no other process of this machine has in its command line.
std::string marker() {
  return fmt::format("yg{}x", ::getpid());
}

Finding finding_of(std::vector<local::Key> keys) {
  return local::run(*local::made(make_process, std::move(keys)));
}

std::string stat_line(int pid, std::string_view comm, char state = 'S', int parent = 1,
                      int start = 500) {
  return fmt::format(
      "{} ({}) {} {} 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 {} 0 0 18446744073709551615\n", pid,
      comm, state, parent, start);
}

// A /proc of our own.
struct FakeProc {
  Folder root;
  FakeProc() {
    fs::create_symlink("77", root / "self");
    add(1, "init", "/sbin/init\0"s);
    add(77, "yagurad", "yagurad\0--config\0puma.yaml\0"s);
    root.write("stat", "cpu 1 2 3\nbtime 1000\n");
  }
  void add(int pid, std::string_view comm, std::string_view cmdline, char state = 'S',
           int parent = 1, int user = 1000) const {
    root.write(fmt::format("{}/stat", pid), stat_line(pid, comm, state, parent));
    root.write(fmt::format("{}/cmdline", pid), cmdline);
    root.write(fmt::format("{}/status", pid),
               fmt::format("Name:\t{}\nUid:\t5\t{}\t6\t7\n", comm, user));
  }
  Result<ProcessesFound> find(const ProcessQuery& query) const {
    return find_processes(root.text(), query);
  }
  int count(const ProcessQuery& query) const {
    auto found = find(query);
    REQUIRE(found.has_value());
    CHECK_FALSE(found->hidden);
    return found->count;
  }
};

ProcessQuery program(std::string name, std::string user = {}) {
  return {std::move(name), nullptr, {}, std::move(user), false};
}
ProcessQuery match(const std::string& text) {
  return {{}, std::make_shared<const re2::RE2>(text), {}, {}, false};
}
ProcessQuery pid_file(std::string path) {
  return {{}, nullptr, std::move(path), {}, false};
}

}  // namespace

TEST_CASE("a process' line is read whatever it calls itself") {
  auto plain = parse_process_stat(stat_line(12, "puma", 'S', 3, 900));
  REQUIRE(plain);
  CHECK(plain->comm == "puma");
  CHECK(plain->state == 'S');
  CHECK(plain->parent == 3);
  CHECK(plain->started_ticks == 900);
  CHECK_FALSE(plain->is_dead());
  CHECK(parse_process_stat(stat_line(12, "puma", 'Z'))->is_dead());
  for (std::string_view comm : {"", ") Z 1 (", "a) S 2 3", "()", "\n", "\xff\x1b[31m", "a b"}) {
    CAPTURE(comm);
    auto hostile = parse_process_stat(stat_line(12, comm, 'S', 3, 900));
    REQUIRE(hostile);
    CHECK(hostile->comm == comm);
    CHECK(hostile->parent == 3);
    CHECK(hostile->started_ticks == 900);
  }
}

TEST_CASE("what is no such line is refused") {
  std::string line = stat_line(12, "puma");
  for (std::size_t length = 0; length < line.find(" 0 0 1844"); ++length) {
    auto cut = parse_process_stat(std::string_view(line).substr(0, length));
    if (length < line.rfind("500")) CHECK_FALSE(cut);
  }
  CHECK_FALSE(parse_process_stat(")("));
  CHECK_FALSE(parse_process_stat("1 (x) S a"));
  CHECK_FALSE(parse_process_stat(std::string(1000, '\0')));
}

TEST_CASE("arguments are joined, and the first one's file name is the program") {
  const std::string raw = "/usr/bin/puma\0-w\0web one\0\0\0"s;
  CHECK(command_line_words(raw) == "/usr/bin/puma -w web one");
  CHECK(program_name(raw) == "puma");
  CHECK(command_line_words("") == "");
  CHECK(command_line_words(std::string(5, '\0')) == "");
  CHECK(program_name("") == "");
  CHECK(program_name("puma") == "puma");
  CHECK(program_name("/usr/bin/") == "");
}

TEST_CASE("user, start of the machine and number are read from their lines only") {
  CHECK(parse_effective_user("Name:\tx\nUid:\t5\t6\t7\t8\n") == 6);
  CHECK(parse_effective_user("Name:\tUid:\t1\t2\nUid:\t5\t4294967295\t7\t8") == 4294967295U);
  CHECK_FALSE(parse_effective_user("Name:\tx\n"));
  CHECK_FALSE(parse_effective_user("Uid:\n"));
  CHECK_FALSE(parse_effective_user("Uid:\t5"));
  CHECK(parse_boot_time("cpu 1\nbtime 1700000000\nx") == 1'700'000'000);
  CHECK_FALSE(parse_boot_time("cpu 1\n"));
  CHECK(parse_pid_file("123\n") == 123);
  CHECK(parse_pid_file("  123 \r\n/var/lib/postgresql\n5432\n") == 123);
  CHECK(parse_pid_file("123") == 123);
  for (std::string_view text :
       {"", "\n", "abc", "12a", "-5", "0", "1 2", "99999999999", "0x10", "\n12"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_pid_file(text));
  }
}

TEST_CASE("a process that began well after its file was written got the number later") {
  CHECK_FALSE(is_recycled(1000, 1000, 100, false));
  CHECK_FALSE(is_recycled(900, 1000, 100, false));
  CHECK_FALSE(is_recycled(1060, 1000, 100, false));
  CHECK(is_recycled(1061, 1000, 100, false));
  CHECK(is_recycled(1061, 1000, 100, true));
  // The file is older than the machine's start: left over on a disk, but in memory the clock has
  // moved.
  CHECK(is_recycled(5000, 1000, 4000, false));
  CHECK_FALSE(is_recycled(5000, 1000, 4000, true));
}

TEST_CASE("a program is known by the kernel's name for it or by its first argument, whole") {
  FakeProc proc;
  proc.add(10, "puma", "puma: cluster worker\0"s);
  proc.add(11, "ruby3.1", "/opt/bin/puma\0-w\0"s);
  proc.add(12, "pumactl", "pumactl\0"s);
  proc.add(13, "puma", "", 'Z');
  proc.add(14, "kworker/0:1", "");
  CHECK(proc.count(program("puma")) == 2);
  CHECK(proc.count(program("pum")) == 0);
  CHECK(proc.count(program("kworker/0:1")) == 1);
  CHECK(proc.count(program("yagurad")) == 0);
}

TEST_CASE("a match is on the whole command line, and never on ourselves") {
  FakeProc proc;
  const std::string own = "yagurad\0--config\0puma.yaml\0"s;
  CHECK(proc.count(match("puma")) == 0);
  proc.add(78, "yagurad", own, 'S', 77);  // Our child, which has not begun its program.
  CHECK(proc.count(match("puma")) == 0);
  proc.add(79, "yagurad", own, 'S', 1);  // Another one's.
  CHECK(proc.count(match("puma")) == 1);
  proc.add(10, "ruby", "ruby\0/srv/puma\0-w\0"s);
  CHECK(proc.count(match("puma")) == 2);
  CHECK(proc.count(match("^ruby /srv/puma -w$")) == 1);
  proc.add(11, "x", "\xff\xfe\x1b puma");
  CHECK(proc.count(match("puma")) == 3);
  proc.add(12, "x", std::string(70'000, 'a') + "puma");  // Beyond what is looked at.
  CHECK(proc.count(match("puma")) == 3);
}

TEST_CASE("a process counts only when it is of the user") {
  FakeProc proc;
  proc.add(10, "puma", "puma", 'S', 1, 1234);
  proc.add(11, "puma", "puma", 'S', 1, 0);
  CHECK(proc.count(program("puma")) == 2);
  CHECK(proc.count(program("puma", "1234")) == 1);
  CHECK(proc.count(program("puma", "root")) == 1);
  CHECK(proc.count(program("puma", "4321")) == 0);
  auto nobody = proc.find(program("puma", "no-such-user-here"));
  REQUIRE_FALSE(nobody.has_value());
  CHECK(nobody.error().message == "there is no user no-such-user-here on this machine");
}

TEST_CASE("folders that vanish, or hold nonsense, are passed over") {
  FakeProc proc;
  proc.add(10, "puma", "puma");
  fs::create_directories(proc.root / "11");
  proc.root.write("12/stat", "nonsense");
  proc.root.write("13", "no folder");
  fs::create_directories(proc.root / "14puma");
  CHECK(proc.count(program("puma")) == 1);
}

TEST_CASE("a /proc that hides processes is known as such, and one that is missing is an error") {
  FakeProc proc;
  fs::remove_all(proc.root / "1");
  proc.add(10, "puma", "puma");
  auto found = proc.find(program("puma"));
  REQUIRE(found.has_value());
  CHECK(found->hidden);
  CHECK(found->count == 1);
  CHECK(proc.find(pid_file(proc.root.write("gone.pid", "11")))->hidden);
  CHECK_FALSE(proc.find(pid_file(proc.root.write("seen.pid", "10")))->hidden);
  CHECK(
      contains(find_processes("/nonexistent", program("puma")).error().message, "is it mounted?"));
}

TEST_CASE("a pid file says whose process must run") {
  FakeProc proc;
  proc.add(10, "puma", "puma");
  proc.add(11, "puma", "puma", 'Z');
  const auto lacking = [&](const ProcessQuery& query) {
    auto found = proc.find(query);
    REQUIRE(found.has_value());
    CHECK(found->count == (found->lacking.empty() ? 1 : 0));
    CHECK_FALSE(found->hidden);
    return found->lacking;
  };
  std::string path = proc.root.write("x.pid", "10\n");
  CHECK(lacking(pid_file(path)).empty());
  proc.root.write("x.pid", "11\n");
  CHECK(lacking(pid_file(path)) == fmt::format("process 11 of {} has ended", path));
  proc.root.write("x.pid", "12\n");
  CHECK(lacking(pid_file(path)) == fmt::format("process 12 of {} does not run", path));
  proc.root.write("x.pid", "puma\n");
  CHECK(lacking(pid_file(path)) == path + " holds no process number");
  CHECK(lacking(pid_file(path + "x")) == path + "x does not exist");
  proc.root.write("x.pid", "10\n");
  ProcessQuery of_user = pid_file(path);
  of_user.user = "1000";
  CHECK(lacking(of_user).empty());
  of_user.user = "1001";
  CHECK(lacking(of_user) == fmt::format("process 10 of {} is not 1001's", path));
  // A pipe without a writer is not waited for.
  REQUIRE(::mkfifo((proc.root / "pipe").c_str(), 0600) == 0);
  CHECK(contains(proc.find(pid_file((proc.root / "pipe").string())).error().message,
                 "not a readable file"));
}

TEST_CASE("a process that got the number of another is not taken for it") {
  FakeProc proc;
  proc.add(10, "puma", "puma");
  std::string path = proc.root.write("x.pid", "10\n");
  const auto written_at = [&](std::int64_t seconds) {
    std::array<timespec, 2> times{timespec{seconds, 0}, timespec{seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
    return proc.find(pid_file(path))->lacking;
  };
  // It began 500 ticks, so 5 s, after 1000.
  CHECK(written_at(1005).empty());
  CHECK(written_at(1'000'000'000).empty());
  proc.root.write("stat", "btime 100000\n");
  CHECK((written_at(100'004).empty()));
  proc.root.write("10/stat", stat_line(10, "puma", 'S', 1, 720'500));  // Two hours later.
  CHECK(
      written_at(100'005) ==
      fmt::format("process 10 of {} is another one: it began 2h after the file was written", path));
}

TEST_CASE("real processes are counted by program and by command line") {
  Folder folder;
  std::string word = marker();
  fs::create_symlink("/bin/sleep", folder / word);
  Process by_kernel({"other", "61"}, (folder / word).string());
  Process by_argument({"/x/" + word, "62"});
  CHECK(finding_of({{"program", word}}).values.at("count") == 2);
  CHECK(finding_of({{"name", word}}).values.at("count") == 2);  // The probe's own name, by default.
  Finding two = finding_of({{"match", word + " 6[0-9]$|^other 61$"}, {"at_least", "2"}});
  CHECK(two.verdict == Verdict::ok);
  CHECK(contains(two.reason, "2 of at least 2 processes run (match: "));
  Finding three = finding_of({{"program", word}, {"at_least", "3"}});
  CHECK(three.verdict == Verdict::failing);
  CHECK(three.reason == fmt::format("2 of at least 3 processes run (program: {})", word));
  Finding many = finding_of({{"program", word}, {"at_most", "1"}});
  CHECK(many.verdict == Verdict::failing);
  CHECK(many.reason == fmt::format("2 of at least 1 process runs, at most 1 (program: {})", word));
  by_kernel.end_unwaited();
  CHECK(finding_of({{"program", word}}).values.at("count") == 1);  // A zombie is none.
  Finding none = finding_of({{"match", word}, {"at_least", "0"}, {"at_most", "0"}});
  CHECK(none.verdict == Verdict::failing);
}

TEST_CASE("a program that does not run fails, and whoever looks does not find itself") {
  Finding none = finding_of({{"match", marker()}});
  CHECK(none.verdict == Verdict::failing);
  CHECK(none.reason == fmt::format("0 of at least 1 process runs (match: {})", marker()));
  CHECK(finding_of({{"match", marker()}, {"at_least", "0"}, {"at_most", "0"}}).verdict ==
        Verdict::ok);

  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string own((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  REQUIRE_FALSE(own.empty());
  std::string pattern = "^" + re2::RE2::QuoteMeta(command_line_words(own)) + "$";
  CHECK(finding_of({{"match", pattern}}).values.at("count") == 0);
}

TEST_CASE("real processes are told apart by their users") {
  if (::geteuid() != 0) return;
  Process process({marker(), "60"}, "/bin/sleep", 65534);
  CHECK(finding_of({{"program", marker()}, {"user", "65534"}}).verdict == Verdict::ok);
  CHECK(finding_of({{"program", marker()}, {"user", "nobody"}}).verdict == Verdict::ok);
  Finding other = finding_of({{"program", marker()}, {"user", "root"}});
  CHECK(other.verdict == Verdict::failing);
  CHECK(contains(other.reason, ", user: root)"));
  CHECK(finding_of({{"program", marker()}, {"user", "no-such-user-here"}}).verdict ==
        Verdict::unknown);
}

TEST_CASE("a real pid file is followed to its process, its end and its successor") {
  Folder folder;
  Process process({marker(), "60"});
  std::string path = folder.write("x.pid", std::to_string(process.pid()));
  Finding runs = finding_of({{"pid_file", path}});
  CHECK(runs.verdict == Verdict::ok);
  CHECK(runs.reason == fmt::format("the process of {} runs", path));
  // Written two minutes before the process began, so by another one.
  std::array<timespec, 2> times{timespec{::time(nullptr) - 120, 0},
                                timespec{::time(nullptr) - 120, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
  struct timespec up {};
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  if (up.tv_sec > 180)
    CHECK(contains(finding_of({{"pid_file", path}}).reason, "is another one: it began "));
  process.end_unwaited();
  CHECK(finding_of({{"pid_file", path}}).verdict == Verdict::failing);
  fs::remove(path);
  Finding missing = finding_of({{"pid_file", path}});
  CHECK(missing.verdict == Verdict::failing);
  CHECK(missing.reason == path + " does not exist");
  CHECK(finding_of({{"pid_file", folder.text()}}).verdict == Verdict::unknown);
}

TEST_CASE("what a process uses stands in its line") {
  auto stat = parse_process_stat(
      "12 (a b) S 1 12 12 0 -1 4194304 5 6 7 8 30 12 3 4 20 0 9 0 500 1048576 25 "
      "18446744073709551615");
  REQUIRE(stat);
  CHECK(stat->used_ticks == 42);
  CHECK(stat->threads == 9);
  CHECK(stat->started_ticks == 500);
  CHECK(stat->resident_pages == 25);
}

TEST_CASE("what processes use is added up, and processor time is counted between two looks") {
  const KernelUnits units{100, 4096};
  ProcessStat one, other;
  one.started_ticks = 1000;
  one.used_ticks = 50;
  one.threads = 3;
  one.resident_pages = 10;
  other = one;
  other.started_ticks = 4000;
  ProcessesUse before, after;
  before.now_ticks = 5000;
  before.add(10, one, units);
  before.add(11, other, units);
  CHECK(before.memory_bytes == 2 * 10 * 4096);
  CHECK(before.threads == 6);
  CHECK(before.first_started == 1000);
  CHECK(before.last_started == 4000);

  after.at = before.at + 10s;
  one.used_ticks = 250;
  after.add(10, one, units);  // 200 ticks in 10 s.
  CHECK(*processor_percent(before, after, units) == doctest::Approx(20));
  other.started_ticks =
      5500;  // Another process with the number of the one before: all that it used.
  other.used_ticks = 100;
  after.add(11, other, units);
  other.started_ticks = 3000;  // One that was not found before: what it used before is not counted.
  after.add(12, other, units);
  CHECK(*processor_percent(before, after, units) == doctest::Approx(30));
  CHECK_FALSE(processor_percent(before, before, units));
  for (int pid = 100; pid < 20'000; ++pid)
    after.add(pid, one, units);
  CHECK(after.times.size() == ProcessesUse::most_timed);
  CHECK_FALSE(processor_percent(before, after, units));
}

TEST_CASE("what real processes use is measured, and limits on it decide") {
  Process idle({marker(), "60"});
  const auto of = [&](std::string key, std::string level) {
    return finding_of(
        {{"program", marker()}, {std::move(key), local::map({{"failing", std::move(level)}})}});
  };
  Finding plain;
  // At the very beginning it has no memory yet.
  for (int turn = 0; turn < 500 && plain.values["memory_bytes"] < 50'000; ++turn)
    plain = finding_of({{"program", marker()}});
  CHECK(plain.verdict == Verdict::ok);
  CHECK(plain.values.at("memory_bytes") > 50'000);
  CHECK(plain.values.at("threads") == 1);
  CHECK(plain.values.at("youngest_seconds") < 60);
  CHECK_FALSE(plain.values.contains("open_files"));
  Finding memory = of("memory", ">= 10 KiB");
  CHECK(memory.verdict == Verdict::failing);
  CHECK(contains(memory.reason, "memory "));
  CHECK(contains(memory.reason, ", failing at >= 10 KiB; 1 of at least 1 process runs (program: "));
  CHECK(of("memory", ">= 1 TiB").verdict == Verdict::ok);
  Finding files = of("open_files", ">= 1");
  CHECK(files.verdict == Verdict::failing);
  CHECK(files.values.at("open_files") >= 1);
  CHECK(of("open_files", ">= 100000").verdict == Verdict::ok);
  CHECK(of("threads", "1").verdict == Verdict::failing);
  CHECK(of("threads", "2").verdict == Verdict::ok);
  Finding young = of("uptime", "< 1h");
  CHECK(young.verdict == Verdict::failing);
  CHECK(contains(young.reason, "the last began "));
  CHECK(of("uptime", ">= 1h").verdict == Verdict::ok);
  Finding rests = of("cpu", ">= 90%");
  CHECK(rests.verdict == Verdict::ok);
  CHECK(contains(rests.reason, "% of one processor"));
  CHECK(of("cpu", ">= 150%").verdict == Verdict::ok);
}

TEST_CASE("a process that is busy has its processor time counted from run to run") {
  Process busy({marker(), "-c", "while :; do :; done"}, "/bin/sh");
  auto probe = local::made(make_process,
                           {{"match", marker()}, {"cpu", local::map({{"failing", "> 0.5%"}})}});
  for (int run = 0; run < 2; ++run) {  // The first measures for a second, the next since then.
    Finding finding = local::run(*probe);
    CHECK(finding.verdict == Verdict::failing);
    CHECK(finding.values.at("cpu_percent") > 0);
  }
}

TEST_CASE("where none runs there is nothing to limit") {
  Finding none = finding_of({{"program", marker()},
                             {"at_least", "0"},
                             {"at_most", "3"},
                             {"uptime", local::map({{"failing", "< 1h"}})}});
  CHECK(none.verdict == Verdict::ok);
  CHECK(none.values.size() == 1);
}

TEST_CASE("open files that are not shown are unknown, and known to be so") {
  FakeProc proc;
  proc.add(10, "puma", "puma");
  proc.root.write("10/fd", "no folder");
  ProcessQuery query = program("puma");
  query.open_files = true;
  CHECK(proc.find(query)->use.files_hidden);
  fs::remove(proc.root / "10/fd");
  CHECK_FALSE(proc.find(query)->use.files_hidden);  // It has ended meanwhile.
}

TEST_CASE("the keys of a process are checked") {
  const auto problems = [](std::vector<local::Key> keys) {
    return local::problems_of(make_process, std::move(keys));
  };
  CHECK(problems({{"match", "puma"}, {"at_least", "2"}}).empty());
  CHECK(problems({{"match", "puma"}, {"name", "workers"}}).empty());
  CHECK(contains(problems({}), "probe needs one of `program`"));
  CHECK(contains(problems({{"match", "puma"}, {"program", "puma"}}), "needs only one of"));
  CHECK(contains(problems({{"pid_file", "/x"}, {"match", "puma"}}), "needs only one of"));
  CHECK(contains(problems({{"match", "pu(ma"}}),
                 "`match` is no regular expression (RE2): missing ): pu(ma"));
  CHECK(contains(problems({{"match", ""}}), "`match` is empty"));
  CHECK(contains(problems({{"match", "((((a{100}){100}){100}){100})"}}), "no regular expression"));
  CHECK(contains(problems({{"program", "/usr/bin/puma"}}), "without its folder"));
  CHECK(contains(problems({{"program", ""}}), "name of a program"));
  CHECK(contains(problems({{"pid_file", "x.pid"}}), "must be absolute"));
  CHECK(contains(problems({{"pid_file", "/x.pid"}, {"at_least", "2"}}), "names one process"));
  CHECK(contains(problems({{"match", "x"}, {"at_least", "0"}}), "nothing would be watched"));
  CHECK(contains(problems({{"match", "x"}, {"at_most", "0"}}), "for none to run write 0 for both"));
  CHECK(contains(problems({{"match", "x"}, {"at_least", "5"}, {"at_most", "4"}}),
                 "below `at_least` (5)"));
  CHECK(contains(problems({{"match", "x"}, {"at_least", "-1"}}), "whole number"));
  CHECK(contains(problems({{"match", "x"}, {"memory", ">= 1 GiB"}}), "`memory`"));
  CHECK(contains(problems({{"match", "x"}, {"memory", local::map({{"failing", ">= 90%"}})}}),
                 "is not measured here"));
  CHECK(problems({{"match", "x"}, {"cpu", local::map({{"failing", ">= 350%"}})}}).empty());
  CHECK(contains(problems({{"match", "x"},
                           {"uptime", local::map({{"failing", "< 1m"}, {"warning", ">= 9d"}})}}),
                 "wrong way round"));
  CHECK(contains(problems({{"match", "x"}, {"user", ""}}), "`user` is empty"));
  CHECK(contains(problems({{"match", "x"}, {"atleast", "2"}}), "did you mean `at_least`?"));
}
