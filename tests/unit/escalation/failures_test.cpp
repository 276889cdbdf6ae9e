#include <doctest/doctest.h>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

World morning() { return World(example_platform(), World::at("2026-12-24T11:00")); }

}  // namespace

TEST_CASE("a redundant component's failure is an incident at once") {
  World world = morning();
  world.fail("web-2", "http");
  CHECK(world.failures() == 0);  // not confirmed yet
  world.run_for(10s);
  REQUIRE(world.failures() == 1);
  CHECK(world.failure(1).classification == FailureClass::incident);
  CHECK(world.failure(1).class_rule == ClassRule::keeps_no_service_down);
  CHECK(world.count(NoticeKind::failure_detected, "ap-ops") == 1);
  world.run_for(1h);
  CHECK(world.count(NoticeKind::failure_escalated, "system-lead") == 1);
  CHECK(world.count(NoticeKind::bank_first) == 0);
}

TEST_CASE("an automatic step that brings the service back makes an incident") {
  World world = morning();
  world.fail("database", "tcp");
  world.run_for(10s);
  REQUIRE(world.steps.size() == 1);
  CHECK(world.failure(1).classification == FailureClass::undetermined);
  world.run_for(1min);
  world.ok("database", "tcp");
  world.step_ends(StepResult::succeeded);
  world.run_for(1min);
  CHECK(world.failure(1).classification == FailureClass::incident);
  CHECK(world.failure(1).class_rule == ClassRule::back_after_response);
  CHECK(world.failure(1).phase() == Phase::recovered);
  world.run_for(31min);
  CHECK(world.failure(1).closing == Closing::automatic);
  CHECK(world.count(NoticeKind::bank_first) == 0);
}

TEST_CASE("steps that fail pass to the next, and none left makes a major failure, told to banks in the window") {
  World world = morning();
  world.fail("database", "tcp");
  world.run_for(20s);
  world.step_ends(StepResult::failed);
  world.run_for(1s);
  REQUIRE(world.failure(1).running_step() != nullptr);
  CHECK(world.failure(1).running_step()->manual);
  CHECK(world.order("suzuki", Respond{1, false, "切り替わらない"}) != "");
  world.run_for(1min);
  CHECK(world.failure(1).classification == FailureClass::major);
  CHECK(world.failure(1).class_rule == ClassRule::no_step_left);
  CHECK(world.count(NoticeKind::major_declared, "system-lead") == 1);
  CHECK(world.count(NoticeKind::major_declared, "inquiry-desk") == 1);
  CHECK(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
  CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 1);
  world.run_for(10min);
  CHECK(world.count(NoticeKind::major_declared, "ap-ops") == 1);
}

TEST_CASE("undetermined_at_most makes a major failure while a step still runs") {
  Platform platform = example_platform();
  platform.components["database"].primary_response[0].limit = 1h;
  World world(platform, World::at("2026-12-24T11:00"));
  world.fail("database", "tcp");
  world.run_for(14min);
  CHECK(world.failure(1).classification == FailureClass::undetermined);
  world.run_for(2min);
  CHECK(world.failure(1).classification == FailureClass::major);
  CHECK(world.failure(1).class_rule == ClassRule::time_is_up);
}

TEST_CASE("no response configured: major at once") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  World world(platform, World::at("2026-12-24T11:00"));
  world.fail("database", "tcp");
  world.run_for(10s);
  CHECK(world.failure(1).classification == FailureClass::major);
  CHECK(world.failure(1).class_rule == ClassRule::no_response_configured);
}

