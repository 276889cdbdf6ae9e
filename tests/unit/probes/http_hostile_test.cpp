// What an http probe makes of servers that mean no good: a verdict, a reason that is safe to show,
// bounded memory.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <malloc.h>

#include "hostile_server.hpp"
#include "network_fixture.hpp"
#include "own_network.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

Node expecting(const HostileServer& server, const char* body) {
  return map({{"url", server.url()}, {"expect", map({{"body", body}})}});
}
Node plain(const HostileServer& server) {
  return map({{"url", server.url()}});
}

}  // namespace

TEST_CASE_FIXTURE(Network, "http: of a page that never ends one MiB is read and judged") {
  HostileServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\nbeginning ");
    while (peer.send(std::string(65536, 'x'))) {
    }
  });
  CHECK(run(make_http, expecting(server, "beginning")).verdict == Verdict::ok);
  auto finding = run(make_http, expecting(server, "the end"));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason ==
        "status 200 OK, but the first MiB of the body does not contain 'the end'");
  CHECK(run(make_http, plain(server)).verdict == Verdict::ok);
  CHECK(took < 5s);
  server.finish();
  CHECK(server.sent() <
        3 * 16 * 1024 * 1024);  // The kernel's buffers hold some more than was read.
}

TEST_CASE_FIXTURE(Network, "http: a huge page that is announced is not waited for") {
  HostileServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n");
    while (peer.send(std::string(65536, 'x'))) {
    }
  });
  CHECK(run(make_http, plain(server)).verdict == Verdict::ok);
}

TEST_CASE_FIXTURE(Network, "http: a server that accepts and says nothing fails at the deadline") {
  HostileServer server([](Peer& peer) { peer.wait_for_end(); });
  auto finding = run(make_http, plain(server), 200ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason ==
        fmt::format("127.0.0.1 port {} accepted the connection, but gave no answer within 200ms",
                    server.port()));
  CHECK(took >= 190ms);
}

TEST_CASE_FIXTURE(Network,
                  "http: a server whose queue is full never accepts, and fails at the deadline") {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name);
  ::listen(listener, 0);
  socklen_t size = sizeof name;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size);
  std::vector<int> fillers;
  for (int filler = 0; filler < 4; ++filler) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(fillers.back(), reinterpret_cast<sockaddr*>(&name), sizeof name);
  }
  auto url = fmt::format("http://127.0.0.1:{}/", ntohs(name.sin_port));
  auto finding = run(make_http, map({{"url", url}}), 300ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "within 300ms"));
  for (int filler : fillers)
    ::close(filler);
  ::close(listener);
}

TEST_CASE_FIXTURE(Network,
                  "http: a slow trickle ends at the deadline, in the headers and in the body") {
  HostileServer headers([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n");
    while (peer.send("X: y\r\n"))
      std::this_thread::sleep_for(5ms);
  });
  auto finding = run(make_http, plain(headers), 300ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "did not end within 300ms"));
  HostileServer body([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send("."))
      std::this_thread::sleep_for(5ms);
  });
  finding = run(make_http, plain(body), 300ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "did not end within 300ms"));
}

TEST_CASE_FIXTURE(Network,
                  "http: endless headers, one huge header, endless interim answers are cut off") {
  HostileServer many([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n");
    while (peer.send("X-Flood: " + std::string(1000, 'y') + "\r\n")) {
    }
  });
  auto finding = run(make_http, plain(many));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "more than 64 KiB of headers"));
  HostileServer huge([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nX: ");
    while (peer.send(std::string(65536, 'y'))) {
    }
  });
  CHECK(run(make_http, plain(huge)).verdict == Verdict::failing);
  CHECK(took < 5s);
  HostileServer interim([](Peer& peer) {
    peer.read_request();
    while (peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")) {
    }
  });
  CHECK(run(make_http, plain(interim)).verdict == Verdict::failing);
  CHECK(took < 5s);
}

TEST_CASE_FIXTURE(Network, "http: a flood that is no HTTP is failing") {
  HostileServer server([](Peer& peer) {
    while (peer.send(std::string(65536, '\xff'))) {
    }
  });
  auto finding = run(make_http, plain(server), 5s);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(took < 4s);
}

TEST_CASE_FIXTURE(Network,
                  "http: escapes and broken UTF-8 in status line and body become harmless words") {
  HostileServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 500 \x1b]0;owned\x07\xff\xe2\x80\xae" + std::string(3000, 'z') +
              "\r\nContent-Length: 2\r\n\r\n\xff\x1b");
  });
  auto finding = run(make_http, plain(server));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "status 500 \\x1b]0;owned\\x07"));
  CHECK(finding.reason.size() < 200);
  finding =
      run(make_http,
          map({{"url", server.url()}, {"expect", map({{"status", 500}, {"matches", "^."}})}}));
  CHECK_FALSE(finding.verdict == Verdict::unknown);
}

