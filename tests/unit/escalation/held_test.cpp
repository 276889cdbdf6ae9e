// What is held or put off: it says which rule holds it, is written anew when it no longer says how things stand, and goes
// to nobody who has left.
#include <doctest/doctest.h>

#include <algorithm>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

Platform without_response() {
  Platform platform = example_platform();
  for (const char* name : {"web-1", "database"}) platform.components[name].primary_response.clear();
  return platform;
}

std::string hold_of(const World& world, const std::string& audience) {
  const Notice* held = world.unsent(audience);
  return held == nullptr ? "(nothing is held)" : held->hold;
}

std::size_t facts(const World& world, const std::string& what, const std::string& bank) {
  return static_cast<std::size_t>(std::count_if(world.facts.begin(), world.facts.end(), [&](const Fact& fact) {
    auto named = fact.details.find("bank");
    auto audience = fact.details.find("audience");
    return fact.what == what && ((named != fact.details.end() && named->second == bank) ||
                                 (audience != fact.details.end() && audience->second == "bank:" + bank));
  }));
}

}  // namespace

TEST_CASE("what is held of a failure is withdrawn when it joins another, and held anew under the number that goes on") {
  Platform platform = without_response();
  platform.components["database"].depends_on = {"zone-a"};
  World world(platform, World::at("2026-12-24T20:00"));
  world.fail("web-2", "http");
  world.run_for(20s);
  world.fail("database", "tcp");
  world.run_for(20s);
  REQUIRE(world.unsent("bank:aozora") != nullptr);
  const NoticeId held = world.unsent("bank:aozora")->id;
  REQUIRE(world.notice(held).failure == 2);
  world.fail("zone-a", "ping");
  world.run_for(20s);
  REQUIRE(world.failure(2).joined_into == 1);
  CHECK(world.notice(held).state == NoticeState::withdrawn);
  CHECK(world.notice(held).reason == "failure 2 joined failure 1");
  REQUIRE(world.unsent("bank:aozora") != nullptr);
  CHECK(world.unsent("bank:aozora")->failure == 1);
  world.run_until(World::at("2026-12-25T12:00"));
  CHECK(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
}

TEST_CASE("what was written and put off is written anew when it no longer says how things stand") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.defers.insert("yamada@aozora.example");
  world.fail("database", "tcp");
  world.run_for(1min);
  REQUIRE(world.unsent("bank:aozora") != nullptr);
  const NoticeId written = world.unsent("bank:aozora")->id;
  REQUIRE(world.notice(written).rendered);
  SUBCASE("recovered") {
    world.ok("database", "tcp");
    world.run_for(20s);
    REQUIRE(world.failure(1).recovered_at);
  }
  SUBCASE("recovered and relapsed") {
    world.ok("database", "tcp");
    world.run_for(20s);
    world.fail("database", "tcp");
    world.run_for(20s);
    REQUIRE(world.failure(1).relapses.size() == 1);
  }
  SUBCASE("decided anew") { world.order("sato", Classify{1, FailureClass::major, "手作業で継続中"}); }
  const Notice* anew = world.unsent("bank:aozora");
  REQUIRE(anew != nullptr);
  CHECK(anew->id != written);
  CHECK(anew->kind == NoticeKind::bank_first);
  CHECK(world.notice(written).state == NoticeState::withdrawn);
  CHECK(world.notice(written).reason == "what it says has changed; another takes its place");
  world.defers.clear();
  world.run_for(30min);
  std::vector<Sent> told = world.sent(NoticeKind::bank_first, "bank:aozora");
  REQUIRE(told.size() == 1);
  CHECK(told[0].id != written);
}

TEST_CASE("what was written and put off stays while it says how things stand") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.defers.insert("yamada@aozora.example");
  world.fail("database", "tcp");
  world.run_for(1min);
  REQUIRE(world.unsent("bank:aozora") != nullptr);
  const NoticeId written = world.unsent("bank:aozora")->id;
  world.order("tanaka", Acknowledge{1, "着手"});
  world.run_for(5min);
  world.defers.clear();
  world.run_for(30min);
  CHECK(world.notice(written).state == NoticeState::sent);
}