TEST_CASE("a held bank notice goes at the next opening, judged again") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  World world(platform, World::at("2026-12-28T16:58"));
  SUBCASE("still open: the first report") {
    world.run_until(World::at("2026-12-28T17:00"));
    world.fail("database", "tcp");
    world.run_for(1min);
    REQUIRE(world.unsent("bank:aozora") != nullptr);
    CHECK(world.unsent("bank:aozora")->state == NoticeState::held);
    CHECK(world.unsent("bank:aozora")->not_before == World::at("2027-01-04T10:00"));
    world.run_until(World::at("2027-01-04T10:00"));
    CHECK(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
  }
  SUBCASE("confirmed meanwhile: one notice that says both") {
    world.run_until(World::at("2026-12-28T17:00"));
    world.fail("database", "tcp");
    world.run_for(1h);
    world.ok("database", "tcp");
    world.run_for(1min);
    CHECK(world.failure(1).phase() == Phase::recovered);
    world.order("suzuki", Confirm{1, "異常なし", false});
    CHECK(world.accepted());
    CHECK(world.failure(1).phase() == Phase::closed);
    world.run_until(World::at("2027-01-04T12:00"));
    CHECK(world.count(NoticeKind::bank_first) == 0);
    CHECK(world.count(NoticeKind::bank_occurred_and_recovered, "bank:aozora") == 1);
    CHECK(world.count(NoticeKind::bank_occurred_and_recovered, "bank:midori") == 1);
    CHECK(world.count(NoticeKind::bank_recovered) == 0);
  }
  SUBCASE("lowered to an incident before banks were told: nothing") {
    world.run_until(World::at("2026-12-28T17:00"));
    world.fail("database", "tcp");
    world.run_for(1min);
    world.order("sato", Classify{1, FailureClass::incident, "影響なし"});
    CHECK(world.accepted());
    CHECK(world.unsent("bank:aozora") == nullptr);
    world.run_until(World::at("2027-01-05T12:00"));
    CHECK(world.count(NoticeKind::bank_first) == 0);
    CHECK(world.count(NoticeKind::bank_corrected) == 0);
  }
}

TEST_CASE("a bank that was told is told how it ends, also by a correction") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  World world(platform, World::at("2026-12-24T11:00"));
  world.fail("database", "tcp");
  world.run_for(1min);
  CHECK(world.count(NoticeKind::bank_first) == 2);
  SUBCASE("recovered") {
    world.order("sato", Report{1, "復旧作業中", true});
    CHECK(world.count(NoticeKind::bank_progress) == 2);
    world.ok("database", "tcp");
    world.run_for(1min);
    world.order("suzuki", Confirm{1, "異常なし", false});
    world.run_for(1min);
    CHECK(world.count(NoticeKind::bank_recovered) == 2);
    CHECK(world.count(NoticeKind::failure_confirmed, "system-lead") == 1);
    CHECK(world.count(NoticeKind::failure_confirmed, "inquiry-desk") == 1);
  }
  SUBCASE("corrected") {
    world.order("sato", Classify{1, FailureClass::incident, "影響なし"});
    CHECK(world.count(NoticeKind::bank_corrected) == 2);
    world.ok("database", "tcp");
    world.run_for(2h);
    CHECK(world.failure(1).phase() == Phase::closed);
    CHECK(world.count(NoticeKind::bank_recovered) == 0);
  }
  SUBCASE("relapsed") {
    world.ok("database", "tcp");
    world.run_for(1min);
    world.fail("database", "tcp");
    world.run_for(1min);
    CHECK(world.failures() == 1);
    CHECK(world.count(NoticeKind::bank_progress) == 2);
    CHECK(world.failure(1).classification == FailureClass::major);
  }
}

TEST_CASE("confirmation is refused while something is not well, and names it") {
  World world = morning();
  world.fail("web-2", "http");
  world.run_for(1min);
  std::string text = world.order("tanaka", Confirm{1, "ok", false});
  CHECK_FALSE(world.accepted());
  CHECK(text.find("web-2/http is failing") != std::string::npos);
}

TEST_CASE("a component joins the failure of the deepest bad one that it depends on") {
  World world = morning();
  world.fail("zone-a", "ping");
  world.run_for(10s);
  world.fail("web-1", "http");
  world.fail("web-2", "http");
  world.run_for(10s);
  CHECK(world.failures() == 1);
  CHECK(world.failure(1).cause == "zone-a");
  CHECK(world.failure(1).members.size() == 3);
  CHECK(world.failure(1).keeps_down.contains("member-site"));
}

TEST_CASE("a cause found soon after takes its consequences over") {
  World world = morning();
  world.fail("web-1", "http");
  world.run_for(10s);
  world.fail("web-2", "http");
  world.run_for(10s);
  world.fail("zone-a", "ping");
  world.run_for(10s);
  CHECK(world.failure(1).cause == "zone-a");
  CHECK(world.failure(1).owner == Role::infra_ops);
  for (const auto& [id, failure] : world.state().failures) {
    if (id != 1) CHECK(failure.joined_into == 1);
  }
  CHECK(world.count(NoticeKind::failure_detected, "infra-ops") == 1);
}

