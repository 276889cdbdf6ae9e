#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <map>

#include "bus_world.hpp"
#include "kinds.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using local::Bus;
using local::BytesBus;
using local::FakeSystemd;
using testing::contains;
using testing::map;
using testing::Network;

namespace {

std::uint64_t micros_ago(Duration span) {
  const auto now = std::chrono::system_clock::now().time_since_epoch() - span;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}
std::uint64_t boot_ago(Duration span) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t micros = now.tv_sec * 1'000'000LL - span.count() * 1000;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(micros, 1));
}

FakeSystemd::Properties service(const std::string& active, const std::string& sub,
                                const FakeSystemd::Properties& more = {}) {
  FakeSystemd::Properties properties{{"Unit.LoadState", "loaded"},
                                     {"Unit.ActiveState", active},
                                     {"Unit.SubState", sub},
                                     {"Service.Result", "success"},
                                     {"Service.NRestarts", std::uint32_t{0}},
                                     {"Service.ExecMainCode", std::int32_t{0}},
                                     {"Service.ExecMainStatus", std::int32_t{0}}};
  for (const auto& [name, value] : more)
    properties[name] = value;
  return properties;
}

struct World {
  Bus bus;
  FakeSystemd systemd{bus.socket()};
  Network network;

  Node keys(std::vector<std::pair<std::string, testing::Value>> more = {}) {
    std::vector<std::pair<std::string, testing::Value>> entries{{"unit", "web.service"},
                                                                {"bus", bus.socket()}};
    for (auto& [key, value] : more) {
      std::erase_if(entries, [&](const auto& entry) { return entry.first == key; });
      entries.emplace_back(key, value);
    }
    return map(entries);
  }
  Finding run(std::vector<std::pair<std::string, testing::Value>> more = {}) {
    return network.run(make_unit, keys(std::move(more)));
  }
};

std::string problems(std::vector<std::pair<std::string, testing::Value>> keys) {
  return testing::problems_of(make_unit, map(keys));
}

}  // namespace

TEST_CASE("a unit is judged by the state that systemd says, in words for who has to act" *
          doctest::skip(!local::has_dbus())) {
  World world;
  const auto says = [&](const FakeSystemd::Properties& properties, Verdict verdict,
                        std::string_view words) {
    world.systemd.show("web.service", properties);
    const Finding finding = world.run();
    CHECK(finding.verdict == verdict);
    CHECK_MESSAGE(contains(finding.reason, words), finding.reason);
    return finding;
  };
  const Finding well =
      says(service("active", "running", {{"Unit.ActiveEnterTimestamp", micros_ago(10min)}}),
           Verdict::ok, "web.service is active (running) since ");
  CHECK(well.values.at("active_seconds") >= 599);
  CHECK(well.values.at("active_seconds") < 700);
  says(service("reloading", "reload"), Verdict::ok, "web.service is reloading");
  says(service("failed", "failed",
               {{"Service.Result", "exit-code"},
                {"Service.ExecMainCode", std::int32_t{CLD_EXITED}},
                {"Service.ExecMainStatus", std::int32_t{1}},
                {"Unit.InactiveEnterTimestamp", micros_ago(240h)}}),
       Verdict::failing, "web.service failed (exit-code 1) since 20");
  says(service("failed", "failed",
               {{"Service.Result", "exit-code"},
                {"Service.ExecMainCode", std::int32_t{CLD_EXITED}},
                {"Service.ExecMainStatus", std::int32_t{203}}}),
       Verdict::failing, "web.service failed (exit-code 203/EXEC, the program cannot be executed)");
  says(service("failed", "failed",
               {{"Service.Result", "signal"},
                {"Service.ExecMainCode", std::int32_t{CLD_KILLED}},
                {"Service.ExecMainStatus", std::int32_t{SIGKILL}}}),
       Verdict::failing, "web.service failed (signal 9/KILL)");
  says(service("failed", "failed", {{"Service.Result", "oom-kill"}}), Verdict::failing,
       "web.service failed (oom-kill)");
  says(service("inactive", "dead"), Verdict::failing,
       "web.service does not run (dead): `systemctl start web.service`");
  says(service("inactive", "dead", {{"Unit.LoadState", "not-found"}}), Verdict::failing,
       "there is no unit web.service: look at its name, and whether its package is installed");
  says(service("inactive", "dead", {{"Unit.LoadState", "masked"}}), Verdict::failing,
       "`systemctl unmask web.service`");
  says(service("inactive", "dead", {{"Unit.LoadState", "bad-setting"}}), Verdict::failing,
       "has an error (bad-setting)");
  says(service("active", "running", {{"Unit.LoadState", "not-found"}}), Verdict::warning,
       "would not start again");
  says(service("dreaming", "rem"), Verdict::unknown, "web.service is dreaming (rem)");
}

