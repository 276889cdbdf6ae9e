// The kind `logins`: lines as Debian 12 writes them, the rules one by one, and what an attacker can
// do to the tables.
#include <time.h>

#include <cstdlib>

#include "folder.hpp"
#include "kinds.hpp"
#include "log_run.hpp"
#include "security/kept.hpp"
#include "security/login_line.hpp"
#include "security/login_rules.hpp"

using namespace yagura;
using local::append;
using local::contains;
using local::Folder;
using local::Keeper;
using local::list;

namespace {

// "failed sshd root < 203.0.113.7:4022 x1"
std::string read_line(std::string_view line) {
  const auto logged = parse_logged_line(line);
  if (!logged) return "no line";
  const auto attempt = parse_attempt(logged->program, logged->message);
  if (!attempt) return "no attempt";
  const char* end = attempt->end == Attempt::End::failed      ? "failed"
                    : attempt->end == Attempt::End::succeeded ? "succeeded"
                                                              : "gave up";
  std::string text =
      std::string(end) + " " + std::string(attempt->program) + " " + attempt->account;
  if (!attempt->becomes.empty()) text += " > " + attempt->becomes;
  text += " < " + attempt->source;
  if (attempt->remote) text += ":" + std::to_string(attempt->port);
  if (attempt->times > 1) text += " x" + std::to_string(attempt->times);
  return text;
}

Instant at(const char* text) {
  return parse_instant(text).value();
}
const Instant noon = at("2026-11-27T12:00:00+09:00");  // a Friday

Attempt attempt(Attempt::End end, std::string account, std::string source,
                std::string_view program = "sshd") {
  Attempt made;
  made.end = end;
  made.program = program;
  made.account = std::move(account);
  made.source = std::move(source);
  made.remote = program == "sshd";
  if (program == "su" || program == "sudo") made.becomes = "root";
  return made;
}

struct Watched {
  LoginRules rules{};
  LoginWatch watch{};
  Instant now = noon;
  Zone zone = Zone::named("Asia/Tokyo").value();

  Watched() { rules.failures = 3; }
  void take(const Attempt& made) {
    watch.forget(now, rules);
    watch.take(made, now, now, rules, zone);
  }
  void fail(const std::string& account, const std::string& source) {
    take(attempt(Attempt::End::failed, account, source));
  }
  void log_in(const std::string& account, const std::string& source) {
    take(attempt(Attempt::End::succeeded, account, source));
  }
  std::string said() {
    watch.forget(now, rules);
    const auto words = watch.judge(rules, zone);
    return std::string(name_of(words.verdict)) + ": " + words.reason;
  }
};

}  // namespace

TEST_CASE("lines of sshd, sudo, su and login are understood as Debian 12 writes them") {
  std::ifstream file(YAGURA_SOURCE "/tests/data/logins/debian-12.txt");
  REQUIRE(file);
  int lines = 0;
  for (std::string line, wanted; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    REQUIRE(std::getline(file, wanted));
    REQUIRE(wanted.starts_with("  "));
    CAPTURE(line);
    CHECK(read_line(line) == wanted.substr(2));
    ++lines;
  }
  CHECK(lines > 20);
}