TEST_CASE("a failure that begins with a provider, or turns out to, is said to lie outside the platform, in the record too") {
  const auto said = [](const World& world) {
    std::string text;
    for (const Fact& fact : world.facts) {
      if (fact.what != "failure.opened" && fact.what != "failure.cause") continue;
      text += fact.what + (fact.details.contains("outside") ? " outside; " : "; ");
    }
    return text;
  };
  Platform platform = example_platform();
  platform.components.at("zone-a").provider = true;
  World world(platform, World::at("2026-12-28T10:00"));
  world.fail("zone-a", "ping");
  world.run_for(10s);
  world.fail("web-1", "http");
  world.run_for(10s);
  CHECK(is_caused_outside(world.platform(), world.failure(1)));
  CHECK(said(world) == "failure.opened outside; ");

  World later(platform, World::at("2026-12-28T10:00"));
  later.fail("web-1", "http");
  later.run_for(20s);
  CHECK_FALSE(is_caused_outside(later.platform(), later.failure(1)));
  later.fail("zone-a", "ping");
  later.run_for(20s);
  CHECK(is_caused_outside(later.platform(), later.failure(1)));
  CHECK(said(later) == "failure.opened; failure.cause outside; ");
}

TEST_CASE("a probe that has to fail for a while turns when it did, and begins anew after a run that is well") {
  ProbeSpec spec;
  spec.confirm = 2;
  spec.sustain = 10min;
  ProbeHealth health;
  const Instant began = World::at("2026-12-28T10:00");
  const auto run = [&](Duration after, Verdict verdict) {
    Observation seen;
    seen.verdict = verdict;
    seen.started = seen.ended = began + after;
    health.observe(spec, seen);
    return health.failing;
  };
  CHECK_FALSE(run(0min, Verdict::failing));
  CHECK_FALSE(run(9min, Verdict::failing));
  CHECK_FALSE(run(9min + 30s, Verdict::warning));
  CHECK_FALSE(run(10min, Verdict::failing));
  CHECK_FALSE(run(15min, Verdict::unknown));  // Nobody can say that it failed all the time.
  CHECK_FALSE(run(21min, Verdict::failing));
  CHECK_FALSE(run(30min, Verdict::failing));
  CHECK(run(31min, Verdict::failing));
  CHECK(health.verdict == Verdict::failing);
}

TEST_CASE("a report for the banks names those that will read it, or says that none will; that a bank of other services was added is pointed out") {
  Platform platform = example_platform();
  platform.banks["shiro"] = platform.banks.at("aozora");
  platform.banks.at("shiro").id = "shiro";
  platform.banks.at("shiro").services = {};
  World world(platform, World::at("2026-12-28T18:00"));
  world.fail("database", "tcp");
  world.run_for(30min);
  REQUIRE(world.failure(1).classification == FailureClass::major);
  CHECK(world.order("sato", Report{1, "調査中", true}) == "reported, and relayed in their window to aozora, midori");
  CHECK(world.order("sato", ChangeBanks{1, true, "shiro", "影響"}) ==
        "shiro will be told of failure 1. NOTE that it has contracted none of its services (admin-console, member-site), and is "
        "told of all: `yagura banks 1 --remove shiro -m TEXT` takes this back while nothing has been sent");
  world.order("sato", ChangeBanks{1, false, "shiro", "取り違え"});
  for (const char* bank : {"bank:aozora", "bank:midori"}) {
    REQUIRE(world.unsent(bank) != nullptr);
    const std::string said = world.order("sato", WithdrawNotice{world.unsent(bank)->id});
    CHECK(said.find("hears NOTHING of failure 1 any more") != std::string::npos);
  }
  CHECK(world.order("sato", Report{1, "調査中", true}).find("NO bank is told: none is to be told of failure 1") != std::string::npos);
}

TEST_CASE("two halves that fail apart and together keep a service down become one") {
  World world = morning();
  world.fail("web-2", "http");
  world.run_for(10min);
  world.fail("web-1", "http");
  world.run_for(10s);
  CHECK(world.failures() == 2);
  CHECK(world.failure(2).joined_into == 1);
  CHECK(world.failure(1).keeps_down.contains("member-site"));
}

