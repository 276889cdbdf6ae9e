// A person's command beside their mail: for whom, for what, and when it is of no use any more.
#include <doctest/doctest.h>

#include <algorithm>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;
using namespace std::chrono_literals;

namespace {

const std::string call = "command:sato";

// The system lead has a command for what is urgent, and the only service has no primary response.
Platform with_command(std::set<std::string> kinds = {"major.declared", "failure.escalated"}) {
  Platform platform = example_platform();
  platform.people.at("sato").command_for = std::move(kinds);
  platform.components["database"].primary_response.clear();
  return platform;
}

bool has(const Notice& notice, const std::string& address) {
  return std::any_of(notice.to.begin(), notice.to.end(), [&](const Recipient& to) { return to.mail == address; });
}

const Notice& only(const World& world, NoticeKind kind, const std::string& audience) {
  const Notice* found = nullptr;
  for (const auto& [id, notice] : world.state().notices) {
    if (notice.kind != kind || notice.audience != audience) continue;
    REQUIRE(found == nullptr);
    found = &notice;
  }
  REQUIRE(found != nullptr);
  return *found;
}

int tries(const World& world, NoticeId id) { return world.notice(id).attempts; }

bool was_dropped(const World& world, const std::string& why) {
  return std::any_of(world.facts.begin(), world.facts.end(), [&](const Fact& fact) {
    return fact.what == "notice.command-dropped" && fact.details.at("why") == why && fact.details.at("to") == call;
  });
}

}  // namespace

TEST_CASE("a command is run for the kinds that it is for, and for nobody else") {
  World world(with_command(), World::at("2026-12-24T23:00"));
  world.fail("database", "tcp");
  world.run_for(5min);
  const Notice& declared = only(world, NoticeKind::major_declared, "system-lead");
  CHECK(has(declared, call));
  CHECK(std::count(declared.accepted.begin(), declared.accepted.end(), call) == 1);
  CHECK_FALSE(has(only(world, NoticeKind::major_declared, "inquiry-desk"), call));
  world.ok("database", "tcp");
  world.run_for(5min);
  CHECK_FALSE(has(only(world, NoticeKind::failure_recovered, "system-lead"), call));
}

TEST_CASE("a command that fails is run again without another mail, until somebody has the failure in hand") {
  World world(with_command(), World::at("2026-12-24T23:00"));
  world.defers = {call};
  world.fail("database", "tcp");
  world.run_for(5min);
  const NoticeId id = only(world, NoticeKind::major_declared, "system-lead").id;
  CHECK(world.notice(id).state == NoticeState::due);
  const std::vector<std::string> mailed = world.notice(id).accepted;
  CHECK(mailed == std::vector<std::string>{world.platform().people.at("sato").mail});
  const int before = tries(world, id);
  world.run_for(30min);
  CHECK(tries(world, id) > before);
  CHECK(world.notice(id).accepted == mailed);

  SUBCASE("acknowledged") {
    world.order("tanaka", Acknowledge{1, "見ています"});
    REQUIRE(world.accepted());
    CHECK(was_dropped(world, "acknowledged"));
  }
  SUBCASE("recovered") {
    world.ok("database", "tcp");
    world.run_for(1min);
    CHECK(was_dropped(world, "the failure recovered"));
  }
  SUBCASE("for a day in vain") {
    world.run_for(24h);
    CHECK(was_dropped(world, "not done within 1d"));
  }
  CHECK(world.notice(id).state == NoticeState::sent);
  const int last = tries(world, id);
  world.run_for(2h);
  CHECK(tries(world, id) == last);
}

TEST_CASE("it is run at last, and the mail is not sent again for it") {
  World world(with_command(), World::at("2026-12-24T23:00"));
  world.defers = {call};
  world.fail("database", "tcp");
  world.run_for(5min);
  const NoticeId id = only(world, NoticeKind::major_declared, "system-lead").id;
  world.defers.clear();
  world.run_for(30min);
  CHECK(world.notice(id).state == NoticeState::sent);
  CHECK(world.notice(id).accepted == std::vector<std::string>{world.platform().people.at("sato").mail, call});
}

