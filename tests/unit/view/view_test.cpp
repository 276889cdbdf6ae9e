#include "view.hpp"

#include <doctest/doctest.h>

using namespace yagura;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Window always() {
  return Window({{DaySet{}, {*parse_hours("00:00-24:00")}}});
}

// A service on two components: one is probed, the other's job reports itself.
Platform platform() {
  Platform made;
  Component web, batch;
  web.id = "web";
  web.probes = {{.name = "tcp", .kind = "tcp"},
                {.name = "disk", .kind = "disk", .family = Family::resource}};
  batch.id = "batch";
  batch.probes = {{.name = "job", .kind = "job", .family = Family::job}};
  made.components = {{"web", web}, {"batch", batch}};
  Service site, reports;
  site.id = "site";
  site.needs = {{.name = "web"}};
  reports.id = "reports";
  reports.needs = {{.name = "batch"}};
  made.services = {{"site", site}, {"reports", reports}};
  made.windows = {{"bank_mail", always()}};
  return made;
}

Observation fine(Instant at) {
  Observation one;
  one.verdict = Verdict::ok;
  one.scheduled = one.started = one.ended = at;
  one.values = {{"status", 200.0}, {"ratio", 0.95}};
  return one;
}

const Instant now = *parse_instant("2026-12-28T12:00:00+09:00");

}  // namespace

TEST_CASE("what was never looked at is unknown, and so is a service that needs it") {
  const Platform where = platform();
  State state;
  state.services = {{"site", {ServiceState::up, now}}, {"reports", {ServiceState::up, now}}};
  const auto status = [&] { return status_json({where, state, now}, {}); };
  CHECK(contains(status(), R"("id":"web","owner":"ap-ops","state":"unknown")"));
  CHECK(contains(status(), R"("id":"batch","owner":"ap-ops","state":"ok")"));
  CHECK(contains(status(), R"({"id":"site","name":"","state":"unknown","since":null})"));
  CHECK(contains(status(), R"({"id":"reports","name":"","state":"up","since":"2026-12-28T)"));

  state.components["web"].probes["tcp"].observe(where.components.at("web").probes[0], fine(now));
  CHECK(contains(status(), R"("id":"web","owner":"ap-ops","state":"unknown")"));
  state.components["web"].probes["disk"].observe(where.components.at("web").probes[1], fine(now));
  CHECK(contains(status(), R"("id":"web","owner":"ap-ops","state":"ok")"));
  CHECK(contains(status(), R"({"id":"site","name":"","state":"up","since":"2026-12-28T)"));
}

TEST_CASE("numbers are written as people write them") {
  const Platform where = platform();
  const State state;
  CHECK(contains(observation_json({where, state, now}, {"web", "tcp"}, fine(now)),
                 R"("values":{"ratio":0.95,"status":200})"));
}

TEST_CASE("a window that is always open has no instant at which it closes") {
  const Platform where = platform();
  const State state;
  CHECK(contains(status_json({where, state, now}, {}),
                 R"("bank_mail":{"open":true,"opens_at":"2026-12-28T)"));
  CHECK(contains(status_json({where, state, now}, {}), R"("closes_at":null)"));
}

TEST_CASE("a job's line says how it stands to the limits that it has") {
  const Platform where = platform();
  const State state;
  const Zone zone;
  JobSpec spec;
  spec.every = 1h;
  const auto line_of = [&] {
    JobMonitor monitor(spec, {});
    monitor.begin(now, {zone, {}});
    monitor.ping({JobPing::Event::fail, 1, {}, {}}, now, {zone, {}});
    return jobs_json({where, state, now}, {{{"batch", "job"}, &monitor, {}}});
  };
  CHECK(contains(line_of(), R"("most":null,"failing_runs":null})"));
  spec.most = JobSpec::Most{3, 12h};
  spec.failing_runs = JobSpec::FailingRuns{0.2, 50};
  CHECK(contains(line_of(), R"("most":{"runs":3,"within_ms":43200000,"starts":1})"));
  CHECK(contains(line_of(), R"("failing_runs":{"of":50,"allowed":10,"failed":1,"known":1})"));
}

TEST_CASE("how probes ran: what failed once is not 100 percent, what never looked is no percentage") {
  const Zone tokyo = *Zone::named("Asia/Tokyo");
  History history(now - 24h, now, now, tokyo);
  REQUIRE(history.add(now - 1h, "tcp", {{{999'999, 0, 1, 0}}, {{"v", {2, 0.123456789, 1234567}}}}));
  REQUIRE(history.add(now - 2h, "a\x1b", {{{0, 0, 0, 3}}, {}}));
  const std::string text = samples_json(tokyo, "web", history);
  CHECK(contains(text, R"("component":"web","since":"2026-12-27T12:00:00.000+09:00","until":"2026-12-28T12:)"));
  CHECK(contains(text, R"("step":"1h","probes":[{"probe":"a\u001b","steps":[{"at":"2026-12-28T10:00:00.000+09:00",)"
                       R"("runs":3,"ok":0,"warning":0,"failing":0,"unknown":3,"availability_percent":null,"values":{}}])"));
  CHECK(contains(text, R"("failing":1,"unknown":0,"availability_percent":99.999,"values":{"v":{"runs":2,)"
                       R"("mean":0.12346,"max":1234600}})"));
  CHECK(contains(text, R"("sum":{"runs":1000003,)"));
}