TEST_CASE("whatever is held says by which rule, and no longer when it goes") {
  Platform platform = without_response();
  SUBCASE("the window") {
    World world(platform, World::at("2026-12-24T16:30"));
    world.mail_up = false;
    world.fail("database", "tcp");
    world.run_for(1min);
    REQUIRE(hold_of(world, "bank:aozora").empty());
    world.run_until(World::at("2026-12-24T18:00"));
    CHECK(world.unsent("bank:aozora")->state == NoticeState::held);
    CHECK(hold_of(world, "bank:aozora") == "window bank_mail opens 2026-12-25T10:00:00.000+09:00");
    world.run_until(World::at("2026-12-25T10:00"));
    CHECK(hold_of(world, "bank:aozora").empty());
  }
  SUBCASE("the brake") {
    platform.bank_notices.first_per_hour = 0;
    World world(platform, World::at("2026-12-24T11:00"));
    world.fail("database", "tcp");
    world.run_for(1min);
    CHECK(hold_of(world, "bank:aozora").starts_with("brake: "));
    const NoticeId id = world.unsent("bank:aozora")->id;
    world.run_for(30min);
    CHECK(world.notice(id).state == NoticeState::sent);
    CHECK(world.notice(id).hold.empty());
  }
  SUBCASE("the lead") {
    World world(platform, World::at("2026-12-24T17:30"));
    world.fail("database", "tcp");
    world.run_for(1min);
    world.order("sato", HoldNotice{world.unsent("bank:aozora")->id});
    CHECK(hold_of(world, "bank:aozora") == "held by the system lead");
    world.run_until(World::at("2026-12-25T11:00"));
    CHECK(hold_of(world, "bank:aozora") == "held by the system lead");
  }
  SUBCASE("a jump of the clock") {
    World world(platform, World::at("2026-12-24T11:00"));
    world.clock_jumped(2min);
    world.fail("database", "tcp");
    world.run_for(1min);
    CHECK(hold_of(world, "bank:aozora").starts_with("the clock jumped: "));
  }
  SUBCASE("a restart") {
    World world(platform, World::at("2026-12-24T11:00"));
    world.mail_up = false;
    world.fail("database", "tcp");
    world.run_for(1min);
    std::string said;
    world.on_fact = [&](const Fact& fact) {
      if (fact.what == "notice.held" && fact.details.at("audience") == "bank:aozora") said = hold_of(world, "bank:aozora");
    };
    world.restart(1min);
    CHECK(said.starts_with("after a restart: "));
    CHECK(hold_of(world, "bank:aozora").empty());
  }
}