TEST_CASE("a unit on its way is well within its grace, however often it tries anew" *
          doctest::skip(!local::has_dbus())) {
  World world;
  const auto starting = [](Duration span) {
    return service("activating", "start",
                   {{"Unit.InactiveExitTimestampMonotonic", boot_ago(span)}});
  };
  world.systemd.show("web.service", starting(30s));
  Finding finding = world.run({{"grace", "1m"}});
  CHECK(finding.verdict == Verdict::ok);
  CHECK_MESSAGE(contains(finding.reason, "web.service has been starting (start) for "),
                finding.reason);
  world.systemd.show("web.service", starting(80s));
  finding = world.run({{"grace", "1m"}});
  CHECK(finding.verdict == Verdict::failing);
  CHECK_MESSAGE(contains(finding.reason, "longer than 1m: `systemctl status web.service`"),
                finding.reason);
  CHECK(world.run().verdict == Verdict::ok);  // of the default, 90 s
  world.systemd.show("web.service",
                     service("deactivating", "stop-sigterm",
                             {{"Unit.ActiveExitTimestampMonotonic", boot_ago(95s)}}));
  CHECK(world.run().verdict == Verdict::failing);

  // Every try anew is a new start to systemd, and none to who waits.
  auto probe = world.network.make(make_unit, world.keys({{"grace", "1m"}}));
  world.systemd.show("web.service", starting(55s));
  CHECK(world.network.run(*probe).verdict == Verdict::ok);
  world.systemd.show("web.service", starting(0s));
  finding = world.network.run(*probe);
  CHECK_FALSE(contains(finding.reason, " for 0s"));
}

TEST_CASE("restarts are counted from the first look on, over a count that began again" *
          doctest::skip(!local::has_dbus())) {
  World world;
  testing::Value levels = map({{"warning", ">= 1"}, {"failing", ">= 3"}});
  auto probe = world.network.make(make_unit, world.keys({{"restarts", levels}}));
  const auto restarts_at = [&](std::uint32_t count) {
    world.systemd.show("web.service", service("active", "running", {{"Service.NRestarts", count}}));
    return world.network.run(*probe);
  };
  CHECK(restarts_at(7).verdict == Verdict::ok);
  Finding finding = restarts_at(8);
  CHECK(finding.verdict == Verdict::warning);
  CHECK_MESSAGE(contains(finding.reason, "1 restart within 1h, warning at >= 1"), finding.reason);
  CHECK(restarts_at(8).values.at("restarts") == 1);
  // Started by hand, and restarted twice since.
  finding = restarts_at(2);
  CHECK(finding.verdict == Verdict::failing);
  CHECK_MESSAGE(contains(finding.reason, "3 restarts within 1h, failing at >= 3"), finding.reason);
}

