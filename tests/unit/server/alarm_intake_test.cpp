// What other systems say, from their request to the component, the record and back; and who says what they may not.
#include "alarm_intake.hpp"

#include <fmt/format.h>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

const std::string alarms =
    "  disk: {owner: ap-ops, probes: [{kind: alarm, source: alertmanager, match: {alertname: DiskFull}, impact: down}]}\n"
    "  backup: {owner: ap-ops, probes: [{kind: alarm, source: event, match: {key: [backup, dump]}, stale_after: 26h}]}\n";
const std::string alertmanager_token = "f3b1c5d2a7e94c60", event_token = "0a9b8c7d6e5f4a3b";

const std::string senders =
    "listen: {http: 127.0.0.1:9640}\nincoming: {alertmanager: {token_file: a}, event: {token_file: e}}\n";

struct Intake {
  Intake()
      : world(alarms + senders),
        access([this](const auto& what, const auto& who, const auto& details) { world.engine.note(what, who, details); },
               [](Instant) { return std::string("then"); }),
        intake(std::make_unique<AlarmIntake>(world.surroundings, *world.store, world.engine, access, Fetch{})) {
    std::ofstream(world.folder.path + "/a") << alertmanager_token << "\n";
    std::ofstream(world.folder.path + "/e") << event_token << "\n";
  }

  // Status 0: no answer yet.
  std::shared_ptr<WebResponse> post(const std::string& path, const std::string& body, const std::string& authorization,
                                    const std::string& method = "POST") {
    auto given = std::make_shared<WebResponse>();
    given->status = 0;
    WebRequest request{method, path, {}, body, {}, "127.0.0.1:5", authorization};
    intake->handle(request, [given](WebResponse response) { *given = std::move(response); });
    return given;
  }
  WebResponse answer(const std::string& path, const std::string& body, const std::string& authorization,
                     const std::string& method = "POST") {
    auto given = post(path, body, authorization, method);
    REQUIRE(world.comes([&] { return given->status != 0; }));
    return *given;
  }
  WebResponse event(const std::string& key, const std::string& state) {
    return answer("/in/event", fmt::format(R"({{"key":"{}","state":"{}","text":"as said"}})", key, state), "Bearer " + event_token);
  }
  WebResponse alert(const std::string& name, const std::string& status) {
    return answer("/in/alertmanager",
                  fmt::format(R"({{"version":"4","alerts":[{{"status":"{}","fingerprint":"f","labels":{{"alertname":"{}"}}}}]}})", status, name),
                  "Bearer " + alertmanager_token);
  }
  Verdict verdict(const std::string& component) {
    auto found = world.engine.state().components.find(component);
    if (found == world.engine.state().components.end()) return Verdict::ok;
    auto probe = found->second.probes.find("alarm");
    return probe == found->second.probes.end() ? Verdict::ok : probe->second.verdict;
  }
  std::size_t rows(const std::string& what) {
    REQUIRE(world.store->flush(20s));
    Store::Query query;
    query.what = what;
    return world.store->read(query)->size();
  }

  EngineWorld world;
  AccessLog access;
  std::unique_ptr<AlarmIntake> intake;
};

}  // namespace

TEST_CASE("an alert makes its component fail as it arrives, and its end makes it well") {
  Intake in;
  CHECK(in.alert("DiskFull", "firing").body == "{\"taken\":1,\"unmatched\":0}\n");
  CHECK(in.world.comes([&] { return in.verdict("disk") == Verdict::failing; }));
  CHECK(in.world.engine.state().failures.size() == 1);
  CHECK(in.verdict("backup") == Verdict::ok);
  CHECK(in.alert("DiskFull", "resolved").status == 200);
  CHECK(in.world.comes([&] { return in.verdict("disk") == Verdict::ok; }));
}

TEST_CASE("an event makes its component fail, warn, or unknown, as it says") {
  Intake in;
  for (Verdict state : {Verdict::warning, Verdict::failing, Verdict::unknown, Verdict::ok}) {
    CHECK(in.event("dump", std::string(name_of(state))).status == 200);
    CHECK(in.world.comes([&] { return in.verdict("backup") == state; }));
  }
}

TEST_CASE("what was said is known after a restart, and so is how long ago") {
  Intake in;
  CHECK(in.event("dump", "failing").status == 200);
  REQUIRE(in.world.store->flush(20s));
  auto kept = read_kept(*in.world.store);
  REQUIRE(kept.has_value());
  CHECK(kept->jobs.empty());
  REQUIRE(kept->alarms.at({"backup", "alarm"}).words.contains("dump"));
  in.intake.reset();
  Gate gate, other;
  Engine after(in.world.surroundings, *in.world.store,
               configured(in.world.folder.path, alarms + senders, gate, other), *Composer::load(""), *kept);
  after.start();
  const auto verdict = [&] { return after.state().components.at("backup").probes.at("alarm").last; };
  CHECK(in.world.comes([&] { return verdict() && verdict()->verdict == Verdict::failing; }));
  // Nobody says it again.
  in.world.surroundings.moved += 26h;
  std::optional<Observation> seen;
  REQUIRE(after.run_probe({"backup", "alarm"}, [&](Observation observation) { seen = std::move(observation); }));
  CHECK(in.world.comes([&] { return seen.has_value(); }));
  CHECK_MESSAGE(seen->verdict == Verdict::unknown, seen->reason);
}

