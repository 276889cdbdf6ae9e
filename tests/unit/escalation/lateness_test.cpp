// Probes that run late: who hears of it, when, and that it is over.
#include <doctest/doctest.h>

#include <algorithm>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

World morning() { return World(example_platform(), World::at("2026-12-24T11:00")); }

std::size_t told(const World& world, const std::string& topic) {
  auto of = [&](NoticeKind kind, const std::string& audience) {
    const auto all = world.sent(kind, audience);
    return std::count_if(all.begin(), all.end(), [&](const Sent& mail) { return mail.topic == topic; });
  };
  const auto keepers = of(NoticeKind::monitoring_blind, "infra-ops");
  CHECK(of(NoticeKind::lead_attention, "system-lead") == keepers);  // Never one without the other.
  const auto facts = std::count_if(world.facts.begin(), world.facts.end(),
                                   [&](const Fact& fact) { return fact.what == "probing." + topic; });
  CHECK(facts == keepers);
  return static_cast<std::size_t>(keepers);
}

// A machine on which every run comes ninety seconds late.
void stay_late(World& world, Duration for_so_long) {
  for (const Instant until = world.now() + for_so_long; world.now() < until; world.run_for(30s)) {
    world.probes_are_late(90s, 1);
  }
}

}  // namespace

TEST_CASE("late for a moment is nobody's concern") {
  World world = morning();
  stay_late(world, 3min);
  world.run_for(1h);
  CHECK(told(world, "late") == 0);
  CHECK(told(world, "on_time") == 0);
  CHECK_FALSE(world.state().core.late_since);
}

TEST_CASE("late for five minutes is told once, however long it lasts, and so is its end") {
  World world = morning();
  stay_late(world, 3min);
  CHECK(told(world, "late") == 0);
  stay_late(world, 2h);
  CHECK(told(world, "late") == 1);
  REQUIRE(world.state().core.late_since);
  CHECK(*world.state().core.late_since == World::at("2026-12-24T11:00") - 90s);
  world.run_for(9min);
  CHECK(told(world, "on_time") == 0);  // Not every probe has had its turn.
  world.run_for(2min);
  CHECK(told(world, "on_time") == 1);
  CHECK_FALSE(world.state().core.late_since);
  SUBCASE("and a second time, when it comes again") {
    world.run_for(1h);
    stay_late(world, 10min);
    CHECK(told(world, "late") == 2);
  }
}

TEST_CASE("a probe that falls out now and then, but again and again, is told too") {
  World world = morning();
  for (int i = 0; i < 3; ++i) {
    world.probes_are_late(2min, 1);
    world.run_for(4min);
  }
  CHECK(told(world, "late") == 1);
  const auto late = std::find_if(world.facts.begin(), world.facts.end(),
                                 [](const Fact& fact) { return fact.what == "probing.late"; });
  REQUIRE(late != world.facts.end());
  CHECK(late->details.at("fell_out") == "2");
  CHECK(late->details.at("most") == "2m");
}

TEST_CASE("a daemon that stood as a whole says so when it goes on, and that it is over") {
  World world = morning();
  world.run_for(12min);
  world.probes_are_late(12min, 96);
  world.run_for(10s);
  CHECK(told(world, "late") == 1);
  CHECK(*world.state().core.late_since == World::at("2026-12-24T11:00"));
  world.run_for(10min);
  CHECK(told(world, "on_time") == 1);
}

TEST_CASE("what was told before a restart is over after it, when it does not come again") {
  World world = morning();
  stay_late(world, 10min);
  REQUIRE(told(world, "late") == 1);
  world.restart(1min);
  SUBCASE("it does not") {
    world.run_for(11min);
    CHECK(told(world, "on_time") == 1);
  }
  SUBCASE("it does") {
    stay_late(world, 30min);
    CHECK(told(world, "late") == 1);
    CHECK(told(world, "on_time") == 0);
  }
}

TEST_CASE("a jump of the clock neither makes probes late nor ends it") {
  for (Duration jump : {3h, -3h}) {
    World world = morning();
    stay_late(world, 10min);
    REQUIRE(told(world, "late") == 1);
    world.clock_jumped(jump);
    world.run_for(5min);
    CHECK(told(world, "on_time") == 0);
    world.run_for(6min);
    CHECK(told(world, "on_time") == 1);
    CHECK(told(world, "late") == 1);
  }
}
