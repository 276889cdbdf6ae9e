// Mail that is under way, or has reached only some of its recipients, while what it says changes.
#include <doctest/doctest.h>

#include <algorithm>

#include "health.hpp"
#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

Platform without_response() {
  Platform platform = example_platform();
  for (const char* name : {"web-1", "database"}) platform.components[name].primary_response.clear();
  return platform;
}

// An incident of a web server, then the database goes; both turn out to have one cause, while the
// bank's first notice of the second failure is being handed over.
World joined_while_under_way() {
  Platform platform = without_response();
  platform.components["database"].depends_on = {"zone-a"};
  World world(platform, World::at("2026-12-24T11:00"));
  world.fail("web-2", "http");
  world.run_for(20s);
  world.relay_hangs = true;
  world.fail("database", "tcp");
  world.run_for(20s);
  world.fail("zone-a", "ping");
  world.run_for(20s);
  return world;
}

}  // namespace

TEST_CASE("a first notice that is under way when its failure joins another is not followed by a second one") {
  World world = joined_while_under_way();
  REQUIRE(world.failure(2).joined_into == 1);
  world.relay_answers();
  world.run_for(1h);
  CHECK(world.count(NoticeKind::bank_first, "bank:aozora") == 1);
  CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 1);
  for (const char* probe : {"ping"}) world.ok("zone-a", probe);
  world.ok("web-2", "http");
  world.ok("database", "tcp");
  world.run_for(1min);
  world.order("suzuki", Confirm{1, "正常", false});
  world.run_for(1min);
  CHECK(world.count(NoticeKind::bank_recovered) == 2);
  CHECK(world.count(NoticeKind::bank_occurred_and_recovered) == 0);
}

TEST_CASE("one that was surely not accepted is made anew under the number that goes on") {
  World world = joined_while_under_way();
  REQUIRE(world.failure(2).joined_into == 1);
  world.mail_up = false;
  world.relay_answers();
  world.mail_up = true;
  world.run_for(1h);
  std::vector<Sent> firsts = world.sent(NoticeKind::bank_first, "bank:aozora");
  REQUIRE(firsts.size() == 1);
  CHECK(firsts[0].failure == 1);
}

TEST_CASE("news for a bank waits a while for the contact who cannot be reached, not for ever") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.defers.insert("mori@midori.example");
  world.fail("database", "tcp");
  world.run_for(1min);
  CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 1);
  world.ok("database", "tcp");
  world.run_for(1min);
  world.order("suzuki", Confirm{1, "正常", false});
  SUBCASE("reached within the time: first, then recovered") {
    world.run_for(10min);
    CHECK(world.count(NoticeKind::bank_recovered, "bank:midori") == 0);
    world.defers.clear();
    world.run_for(50min);
    CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 2);  // one for each contact
    CHECK(world.count(NoticeKind::bank_recovered, "bank:midori") == 1);
    CHECK(world.count(NoticeKind::delivery_failed) == 0);
  }
  SUBCASE("not reached: the lead is told, and the news goes to whom it can") {
    world.run_for(40min);
    CHECK(world.count(NoticeKind::bank_recovered, "bank:midori") == 1);
    CHECK(world.count(NoticeKind::delivery_failed, "system-lead") == 1);
  }
  CHECK(world.count(NoticeKind::bank_recovered, "bank:aozora") == 1);
}

TEST_CASE("a notice of which one address was refused and none accepted is judged again") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.refuses["hayashi@midori.example"] = 550;
  world.defers.insert("mori@midori.example");
  world.fail("database", "tcp");
  world.run_for(1min);
  world.order("sato", Classify{1, FailureClass::incident, "影響なし"});
  world.defers.clear();
  world.run_for(2h);
  CHECK(world.count(NoticeKind::bank_first, "bank:midori") == 0);
  CHECK(world.count(NoticeKind::bank_corrected, "bank:midori") == 0);
}

TEST_CASE("raised again while its correction is under way, a failure is told anew") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.fail("database", "tcp");
  world.run_for(1min);
  world.relay_hangs = true;
  world.order("sato", Classify{1, FailureClass::incident, "影響なし"});
  world.order("sato", Classify{1, FailureClass::major, "影響あり"});
  world.relay_answers();
  world.run_for(1h);
  CHECK(world.count(NoticeKind::bank_first, "bank:aozora") == 2);
  CHECK(world.count(NoticeKind::bank_corrected, "bank:aozora") == 1);
}