TEST_CASE("while no relay answers the command is run all the same") {
  World world(with_command(), World::at("2026-12-24T23:00"));
  world.defers = {world.platform().people.at("sato").mail};
  world.fail("database", "tcp");
  world.run_for(5min);
  const Notice& declared = only(world, NoticeKind::major_declared, "system-lead");
  CHECK(declared.accepted == std::vector<std::string>{call});
  CHECK(declared.state == NoticeState::due);
}

TEST_CASE("what comes within five seconds is one mail, and one call where any of it is to be called about") {
  Platform platform = with_command({});
  platform.people.at("tanaka").command_for = {"failure.detected"};
  for (ChainStep& step : platform.escalation.major) step.after = Duration{0};
  for (auto& [name, component] : platform.components) {
    for (ProbeSpec& probe : component.probes) probe.confirm = 1;
  }
  World world(platform, World::at("2026-12-24T23:00"));
  world.fail("web-1", "process");
  world.run_for(1s);
  REQUIRE(world.count(NoticeKind::failure_detected, "ap-ops") == 1);  // It goes at once, alone.
  world.fail("settlement", "job");
  world.fail("database", "tcp");
  world.run_for(20s);
  bool carried = false;
  for (const auto& [id, notice] : world.state().notices) {
    if (notice.audience != "ap-ops" || notice.carries.empty()) continue;
    carried = carried || notice.kind == NoticeKind::major_declared;
    CHECK(std::count_if(notice.to.begin(), notice.to.end(), [](const Recipient& to) { return to.mail == "command:tanaka"; }) == 1);
  }
  CHECK(carried);
}

TEST_CASE("who has two roles is called once for one thing, and again when nobody has acted on it") {
  Platform platform = with_command();
  platform.people.at("sato").roles = {Role::system_lead, Role::inquiry_desk, Role::ap_ops};
  World world(platform, World::at("2026-12-24T23:00"));
  world.fail("database", "tcp");
  world.run_for(5min);
  CHECK(has(only(world, NoticeKind::major_declared, "system-lead"), call));
  CHECK_FALSE(has(only(world, NoticeKind::major_declared, "inquiry-desk"), call));
  world.run_for(10min);
  CHECK(has(only(world, NoticeKind::major_declared, "ap-ops"), call));
}

TEST_CASE("who owns a component and leads is called once where it is major at once, for that") {
  Platform platform = with_command({"failure.detected", "major.declared"});
  platform.people.at("sato").roles = {Role::system_lead, Role::infra_ops};
  World world(platform, World::at("2026-12-24T23:00"));
  world.fail("database", "tcp");
  world.run_for(5min);
  CHECK(has(only(world, NoticeKind::major_declared, "system-lead"), call));
  const Notice& detected = only(world, NoticeKind::failure_detected, "infra-ops");
  CHECK_FALSE(has(detected, call));
  CHECK(detected.state == NoticeState::sent);
}

TEST_CASE("a reload does not bring back a command that was dropped") {
  World world(with_command(), World::at("2026-12-24T23:00"));
  world.mail_up = false;
  world.fail("database", "tcp");
  world.run_for(5min);
  const NoticeId id = only(world, NoticeKind::major_declared, "system-lead").id;
  world.order("tanaka", Acknowledge{1, "見ています"});
  world.run_for(1min);
  REQUIRE(was_dropped(world, "acknowledged"));
  world.reload(world.platform());
  world.mail_up = true;
  world.run_for(1h);
  CHECK(world.notice(id).state == NoticeState::sent);
  CHECK_FALSE(has(world.notice(id), call));
  CHECK(world.count(NoticeKind::lead_attention) == 0);
}

TEST_CASE("with a roster it is the command of who is on duty") {
  Platform platform = with_command();
  platform.people["ito"] = platform.people.at("sato");
  platform.people["ito"].id = "ito";
  platform.people["ito"].mail = "ito@ops.example";
  Roster roster;
  roster.role = Role::system_lead;
  roster.rotation = {"ito", "sato"};
  roster.since = *parse_date("2026-12-23");
  platform.duty[Role::system_lead] = roster;
  World world(platform, World::at("2026-12-24T23:00"));
  world.fail("database", "tcp");
  world.run_for(5min);
  const Notice& declared = only(world, NoticeKind::major_declared, "system-lead");
  CHECK_FALSE(has(declared, call));
  CHECK(has(declared, "command:ito"));
}
