// A machine that is cut off calls no target down: what waits for the self-check, who is told, and what counts after all.
#include <doctest/doctest.h>

#include <algorithm>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

Platform watched_from_one_machine() {
  Platform platform = example_platform();
  platform.components["gateway"] = platform.components.at("zone-a");
  platform.components.at("gateway").id = "gateway";
  platform.components["beyond"] = platform.components.at("gateway");
  platform.components.at("beyond").id = "beyond";
  for (auto& [name, component] : platform.components) {
    for (ProbeSpec& probe : component.probes) {
      probe.remote = probe.kind == "http" || probe.kind == "tcp" || probe.kind == "ping";
    }
  }
  platform.self_check = {"gateway", "beyond"};
  return platform;
}

World morning() { return World(watched_from_one_machine(), World::at("2026-12-24T11:00")); }

const std::vector<std::pair<std::string, std::string>> over_the_network = {
    {"gateway", "ping"}, {"beyond", "ping"}, {"web-1", "http"}, {"web-2", "http"}, {"database", "tcp"}, {"zone-a", "ping"}};

void cut_the_cable(World& world) {
  for (const auto& [component, probe] : over_the_network) world.fail(component, probe);
}
void mend_the_cable(World& world) {
  for (const auto& [component, probe] : over_the_network) world.ok(component, probe);
}

std::size_t told(const World& world, const std::string& topic) {
  auto of = [&](NoticeKind kind, const std::string& audience) {
    const auto all = world.sent(kind, audience);
    return std::count_if(all.begin(), all.end(), [&](const Sent& mail) { return mail.topic == topic; });
  };
  const auto keepers = of(NoticeKind::monitoring_blind, "infra-ops");
  CHECK(of(NoticeKind::lead_attention, "system-lead") == keepers);
  return static_cast<std::size_t>(keepers);
}

Verdict verdict(const World& world, const std::string& component, const std::string& probe) {
  return world.state().components.at(component).probes.at(probe).verdict;
}

}  // namespace

TEST_CASE("where nothing of self_check answers, no target is down: all are unknown, and people are told once, and of the end") {
  World world = morning();
  cut_the_cable(world);
  world.run_for(20min);
  CHECK(world.failures() == 0);
  CHECK(verdict(world, "database", "tcp") == Verdict::unknown);
  CHECK(verdict(world, "gateway", "ping") == Verdict::unknown);
  CHECK(verdict(world, "database", "disk") == Verdict::ok);
  CHECK(told(world, "cut_off") == 1);
  CHECK(world.count(NoticeKind::monitoring_blind) == 1);  // Not one for each probe, after a quarter of an hour.
  CHECK(world.state().core.cut_off_since.has_value());
  mend_the_cable(world);
  world.run_for(1min);
  CHECK(told(world, "connected") == 1);
  CHECK_FALSE(world.state().core.cut_off_since);
  CHECK(verdict(world, "database", "tcp") == Verdict::ok);
  CHECK(world.failures() == 0);
  SUBCASE("and what fails then, counts") {
    world.fail("database", "tcp");
    world.run_for(1min);
    CHECK(world.failures() == 1);
  }
  SUBCASE("and it may happen again") {
    cut_the_cable(world);
    world.run_for(1min);
    CHECK(told(world, "cut_off") == 2);
  }
}

TEST_CASE("a target that fails while one of self_check answers is down, as soon as that is known") {
  World world = morning();
  world.fail("gateway", "ping");  // A gateway need not answer pings.
  world.fail("database", "tcp");
  world.run_for(10s);
  CHECK(world.failures() == 2);
  CHECK(std::set{world.failure(1).cause, world.failure(2).cause} == std::set<ComponentName>{"database", "gateway"});
  CHECK(told(world, "cut_off") == 0);
}

TEST_CASE("a failure that stood before is not forgotten by being cut off, nor does it end") {
  World world = morning();
  world.fail("database", "tcp");
  world.run_for(30min);
  REQUIRE(world.failure(1).classification == FailureClass::major);
  cut_the_cable(world);
  world.run_for(1h);
  CHECK(world.failures() == 1);
  CHECK(world.failure(1).is_open());
  CHECK_FALSE(world.failure(1).recovered_at);
  mend_the_cable(world);
  world.run_for(1min);
  CHECK(world.failure(1).recovered_at);
}

TEST_CASE("what fails counts although the self-check gives no answer at all, when its time is up") {
  World world = morning();
  world.no_probe_runs = {{"gateway", "ping"}, {"beyond", "ping"}};
  world.fail("database", "tcp");
  world.run_for(10s);
  CHECK(world.failures() == 0);
  world.run_for(1min);
  CHECK(world.failures() == 1);
}

TEST_CASE("a restart while the machine is cut off tells nobody again, and still knows when it is over") {
  World world = morning();
  cut_the_cable(world);
  world.run_for(5min);
  world.restart(1min);
  world.run_for(30min);
  CHECK(told(world, "cut_off") == 1);
  CHECK(told(world, "connected") == 0);
  CHECK(world.failures() == 0);
  mend_the_cable(world);
  world.run_for(1min);
  CHECK(told(world, "connected") == 1);
}

TEST_CASE("with a reload that takes self_check away what waits for it counts, and nobody is cut off any more") {
  World world = morning();
  cut_the_cable(world);
  world.run_for(1min);
  REQUIRE(world.state().core.cut_off_since);
  Platform without = watched_from_one_machine();
  without.self_check.clear();
  world.reload(without);
  CHECK_FALSE(world.state().core.cut_off_since);
  CHECK(told(world, "connected") == 1);
  cut_the_cable(world);
  world.run_for(1min);
  CHECK(world.failures() > 0);
}