TEST_CASE(
    "restarts are counted over a restart of the daemon, at the unit's last change at the latest" *
    doctest::skip(!local::has_dbus())) {
  World world;
  std::string kept;
  int rows = 0;
  const auto first_run_of_a_daemon = [&](std::uint32_t count, Duration active_for) {
    world.systemd.show("web.service",
                       service("active", "running",
                               {{"Service.NRestarts", count},
                                {"Unit.ActiveEnterTimestamp", micros_ago(active_for)}}));
    auto probe = world.network.make(
        make_unit, world.keys({{"restarts", map({{"failing", ">= 3"}, {"within", "2h"}})}}));
    std::optional<Finding> finding;
    ProbeRun asked{{}, 10s};
    asked.kept = kept.empty() ? nullptr : &kept;
    probe->start(world.network.runtime, asked, [&](Finding given) { finding = std::move(given); });
    world.network.loop.restart();
    world.network.loop.run_for(15s);
    REQUIRE(finding);
    if (finding->keep) {
      kept = *finding->keep;
      ++rows;
    }
    return finding->values.at("restarts");
  };
  CHECK(first_run_of_a_daemon(7, 30h) == 0);
  CHECK(first_run_of_a_daemon(7, 30h) == 0);
  CHECK(rows == 1);  // nothing new is nothing to keep
  CHECK(first_run_of_a_daemon(9, 10min) == 2);
  CHECK(first_run_of_a_daemon(9, 10min) == 2);
  CHECK(first_run_of_a_daemon(10, 1min) == 3);
  CHECK(rows == 3);
  // They came while no daemon was there, and longer ago than is asked for.
  CHECK(first_run_of_a_daemon(14, 121min) == 3);
  // What was seen becomes too old, whatever the clock of the machine's start says.
  const auto ago = [](Duration span) { return std::to_string(micros_ago(span) / 1000); };
  kept = "web.service restarts 14 " + ago(3h) + ":5 " + ago(119min) + ":1 " + ago(-3h) + ":2";
  CHECK(first_run_of_a_daemon(14, 10h) == 3);
  for (const char* odd :
       {"web.service", "web.service restarts x", "other.service restarts 1", "web.service 1 2 3",
        "web.service restarts 14 -5:1 7", "web.service restarts 14 99999999999999999:1"}) {
    kept = odd;
    CHECK(first_run_of_a_daemon(14, 10h) == 0);
  }
}

TEST_CASE(
    "a timer's service is judged by its runs, and what was seen of them outlives systemd's memory" *
    doctest::skip(!local::has_dbus())) {
  World world;
  std::string kept;
  const auto run = [&](const FakeSystemd::Properties& job,
                       const std::string& timer_state = "active") {
    world.systemd.show("dump.timer", {{"Unit.LoadState", "loaded"},
                                      {"Unit.ActiveState", timer_state},
                                      {"Unit.SubState", "waiting"},
                                      {"Timer.Result", "success"},
                                      {"Timer.Unit", "dump.service"},
                                      {"Timer.NextElapseUSecRealtime", micros_ago(-2h)}});
    world.systemd.show("dump.service", job);
    auto probe =
        world.network.make(make_unit, world.keys({{"unit", "dump.timer"}, {"ran_within", "26h"}}));
    std::optional<Finding> finding;
    ProbeRun asked{{}, 10s};
    asked.kept = kept.empty() ? nullptr : &kept;
    probe->start(world.network.runtime, asked, [&](Finding given) { finding = std::move(given); });
    world.network.loop.restart();
    world.network.loop.run_for(15s);
    REQUIRE(finding);
    if (finding->keep) kept = *finding->keep;
    return *finding;
  };
  const auto ended = [](const std::string& active, Duration ago) {
    return service(active, "dead", {{"Unit.InactiveEnterTimestamp", micros_ago(ago)}});
  };
  Finding finding = run(service("inactive", "dead"));
  CHECK(finding.verdict == Verdict::ok);
  CHECK_MESSAGE(contains(finding.reason, "dump.service has not run successfully yet; next at "),
                finding.reason);

  finding = run(ended("inactive", 30h));
  CHECK(finding.verdict == Verdict::failing);
  CHECK_MESSAGE(contains(finding.reason, "dump.service has not run successfully since 20"),
                finding.reason);
  CHECK_MESSAGE(contains(finding.reason, "longer than 1d2h"), finding.reason);

  finding = run(ended("inactive", 1h));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(finding.values.at("since_success_seconds") >= 3599);
  CHECK(run(service("inactive", "dead")).verdict == Verdict::ok);  // after a restart of the machine

  auto failed = ended("failed", 10min);
  failed["Service.Result"] = std::string("exit-code");
  failed["Service.ExecMainCode"] = std::int32_t{CLD_EXITED};
  failed["Service.ExecMainStatus"] = std::int32_t{2};
  finding = run(failed);
  CHECK(finding.verdict == Verdict::failing);
  CHECK_MESSAGE(contains(finding.reason, "dump.service failed (exit-code 2) at "), finding.reason);
  // Somebody knows of it (`systemctl reset-failed`): well again, and no success for that.
  auto reset = ended("inactive", 0s);
  reset["Unit.InactiveEnterTimestamp"] = failed.at("Unit.InactiveEnterTimestamp");
  const std::string kept_of_failure = kept;
  finding = run(reset);
  CHECK(finding.verdict == Verdict::ok);
  CHECK(finding.values.at("since_success_seconds") >= 3599);
  kept = kept_of_failure;
  finding = run(service("inactive", "dead"));  // nor is a failure undone by one
  CHECK(finding.verdict == Verdict::failing);
  CHECK_MESSAGE(contains(finding.reason, "dump.service failed (exit-code 2) at "), finding.reason);
  // It runs again: the last result stands until there is another.
  finding = run(service("activating", "start"));
  CHECK(finding.verdict == Verdict::failing);
  CHECK_MESSAGE(contains(finding.reason, "; it runs"), finding.reason);
  CHECK(run(ended("inactive", 1min)).verdict == Verdict::ok);

  finding = run(ended("inactive", 1min), "inactive");
  CHECK(finding.verdict == Verdict::failing);
  CHECK_MESSAGE(contains(finding.reason, "dump.timer is inactive, and nothing starts dump.service"),
                finding.reason);
}