TEST_CASE("weekly maintenance is quiet and judges at its end") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  World world(platform, World::at("2026-12-21T21:59"));
  SUBCASE("a fault within it opens nothing") {
    world.run_until(World::at("2026-12-21T22:10"));
    world.fail("database", "tcp");
    world.run_for(10min);
    CHECK(world.failures() == 0);
    SUBCASE("well before its end") {
      world.ok("database", "tcp");
      world.run_until(World::at("2026-12-22T01:00"));
      CHECK(world.failures() == 0);
    }
    SUBCASE("still failing at its end: opens then") {
      world.run_until(World::at("2026-12-22T00:01"));
      REQUIRE(world.failures() == 1);
      CHECK(world.failure(1).opened_at >= World::at("2026-12-22T00:00"));
      CHECK(world.failure(1).classification == FailureClass::major);
    }
  }
  SUBCASE("a fault from before goes on") {
    world.fail("database", "tcp");
    world.run_until(World::at("2026-12-21T23:00"));
    CHECK(world.failures() == 1);
    CHECK(world.failure(1).classification == FailureClass::major);
  }
}

TEST_CASE("after a restart nothing is decided before the probes ran, and nothing is said twice") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  World world(platform, World::at("2026-12-24T09:00"));
  world.fail("database", "tcp");
  world.run_for(1min);
  CHECK(world.count(NoticeKind::major_declared, "system-lead") == 1);
  world.run_until(World::at("2026-12-24T09:58"));
  world.restart(5min);
  world.run_for(1min);
  CHECK(world.count(NoticeKind::bank_first) == 2);
  CHECK(world.count(NoticeKind::major_declared, "system-lead") == 1);
  CHECK(world.count(NoticeKind::failure_detected) == 1);
  CHECK(world.failures() == 1);
}

TEST_CASE("six majors at once: the sixth first notice to a bank asks the lead, and goes after half an hour") {
  Platform platform = example_platform();
  for (int i = 1; i <= 6; ++i) {
    std::string name = "part-" + std::to_string(i);
    Component part = platform.components["web-2"];
    part.id = name;
    part.depends_on.clear();
    platform.components[name] = part;
    Need need;
    need.name = name;
    platform.services["service-" + name] = {"service-" + name, name, {need}};
    platform.banks["midori"].services.insert("service-" + name);
  }
  World world(platform, World::at("2026-12-24T11:00"));
  for (int i = 1; i <= 6; ++i) world.fail("part-" + std::to_string(i), "http");
  world.run_for(1min);
  CHECK(world.failures() == 6);
  CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 5);
  const Notice* held = world.unsent("bank:midori");
  REQUIRE(held != nullptr);
  CHECK(held->state == NoticeState::held);
  std::size_t asked = 0;
  for (const auto& [id, notice] : world.state().notices) asked += notice.topic == "brake" ? 1 : 0;
  CHECK(asked == 1);
  SUBCASE("released by the lead") {
    world.order("sato", ReleaseNotice{held->id});
    CHECK(world.accepted());
    CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 6);
  }
  SUBCASE("by itself") {
    world.run_for(30min);
    CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 6);
  }
}

TEST_CASE("a relay that is away loses nothing, and the window holds at each try") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  World world(platform, World::at("2026-12-24T16:30"));
  world.mail_up = false;
  world.fail("database", "tcp");
  world.run_until(World::at("2026-12-24T18:00"));
  CHECK(world.mails.empty());
  world.mail_up = true;
  world.run_until(World::at("2026-12-25T09:59"));
  CHECK(world.count(NoticeKind::bank_first) == 0);
  CHECK(world.count(NoticeKind::major_declared, "system-lead") == 1);
  world.run_until(World::at("2026-12-25T10:00"));
  CHECK(world.count(NoticeKind::bank_first) == 2);
}

TEST_CASE("an attempt without an answer is repeated as the same notice") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  World world(platform, World::at("2026-12-24T09:30"));
  world.fail("database", "tcp");
  world.run_until(World::at("2026-12-24T09:59"));
  world.cut_after_the_dot = true;
  world.run_until(World::at("2026-12-24T10:05"));
  std::vector<Sent> firsts = world.sent(NoticeKind::bank_first, "bank:aozora");
  REQUIRE(firsts.size() == 2);
  CHECK(firsts[0].id == firsts[1].id);
  CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 1);
}