TEST_CASE("a bank that has left is mailed no more") {
  Platform platform = without_response();
  Platform without = platform;
  without.banks.erase("aozora");
  SUBCASE("what was owed to it goes to nobody, also where it had been told") {
    World world(platform, World::at("2026-12-24T16:30"));
    world.fail("database", "tcp");
    world.run_until(World::at("2026-12-24T18:00"));
    REQUIRE(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
    world.ok("database", "tcp");
    world.run_for(1min);
    world.order("suzuki", Confirm{1, "異常なし", false});
    REQUIRE(world.unsent("bank:aozora") != nullptr);
    world.reload(without);
    CHECK(world.unsent("bank:aozora") == nullptr);
    world.run_until(World::at("2026-12-25T12:00"));
    CHECK(world.count(NoticeKind::bank_recovered, "bank:midori") == 1);
    CHECK(world.count(NoticeKind::bank_recovered, "bank:aozora") == 0);
  }
  SUBCASE("and nothing is tried again and again") {
    World world(platform, World::at("2026-12-24T11:00"));
    world.fail("database", "tcp");
    world.run_for(1min);
    REQUIRE(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
    world.reload(without);
    world.ok("database", "tcp");
    world.run_for(1min);
    world.order("suzuki", Confirm{1, "異常なし", false});
    world.run_for(1h);
    CHECK(facts(world, "notice.nobody", "aozora") == 0);
    CHECK(world.failure(1).settled);
  }
  SUBCASE("it counts as affected no more, and should it come back, the lead hears that it joins") {
    World world(platform, World::at("2026-12-24T17:30"));
    world.fail("database", "tcp");
    world.run_for(1min);
    REQUIRE(world.failure(1).banks.at("aozora").affected);
    world.reload(without);
    CHECK_FALSE(world.failure(1).banks.at("aozora").affected);
    CHECK(facts(world, "bank.not-affected", "aozora") == 1);
    world.run_for(1h);
    world.reload(platform);
    CHECK(world.failure(1).banks.at("aozora").affected);
    CHECK(facts(world, "bank.affected", "aozora") == 2);
    world.run_until(World::at("2026-12-25T12:00"));
    CHECK(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
  }
}

TEST_CASE("a leak that is to be told at once is held by no window and no clock; one for the window by both") {
  World world(example_platform(), World::at("2026-12-24T11:00"));  // A Thursday, within the window.
  for (bool at_once : {true, false}) {
    CAPTURE(at_once);
    world.order("sato", TellSecurity{{at_once ? "aozora" : "midori"}, false, at_once, "漏えい"});
    REQUIRE(world.accepted());
  }
  world.clock_jumped(6h + 30min);  // 17:30: closed, and bank mail waits for ten minutes.
  for (const char* bank : {"aozora", "midori"}) {
    const Notice* notice = world.unsent(std::string("bank:") + bank);
    REQUIRE(notice != nullptr);
    CHECK(notice->hold == "waits for the system lead's second word");
    world.order("sato", ReleaseNotice{notice->id});
  }
  world.run_for(1s);
  CHECK(world.sent(NoticeKind::bank_security, "bank:aozora").size() == 1);
  CHECK(world.sent(NoticeKind::bank_security, "bank:midori").empty());
  world.run_until(World::at("2026-12-25T10:01"));
  REQUIRE(world.sent(NoticeKind::bank_security, "bank:midori").size() == 1);
  CHECK(world.sent(NoticeKind::bank_security, "bank:midori").front().at == World::at("2026-12-25T10:00"));
}

TEST_CASE("what is edited after its release waits for another one") {
  Platform platform = example_platform();
  World world(platform, World::at("2026-12-24T20:00"));
  world.order("sato", TellSecurity{{"midori"}, false, false, "漏えい"});
  const NoticeId id = world.unsent("bank:midori")->id;
  world.order("sato", ReleaseNotice{id});
  world.order("sato", EditNotice{id, "件名", "本文"});
  REQUIRE(world.accepted());
  world.run_until(World::at("2026-12-25T12:00"));
  CHECK(world.count(NoticeKind::bank_security) == 0);
  world.order("sato", ReleaseNotice{id});
  world.run_for(1min);
  CHECK(world.count(NoticeKind::bank_security, "bank:midori") == 1);
}

TEST_CASE("the brake closes for those that wait for their next try as well") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  platform.bank_notices.first_per_hour = 1;
  platform.mail.retry_first = platform.mail.retry_most = 40min;
  World world(platform, World::at("2026-12-24T10:00"));
  world.defers = {"yamada@aozora.example"};
  world.fail("web-1", "http");
  world.fail("web-2", "http");
  world.run_until(World::at("2026-12-24T11:02"));
  const Notice* waits = world.unsent("bank:aozora");
  REQUIRE(waits != nullptr);
  REQUIRE(waits->attempts > 1);
  REQUIRE(waits->hold.empty());
  const NoticeId first = waits->id;
  world.defers.clear();
  world.fail("database", "tcp");
  world.run_until(World::at("2026-12-24T11:19"));
  CHECK(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
  CHECK(world.notice(first).hold.starts_with("brake"));
}