TEST_CASE("a bus that is lost and comes again is asked again, and all probes share a connection" *
          doctest::skip(!local::has_dbus())) {
  World world;
  world.systemd.show("web.service", service("active", "running"));
  auto probe = world.network.make(make_unit, world.keys());
  for (int count = 0; count < 3; ++count)
    CHECK(world.network.run(*probe).verdict == Verdict::ok);
  CHECK(world.run().verdict == Verdict::ok);
  CHECK(world.systemd.callers() == 1);

  world.bus.stop();
  Finding finding = world.network.run(*probe);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK_MESSAGE(
      contains(finding.reason, "cannot be asked: No such file or directory; does dbus run?"),
      finding.reason);
  world.bus.start();
  finding = world.network.run(*probe);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK_MESSAGE(contains(finding.reason, "systemd is not on the bus"), finding.reason);
  FakeSystemd again(world.bus.socket());
  again.show("web.service", service("active", "running"));
  CHECK(world.network.run(*probe).verdict == Verdict::ok);

  // Who waited in vain takes a new connection next time.
  again.silent = true;
  finding = world.network.run(*probe, 100ms);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK_MESSAGE(contains(finding.reason, "systemd did not answer over "), finding.reason);
  again.silent = false;
  CHECK(world.network.run(*probe).verdict == Verdict::ok);
  CHECK(again.callers() == 2);
}

TEST_CASE("what is not understood, or not allowed, is not known" *
          doctest::skip(!local::has_dbus())) {
  World world;
  Finding finding = world.run();
  CHECK(finding.verdict == Verdict::unknown);
  CHECK_MESSAGE(contains(finding.reason, "systemd says nothing of web.service: "), finding.reason);
  const std::pair<std::string, local::Shown> wrong[] = {
      {"Unit.ActiveState", std::uint32_t{1}},
      {"Unit.ActiveEnterTimestamp", std::string("now")},
      {"Service.NRestarts", std::string("many")},
      {"Service.ExecMainStatus", std::string("1")}};
  for (const auto& [name, value] : wrong) {
    CAPTURE(name);
    world.systemd.show("web.service", service("active", "running", {{name, value}}));
    finding = world.run();
    CHECK(finding.verdict == Verdict::unknown);
    CHECK_MESSAGE(contains(finding.reason, "not of the form that it should have: " +
                                               name.substr(name.find('.') + 1)),
                  finding.reason);
  }
  auto without = service("active", "running");
  without.erase("Unit.SubState");
  world.systemd.show("web.service", without);
  CHECK(world.run().verdict == Verdict::unknown);

  Bus forbidding;
  forbidding.stop();
  forbidding.policy = "<deny send_interface=\"org.freedesktop.DBus.Properties\"/>";
  forbidding.start();
  FakeSystemd there(forbidding.socket());
  finding = world.run({{"bus", forbidding.socket()}});
  CHECK(finding.verdict == Verdict::unknown);
  CHECK_MESSAGE(
      contains(finding.reason, "the bus does not let this user ask systemd about web.service"),
      finding.reason);
}