TEST_CASE("an alarm that nobody matches is told of once, and shown") {
  Intake in;
  CHECK(in.event("dmup", "failing").body == "{\"taken\":1,\"unmatched\":1}\n");
  CHECK(in.event("dmup", "failing").status == 200);
  CHECK(in.rows("alarm.unmatched") == 1);
  REQUIRE(in.world.engine.unmatched_alarms().latest().size() == 1);
  CHECK(in.world.engine.unmatched_alarms().latest()[0].report.name == "dmup");
  for (int i = 0; i < 60; ++i) in.event("name " + std::to_string(i), "failing");
  CHECK(in.rows("alarm.unmatched") == 20);
  CHECK(in.world.engine.unmatched_alarms().count() == 62);
}

TEST_CASE(
    "an alarm that nobody matches is not told of again after a restart, unless other alarms are "
    "asked for") {
  Intake in;
  CHECK(in.event("dmup", "failing").status == 200);
  CHECK(in.event("dpum", "failing").status == 200);
  REQUIRE(in.rows("alarm.unmatched") == 2);
  const auto reports = in.world.engine.unmatched_alarms().latest();
  in.intake.reset();
  const auto told_after_restart = [&](const std::string& components) {
    auto kept = read_kept(*in.world.store);
    REQUIRE(kept.has_value());
    CHECK(kept->jobs.empty());
    CHECK(kept->probes.empty());
    Gate gate, other;
    Engine after(in.world.surroundings, *in.world.store,
                 configured(in.world.folder.path, components, gate, other), *Composer::load(""),
                 std::move(*kept));
    after.start();
    const std::size_t before = in.rows("alarm.unmatched");
    for (const auto& line : reports)
      CHECK(after.take_alarms({line.report}, [] {}) == 1);
    CHECK(after.unmatched_alarms().latest().size() == 2);
    return in.rows("alarm.unmatched") - before;
  };
  CHECK(told_after_restart(alarms + senders) == 0);
  std::string others = alarms + senders;
  others.replace(others.find("DiskFull"), 8, "DiskLost");
  CHECK(told_after_restart(others) == 2);
  CHECK(told_after_restart(others) == 0);
}