TEST_CASE("what a stranger chose is never taken for what the program says") {
  CHECK(read_line("sshd[1]: Failed password for invalid user root from 10.0.0.1 port 1 ssh2 from "
                  "203.0.113.7 port 22 ssh2") ==
        "failed sshd root from 10.0.0.1 port 1 ssh2 < 203.0.113.7:22");
  CHECK(read_line("sshd[1]: Invalid user Accepted password for root from 1.1.1.1 port 1") ==
        "no attempt");
  CHECK(read_line("sshd[1]: Connection closed by invalid user a b 10.0.0.1 port 1 203.0.113.7 port "
                  "9 [preauth]") == "gave up sshd a b 10.0.0.1 port 1 < 203.0.113.7:9");
  CHECK(read_line("sshd[1]: Failed password for \x1b[2J from 203.0.113.7 port 22 ssh2") ==
        "failed sshd \\x1b[2J < 203.0.113.7:22");
  CHECK(read_line(
            "sudo:  eve : TTY=pts/0 ; PWD=/tmp/x ; USER=nobody ; USER=root ; COMMAND=/bin/sh") ==
        "succeeded sudo eve > root < pts/0");
  CHECK(read_line("sshd[1]: Failed password for " + std::string(5000, 'x') +
                  " from 203.0.113.7 port 22 ssh2")
            .size() < 200);
  for (const char* line :
       {"", " ", "x", "sshd", "sshd:", "sshd[: x", "sshd[1: x", "Nov 27 23:04:12",
        "Nov 27 23:04:12 h", "Nov 40 23:04:12 h sshd[1]: Failed password for a from b port 1 ssh2",
        "sshd[1]: Failed password for ", "sshd[1]: Failed password for a from  port 1 ssh2",
        "sshd[1]: Failed password for a from b port 99999 ssh2",
        "sshd[1]: message repeated x times: [ Failed", "sudo: x : ", "su[1]: (to ",
        "su[1]: FAILED SU (to root) x", "login[1]: FAILED LOGIN ("})
    CHECK_MESSAGE(read_line(line).starts_with("no "), line);
}

TEST_CASE(
    "the times of both forms of auth.log are understood, the year and the machine's zone with "
    "them") {
  ::setenv("TZ", "Asia/Tokyo", 1);
  ::tzset();
  const auto rfc = parse_logged_line("2026-11-27T23:04:12.345678+09:00 web-1 sshd[123]: x");
  REQUIRE((rfc && rfc->at));
  CHECK(*rfc->at == at("2026-11-27T23:04:12.345+09:00"));
  const auto time = [](const char* line, const char* now) {
    const auto logged = parse_logged_line(line);
    REQUIRE((logged && logged->local));
    return instant_of(*logged->local, at(now));
  };
  CHECK(time("Nov 27 23:04:12 h sshd[1]: x", "2026-11-28T00:00:00+09:00") ==
        at("2026-11-27T23:04:12+09:00"));
  CHECK(time("Nov  7 03:04:12 h sshd: x", "2026-11-28T00:00:00+09:00") ==
        at("2026-11-07T03:04:12+09:00"));
  CHECK(time("Dec 31 23:59:59 h sshd[1]: x", "2027-01-01T00:00:05+09:00") ==
        at("2026-12-31T23:59:59+09:00"));
  CHECK(time("Jan  1 00:00:01 h sshd[1]: x", "2026-12-31T23:59:58+09:00") ==
        at("2027-01-01T00:00:01+09:00"));
  ::unsetenv("TZ");
  ::tzset();
}