TEST_CASE("a notice that is held between its attempts is overdue a day after the first one") {
  World world(without_response(), World::at("2026-12-25T16:30"));  // a Friday
  world.defers.insert("yamada@aozora.example");
  world.fail("database", "tcp");
  world.run_until(World::at("2026-12-26T16:00"));
  CHECK(world.count(NoticeKind::delivery_failed) == 0);
  world.run_until(World::at("2026-12-26T17:00"));
  CHECK(world.count(NoticeKind::delivery_failed, "system-lead") == 1);
}

TEST_CASE("a hold that has ended leaves no time in the future behind") {
  Platform platform = without_response();
  platform.bank_notices.first_per_hour = 0;
  World world(platform, World::at("2026-12-24T11:00"));
  world.fail("database", "tcp");
  world.run_for(1min);
  const Notice* braked = world.unsent("bank:aozora");
  REQUIRE(braked != nullptr);
  REQUIRE(braked->not_before > world.now());
  world.mail_up = false;
  world.order("sato", ReleaseNotice{braked->id});
  REQUIRE(world.unsent("bank:aozora") != nullptr);
  CHECK(world.unsent("bank:aozora")->not_before <= world.now());
}

TEST_CASE("a configuration edited while the daemon was down counts for what is held") {
  Platform platform = without_response();
  World world(platform, World::at("2026-12-24T17:00"));
  world.fail("database", "tcp");
  world.run_for(1h);
  REQUIRE(world.unsent("bank:aozora") != nullptr);
  REQUIRE(world.unsent("bank:midori") != nullptr);
  platform.banks.erase("midori");
  platform.banks["aozora"].contacts[0].mail = "new@aozora.example";
  world.restart(1h, platform);
  CHECK(world.unsent("bank:midori") == nullptr);
  REQUIRE(world.unsent("bank:aozora") != nullptr);
  CHECK(world.unsent("bank:aozora")->to[0].mail == "new@aozora.example");
  std::size_t told = 0;
  for (const auto& [id, notice] : world.state().notices) told += notice.topic == "recipients" ? 1 : 0;
  CHECK(told >= 1);
}

TEST_CASE("a component that is gone after a start does not end its failure") {
  Platform platform = without_response();
  World world(platform, World::at("2026-12-24T11:00"));
  world.fail("web-2", "http");
  world.run_for(1min);
  platform.components.erase("web-2");
  platform.services["member-site"].needs[0].of.pop_back();
  world.restart(5min, platform);
  world.run_for(2h);
  CHECK(world.failure(1).is_open());
  CHECK(world.failure(1).awaits_recover);
  CHECK(world.failure(1).members.empty());
}

TEST_CASE("an unknown probe that could make the component down is not hidden by one that is degraded") {
  Platform platform = example_platform();
  const Component& database = platform.components["database"];
  ComponentHealth health;
  health.probes["disk"].verdict = Verdict::failing;
  health.probes["disk"].failing = true;
  health.probes["tcp"].verdict = Verdict::unknown;
  CHECK(state_of(database, health) == ComponentState::unknown);
  CHECK(has_failing_probe(database, health, std::nullopt));
  health.probes["tcp"].verdict = Verdict::ok;
  CHECK(state_of(database, health) == ComponentState::degraded);
  health.probes["disk"].verdict = Verdict::unknown;
  health.probes["tcp"].verdict = Verdict::failing;
  CHECK(state_of(database, health) == ComponentState::down);
}

