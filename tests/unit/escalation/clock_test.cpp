// The wall clock jumps: what waits an interval waits as long as it would have, neither cut short nor drawn out.
#include <doctest/doctest.h>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

World late_morning() {
  Platform platform = example_platform();
  for (const char* name : {"web-1", "database"}) platform.components[name].primary_response.clear();
  return World(platform, World::at("2026-12-24T11:00"));
}

constexpr Duration jumps[] = {3h, -3h};

}  // namespace

TEST_CASE("over a jump of the clock an incident closes by itself when its time is up") {
  for (Duration jump : jumps) {
    CAPTURE(jump.count());
    World world = late_morning();
    world.fail("web-2", "http");
    world.run_for(1min);
    world.ok("web-2", "http");
    world.run_for(1min);
    REQUIRE(world.failure(1).phase() == Phase::recovered);
    const Instant recovered = *world.failure(1).recovered_at;
    SUBCASE("after its recovery") {
      world.run_for(9min);
      world.clock_jumped(jump);
      world.run_for(19min);
      CHECK(world.failure(1).phase() == Phase::recovered);
      world.run_for(2min);
    }
    SUBCASE("after the lead lowered it, long after its recovery") {
      world.order("sato", Classify{1, FailureClass::major, "影響あり"});
      world.run_for(2h);
      world.order("sato", Classify{1, FailureClass::incident, "影響なし"});
      world.run_for(10min);
      world.clock_jumped(jump);
      world.run_for(19min);
      CHECK(world.failure(1).phase() == Phase::recovered);
      world.run_for(2min);
    }
    CHECK(world.failure(1).closing == Closing::automatic);
    CHECK(*world.failure(1).recovered_at == recovered);  // What people read of the past stays.
  }
}

TEST_CASE("over a jump of the clock a probe is called blind when it was so for as long as is said") {
  for (Duration jump : jumps) {
    CAPTURE(jump.count());
    World world = late_morning();
    world.unknown("web-2", "http");
    world.run_for(10min);
    world.clock_jumped(jump);
    SUBCASE("") {}
    SUBCASE("and a restart") { world.restart(Duration{0}); }
    world.run_for(4min);
    CHECK(world.count(NoticeKind::monitoring_blind) == 0);
    world.run_for(2min);
    CHECK(world.count(NoticeKind::monitoring_blind, "ap-ops") == 1);
  }
}

TEST_CASE("over a jump of the clock a cause takes over what failed shortly before it, and nothing else") {
  for (Duration jump : jumps) {
    CAPTURE(jump.count());
    World world = late_morning();
    world.fail("web-2", "http");
    world.run_for(10s);
    REQUIRE(world.failures() == 1);
    SUBCASE("shortly before it") {
      world.run_for(1min);
      world.clock_jumped(jump);
      world.fail("zone-a", "ping");
      world.run_for(10s);
      CHECK(world.failures() == 1);
      CHECK(world.failure(1).cause == "zone-a");
    }
    SUBCASE("long before it") {
      world.run_for(5min);
      world.clock_jumped(jump);
      world.fail("zone-a", "ping");
      world.run_for(10s);
      CHECK(world.failures() == 2);
      CHECK(world.failure(1).cause == "web-2");
    }
  }
}

TEST_CASE("over a jump of the clock the lead hears when a class could not be decided for as long as is said") {
  for (Duration jump : jumps) {
    CAPTURE(jump.count());
    Platform platform = example_platform();
    World world(platform, World::at("2026-12-24T11:00"));
    world.fail("database", "tcp");
    world.run_for(20s);
    world.unknown("database", "tcp");
    REQUIRE(world.failure(1).classification == FailureClass::undetermined);
    world.run_for(10min);
    auto asked = [&] {
      std::size_t count = 0;
      for (const Sent& mail : world.sent(NoticeKind::lead_attention)) count += mail.topic == "undecided" ? 1 : 0;
      return count;
    };
    REQUIRE(asked() == 0);
    world.clock_jumped(jump);
    world.run_for(4min);
    CHECK(asked() == 0);
    world.run_for(2min);
    CHECK(asked() == 1);
  }
}