TEST_CASE("a contact that stands twice, in letters of another case, is mailed once") {
  Platform platform = example_platform();
  Contact again = platform.banks.at("aozora").contacts.at(0);
  again.mail[0] = static_cast<char>(again.mail[0] - 'a' + 'A');
  platform.banks.at("aozora").contacts.push_back(again);
  World world(platform, World::at("2026-12-07T11:00"));
  world.fail("database", "tcp");
  world.run_for(30min);
  REQUIRE(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
  CHECK(world.notice(world.sent(NoticeKind::bank_first, "bank:aozora").front().id).to.size() == 1);
}

TEST_CASE("a failure that recovers and relapses again and again is one, held open, and said to be") {
  Platform platform = example_platform();
  platform.escalation.flapping = Flapping{4, 30min};
  World world(platform, World::at("2026-12-07T11:00"));
  const auto turn_bad_and_well = [&] {
    world.fail("web-2", "http");
    world.run_for(3min);
    world.ok("web-2", "http");
    world.run_for(4min);
  };
  for (int i = 0; i < 2; ++i) {
    turn_bad_and_well();
    REQUIRE(world.failure(1).recovered_at.has_value());
  }
  CHECK_FALSE(is_flapping(platform, world.failure(1)));
  turn_bad_and_well();
  CHECK(is_flapping(platform, world.failure(1)));
  CHECK_FALSE(world.failure(1).recovered_at.has_value());
  CHECK(world.notice(world.sent(NoticeKind::failure_detected, "ap-ops").back().id).reason ==
        "relapsed: web-2 fails again; it flaps, and recovers only when all has been well for 30m");
  const std::size_t mailed = world.count(NoticeKind::failure_detected);
  for (int i = 0; i < 5; ++i) turn_bad_and_well();
  CHECK(world.count(NoticeKind::failure_detected) == mailed);
  CHECK(world.count(NoticeKind::failure_recovered) == 2);
  CHECK(world.failures() == 1);
  CHECK(world.failure(1).relapses.size() == 2);
  SUBCASE("well for as long, it has recovered") {
    const Instant well = *world.failure(1).steady_since;
    world.run_for(25min);
    CHECK_FALSE(world.failure(1).recovered_at.has_value());
    world.run_for(5min);
    REQUIRE(world.failure(1).recovered_at.has_value());
    CHECK(*world.failure(1).recovered_at == well + 30min);
    world.run_for(1h);
    CHECK_FALSE(world.failure(1).is_open());
  }
  SUBCASE("over a restart, and a clock that is set on") {
    world.restart(1min);
    world.clock_jumped(6h);
    world.run_for(20min);
    CHECK_FALSE(world.failure(1).recovered_at.has_value());
    world.run_for(15min);
    CHECK(world.failure(1).recovered_at.has_value());
  }
  SUBCASE("a person may confirm it before") {
    world.order("tanaka", Confirm{1, "交換した", false});
    world.run_for(1min);
    CHECK_FALSE(world.failure(1).is_open());
  }
  SUBCASE("none: each recovery counts") {
    platform.escalation.flapping.reset();
    world.reload(platform);
    world.run_for(1min);
    CHECK(world.failure(1).recovered_at.has_value());
  }
}

TEST_CASE("what security probes found is told to the owner and the lead at once, at night too") {
  Platform platform = example_platform();
  ProbeSpec logins;
  logins.name = logins.kind = "logins";
  logins.family = Family::security;
  logins.impact = Impact::degraded;
  platform.components["web-2"].probes.push_back(logins);
  ChainStep owner, lead;
  owner.to = {{Audience::Kind::owner, {}}};
  lead.to = {{Audience::Kind::role, Role::system_lead}};
  platform.escalation.security = {owner, lead};
  World world(platform, World::at("2026-12-08T03:00"));
  SUBCASE("alone") {
    world.fail("web-2", "logins");
    world.run_for(10min);
    REQUIRE(world.failure(1).classification == FailureClass::incident);
    CHECK(world.failure(1).security);
    CHECK(world.count(NoticeKind::failure_detected, "ap-ops") == 1);
    CHECK(world.count(NoticeKind::failure_escalated, "ap-ops") == 0);
    CHECK(world.count(NoticeKind::failure_escalated, "system-lead") == 1);
  }
  SUBCASE("not where another probe of it failed first") {
    world.fail("web-2", "http");
    world.run_for(5min);
    world.fail("web-2", "logins");
    world.run_for(10min);
    REQUIRE(world.failure(1).classification == FailureClass::incident);
    CHECK_FALSE(world.failure(1).security);
    CHECK(world.count(NoticeKind::failure_escalated, "system-lead") == 0);
  }
}

TEST_CASE("a service that a person reports is down until they say recover") {
  World world = morning();
  std::string text = world.order("kudo", Open{{}, {"member-site"}, false, true, "管理者から電話"});
  CHECK(world.accepted());
  CHECK(world.failure(1).classification == FailureClass::major);
  world.order("tanaka", Acknowledge{1, "着手"});
  CHECK(world.count(NoticeKind::failure_acknowledged, "inquiry-desk") +
            (world.unsent("inquiry-desk") != nullptr ? 1 : 0) >= 1);
  world.order("tanaka", Confirm{1, "ok", false});
  CHECK_FALSE(world.accepted());
  world.order("tanaka", Recover{1, "直した"});
  CHECK(world.failure(1).phase() == Phase::recovered);
  world.run_for(5min);  // Every probe has run before, and turns nothing.
  const Instant asked = world.now();
  world.order("tanaka", Confirm{1, "ok", false});
  world.run_for(10min);
  REQUIRE(world.failure(1).phase() == Phase::closed);
  // No probe saw it; those of what the service needs are looked at all the same (F6), and end it as soon as they ran.
  CHECK(*world.failure(1).closed_at < asked + 1min);
  CHECK(world.failure(1).checked.size() >= 2);
  CHECK(world.count(NoticeKind::bank_recovered) == 2);
}

TEST_CASE("roles are asked for every order") {
  World world = morning();
  world.fail("web-2", "http");
  world.run_for(1min);
  world.order("kudo", Acknowledge{1, ""});
  CHECK_FALSE(world.accepted());
  world.order("tanaka", Classify{1, FailureClass::major, "x"});
  CHECK_FALSE(world.accepted());
  world.order("tanaka", Report{1, "x", true});
  CHECK_FALSE(world.accepted());
  world.order("nobody", Acknowledge{1, ""});
  CHECK_FALSE(world.accepted());
  world.order("tanaka", Acknowledge{1, ""});
  CHECK(world.accepted());
  world.run_for(2h);
  CHECK(world.count(NoticeKind::failure_escalated) == 0);
}

TEST_CASE("a text of white space says nothing, and is refused as none") {
  World world = morning();
  world.order("kudo", Open{{}, {"member-site"}, false, true, "管理者から電話"});
  for (const char* blank : {"", "  ", "\t\n", "\u3000 \u3000"}) {
    CAPTURE(blank);
    world.order("sato", Report{1, blank, true});
    CHECK_FALSE(world.accepted());
    world.order("sato", Classify{1, FailureClass::incident, blank});
    CHECK_FALSE(world.accepted());
    world.order("tanaka", Confirm{1, blank, false});
    CHECK_FALSE(world.accepted());
    world.order("kudo", Open{{"web-1"}, {}, false, false, blank});
    CHECK_FALSE(world.accepted());
  }
}

TEST_CASE("a component named twice is reported once") {
  World world = morning();
  world.order("kudo", Open{{"web-1", "web-1"}, {"member-site", "member-site"}, false, false, "遅い"});
  CHECK(world.failure(1).title == "web-1, 会員企業サイト — reported: 遅い");
}

TEST_CASE("of a mail that one recipient refused, the refusal is the last error") {
  Platform platform = example_platform();
  platform.components["database"].primary_response.clear();
  World world(platform, World::at("2026-12-24T11:00"));
  world.refuses["mori@midori.example"] = 550;
  world.fail("database", "tcp");
  world.run_for(1min);
  std::vector<Sent> sent = world.sent(NoticeKind::bank_first, "bank:midori");
  REQUIRE(sent.size() == 1);
  CHECK(world.notice(sent[0].id).state == NoticeState::sent);
  CHECK(world.notice(sent[0].id).last_error == "550 no such user");
}
