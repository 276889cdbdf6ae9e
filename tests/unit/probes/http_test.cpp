#include <doctest/doctest.h>
#include <fmt/format.h>

#include <mutex>

#include "../io/dns_server.hpp"
#include "hostile_server.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

std::string page(std::string_view status, std::string_view body = "",
                 std::string_view headers = "") {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n{}", status,
                     body.size(), headers, body);
}

// Answers every request with one page, and remembers the last request.
struct Site {
  explicit Site(std::string answer)
      : server([this, answer = std::move(answer)](Peer& peer) {
          auto asked = peer.read_request();
          {
            std::lock_guard lock(mutex);
            request = asked;
          }
          peer.send(answer);
        }) {}
  std::string last_request() {
    std::lock_guard lock(mutex);
    return request;
  }
  std::string url(std::string_view path = "/") const { return server.url(path); }

  std::mutex mutex;
  std::string request;
  HostileServer server;
};

Node http(const std::string& url, std::vector<std::pair<std::string, Value>> more = {}) {
  more.insert(more.begin(), {"url", url});
  return map(more);
}

}  // namespace

TEST_CASE_FIXTURE(Network, "http: a page that is served is well, with its time") {
  Site site(page("200 OK", "it works"));
  auto finding = run(make_http, http(site.url("/healthz?x=1")));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason, "status 200 OK in 0."));
  CHECK(finding.values.at("status") == 200);
  CHECK(finding.values.at("total_seconds") > 0);
  CHECK(site.last_request().starts_with("GET /healthz?x=1 HTTP/1.1\r\n"));
  CHECK(contains(site.last_request(), "User-Agent: yagura\r\n"));
}

TEST_CASE_FIXTURE(Network, "http: the status is judged: by default 200-399, else as written") {
  Site well(page("204 No Content"));
  Site busy(page("503 Service Unavailable"));
  CHECK(run(make_http, http(well.url())).verdict == Verdict::ok);
  auto finding = run(make_http, http(busy.url()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == "status 503 Service Unavailable, expected 200-399");
  CHECK(finding.values.at("status") == 503);
  CHECK(run(make_http, http(busy.url(), {{"expect", map({{"status", 503}})}})).verdict ==
        Verdict::ok);
  CHECK(run(make_http, http(well.url(), {{"expect", map({{"status", "200-299"}})}})).verdict ==
        Verdict::ok);
  finding =
      run(make_http, http(well.url(), {{"expect", map({{"status", list({"200", "300-399"})}})}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == "status 204 No Content, expected 200, 300-399");
}

TEST_CASE_FIXTURE(Network, "http: the body must contain and match what is written") {
  Site site(page("200 OK", "state: ready\nqueue: 17\n"));
  const auto expecting = [&](const char* key, const char* text) {
    return run(make_http, http(site.url(), {{"expect", map({{key, text}})}}));
  };
  CHECK(expecting("body", "ready").verdict == Verdict::ok);
  CHECK(expecting("matches", "queue: [0-9]{1,3}\\b").verdict == Verdict::ok);
  auto finding = expecting("body", "done");
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == "status 200 OK, but the body does not contain 'done'");
  finding = expecting("matches", "queue: [0-9]{3}");
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == "status 200 OK, but the body does not match 'queue: [0-9]{3}'");
}

TEST_CASE_FIXTURE(Network,
                  "http: a slow page is a warning or failing, and clears at its own level") {
  HostileServer server([](Peer& peer) {
    peer.read_request();
    std::this_thread::sleep_for(60ms);
    peer.send(page("200 OK"));
  });
  const auto levels = [&](const char* warning, const char* failing, const char* clear) {
    return http(
        server.url(),
        {{"latency", map({{"warning", warning}, {"failing", failing}, {"clear_at", clear}})}});
  };
  CHECK(run(make_http, levels(">= 5s", ">= 10s", "< 5s")).verdict == Verdict::ok);
  auto finding = run(make_http, levels(">= 20ms", ">= 10s", "< 5s"));
  CHECK(finding.verdict == Verdict::warning);
  CHECK(contains(finding.reason, "warning at >= 20ms"));
  finding = run(make_http, levels(">= 10ms", ">= 20ms", "< 10ms"));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "failing at >= 20ms"));
  auto probe = make(make_http, levels(">= 8s", ">= 9s", "< 30ms"));
  CHECK(run(*probe, 10s, true).verdict ==
        Verdict::failing);  // It was failing, and 60 ms does not clear.
  CHECK(run(*probe, 10s, false).verdict == Verdict::ok);
  CHECK(run(*probe, 10s, true).verdict ==
        Verdict::ok);  // Failing by something else is not held by slowness.
}