TEST_CASE(
    "logins: failures of one account or from one source are a burst, and quiet again after a "
    "while") {
  Watched watched;
  watched.fail("root", "203.0.113.1");
  watched.fail("root", "203.0.113.2");
  CHECK(watched.said() == "ok: no login is out of the ordinary");
  watched.fail("root", "203.0.113.3");
  CHECK(watched.said() == "failing: 3 failed attempts for root, a burst is 3 within 10m");
  watched.fail("alice", "203.0.113.3");
  watched.fail("bob", "203.0.113.3");
  CHECK(watched.said() ==
        "failing: 3 failed attempts for root, a burst is 3 within 10m; "
        "3 failed attempts from 203.0.113.3, a burst is 3 within 10m");
  watched.fail("root", "203.0.113.9");
  CHECK(contains(watched.said(), "4 failed attempts for root"));
  watched.now += 30min;
  CHECK(watched.said() == "ok: no login is out of the ordinary");
  SUBCASE("slow ones are none") {
    for (int i = 0; i < 10; ++i) {
      watched.fail("root", "203.0.113.1");
      watched.now += 5min;
    }
    CHECK(watched.said().starts_with("ok"));
  }
  SUBCASE("a burst may be a warning, what comes after it never is") {
    watched.rules.burst = Verdict::warning;
    for (int i = 0; i < 5; ++i)
      watched.fail("root", "203.0.113.1");
    CHECK(watched.said().starts_with("warning: 5 failed attempts for root"));
    watched.log_in("alice", "203.0.113.1");
    CHECK(watched.said().starts_with(
        "failing: login of alice from 203.0.113.1 (sshd) after 5 failed attempts within 10m; "));
  }
  SUBCASE("a connection that is given up counts once") {
    Attempt failed = attempt(Attempt::End::failed, "root", "203.0.113.1"), gave_up = failed;
    failed.port = gave_up.port = 7;
    gave_up.end = Attempt::End::gave_up;
    for (int i = 0; i < 2; ++i)
      watched.take(failed);
    watched.take(gave_up);
    CHECK(watched.said().starts_with("ok"));
    gave_up.port = 8;
    watched.take(gave_up);
    CHECK(watched.said().starts_with("failing: 3 failed attempts for root"));
  }
}

TEST_CASE(
    "logins: accounts, networks and hours that are not allowed are said, with what rule says so") {
  Watched watched;
  watched.rules.accounts = {"alice", "bob"};
  watched.rules.networks = {AddressBlock::parse("10.0.0.0/8").value(),
                            AddressBlock::parse("2001:db8::/32").value()};
  watched.rules.hours = {DayHours::parse("mon-fri 08:00-20:00").value()};
  watched.log_in("alice", "10.1.2.3");
  watched.log_in("bob", "2001:db8::7");
  watched.log_in("bob", "::ffff:10.1.2.3");
  CHECK(watched.said().starts_with("ok"));
  SUBCASE("an account") {
    watched.log_in("mallory", "10.1.2.3");
    watched.log_in("mallory", "10.1.2.3");
    CHECK(watched.said() ==
          "failing: login of mallory from 10.1.2.3 (sshd): not one of `accounts`, 2 times");
  }
  SUBCASE("a network, also one that cannot be told") {
    watched.log_in("alice", "203.0.113.7");
    watched.log_in("bob", "host.example");
    CHECK(watched.said() ==
          "failing: login of alice from 203.0.113.7 (sshd): not of `networks`; "
          "login of bob from host.example (sshd): not of `networks`");
  }
  SUBCASE("an hour of the zone") {
    watched.now = at("2026-11-27T20:00:00+09:00");
    watched.log_in("alice", "10.1.2.3");
    CHECK(watched.said() ==
          "failing: login of alice from 10.1.2.3 (sshd) at 2026-11-27T20:00: outside `hours`");
  }
  SUBCASE("a day") {
    watched.now = at("2026-11-28T12:00:00+09:00");
    watched.log_in("alice", "10.1.2.3");
    CHECK(contains(watched.said(), "outside `hours`"));
  }
  SUBCASE("at the terminal there is no network, and who uses sudo has logged in already") {
    watched.take(attempt(Attempt::End::succeeded, "alice", "/dev/tty1", "login"));
    watched.now = at("2026-11-28T12:00:00+09:00");
    watched.rules.root = RootLogins::ignore;
    watched.take(attempt(Attempt::End::succeeded, "alice", "pts/0", "sudo"));
    CHECK(watched.said().starts_with("ok"));
    watched.take(attempt(Attempt::End::succeeded, "www-data", "pts/0", "su"));
    CHECK(contains(watched.said(), "login of www-data from pts/0 (su): not one of `accounts`"));
  }
}

