// The metric kind against endpoints that say what a test wants, and ones that mean no good.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <malloc.h>

#include <mutex>

#include "folder.hpp"
#include "hostile_server.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

// An exporter whose text can be changed between scrapes.
class Exporter {
 public:
  explicit Exporter(std::string text) : text_(std::move(text)) {}
  void say(std::string text) {
    std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  std::string url() const { return server_.url("/metrics"); }
  int scrapes() const { return server_.connections(); }
  std::string last_request() {
    std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  void serve(Peer& peer) {
    auto asked = peer.read_request();
    std::lock_guard lock(mutex_);
    request_ = asked;
    peer.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                          text_.size(), text_));
  }

  std::mutex mutex_;
  std::string text_, request_;
  HostileServer server_{[this](Peer& peer) { serve(peer); }};
};

Node metric(const std::string& url, const std::string& series,
            std::vector<std::pair<std::string, Value>> more) {
  more.insert(more.begin(), {{"url", url}, {"series", series}});
  return map(more);
}

const std::string disks = R"(# TYPE fs_avail_bytes gauge
fs_avail_bytes{mountpoint="/",device="a"} 2147483648
fs_avail_bytes{mountpoint="/var",device="b"} 1073741824
fs_size_bytes{mountpoint="/",device="a"} 4294967296
fs_size_bytes{mountpoint="/var",device="b"} 10737418240
fs_size_bytes{mountpoint="/proc",device="c"} 0
fs_avail_bytes{mountpoint="/proc",device="c"} 0
backup_age_seconds 7200
temperature_celsius -12.5
never NaN
up 1
endless +Inf
)";

}  // namespace

TEST_CASE_FIXTURE(Network, "metric: a series is held against levels in its unit") {
  Exporter exporter(disks);
  const auto finding = [&](const char* series, const char* key, const char* level) {
    return run(make_metric, metric(exporter.url(), series, {{key, level}}));
  };
  const char* root = "fs_avail_bytes{mountpoint=\"/\"}";
  auto found = finding(root, "failing", "< 2 GiB");
  CHECK(found.verdict == Verdict::ok);
  CHECK(found.reason == "fs_avail_bytes{device=\"a\",mountpoint=\"/\"} is 2.0 GiB");
  CHECK(found.values.at("value") == 2147483648.0);
  CHECK(found.values.at("series") == 1);
  CHECK(found.values.at("scrape_seconds") > 0);
  CHECK(contains(exporter.last_request(), "GET /metrics HTTP/1.1"));
  CHECK(contains(exporter.last_request(), "Accept: text/plain;version=0.0.4"));

  found = finding(root, "failing", "< 2.1 GiB");
  CHECK(found.verdict == Verdict::failing);
  CHECK(found.reason == "fs_avail_bytes{device=\"a\",mountpoint=\"/\"} is 2.0 GiB, failing at < 2.1 GiB");
  CHECK(finding(root, "warning", "< 2.1 GiB").verdict == Verdict::warning);
  found = finding("backup_age_seconds", "failing", "> 1h");
  CHECK(found.reason == "backup_age_seconds is 2h, failing at > 1h");
  CHECK(finding("backup_age_seconds", "failing", "> 2h").verdict == Verdict::ok);
  found = finding("temperature_celsius", "failing", "< -10");
  CHECK(found.verdict == Verdict::failing);
  CHECK(found.reason == "temperature_celsius is -12.5, failing at < -10");
  CHECK(finding("temperature_celsius", "failing", ">= -10").verdict == Verdict::ok);
  CHECK(finding("up", "failing", "< 1").verdict == Verdict::ok);
  found = finding("endless", "failing", ">= 5");
  CHECK(found.verdict == Verdict::failing);
  CHECK_FALSE(found.values.contains("value"));
  CHECK(finding("endless", "failing", ">= 5s").reason == "endless is infinite, failing at >= 5s");
}