TEST_CASE_FIXTURE(Network, "http: method and headers") {
  Site site(page("200 OK", "", "X-Answer: 1\r\n"));
  auto finding =
      run(make_http, http(site.url(), {{"method", "HEAD"},
                                       {"headers", map({{"X-Probe", "yes"}, {"X-Empty", ""}})}}));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(site.last_request().starts_with("HEAD / HTTP/1.1\r\n"));
  CHECK(contains(site.last_request(), "\r\nX-Probe: yes\r\n"));
  CHECK(contains(site.last_request(), "\r\nX-Empty:\r\n"));
}

TEST_CASE_FIXTURE(
    Network, "http: redirects are followed, as many as allowed, and headers stay with their host") {
  Site end(page("200 OK", "the end"));
  Site begin(page("302 Found", "", "Location: " + end.url("/end") + "\r\n"));
  auto finding =
      run(make_http, http(begin.url(), {{"expect", map({{"status", 200}, {"body", "the end"}})},
                                        {"headers", map({{"Authorization", "Bearer secret"}})}}));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(begin.last_request(), "Authorization: Bearer secret"));
  CHECK(end.last_request().starts_with("GET /end "));
  CHECK_FALSE(contains(end.last_request(), "secret"));

  finding =
      run(make_http, http(begin.url(), {{"redirects", 0}, {"expect", map({{"status", 302}})}}));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(run(make_http, http(begin.url(), {{"redirects", 0}})).verdict == Verdict::ok);
  CHECK(run(make_http, http(begin.url(), {{"redirects", 0}, {"expect", map({{"status", 200}})}}))
            .verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(Network, "http: a relative redirect stays on the host") {
  HostileServer server([](Peer& peer) {
    bool first = peer.read_request().starts_with("GET / ");
    peer.send(first ? page("301 Moved", "", "Location: ../a/b?c\r\n") : page("200 OK", "moved"));
  });
  CHECK(run(make_http, http(server.url(), {{"expect", map({{"body", "moved"}})}})).verdict ==
        Verdict::ok);
}

TEST_CASE("http: names are looked up once for each host, and every address is tried") {
  Site site(page("200 OK", "by name"));
  std::mutex mutex;
  std::vector<std::string> asked;
  DnsServer names([&](const std::string& name, bool v6) {
    std::lock_guard lock(mutex);
    if (!v6) asked.push_back(name);
    if (name == "www.test") return v6 ? DnsAnswer{} : DnsAnswer{0, {"127.0.0.9", "127.0.0.1"}};
    return DnsAnswer{name == "sick.test" ? 2 : 3, {}};
  });
  Network network(names.text());
  const auto url = [&](const char* host) {
    return fmt::format("http://{}:{}/", host, site.server.port());
  };
  auto finding = network.run(make_http, http(url("www.test")), 5s);
  CHECK(finding.verdict == Verdict::ok);
  CHECK(
      contains(site.last_request(), fmt::format("\r\nHost: www.test:{}\r\n", site.server.port())));
  CHECK(asked == std::vector<std::string>{"www.test"});
  finding = network.run(make_http, http(url("nowhere.test")), 5s);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == "no such name: nowhere.test");
  CHECK(network.run(make_http, http(url("sick.test")), 5s).verdict == Verdict::unknown);

  Site leads(page("302 Found", "", fmt::format("Location: {}\r\n", url("www.test"))));
  CHECK(network.run(make_http, http(leads.url()), 5s).verdict == Verdict::ok);
  Site nowhere(page("302 Found", "", fmt::format("Location: {}\r\n", url("nowhere.test"))));
  CHECK(network.run(make_http, http(nowhere.url()), 5s).reason == "no such name: nowhere.test");
}

TEST_CASE_FIXTURE(Network, "http: a refusal is the target's, with its address and port") {
  ClosedPort closed;
  auto finding = run(make_http, http(fmt::format("http://127.0.0.1:{}/", closed.port())));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == fmt::format("connection refused by 127.0.0.1 port {}", closed.port()));
  finding = run(make_http, http(fmt::format("http://[::1]:{}/", closed.port())));
  CHECK(finding.reason == fmt::format("connection refused by ::1 port {}", closed.port()));
}