TEST_CASE("logins: a root login is said the first time from each place, or as it is asked for") {
  Watched watched;
  SUBCASE("first") {
    watched.log_in("root", "10.0.0.1");
    CHECK(watched.said() == "failing: first root login of root from 10.0.0.1 (sshd)");
    watched.now += 1h;
    watched.log_in("root", "10.0.0.1");
    CHECK(watched.said().starts_with("ok"));
    watched.take(attempt(Attempt::End::succeeded, "alice", "pts/0", "sudo"));
    CHECK(watched.said() == "failing: first root login of alice from pts/0 (sudo)");
    watched.now += 1h;
    watched.take(attempt(Attempt::End::succeeded, "alice", "pts/7", "sudo"));
    watched.take(attempt(Attempt::End::succeeded, "root", "none", "su"));  // a script of root
    CHECK(watched.said().starts_with("ok"));
  }
  SUBCASE("any") {
    watched.rules.root = RootLogins::any;
    watched.log_in("root", "10.0.0.1");
    watched.now += 1h;
    watched.log_in("root", "10.0.0.1");
    CHECK(watched.said() == "failing: root login of root from 10.0.0.1 (sshd)");
  }
  SUBCASE("ignore") {
    watched.rules.root = RootLogins::ignore;
    watched.log_in("root", "10.0.0.1");
    CHECK(watched.said().starts_with("ok"));
  }
}

TEST_CASE(
    "logins: an attacker who fills the tables makes the oldest go, which is said, and keeps "
    "nothing large") {
  Watched watched;
  watched.rules.networks = {AddressBlock::parse("10.0.0.0/8").value()};
  for (int i = 0; i < 5000; ++i) {
    const std::string n = std::to_string(i);
    watched.now += 10ms;
    watched.fail("account-" + n, "192.0.2." + n);
    watched.log_in("account-" + n, "192.0.2." + n);
  }
  CHECK(watched.watch.findings() == 50);
  CHECK(contains(watched.said(), "account-4999"));
  CHECK(contains(watched.said(),
                 "; and 47 more; more fails than is remembered (1000 accounts and sources)"));
  CHECK(watched.watch.failed(watched.now, 10min) == 1000);
  boost::json::object kept;
  watched.watch.keep(kept);
  CHECK(boost::json::serialize(kept).size() < 80'000);
  // One that goes on is not forgotten among them.
  watched.now += 1h;
  for (int i = 0; i < 1500; ++i) {
    watched.now += 1ms;
    if (i % 700 == 0) watched.fail("root", "203.0.113.7");
    watched.fail("x" + std::to_string(i), "192.0.2.1");
  }
  CHECK(contains(watched.said(), "3 failed attempts for root"));
}

TEST_CASE("logins: what was seen is kept over a restart, whatever stands there is survived") {
  Watched watched;
  watched.fail("root", "203.0.113.7");
  watched.fail("root", "203.0.113.7");
  watched.log_in("root", "10.0.0.1");
  boost::json::object kept;
  watched.watch.keep(kept);
  watched.watch = LoginWatch::kept_in(kept, watched.now);
  CHECK(watched.said() == "failing: first root login of root from 10.0.0.1 (sshd)");
  watched.fail("root", "203.0.113.7");
  CHECK(contains(watched.said(), "3 failed attempts for root"));
  watched.now += 1h;
  watched.log_in("root", "10.0.0.1");
  CHECK(watched.said().starts_with("ok"));
  for (
      const char* text :
      {R"({"findings":[1,[],["x"],[99,"a","b"],[0,1,2,3,"x",-1,9e99]],"roots":{},"accounts":[["a"],["a",1],["a",["x",1e400]]]})",
       R"({"findings":[[0,"a","b","sshd",3,99999999999999,99999999999999]]})"}) {
    boost::json::error_code error;
    const auto value = boost::json::parse(text, error);
    if (error) continue;
    watched.watch = LoginWatch::kept_in(value.as_object(), watched.now);
    (void)watched.said();
    watched.now += 31min;  // and nothing lasts longer than it should
    CHECK(watched.said().starts_with("ok"));
  }
}

TEST_CASE("logins are read from auth.log, in the past as it was, and old ones are no news") {
  const Folder folder;
  const std::string path = folder.write("auth.log", "");
  const auto probe = [&] {
    return local::made(make_logins,
                       {{"path", path}, {"failures", "3"}, {"accounts", list({"alice", "root"})}});
  };
  Keeper keeper;
  Finding finding = keeper.run(*probe());
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason,
                 "no login is out of the ordinary; it is read from its present end on"));
  const auto line = [&](Instant when, const std::string& message) {
    append(path, Zone().format(when) + " web-1 sshd[7]: " + message + "\n");
  };
  const Instant now = wall_now();
  line(now - 25h, "Accepted publickey for eve from 203.0.113.7 port 1 ssh2: RSA SHA256:x");
  line(now - 3min, "Failed password for root from 203.0.113.7 port 2 ssh2");
  append(path, std::string_view("rubbish \xff\0\n", 11));
  CHECK(keeper.run(*probe()).verdict == Verdict::ok);
  line(now - 2min,
       "message repeated 2 times: [ Failed password for root from 203.0.113.7 port 2 ssh2]");
  finding = keeper.run(*probe());  // another one each time, as after a restart
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "3 failed attempts for root, a burst is 3 within 10m"));
  line(now - 1min, "Accepted password for alice from 203.0.113.7 port 3 ssh2");
  finding = keeper.run(*probe());
  CHECK(contains(finding.reason,
                 "login of alice from 203.0.113.7 (sshd) after 3 failed attempts within 10m"));
  CHECK(finding.values["logins"] == 1);
  CHECK(finding.values["failed_attempts"] == 3);
  CHECK(!keeper.run(*probe()).keep);
  std::filesystem::remove(path);
  CHECK(keeper.run(*probe()).verdict == Verdict::unknown);
}