TEST_CASE_FIXTURE(Network, "metric: of several series the worst counts, unless they are taken together") {
  Exporter exporter(disks);
  const auto reason = [&](const char* of, const char* level) {
    auto found = run(make_metric, metric(exporter.url(), "fs_avail_bytes{mountpoint=~\"/|/var\"}",
                                         {{"of", of}, {"failing", level}}));
    CHECK(found.verdict == Verdict::failing);
    return found.reason;
  };
  CHECK(reason("each", "< 10 GiB") ==
        "fs_avail_bytes{device=\"b\",mountpoint=\"/var\"} is 1.0 GiB (worst of 2), failing at < 10 GiB");
  CHECK(reason("each", ">= 1 GiB") ==
        "fs_avail_bytes{device=\"a\",mountpoint=\"/\"} is 2.0 GiB (worst of 2), failing at >= 1 GiB");
  CHECK(reason("sum", ">= 3 GiB") ==
        "the sum of fs_avail_bytes{mountpoint=~\"/|/var\"} (2 series) is 3.0 GiB, failing at >= 3 GiB");
  CHECK(reason("min", ">= 1 GiB") ==
        "the lowest of fs_avail_bytes{mountpoint=~\"/|/var\"} (2 series) is 1.0 GiB, failing at >= 1 GiB");
  CHECK(reason("max", "< 3 GiB") ==
        "the highest of fs_avail_bytes{mountpoint=~\"/|/var\"} (2 series) is 2.0 GiB, failing at < 3 GiB");
}

TEST_CASE_FIXTURE(Network, "metric: a series as a share of another") {
  Exporter exporter(disks);
  const auto finding = [&](const char* series, const char* whole, const char* of, const char* level) {
    return run(make_metric, metric(exporter.url(), series,
                                   {{"ratio_to", whole}, {"of", of}, {"failing", level}}));
  };
  // By their labels; /proc, which has nothing of nothing, is left out.
  auto found = finding("fs_avail_bytes", "fs_size_bytes", "each", "< 20%");
  CHECK(found.verdict == Verdict::failing);
  CHECK(found.reason ==
        "fs_avail_bytes{device=\"b\",mountpoint=\"/var\"} is 10.0% (worst of 2) of fs_size_bytes, failing at < 20%");
  CHECK(found.values.at("value") == doctest::Approx(0.1));
  CHECK(finding("fs_avail_bytes", "fs_size_bytes", "each", "< 0.1").verdict == Verdict::ok);
  CHECK(finding("fs_avail_bytes", "fs_size_bytes", "sum", "< 22%").verdict == Verdict::failing);
  CHECK(finding("fs_size_bytes", "fs_avail_bytes", "sum", ">= 400%").verdict == Verdict::failing);
  CHECK(finding("fs_avail_bytes", "backup_age_seconds", "each", ">= 100%").verdict == Verdict::failing);
  found = finding("fs_avail_bytes{device=\"c\"}", "fs_size_bytes{device=\"c\"}", "each", "< 20%");
  CHECK(found.verdict == Verdict::ok);
  CHECK(contains(found.reason, "are 0: there is nothing to judge"));
  found = finding("backup_age_seconds", "fs_size_bytes", "each", "< 20%");
  CHECK(found.verdict == Verdict::unknown);
  CHECK(found.reason == "no series of backup_age_seconds has the labels of one of fs_size_bytes");
  found = finding("up", "gone", "each", "< 20%");
  CHECK(found.verdict == Verdict::unknown);
  CHECK(contains(found.reason, " has no series gone"));
}

TEST_CASE_FIXTURE(Network, "metric: a series that is not there, or no number, is unknown unless written otherwise") {
  Exporter exporter(disks);
  for (const auto& [absent, verdict] : {std::pair{"unknown", Verdict::unknown},
                                        {"failing", Verdict::failing},
                                        {"ok", Verdict::ok}}) {
    auto found = run(make_metric, metric(exporter.url(), "gone{a=\"b\"}", {{"failing", "1"}, {"absent", absent}}));
    CHECK(found.verdict == verdict);
    CHECK(contains(found.reason, " has no series gone{a=\"b\"}"));
    found = run(make_metric, metric(exporter.url(), "never", {{"failing", "1"}, {"absent", absent}}));
    CHECK(found.verdict == verdict);
    CHECK(found.reason == "never is NaN");
  }
  CHECK(run(make_metric, metric(exporter.url(), "gone", {{"failing", "1"}})).verdict == Verdict::unknown);
}