TEST_CASE_FIXTURE(Network, "http: no proxy of the environment is used") {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  Site site(page("200 OK"));
  CHECK(run(make_http, http(site.url())).verdict == Verdict::ok);
  ::unsetenv("http_proxy");
}

TEST_CASE_FIXTURE(Network, "http: each run has a connection of its own") {
  HostileServer server([](Peer& peer) {
    while (!peer.read_request().empty())
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  auto probe = make(make_http, http(server.url()));
  CHECK(run(*probe).verdict == Verdict::ok);
  CHECK(run(*probe).verdict == Verdict::ok);
  CHECK(server.connections() == 2);
}

TEST_CASE("http: its keys are checked") {
  const auto problems = [](std::vector<std::pair<std::string, Value>> more,
                           const char* url = "http://a.test/") {
    return problems_of(make_http, http(url, std::move(more)));
  };
  const auto of_url = [&](const char* url) { return problems({}, url); };
  CHECK(of_url("http://a.test").empty());
  CHECK(of_url("https://[2001:db8::1]:8443/x").empty());
  CHECK(contains(problems_of(make_http, map({})), "needs `url`"));
  CHECK(contains(of_url("ftp://a.test/"), "only http:// and https://"));
  CHECK(contains(of_url("file:///etc/passwd"), "only http:// and https://"));
  CHECK(contains(of_url("http:///path"), "`url`: "));
  CHECK(contains(of_url("http://user:pass@a.test/"), "no user and password"));
  CHECK(contains(of_url("http://a.test/a b"), "no spaces"));
  CHECK(contains(of_url("http://a.test/\r\nX: y"), "control characters"));
  CHECK(contains(of_url("http://例え.jp/"), "ASCII"));
  CHECK(contains(of_url("http://a.test:99999/"), "`url`: "));
  CHECK(contains(of_url("a.test/path"), "write http://host/path"));
  CHECK(contains(problems({{"method", "POST"}}), "GET or HEAD"));
  CHECK(contains(problems({{"method", "HEAD"}, {"expect", map({{"body", "ok"}})}}),
                 "HEAD request has no body"));
  CHECK(contains(problems({{"headers", map({{"X", "a\r\nB: c"}})}}),
                 "the header X must be one line"));
  CHECK(contains(problems({{"headers", map({{"X Y", "a"}})}}), "no header's name"));
  CHECK(contains(problems({{"headers", "X: y"}}), "must be a mapping"));
  CHECK(contains(problems({{"expect", map({{"status", 99}})}}), "\"99\" is no status"));
  CHECK(contains(problems({{"expect", map({{"status", "299-200"}})}}), "is no status"));
  CHECK(contains(problems({{"expect", map({{"status", "2xx"}})}}), "is no status"));
  CHECK(contains(problems({{"expect", map({{"status", 301}})}}), "`redirects: 0`"));
  CHECK(problems({{"redirects", 0}, {"expect", map({{"status", 301}})}}).empty());
  CHECK(contains(problems({{"expect", map({{"matches", "("}})}}), "no regular expression"));
  CHECK(contains(problems({{"expect", map({{"body", ""}})}}), "`body` is empty"));
  CHECK(contains(problems({{"expect", map({{"boddy", "x"}})}}), "unknown key `boddy`"));
  CHECK(contains(problems({{"expect", "ok"}}), "must be a mapping"));
  CHECK(contains(problems({{"latency", map({{"failing", "5s"}})}}), "comparison"));
  CHECK(contains(problems({{"latency", map({})}}), "`failing`"));
  CHECK(contains(problems({{"ca_file", "ca.pem"}}), "absolute path"));
  CHECK(contains(problems({{"redirects", 21}}), "from 0 to 20"));
}

TEST_CASE("a URL whose host could be read in two ways is refused: what is judged is what is asked") {
  CHECK(contains(problems_of(make_http, map({{"url", "http://%31/"}})), "in two ways"));
  CHECK(contains(problems_of(make_http, map({{"url", "http://%32130706433/"}})), "in two ways"));
  CHECK(problems_of(make_http, map({{"url", "http://[::1]:8080/%31"}})).empty());
}