TEST_CASE("what is kept of the alarms that were told has a limit, whatever was kept before") {
  UnmatchedAlarms told;
  told.asked_for("x");
  AlarmReport report;
  Allowance::Clock::time_point steady{};
  for (int i = 0; i < 1'500; ++i) {
    report.id = std::string(500, 'x') + std::to_string(i);
    CHECK(told.take(report, {}, steady += 1min));
  }
  CHECK(told.keep().size() <= 17 * 1'001);
  UnmatchedAlarms after;
  after.remember(told.keep());
  CHECK(after.keep() == told.keep());
  for (const char* odd :
       {"", "x", "0123456789abcdef y", "\xff\xff", "0123456789abcdef 0123456789ABCDEF"}) {
    UnmatchedAlarms odds;
    odds.remember(odd);
    CHECK(odds.keep().size() <= 16);
  }
}

TEST_CASE("an alarm that comes and goes without end fills nothing") {
  Intake in;
  for (int i = 0; i < 80; ++i) {
    in.event("dump", "failing");
    in.event("dump", "ok");
  }
  // A failure is opened once for each time that it was well before.
  CHECK(in.rows("failure.opened") + in.rows("failure.relapsed") <= 32);
  // What it is in the end shows all the same.
  in.world.surroundings.moved += 40s;
  in.world.surroundings.catch_up();
  CHECK(in.world.comes([&] { return in.verdict("backup") == Verdict::ok; }));
}

TEST_CASE("who may not is refused, and the record says so") {
  Intake in;
  const std::string event = R"({"key":"dump","state":"failing"})";
  const auto status = [&](const std::string& path, const std::string& authorization, const std::string& method = "POST") {
    return in.answer(path, event, authorization, method).status;
  };
  CHECK(status("/in/event", "") == 401);
  CHECK(status("/in/event", "Bearer") == 401);
  CHECK(status("/in/event", "Bearer ") == 401);
  CHECK(status("/in/event", "Bearer " + alertmanager_token) == 401);
  CHECK(status("/in/event", "Bearer " + event_token + "0") == 401);
  CHECK(status("/in/event", event_token) == 401);
  CHECK(status("/in/event", "Basic " + event_token) == 401);
  CHECK(status("/in/event", "Basic ####") == 401);
  CHECK(status("/in/sns", "Bearer " + event_token) == 404);
  CHECK(status("/in/", "Bearer " + event_token) == 404);
  CHECK(status("/in/event/x", "Bearer " + event_token) == 404);
  CHECK(status("/in/event", "Bearer " + event_token, "GET") == 405);
  CHECK(in.verdict("backup") == Verdict::ok);
  CHECK(in.rows("access.refused") == 10);  // the others are counted
  CHECK(status("/in/event", "bearer " + event_token) == 200);
  CHECK(status("/in/event", "Basic eWFndXJhOjBhOWI4YzdkNmU1ZjRhM2I=") == 200);  // yagura:TOKEN
  CHECK(in.answer("/in/event", event, "").challenge == "Basic realm=\"yagura\"");
}

TEST_CASE("a body is taken whole of who has the token, and of nobody else") {
  Intake in;
  const auto most = [&](const std::string& path, const std::string& token) {
    return in.intake->most_body({"POST", path, {}, {}, {}, {}, "Bearer " + token}).value_or(0);
  };
  CHECK(most("/in/event", event_token) == 64 * 1024);
  CHECK(most("/in/alertmanager", alertmanager_token) == 1024 * 1024);
  CHECK(most("/in/alertmanager", event_token) == 0);
  CHECK(most("/ping/backup", event_token) == 0);
  CHECK(in.intake->most_body({"GET", "/in/event", {}, {}, {}, {}, "Bearer " + event_token}) == std::nullopt);
}

TEST_CASE("a token that is changed counts at once, and without one nobody is let in") {
  Intake in;
  const std::string file = in.world.folder.path + "/e";
  CHECK(in.event("dump", "ok").status == 200);
  std::ofstream(file) << "another\n";
  in.world.surroundings.moved += 2s;
  CHECK(in.event("dump", "ok").status == 401);
  CHECK(in.answer("/in/event", R"({"key":"dump","state":"ok"})", "Bearer another").status == 200);
  std::filesystem::remove(file);
  in.world.surroundings.moved += 2s;
  CHECK(in.answer("/in/event", R"({"key":"dump","state":"ok"})", "Bearer another").status == 401);
  std::ofstream(file) << "\n";
  in.world.surroundings.moved += 2s;
  CHECK(in.answer("/in/event", R"({"key":"dump","state":"ok"})", "Bearer ").status == 401);
}

TEST_CASE("what cannot be read is refused with why, and takes nothing") {
  Intake in;
  const auto refused = [&](const std::string& path, const std::string& body, const std::string& token) {
    const WebResponse response = in.answer(path, body, "Bearer " + token);
    CHECK(response.status == 400);
    return response.body;
  };
  CHECK(refused("/in/event", "", event_token).find("not JSON") != std::string::npos);
  CHECK(refused("/in/event", R"([{"key":"dump","state":"failing"},{"key":"dump","state":"down"}])", event_token).find("event 2") !=
        std::string::npos);
  CHECK(refused("/in/alertmanager", R"({"version":"3"})", alertmanager_token).find("version 4") != std::string::npos);
  CHECK(in.verdict("backup") == Verdict::ok);
  // Of a message with some that can be read those are taken, and the rest is told of.
  CHECK(in.answer("/in/alertmanager",
                  R"({"version":"4","truncatedAlerts":2,"alerts":[5,{"status":"firing","labels":{"alertname":"DiskFull"}}]})",
                  "Bearer " + alertmanager_token)
            .status == 200);
  CHECK(in.world.comes([&] { return in.verdict("disk") == Verdict::failing; }));
  CHECK(in.rows("alarm.truncated") == 1);
  CHECK(in.rows("alarm.unreadable") == 1);
}

TEST_CASE("of more messages than anybody has to send the rest is asked to come again") {
  Intake in;
  int taken = 0, later = 0;
  for (int i = 0; i < 150; ++i) {
    auto given = in.post("/in/event", R"({"key":"dump","state":"ok"})", "Bearer " + event_token);
    later += given->status == 503 ? 1 : 0;
    taken += given->status == 0 ? 1 : 0;
  }
  CHECK(taken >= 100);
  CHECK(later >= 40);
}

TEST_CASE("nobody is told that it is recorded before it is") {
  Intake in;
  REQUIRE(in.world.store->flush(20s));
  Lock lock(in.world.folder.path + "/state/yagura.db");
  auto given = in.post("/in/event", R"({"key":"dump","state":"failing"})", "Bearer " + event_token);
  CHECK(in.world.comes([&] { return in.verdict("backup") == Verdict::failing; }));
  CHECK((given->status == 0 || given->status == 503));
  in.world.surroundings.moved += 9s;
  in.world.surroundings.catch_up();
  CHECK(in.world.comes([&] { return given->status == 503; }));
}