TEST_CASE("of a hostile bus nothing is known, by the deadline at the latest") {
  struct Fault {
    std::string_view name;
    BytesBus::Talk talk;
    Duration timeout;
    std::string_view words;
  };
  const std::string hello_lie = [] {
    std::string message = BytesBus::reply(2, "s", BytesBus::text("x"));
    message.replace(4, 4, BytesBus::number(100 * 1024 * 1024));
    return message;
  }();
  const std::string too_long = [] {
    std::string message = BytesBus::reply(2, "s", BytesBus::text("x"));
    message.replace(4, 4, BytesBus::number(0x7fffffff));
    return message;
  }();
  const auto one_property = [](std::string_view value) {
    const std::string entry =
        BytesBus::text("a") + std::string{1, 's', 0} + std::string(3, '\0') + BytesBus::text(value);
    return BytesBus::reply(
        2, "a{sv}",
        BytesBus::number(static_cast<std::uint32_t>(entry.size())) + BytesBus::number(0) + entry);
  };
  const std::string very_many = [] {
    std::string entries;
    for (int number = 1000; number < 2001; ++number) {
      while (entries.size() % 8 != 0)
        entries += '\0';
      entries +=
          BytesBus::text(std::to_string(number)) + std::string{1, 's', 0} + BytesBus::text("x");
    }
    return BytesBus::reply(2, "a{sv}",
                           BytesBus::number(static_cast<std::uint32_t>(entries.size())) +
                               BytesBus::number(0) + entries);
  }();
  const auto then = [](std::string bytes) {
    return [bytes = std::move(bytes)](int connection) {
      BytesBus::let_in(connection);
      BytesBus::say(connection, bytes);
      BytesBus::listen(connection);
    };
  };
  const Fault faults[] = {
      {"silent", [](int connection) { BytesBus::listen(connection); }, 150ms,
       "did not answer over "},
      {"silent once it let us in", then(""), 150ms, "did not answer over "},
      {"gone at once", [](int) {}, 5s, "the connection broke off"},
      {"gone in the middle of an answer",
       [](int connection) {
         BytesBus::let_in(connection);
         BytesBus::say(connection, BytesBus::reply(2, "s", BytesBus::text("x")).substr(0, 20));
       },
       5s, "the connection broke off"},
      {"no bus",
       [](int connection) {
         BytesBus::say(connection, "HTTP/1.1 400 Bad Request\r\n\r\n");
         BytesBus::listen(connection);
       },
       5s, "the bus at "},
      {"refuses",
       [](int connection) {
         BytesBus::say(connection, "REJECTED EXTERNAL\r\nREJECTED\r\nREJECTED\r\n");
         BytesBus::listen(connection);
       },
       5s, "it does not let us in"},
      {"another type", then(BytesBus::reply(2, "s", BytesBus::text("x"))), 5s, "not of the form"},
      {"more properties than anything has", then(very_many), 5s, "not of the form"},
      {"text that is no UTF-8", then(one_property("\xff\xfe")), 5s, "not of the form"},
      {"no more than one answer", then(one_property("ok")), 150ms, "did not answer over "},
      {"lies about the length", then(hello_lie), 150ms, "did not answer over "},
      {"longer than may be", then(too_long), 5s, "the bus at "},
      {"floods",
       [](int connection) {
         BytesBus::let_in(connection);
         std::string many;
         for (int count = 0; count < 500; ++count)
           many += BytesBus::signal();
         while (BytesBus::say(connection, many)) {
         }
       },
       300ms, "did not answer over "},
  };
  for (const Fault& fault : faults) {
    CAPTURE(fault.name);
    BytesBus bus(fault.talk);
    Network network;
    const Finding finding = network.run(
        make_unit, map({{"unit", "web.service"}, {"bus", bus.socket()}}), fault.timeout);
    CHECK(finding.verdict == Verdict::unknown);
    CHECK_MESSAGE(contains(finding.reason, fault.words), finding.reason);
  }
  Network network;
  const Finding gone =
      network.run(make_unit, map({{"unit", "web.service"}, {"bus", "/nowhere/bus"}}));
  CHECK(gone.verdict == Verdict::unknown);
  CHECK_MESSAGE(contains(gone.reason, "the bus at /nowhere/bus cannot be asked"), gone.reason);
}

