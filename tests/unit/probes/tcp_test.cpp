#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "../io/dns_server.hpp"
#include "hostile_server.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

Node tcp(int port, std::vector<std::pair<std::string, Value>> more = {}) {
  more.insert(more.begin(), {{"host", "127.0.0.1"}, {"port", port}});
  return map(more);
}

}  // namespace

TEST_CASE_FIXTURE(Network, "tcp: a port that accepts is well") {
  HostileServer server([](Peer& peer) { peer.wait_for_end(); });
  auto finding = run(make_tcp, tcp(server.port()));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason, "connected to 127.0.0.1 port"));
  CHECK(finding.values.at("connect_seconds") > 0);
  CHECK(finding.values.at("total_seconds") >= finding.values.at("connect_seconds"));
}

TEST_CASE_FIXTURE(Network, "tcp: a refusal is the target's, with its address and port") {
  ClosedPort closed;
  auto finding = run(make_tcp, tcp(closed.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == "connection refused by 127.0.0.1 port " + std::to_string(closed.port()));
}

TEST_CASE_FIXTURE(Network, "tcp: what is sent and what must come back") {
  std::string asked;
  HostileServer server([&](Peer& peer) {
    peer.send("220 mail ready\r\n");
    asked = peer.read_until("\n");
    peer.send("250 ok\r\n");
  });
  auto finding =
      run(make_tcp,
          tcp(server.port(), {{"send", "EHLO \\x79agura\\r\\n"}, {"expect", "ready\\r\\n250"}}));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason, "answered as expected"));
  CHECK(asked == "EHLO yagura\r\n");
}

TEST_CASE_FIXTURE(Network, "tcp: an expected text that comes in pieces is found") {
  HostileServer server([](Peer& peer) {
    for (char c : std::string("xxREAxREADY")) {
      peer.send(std::string(1, c));
      std::this_thread::sleep_for(1ms);
    }
    peer.wait_for_end();
  });
  CHECK(run(make_tcp, tcp(server.port(), {{"expect", "READY"}})).verdict == Verdict::ok);
}

TEST_CASE_FIXTURE(Network, "tcp: another answer is failing, and is shown harmless") {
  HostileServer server([](Peer& peer) { peer.send("421 \x1b[31mbusy\xff\r\nBcc: x\r\n"); });
  auto finding = run(make_tcp, tcp(server.port(), {{"expect", "220"}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason,
                 "did not say '220' before it closed the connection; it said '421 \\x1b[31mbusy"));
}

TEST_CASE_FIXTURE(Network, "tcp: a server that says nothing fails at the deadline") {
  HostileServer server([](Peer& peer) { peer.wait_for_end(); });
  auto finding = run(make_tcp, tcp(server.port(), {{"expect", "220"}}), 200ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "did not say '220' within 200ms; it said nothing"));
  CHECK(took >= 190ms);
}

TEST_CASE_FIXTURE(Network, "tcp: a slow trickle ends at the deadline too") {
  HostileServer server([](Peer& peer) {
    while (peer.send("."))
      std::this_thread::sleep_for(5ms);
  });
  auto finding = run(make_tcp, tcp(server.port(), {{"expect", "220"}}), 300ms);
  CHECK(finding.verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(Network, "tcp: a flood is read up to 64 KiB and no further") {
  HostileServer server([](Peer& peer) {
    while (peer.send(std::string(16384, 'x'))) {
    }
  });
  auto finding = run(make_tcp, tcp(server.port(), {{"expect", "220"}}), 5s);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "in its first 64 KiB"));
  CHECK(took < 4s);
  server.finish();
  CHECK(server.sent() < 16 * 1024 * 1024);  // The kernel's buffers hold some more than was read.
}