TEST_CASE_FIXTURE(Network, "metric: how fast a counter grows is known from the second run on, over its restarts too") {
  Exporter exporter("c{n=\"1\"} 1000\nc{n=\"2\"} 5\nall 2000\n");
  auto probe = make(make_metric, metric(exporter.url(), "c", {{"rate", "true"}, {"failing", ">= 100"}, {"clear_at", "< 10"}}));
  auto share = make(make_metric, metric(exporter.url(), "c{n=\"1\"}", {{"rate", "true"}, {"ratio_to", "all"}, {"failing", ">= 50%"}}));
  auto found = run(*probe);
  CHECK(found.verdict == Verdict::ok);
  CHECK(found.reason == "how fast c grows is known from the next run on");
  // Nor is a failing one well again by that.
  CHECK(run(*make(make_metric, metric(exporter.url(), "c", {{"rate", "true"}, {"failing", ">= 100"}})), 10s, true).verdict ==
        Verdict::unknown);
  run(*share);
  std::this_thread::sleep_for(1050ms);
  exporter.say("c{n=\"1\"} 900\nc{n=\"2\"} 10\nc{n=\"3\"} 1000000\nall 3000\n");
  found = run(*probe);
  CHECK(found.verdict == Verdict::failing);
  CHECK(contains(found.reason, "c{n=\"1\"} grows by "));
  CHECK(contains(found.reason, " a second (worst of 2), failing at >= 100"));
  CHECK(found.values.at("value") > 300);
  CHECK(found.values.at("value") < 900);
  found = run(*share);
  CHECK(found.verdict == Verdict::failing);
  CHECK_MESSAGE(contains(found.reason, "c{n=\"1\"} grows by 90.0% of all, failing at >= 50%"), found.reason);
}

TEST_CASE_FIXTURE(Network, "metric: one scrape serves all probes of an endpoint, each of them once") {
  Exporter exporter(disks);
  const auto make_one = [&](const char* series, std::vector<std::pair<std::string, Value>> more = {}) {
    more.emplace_back("failing", "< 1");
    return make(make_metric, metric(exporter.url(), series, more));
  };
  std::vector<std::unique_ptr<Probe>> probes;
  for (const char* series : {"up", "fs_avail_bytes", "backup_age_seconds"})
    probes.push_back(make_one(series));
  const auto run_all = [&](Duration interval) {
    int calls = 0;
    for (auto& probe : probes) {
      ProbeRun wanted{{}, 10s};
      wanted.interval = interval;
      probe->start(runtime, wanted, [&](const Finding& finding) {
        ++calls;
        CHECK(finding.values.at("series") >= 1);
      });
    }
    CHECK(calls == 0);
    loop.restart();
    loop.run_for(10s);
    CHECK(loop.stopped());
    CHECK(calls == static_cast<int>(probes.size()));
  };
  run_all(1min);
  CHECK(exporter.scrapes() == 1);
  run_all(1min);
  CHECK(exporter.scrapes() == 2);  // nobody is given the same one twice

  // Apart from one another, as the scheduler spreads them.
  const auto run_one = [&](Probe& probe, Duration interval) {
    std::optional<Finding> found;
    ProbeRun wanted{{}, 10s};
    wanted.interval = interval;
    probe.start(runtime, wanted, [&](Finding finding) { found = std::move(finding); });
    CHECK_FALSE(found);
    loop.restart();
    loop.run_for(10s);
    REQUIRE(found);
    CHECK(loop.stopped());
    return *found;
  };
  for (auto& probe : probes)
    run_one(*probe, 1min);
  CHECK(exporter.scrapes() == 3);
  run_one(*probes[1], 1min);
  CHECK(exporter.scrapes() == 4);
  run_one(*probes[0], 1min);
  CHECK(exporter.scrapes() == 4);
  std::this_thread::sleep_for(5ms);
  run_one(*probes[2], 1ms);  // the last one is too old for it
  CHECK(exporter.scrapes() == 5);

  // What was not kept is asked for; another timeout, or other credentials, are another endpoint.
  auto other = make_one("temperature_celsius");
  CHECK(run_one(*other, 1min).values.at("value") == -12.5);
  CHECK(exporter.scrapes() == 6);
  auto apart = make_one("up", {{"headers", map({{"X-Scope", "a"}})}});
  run_one(*apart, 1min);
  CHECK(exporter.scrapes() == 7);
  CHECK(contains(exporter.last_request(), "X-Scope: a\r\n"));

  // The scrape under way serves who is left when its first asker goes.
  int calls = 0;
  probes[0]->start(runtime, {{}, 10s}, [&](const Finding&) { ++calls; });
  probes[1]->start(runtime, {{}, 10s}, [&](const Finding&) { ++calls; });
  probes[0].reset();
  loop.restart();
  loop.run_for(10s);
  CHECK(calls == 1);
  CHECK(exporter.scrapes() == 8);
  probes[1]->start(runtime, {{}, 10s}, [&](const Finding&) { ++calls; });
  for (auto& probe : probes)
    probe.reset();
  loop.restart();
  loop.run_for(10s);
  CHECK(loop.stopped());
  CHECK(calls == 1);
}