TEST_CASE("wrong keys of logins are refused in words") {
  const auto said = [](std::string key, Node value) {
    return local::problems_of(make_logins,
                              {{"journal", "true"}, {std::move(key), std::move(value)}});
  };
  const auto refused = [&](std::string key, const char* value) {
    return said(std::move(key), local::scalar(value));
  };
  CHECK(contains(local::problems_of(make_logins, {{"failures", "3"}}),
                 "write `path: /var/log/…`, or `journal: true`"));
  CHECK(refused("failures", "1") != "");
  CHECK(contains(refused("within", "2d"), "`within` must be between 1m and 1d"));
  CHECK(contains(refused("quiet_after", "8d"), "`quiet_after` must be between 1m and 7d"));
  CHECK(contains(refused("burst", "ignore"), "`burst` must be one of failing, warning"));
  CHECK(contains(refused("root", "never"), "`root` must be one of first, any, ignore"));
  CHECK(contains(said("accounts", list({})), "`accounts` has 1 to 1000 entries"));
  for (const char* wrong : {"10.0.0.0/33", "10.0.0.1/8", "x", "10.0.0/8", "2001:db8::1/32",
                            "10.0.0.0/", "fe80::1%eth0"})
    CHECK_MESSAGE(contains(refused("networks", wrong), "`networks`: "), wrong);
  for (const char* wrong : {"8-20", "08:00-08:00", "22:00-06:00", "xyz 08:00-20:00",
                            "mon- 08:00-20:00", "08:00-24:01", "08:0x-20:00"})
    CHECK_MESSAGE(contains(refused("hours", wrong), "`hours`: "), wrong);
  CHECK(said("networks", list({"10.0.0.0/8", "::1", "0.0.0.0/0", "::/0"})) == "");
  CHECK(said("hours", list({"00:00-24:00", "sat-mon 08:00-20:00", "fri 01:00-02:00"})) == "");
  CHECK(contains(refused("unit", "ssh"), "unknown key `unit`"));
}