TEST_CASE("a probe that could not look stays unknown until it is known again") {
  ProbeSpec spec;
  spec.confirm = spec.clear = 2;
  auto run = [](Verdict verdict) {
    Observation seen;
    seen.verdict = verdict;
    return seen;
  };
  ProbeHealth probe;
  SUBCASE("well before: one failing run says nothing yet") {
    probe.observe(spec, run(Verdict::unknown));
    probe.observe(spec, run(Verdict::failing));
    CHECK(probe.verdict == Verdict::unknown);
    probe.observe(spec, run(Verdict::failing));
    CHECK(probe.verdict == Verdict::failing);
  }
  SUBCASE("failing before: one good run clears nothing yet, and is no new failing") {
    probe.observe(spec, run(Verdict::failing));
    probe.observe(spec, run(Verdict::failing));
    probe.observe(spec, run(Verdict::unknown));
    probe.observe(spec, run(Verdict::ok));
    CHECK(probe.verdict == Verdict::unknown);
    CHECK(probe.wants_retry(spec));
    probe.observe(spec, run(Verdict::ok));
    CHECK(probe.verdict == Verdict::ok);
  }
  SUBCASE("failing before: a failing run is enough") {
    probe.observe(spec, run(Verdict::failing));
    probe.observe(spec, run(Verdict::failing));
    probe.observe(spec, run(Verdict::unknown));
    probe.observe(spec, run(Verdict::failing));
    CHECK(probe.verdict == Verdict::failing);
  }
  SUBCASE("well before: one good run is enough") {
    probe.observe(spec, run(Verdict::unknown));
    probe.observe(spec, run(Verdict::ok));
    CHECK(probe.verdict == Verdict::ok);
  }
}

TEST_CASE("what is acknowledged while its mail is under way is not mailed again") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.fail("database", "tcp");
  world.run_for(9min);
  world.relay_hangs = true;
  world.run_for(5min);
  const Notice* declared = world.unsent("ap-ops");
  REQUIRE(declared != nullptr);
  REQUIRE((declared->kind == NoticeKind::major_declared && declared->in_flight));
  const NoticeId id = declared->id;
  world.order("suzuki", Acknowledge{1, "着手"});
  CHECK(world.notice(id).in_flight);
  world.mail_up = false;
  world.relay_answers();
  world.mail_up = true;
  world.run_for(1h);
  CHECK(world.notice(id).state == NoticeState::withdrawn);
  CHECK(world.count(NoticeKind::major_declared, "ap-ops") == 0);
}

TEST_CASE("where the clock was set back while the daemon was down, nothing waits for the time that it had shown") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.fail("web-2", "http");
  world.run_for(20s);
  REQUIRE(world.count(NoticeKind::failure_detected, "ap-ops") == 1);
  world.restart(-3h);
  world.run_for(1min);
  world.fail("database", "tcp");
  world.run_for(1min);
  CHECK(world.count(NoticeKind::failure_detected, "infra-ops") == 1);
  world.fail("web-1", "http");
  world.run_for(1min);
  CHECK(world.count(NoticeKind::failure_detected, "ap-ops") == 2);
  SUBCASE("nor does a mail that is to be tried again") {
    world.mail_up = false;
    world.fail("sftp", "tcp");
    world.run_for(20min);
    const Notice* waiting = world.unsent("infra-ops");
    REQUIRE((waiting != nullptr && waiting->retry_at));
    const NoticeId id = waiting->id;
    world.mail_up = true;
    world.restart(-5h);
    world.run_for(31min);  // retry.most, and no more
    CHECK(world.notice(id).state == NoticeState::sent);
  }
  const bool told = std::any_of(world.facts.begin(), world.facts.end(),
                                [](const Fact& fact) { return fact.what == "clock.jumped"; });
  CHECK(told);
}

TEST_CASE("a clock that is set back after a restart keeps no failure from being judged by fresh runs") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.fail("web-2", "http");
  world.run_for(20s);
  world.restart(5min);
  world.clock_jumped(-4h);
  world.ok("web-2", "http");
  world.run_for(2min);
  CHECK(world.failure(1).recovered_at);
  world.fail("web-2", "http");
  world.run_for(2min);
  CHECK(world.failure(1).relapses.size() == 1);
}

