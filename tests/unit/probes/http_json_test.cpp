#include <doctest/doctest.h>
#include <fmt/format.h>

#include "hostile_server.hpp"
#include "liveness/http_json.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

struct JsonSite {
  explicit JsonSite(std::string given)
      : body(std::move(given)), server([this](Peer& peer) {
          peer.read_request();
          peer.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                                body.size(), body));
        }) {}
  std::string body;
  HostileServer server;
};

Node expecting(const JsonSite& site, const Node& json) {
  return map({{"url", site.server.url()}, {"expect", map({{"json", json}})}});
}

std::string said(const Node& json) {
  return problems_of(make_http,
                     map({{"url", "http://a.test/"}, {"expect", map({{"json", json}})}}));
}

}  // namespace

TEST_CASE_FIXTURE(Network, "http: a value in a JSON body is held against what is written") {
  JsonSite site(R"({"status": {"db": "ready", "queue.main": 17, "ok": true, "none": null},
                    "checks": [{"state": "up"}, {"state": "down"}], "share": 0.25, "text": "5"})");
  const auto finding = [&](std::vector<std::pair<std::string, Value>> keys) {
    return run(make_http, expecting(site, map(keys)));
  };
  const auto is_ok = [&](const char* path, const char* key, const char* value) {
    return finding({{"path", path}, {key, value}}).verdict == Verdict::ok;
  };
  CHECK(is_ok("status.db", "equals", "ready"));
  CHECK(is_ok("status.ok", "equals", "true"));
  CHECK(is_ok("status.none", "equals", "null"));
  CHECK(is_ok("status[\"queue.main\"]", "equals", "17.0"));
  CHECK(is_ok("share", "equals", "0.25"));
  CHECK(is_ok("text", "equals", "5"));
  CHECK(is_ok("checks[0].state", "matches", "^up$"));
  CHECK(is_ok("status[\"queue.main\"]", "failing", ">= 18"));
  CHECK(is_ok("status[\"queue.main\"]", "failing", "< 17"));

  const auto reason = [&](const char* path, const char* key, const char* value) {
    auto found = finding({{"path", path}, {key, value}});
    CHECK(found.verdict == Verdict::failing);
    return found.reason;
  };
  CHECK(contains(reason("checks[1].state", "equals", "up"), "checks[1].state is 'down', expected up; status 200 OK"));
  CHECK(contains(reason("status.db", "matches", "^up"), "status.db is 'ready', which does not match '^up'"));
  CHECK(contains(reason("checks[2].state", "equals", "up"), "the body's JSON has nothing at checks[2].state"));
  CHECK(contains(reason("status[0]", "equals", "up"), "has nothing at status[0]"));
  CHECK(contains(reason("checks", "equals", "up"), "checks is a list, expected up"));
  CHECK(contains(reason("status", "matches", "."), "status is an object, which does not match"));
  CHECK(contains(reason("status.db", "failing", ">= 1"), "status.db is 'ready', not a number"));
  CHECK(contains(reason("share", "failing", "< 0.5"), "share is 2.5E-1, failing at < 0.5"));
  CHECK(finding({{"path", "status.none"}}).verdict == Verdict::ok);
  CHECK(finding({{"path", "share"}, {"warning", ">= 0.2"}, {"failing", ">= 0.5"}}).verdict == Verdict::warning);

  // In quotes it is a text.
  Value quoted = scalar("17");
  quoted.quoted = true;
  CHECK(finding({{"path", "text"}, {"equals", quoted}}).verdict == Verdict::failing);
  CHECK(finding({{"path", "status[\"queue.main\"]"}, {"equals", quoted}}).verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(Network, "http: of several values the gravest counts, and clears at its own level") {
  JsonSite site(R"({"a": 50, "b": 5})");
  Node list;
  list.kind = Node::Kind::list;
  list.items = {map({{"path", "a"}, {"failing", ">= 90"}, {"clear_at", "< 40"}}),
                map({{"path", "b"}, {"equals", "5"}}), map({{"path", "b"}, {"warning", ">= 5"}})};
  auto probe = make(make_http, expecting(site, list));
  auto finding = run(*probe);
  CHECK(finding.verdict == Verdict::warning);
  CHECK(contains(finding.reason, "b is 5, warning at >= 5; a is 50; status 200 OK"));
  // Failing by something else is not held by this level.
  CHECK(run(*probe, 10s, true).verdict == Verdict::warning);
  site.body = R"({"a": 95, "b": 5})";
  CHECK(run(*probe, 10s, false).verdict == Verdict::failing);
  site.body = R"({"a": 50, "b": 5})";
  finding = run(*probe, 10s, true);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "a is 50, failing until < 40"));
}

