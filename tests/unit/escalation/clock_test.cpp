// The wall clock jumps: what waits an interval waits as long as it would have, neither cut short nor drawn out.
#include <doctest/doctest.h>

#include <functional>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

World late_morning() {
  Platform platform = example_platform();
  for (const char* name : {"web-1", "database"}) platform.components[name].primary_response.clear();
  return World(platform, World::at("2026-12-24T11:00"));
}

// Each test of it all is made with each jump, and in both of its variants.
void over_jumps(const std::function<void(Duration jump, bool variant)>& test) {
  for (Duration jump : {3h, -3h}) {
    for (bool variant : {false, true}) {
      CAPTURE(jump.count());
      CAPTURE(variant);
      test(jump, variant);
    }
  }
}

}  // namespace

TEST_CASE("over a jump of the clock an incident closes by itself when its time is up") {
  over_jumps([](Duration jump, bool lowered) {
    World world = late_morning();
    world.fail("web-2", "http");
    world.run_for(1min);
    world.ok("web-2", "http");
    world.run_for(1min);
    REQUIRE(world.failure(1).phase() == Phase::recovered);
    const Instant recovered = *world.failure(1).recovered_at;
    if (lowered) {  // By the lead, long after its recovery.
      world.order("sato", Classify{1, FailureClass::major, "影響あり"});
      world.run_for(2h);
      world.order("sato", Classify{1, FailureClass::incident, "影響なし"});
    }
    world.run_for(9min);
    world.clock_jumped(jump);
    world.run_for(19min);
    CHECK(world.failure(1).phase() == Phase::recovered);
    world.run_for(2min);
    CHECK(world.failure(1).closing == Closing::automatic);
    CHECK(*world.failure(1).recovered_at == recovered);  // What people read of the past stays.
  });
}

TEST_CASE("over a jump of the clock a probe is called blind when it was so for as long as is said") {
  over_jumps([](Duration jump, bool restarted) {
    World world = late_morning();
    world.unknown("web-2", "http");
    world.run_for(10min);
    world.clock_jumped(jump);
    if (restarted) world.restart(Duration{0});
    world.run_for(4min);
    CHECK(world.count(NoticeKind::monitoring_blind) == 0);
    world.run_for(2min);
    CHECK(world.count(NoticeKind::monitoring_blind, "ap-ops") == 1);
  });
}

TEST_CASE("over a jump of the clock a cause takes over what failed shortly before it, and nothing else") {
  over_jumps([](Duration jump, bool long_before) {
    World world = late_morning();
    world.fail("web-2", "http");
    world.run_for(10s);
    REQUIRE(world.failures() == 1);
    world.run_for(long_before ? 5min : 1min);
    world.clock_jumped(jump);
    world.fail("zone-a", "ping");
    world.run_for(10s);
    CHECK(world.failures() == (long_before ? 2 : 1));
    CHECK(world.failure(1).cause == (long_before ? "web-2" : "zone-a"));
  });
}

TEST_CASE("over a jump of the clock the lead hears when a class could not be decided for as long as is said") {
  for (Duration jump : {3h, -3h}) {
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