TEST_CASE_FIXTURE(Network, "http: a connection that ends in the middle, or at once, is failing") {
  HostileServer middle([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
  });
  auto finding = run(make_http, plain(middle));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "broke off"));
  HostileServer at_once([](Peer& peer) { peer.read_request(); });
  finding = run(make_http, plain(at_once));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "closed the connection without an answer"));
  HostileServer reset([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    std::this_thread::sleep_for(20ms);
    peer.reset();
  });
  CHECK(run(make_http, plain(reset)).verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(Network, "http: a loop of redirects ends after as many as allowed") {
  HostileServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
  });
  auto finding = run(make_http, plain(server));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "more than 5 redirects; the last one leads to"));
  CHECK(server.connections() == 6);
}

TEST_CASE_FIXTURE(Network, "http: a redirect to anything but a page is not followed") {
  for (const char* location :
       {"file:///etc/passwd", "gopher://127.0.0.1:25/x", "http://user:secret@127.0.0.1/",
        "http://\xe4\xbe\x8b.jp/", "http://127.0.0.1:0/"}) {
    HostileServer server([&](Peer& peer) {
      peer.read_request();
      peer.send(
          fmt::format("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", location));
    });
    CAPTURE(location);
    auto finding = run(make_http, plain(server), 5s);
    CHECK(finding.verdict == Verdict::failing);
    CHECK(contains(finding.reason, "is not followed"));
    CHECK_FALSE(contains(finding.reason, "secret"));
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("http: a page elsewhere cannot make us knock at our own doors") {
  in_own_network([] {
    bring_up("lo");
    give_address("lo:1", "192.0.2.1");
    HostileServer inside(
        [](Peer& peer) { peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); });
    HostileServer outside(
        [&](Peer& peer) {
          peer.read_request();
          peer.send(fmt::format("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
                                inside.url("/ping/settlement")));
        },
        "192.0.2.1");
    Network network;
    auto url = fmt::format("http://192.0.2.1:{}/", outside.port());
    auto finding = network.run(make_http, map({{"url", url}}), 5s);
    CHECK(finding.verdict == Verdict::failing);
    CHECK(contains(finding.reason, "leads to this machine itself"));
    CHECK(inside.connections() == 0);
    CHECK(network.run(make_http, map({{"url", inside.url()}}), 5s).verdict == Verdict::ok);
  });
}

TEST_CASE_FIXTURE(Network, "http: dozens of floods do not make memory grow") {
  // One for all peers, of whom some may be sending still when memory is counted.
  const std::string flood(65536, 'x');
  HostileServer server([&flood](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send(flood)) {
    }
  });
  auto probe = make(make_http, expecting(server, "nowhere"));
  // The library's caches fill first, to a limit of theirs.
  for (int turn = 0; turn < 20; ++turn)
    CHECK(run(*probe).verdict == Verdict::failing);
  auto before = ::mallinfo2().uordblks;
  for (int turn = 0; turn < 40; ++turn)
    run(*probe);
  auto after = ::mallinfo2().uordblks;
  CHECK(after < before + 100'000);
}

TEST_CASE_FIXTURE(Network, "http: destroying the probe ends its run at any moment") {
  HostileServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.send("."))
      std::this_thread::sleep_for(1ms);
  });
  int calls = 0;
  for (auto moment : {0ms, 1ms, 5ms, 40ms}) {
    auto probe = make(make_http, plain(server));
    probe->start(runtime, {{}, 10s, false}, [&](const Finding&) { ++calls; });
    loop.restart();
    loop.run_for(moment);
    probe.reset();
    loop.restart();
    loop.run_for(1s);
    CHECK(loop.stopped());
  }
  CHECK(calls == 0);
}

TEST_CASE_FIXTURE(Network, "http: a probe may be started again, or die, in its own report") {
  HostileServer server([](Peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  int calls = 0;
  auto probe = make(make_http, plain(server));
  std::function<void(Finding)> done = [&](const Finding& finding) {
    CHECK(finding.verdict == Verdict::ok);
    if (++calls < 3) return probe->start(runtime, {{}, 10s, false}, done);
    probe.reset();
  };
  probe->start(runtime, {{}, 10s, false}, done);
  loop.run_for(10s);
  CHECK(calls == 3);
}