TEST_CASE_FIXTURE(Network, "metric: a probe may be started again, or die, in its own report") {
  Exporter exporter(disks);
  auto probe = make(make_metric, metric(exporter.url(), "up", {{"failing", "< 1"}}));
  auto other = make(make_metric, metric(exporter.url(), "up", {{"failing", "< 1"}}));
  int calls = 0;
  std::function<void(Finding)> done = [&](const Finding&) {
    if (++calls < 3) return probe->start(runtime, {{}, 10s}, done);
    probe.reset();
    other.reset();
  };
  probe->start(runtime, {{}, 10s}, done);
  other->start(runtime, {{}, 10s}, [](const Finding&) {});
  loop.run_for(10s);
  CHECK(calls == 3);
  CHECK(loop.stopped());
}

TEST_CASE_FIXTURE(Network, "metric: an endpoint that gives no series is unknown, or failing where that is written") {
  struct Fault {
    const char* what;
    std::function<void(Peer&)> serve;
    const char* reason;
  };
  const auto answer = [](const std::string& text) {
    return [text](Peer& peer) {
      peer.read_request();
      peer.send(text);
    };
  };
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
  const std::string wide = "up{a=\"" + std::string(65536, 'x') + "\"} 1\n";
  const std::vector<Fault> faults{
      {"silent", [](Peer& peer) { peer.wait_for_end(); }, "gave no answer within 300ms"},
      {"slow",
       [](Peer& peer) {
         peer.read_request();
         peer.send("HTTP/1.1 200 OK\r\n\r\n");
         while (peer.send("up 1\n"))
           std::this_thread::sleep_for(5ms);
       },
       "did not end within 300ms"},
      {"floods with comments",
       [](Peer& peer) {
         peer.read_request();
         peer.send("HTTP/1.1 200 OK\r\n\r\n");
         while (peer.send("# " + std::string(65536, 'x') + "\n")) {
         }
       },
       "is longer than 64 KiB: raise `body_limit`"},
      {"floods with one line",
       [&](Peer& peer) {
         peer.read_request();
         peer.send("HTTP/1.1 200 OK\r\n\r\n");
         while (peer.send(wide)) {
         }
       },
       "is longer than 64 KiB: raise `body_limit`"},
      {"promises more than it sends", answer(head + "1000\r\n\r\nup 1\n"), "broke off"},
      {"promises less than it sends", answer(head + "7\r\n\r\n# a\nup 1\n"), "line 1 of up cannot be understood: 'up '"},
      {"promises nonsense", answer(head + "-5\r\n\r\nup 1\n"), "the answer of"},
      {"no UTF-8", answer(head + "12\r\n\r\nup{a=\"\xff\"} 1\n"), "as it is no UTF-8"},
      {"bytes", answer(head + "6\r\n\r\n\xff\xfe\x1b[2J"), "is not Prometheus' text format: it begins with"},
      {"a page", answer(head + "15\r\n\r\n<html>up</html>"), "is not Prometheus' text format"},
      {"closes at once", [](Peer& peer) { peer.read_request(); }, "closed the connection without an answer"},
      {"closes in the middle of its headers", answer("HTTP/1.1 200 O"), "closed the connection without an answer"},
      {"has a status", answer("HTTP/1.1 503 \x1b[31mno\r\nContent-Length: 0\r\n\r\n"),
       "has status 503 \\x1b[31mno, expected 200"},
      {"is no HTTP", [](Peer& peer) { peer.send("220 mail ESMTP\r\n"); }, "the answer of"},
      {"a number that is none", answer(head + "13\r\n\r\n# a\nup 1.1.1\n"), "line 1 of up cannot be understood: 'up 1.1.1'"},
      {"a line without end", answer(head + "65545\r\n\r\nup{a=\"" + std::string(65534, 'x') + "\"} 1\n"),
       "is longer than 64 KiB"},
  };
  for (const Fault& fault : faults) {
    CAPTURE(fault.what);
    HostileServer server(fault.serve);
    for (const auto& [unanswered, verdict] :
         {std::pair{"unknown", Verdict::unknown}, std::pair{"failing", Verdict::failing}}) {
      auto found = run(make_metric,
                       metric(server.url(), "up",
                              {{"failing", "< 1"}, {"unanswered", unanswered}, {"body_limit", "64 KiB"}}),
                       300ms);
      CHECK(found.verdict == verdict);
      CAPTURE(found.reason);
      CHECK(contains(found.reason, fault.reason));
      CHECK(found.values.empty());
      CHECK(took < 2s);
    }
    server.finish();
    CHECK(server.sent() < 32 * 1024 * 1024);  // the kernel's buffers
  }
  ClosedPort gone;
  auto found = run(make_metric, metric(fmt::format("http://127.0.0.1:{}/", gone.port()), "up", {{"failing", "1"}}));
  CHECK(found.verdict == Verdict::unknown);
  CHECK(contains(found.reason, "connection refused by 127.0.0.1"));
  // Our own trouble is never the endpoint's.
  found = run(make_metric, metric("https://127.0.0.1:1/", "up", {{"failing", "1"}, {"unanswered", "failing"}, {"auth", map({{"bearer", "/nowhere/token"}})}}));
  CHECK(found.verdict == Verdict::unknown);
  CHECK(contains(found.reason, "/nowhere/token cannot be read"));
}