TEST_CASE_FIXTURE(Network, "tcp: a reset in the middle is the target's") {
  HostileServer server([](Peer& peer) {
    peer.read_until("\n");
    peer.send("22");
    std::this_thread::sleep_for(20ms);
    peer.reset();
  });
  auto finding = run(make_tcp, tcp(server.port(), {{"send", "hello\\n"}, {"expect", "220"}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "the connection broke"));
}

TEST_CASE("tcp: names are looked up, and every address is tried") {
  HostileServer server([](Peer& peer) { peer.wait_for_end(); });
  DnsServer names([](const std::string& name, bool v6) {
    if (name == "db.test")
      return v6 ? DnsAnswer{0, {"::1"}} : DnsAnswer{0, {"127.0.0.9", "127.0.0.1"}};
    if (name == "half.test") return v6 ? DnsAnswer{} : DnsAnswer{0, {"127.0.0.8", "127.0.0.9"}};
    return DnsAnswer{name == "sick.test" ? 2 : 3, {}};
  });
  Network network(names.text());
  const auto probe = [&](const char* host, int port) {
    return network.run(make_tcp, map({{"host", host}, {"port", port}}), 3s);
  };
  CHECK(probe("db.test", server.port()).verdict == Verdict::ok);
  auto refused = probe("half.test", server.port());
  CHECK(refused.verdict == Verdict::failing);
  CHECK(contains(refused.reason, "of 2 addresses none accepts"));
  auto nowhere = probe("nowhere.test", server.port());
  CHECK(nowhere.verdict == Verdict::failing);
  CHECK(nowhere.reason == "no such name: nowhere.test");
  auto sick = probe("sick.test", server.port());
  CHECK(sick.verdict == Verdict::unknown);
  CHECK(contains(sick.reason, "name servers"));
}

TEST_CASE("tcp: a name server that is silent is our trouble, told at the deadline") {
  DnsServer names([](const std::string&, bool) { return DnsAnswer{-1, {}}; });
  Network network(names.text());
  auto finding = network.run(make_tcp, map({{"host", "db.test"}, {"port", 5432}}), 300ms);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(contains(finding.reason, "no name server answered about db.test"));
}

TEST_CASE_FIXTURE(Network, "tcp: a machine without descriptors does not blame the target") {
  HostileServer server([](Peer& peer) { peer.wait_for_end(); });
  auto probe = make(make_tcp, tcp(server.port()));
  // Twice, so that a run has ended as well: the sanitizer needs a descriptor for what it sees for the first time.
  CHECK(run(*probe).verdict == Verdict::ok);
  CHECK(run(*probe).verdict == Verdict::ok);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  int next = ::dup(0);
  ::close(next);
  rlimit tight{static_cast<rlim_t>(next), before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &tight);
  auto finding = run(*probe);
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(contains(finding.reason, "oo many open files"));
  CHECK(run(*probe).verdict == Verdict::ok);
}

TEST_CASE_FIXTURE(Network,
                  "tcp: destroying the probe ends its run, and a probe may die in its own report") {
  HostileServer server([](Peer& peer) { peer.wait_for_end(); });
  int calls = 0;
  auto probe = make(make_tcp, tcp(server.port(), {{"expect", "never"}}));
  probe->start(runtime, {{}, 10s, false}, [&](const Finding&) { ++calls; });
  loop.run_for(50ms);
  probe.reset();
  loop.restart();
  loop.run_for(1s);
  CHECK(calls == 0);
  CHECK(loop.stopped());

  probe = make(make_tcp, tcp(server.port()));
  probe->start(runtime, {{}, 10s, false}, [&](const Finding&) {
    ++calls;
    probe.reset();
  });
  loop.restart();
  loop.run_for(10s);
  CHECK(calls == 1);
}

TEST_CASE("tcp: its keys are checked") {
  const auto problems = [](const Node& keys) { return problems_of(make_tcp, keys); };
  CHECK(problems(tcp(5432)).empty());
  CHECK(contains(problems(map({{"port", 1}})), "needs `host`"));
  CHECK(contains(problems(map({{"host", "db"}})), "needs `port`"));
  CHECK(contains(problems(tcp(0)), "from 1 to 65535"));
  CHECK(contains(problems(tcp(65536)), "from 1 to 65535"));
  CHECK(contains(problems(map({{"host", "db:5432"}, {"port", 1}})), "a port has a key of its own"));
  CHECK(contains(problems(map({{"host", "a b"}, {"port", 1}})), "neither a name nor an address"));
  CHECK(contains(problems(map({{"host", "データ.jp"}, {"port", 1}})), "xn--"));
  CHECK(problems(map({{"host", "2001:db8::1"}, {"port", 1}})).empty());
  CHECK(contains(problems(tcp(1, {{"send", "\\q"}})), "`send`: a backslash begins"));
  CHECK(contains(problems(tcp(1, {{"send", "\\x1"}})), "two hexadecimal digits"));
  CHECK(contains(problems(tcp(1, {{"expect", ""}})), "`expect`: is empty"));
  CHECK(contains(problems(tcp(1, {{"expct", "x"}})), "unknown key `expct`"));
}