TEST_CASE("a bus that floods has the loop for a few messages at a time") {
  constexpr int messages = 1500;
  std::atomic<bool> asked{false}, held{false}, flooded{false};
  const auto waits_for = [](const std::atomic<bool>& what) {
    for (int tries = 0; !what && tries < 10'000; ++tries)
      ::usleep(1000);
  };
  BytesBus bus([&](int connection) {
    BytesBus::let_in(connection);
    std::string heard;
    char buffer[4096];
    while (heard.find("GetAll") == heard.npos) {
      const ssize_t got = ::read(connection, buffer, sizeof buffer);
      if (got <= 0) return;
      heard.append(buffer, static_cast<std::size_t>(got));
    }
    asked = true;
    waits_for(held);
    std::string many;
    for (int count = 0; count < messages; ++count)
      many += BytesBus::signal();
    BytesBus::say(connection, many + BytesBus::reply(2, "s", BytesBus::text("x")));
    flooded = true;
    BytesBus::listen(connection);
  });
  Network network;
  auto probe = network.make(make_unit, map({{"unit", "web.service"}, {"bus", bus.socket()}}));
  std::optional<Finding> finding;
  probe->start(network.runtime, {{}, 10s}, [&](Finding given) { finding = std::move(given); });
  // Somebody else's work on the loop, which has its turn after each of the bus'. It counts from
  // when all of the flood has arrived.
  int turns_of_others = 0;
  std::function<void()> other = [&] {
    if (finding) return;
    if (flooded) ++turns_of_others;
    if (asked && !held) {
      held = true;
      waits_for(flooded);
    }
    boost::asio::post(network.loop, other);
  };
  boost::asio::post(network.loop, other);
  network.loop.run_for(15s);
  REQUIRE(finding);
  CHECK_MESSAGE(contains(finding->reason, "not of the form"), finding->reason);
  CHECK(turns_of_others >= messages / 64);
}

TEST_CASE("a probe that goes away while it waits tells nobody, and leaves nothing") {
  BytesBus bus([](int connection) { BytesBus::listen(connection); });
  Network network;
  auto probe = network.make(make_unit, map({{"unit", "web.service"}, {"bus", bus.socket()}}));
  bool told = false;
  probe->start(network.runtime, {{}, 5s}, [&](Finding) { told = true; });
  network.loop.run_for(20ms);
  probe.reset();
  network.loop.restart();
  network.loop.run_for(5s);
  CHECK(network.loop.stopped());
  CHECK_FALSE(told);
}

TEST_CASE("the keys of a unit") {
  CHECK(problems({{"unit", "nginx"}}) == "");
  CHECK(problems({{"unit", "getty@tty1.service"}}) == "");
  CHECK(problems({{"unit", "srv-data\\x2done.mount"}}) == "");
  CHECK(problems({}) != "");
  for (const char* name : {"", "nginx.servce", "web site.service", "a/b.service", "@x.service",
                           ".service", "\xe3\x81\x82.service"}) {
    CAPTURE(name);
    CHECK(contains(problems({{"unit", name}}), "`unit` must be a unit's name"));
  }
  CHECK(contains(problems({{"unit", std::string(250, 'a') + ".service"}}), "at most 255"));
  CHECK(contains(problems({{"unit", "getty@.service"}}), "`unit` is a template"));
  CHECK(contains(problems({{"unit", "a"}, {"grace", "2h"}}), "`grace` must be at most 1h"));
  CHECK(contains(problems({{"unit", "a"}, {"ran_within", "10s"}}),
                 "`ran_within` must be between 1m and 400d"));
  CHECK(contains(problems({{"unit", "a"}, {"result", "failure"}}),
                 "`result` must be success or any"));
  CHECK(contains(problems({{"unit", "a"}, {"result", "any"}}),
                 "judges nothing without `ran_within`"));
  CHECK(contains(problems({{"unit", "a"}, {"ran_within", "1d"}, {"grace", "1m"}}),
                 "`grace` is of a unit that runs all the time"));
  CHECK(contains(problems({{"unit", "a.timer"}, {"restarts", map({{"failing", "3"}})}}),
                 "`restarts` is of a"));
  CHECK(contains(problems({{"unit", "a.mount"}, {"restarts", map({{"failing", "3"}})}}),
                 "systemd restarts nothing else"));
  CHECK(contains(problems({{"unit", "a"}, {"restarts", map({{"within", "1h"}})}}),
                 "neither failing nor warning"));
  CHECK(contains(problems({{"unit", "a"}, {"restarts", map({{"failing", "3"}, {"within", "8d"}})}}),
                 "between 1m and 7d"));
  CHECK(contains(problems({{"unit", "a"}, {"bus", "unix:path=/x"}}),
                 "`bus` must be the absolute path"));
}