TEST_CASE_FIXTURE(Network, "http: a body that is no JSON, too deep, cut or full of escapes is failing, in safe words") {
  const auto reason = [&](std::string body) {
    JsonSite site(std::move(body));
    auto finding = run(make_http, expecting(site, map({{"path", "a"}, {"equals", "b"}})));
    CHECK(finding.verdict == Verdict::failing);
    return finding.reason;
  };
  CHECK(contains(reason(""), "the body is no JSON: "));
  CHECK(contains(reason("<html>"), "the body is no JSON: "));
  CHECK(contains(reason("{\"a\": \"b\"} x"), "the body is no JSON: "));
  CHECK(contains(reason("{\"a\": \"\xff\"}"), "the body is no JSON: "));
  CHECK(contains(reason(std::string(100'000, '[')), "nested deeper than 32"));
  CHECK(contains(reason("{\"a\": \"\\u001b]0;x\\u0007\\n\\u202e\"}"), "a is '\\x1b]0;x\\x07 \\u202e', expected b"));
  CHECK(contains(reason("{\"a\": \"b\"" + std::string(1'100'000, ' ') + "}"),
                 "the body is longer than 1 MiB, and so its JSON is not whole"));
  JsonSite site("{\"a\": 1" + std::string(1'100'000, ' ') + "}");
  Node keys = expecting(site, map({{"path", "a"}, {"equals", "1"}}));
  keys.entries.emplace_back(scalar("body_limit"), scalar("2 MiB"));
  CHECK(run(make_http, keys).verdict == Verdict::ok);
  keys.entries.back().second.scalar = "64 KiB";
  CHECK(contains(run(make_http, keys).reason, "longer than 64 KiB"));
}

TEST_CASE("http: what is wrong with expect.json is said") {
  CHECK(said(map({{"path", "a.b[0][\"c.d\"]"}, {"equals", "1"}})) == "");
  for (const char* path : {"", ".a", "a.", "a..b", "a[", "a[x]", "a[0", "a[0]b", "a[\"b]", "a]", "[-1]"}) {
    CAPTURE(path);
    CHECK(contains(said(map({{"path", path}})), "`path` is no path: write names with dots between"));
  }
  std::string deep = "a";
  for (int step = 0; step < 32; ++step)
    deep += ".a";
  CHECK(contains(said(map({{"path", deep}})), "more than 32 steps"));
  CHECK(contains(said(map({{"equals", "1"}})), "`path`"));
  CHECK(contains(said(map({{"path", "a"}, {"equals", "1"}, {"matches", "1"}})), "write one of them"));
  CHECK(contains(said(map({{"path", "a"}, {"matches", "("}})), "`matches` is no regular expression"));
  CHECK(contains(said(map({{"path", "a"}, {"failing", "5%"}})), "is a percentage, which is not measured here"));
  CHECK(contains(said(list({})), "a list of 1 to 16"));
  CHECK(contains(problems_of(make_http, map({{"url", "http://a.test/"},
                                             {"method", "HEAD"},
                                             {"expect", map({{"json", map({{"path", "a"}})}})}})),
                 "a HEAD request has no body"));
}