TEST_CASE("a correction of the one failure does not end what a bank was told of the other that joins it") {
  Platform platform = without_response();
  platform.components["database"].depends_on = {"zone-a"};
  World world(platform, World::at("2026-12-24T11:00"));
  world.fail("web-1", "http");
  world.run_for(1min);
  world.order("sato", Classify{1, FailureClass::incident, "影響なし"});
  world.ok("web-1", "http");
  world.run_for(1min);
  REQUIRE(world.count(NoticeKind::bank_corrected, "bank:aozora") == 1);
  world.fail("database", "tcp");
  world.run_for(20s);
  world.fail("zone-a", "ping");
  world.run_for(1min);
  REQUIRE(world.count(NoticeKind::bank_first, "bank:aozora") == 2);
  world.fail("web-1", "http");
  world.run_for(1min);
  REQUIRE(world.failure(2).joined_into == 1);
  for (const char* probe : {"web-1/http", "database/tcp", "zone-a/ping"}) {
    const std::string name = probe;
    world.ok(name.substr(0, name.find('/')), name.substr(name.find('/') + 1));
  }
  world.run_for(1min);
  world.order("suzuki", Confirm{1, "正常", false});
  world.run_for(1min);
  CHECK(world.count(NoticeKind::bank_first, "bank:aozora") == 2);
  CHECK(world.count(NoticeKind::bank_recovered, "bank:aozora") == 1);
}

TEST_CASE("a contact who left by a reload while the mail was under way is not mailed at the next try") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.relay_hangs = true;
  world.fail("database", "tcp");
  world.run_for(20s);
  REQUIRE(world.unsent("bank:aozora")->in_flight);
  Platform platform = without_response();
  platform.banks["aozora"].contacts = {{"後任", "koninsha@aozora.example", true, true}};
  world.reload(platform);
  world.mail_up = false;
  world.relay_answers();
  world.mail_up = true;
  world.run_for(10min);
  const std::vector<Sent> firsts = world.sent(NoticeKind::bank_first, "bank:aozora");
  REQUIRE(firsts.size() == 1);
  const Notice& sent = world.notice(firsts[0].id);
  REQUIRE(sent.to.size() == 1);
  CHECK(sent.to[0].mail == "koninsha@aozora.example");
}

TEST_CASE("a bundle that waits for its next try goes as it is, and is not told as changed at every start") {
  World world(without_response(), World::at("2026-12-24T11:00"));
  world.fail("web-2", "http");
  world.run_for(1min);
  world.mail_up = false;
  for (const char* text : {"一", "二", "三"}) world.order("tanaka", Report{1, text, false});
  world.run_for(10s);
  const auto& notices = world.state().notices;
  const auto bundle = std::find_if(notices.begin(), notices.end(),
                                   [](const auto& entry) { return !entry.second.carries.empty(); });
  REQUIRE(bundle != notices.end());
  const NoticeId id = bundle->first;
  Platform platform = without_response();
  for (auto& [name, person] : platform.people) {
    if (person.roles.contains(Role::system_lead)) person.mail = "new-" + person.mail;
  }
  auto told = [&] {
    return std::count_if(world.facts.begin(), world.facts.end(),
                         [](const Fact& fact) { return fact.what == "notice.recipients"; });
  };
  world.reload(platform);
  const auto after_the_reload = told();
  world.restart(1min, platform);
  CHECK(told() == after_the_reload);
  world.mail_up = true;
  world.run_for(1h);
  CHECK(world.notice(id).state == NoticeState::sent);
}

TEST_CASE("a start says of no service that it is up before anybody has looked") {
  World world(without_response(), World::at("2026-12-21T22:10"));  // a planned stop
  world.fail("database", "tcp");
  world.run_for(2min);
  REQUIRE(world.failures() == 0);
  REQUIRE(world.state().services.at("member-site").state == ServiceState::down);
  const std::size_t before = world.facts.size();
  world.restart(1min);
  CHECK(std::none_of(world.facts.begin() + static_cast<std::ptrdiff_t>(before), world.facts.end(),
                     [](const Fact& fact) { return fact.what == "service.turned"; }));
}

TEST_CASE("after a planned stop a component is judged by its probes, and not kept waiting for its job") {
  Platform platform = without_response();
  for (const ProbeSpec& spec : platform.components["settlement"].probes) {
    platform.components["database"].probes.push_back(spec);
  }
  const std::string job = platform.components["database"].probes.back().name;
  World world(platform, World::at("2026-12-21T23:00"));  // in the stop, which ends at midnight
  world.fail("database", job);
  world.fail("database", "tcp");
  world.run_until(World::at("2026-12-21T23:59"));
  REQUIRE(world.failures() == 0);
  world.run_until(World::at("2026-12-22T00:06"));
  CHECK(world.failures() == 1);
}