TEST_CASE_FIXTURE(Network, "metric: a big scrape leaves nothing behind but the lines that are asked for") {
  std::string text = "up 1\n";
  while (text.size() < 3'000'000)
    text += fmt::format("other{{n=\"{}\"}} 1\n", text.size());
  Exporter exporter(text);
  auto one = make(make_metric, metric(exporter.url(), "up", {{"failing", "< 1"}}));
  auto two = make(make_metric, metric(exporter.url(), "up", {{"failing", "< 1"}}));
  run(*one);
  run(*two);
  auto before = ::mallinfo2().uordblks;
  for (int turn = 0; turn < 10; ++turn)
    CHECK(run(*one).verdict == Verdict::ok);
  CHECK(::mallinfo2().uordblks < before + 500'000);
}

TEST_CASE("metric: what is wrong with the keys is said") {
  const auto said = [](std::vector<std::pair<std::string, Value>> keys) {
    keys.insert(keys.begin(), {"url", "http://a.test/metrics"});
    return problems_of(make_metric, map(keys));
  };
  CHECK(said({{"series", "a"}, {"failing", "1"}}) == "");
  CHECK(said({{"series", "a"}, {"ratio_to", "b{c!~\"d\"}"}, {"failing", ">= 150%"}, {"warning", ">= 90%"}}) == "");
  CHECK(said({{"series", "a"}, {"failing", map({{"when", "< 5"}, {"for", "5m"}, {"clear", ">= 6"}})}}) == "");
  CHECK(contains(said({{"failing", "1"}}), "`series`"));
  CHECK(contains(said({{"series", "rate(a[5m])"}, {"failing", "1"}}), "`series` is an expression of PromQL"));
  CHECK(contains(said({{"series", "a"}, {"ratio_to", "1"}, {"failing", "1"}}), "`ratio_to` is no series"));
  CHECK(contains(said({{"series", "a"}}), "neither failing nor warning has a level"));
  CHECK(contains(said({{"series", "a"}, {"failing", ">= 5%"}}), "is a percentage, which is not measured here"));
  CHECK(contains(said({{"series", "a"}, {"ratio_to", "b"}, {"failing", ">= 5 GiB"}}), "is a size, which is not measured here"));
  CHECK(contains(said({{"series", "a"}, {"failing", ">= 5s"}, {"warning", ">= 4"}}), "must have the unit of failing, which is \">= 5s\""));
  CHECK(contains(said({{"series", "a"}, {"failing", ">= 5"}, {"warning", "< 4"}}), "is the wrong way round"));
  CHECK(contains(said({{"series", "a"}, {"failing", "< -5s"}}), "is below 0: only a plain number can be"));
  CHECK(contains(said({{"series", "a"}, {"failing", "1"}, {"of", "mean"}}), "`of` must be one of each, sum, min, max"));
  CHECK(contains(said({{"series", "a"}, {"failing", "1"}, {"absent", "warning"}}), "`absent` must be one of unknown, failing, ok"));
  CHECK(contains(said({{"series", "a"}, {"failing", "1"}, {"unanswered", "ok"}}), "`unanswered` must be one of unknown, failing"));
  CHECK(contains(said({{"series", "a"}, {"failing", "1"}, {"method", "HEAD"}}), "unknown key `method`"));
}
