// What a tls probe makes of certificates and of servers that mean no good. Certificates are made
// here, and shown by OpenSSL on loopback.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <malloc.h>

#include <ctime>

#include "../io/dns_server.hpp"
#include "certificate.hpp"
#include "hostile_server.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

// Shakes hands with each connection, and takes down the name that was asked for.
class TlsPort {
 public:
  explicit TlsPort(const Certificate& certificate,
                   const std::vector<const Certificate*>& chain = {},
                   std::function<bool(Peer&)> before = {})
      : context_(server_context(certificate, chain)), before_(std::move(before)) {}
  SSL_CTX* context() { return context_.get(); }
  int port() const { return server_.port(); }
  // After the server has ended.
  std::string asked_for() {
    server_.finish();
    return asked_for_;
  }

 private:
  void serve(Peer& peer) {
    if (before_ && !before_(peer)) return;
    SSL* session = SSL_new(context_.get());
    SSL_set_fd(session, peer.socket());
    if (SSL_accept(session) == 1) peer.wait_for_end(2000);
    const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    asked_for_ = name == nullptr ? "" : name;
    SSL_free(session);
  }

  SslContext context_;
  std::function<bool(Peer&)> before_;
  std::string asked_for_;
  HostileServer server_{[this](Peer& peer) { serve(peer); }};
};

Node keys(int port, std::vector<std::pair<std::string, Value>> more = {},
          const char* host = "127.0.0.1") {
  more.insert(more.begin(), {{"host", host}, {"port", port}});
  return map(more);
}
Node trusting(const Certificate& certificate, int port,
              std::vector<std::pair<std::string, Value>> more = {},
              const char* host = "127.0.0.1") {
  more.emplace_back("ca_file", certificate.path());
  return keys(port, more, host);
}

std::string date_in(long seconds) {
  std::time_t then = std::time(nullptr) + seconds;
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:", std::gmtime(&then));
  return text;
}

}  // namespace

TEST_CASE_FIXTURE(Network, "tls: a trusted certificate is well, with the time that is left") {
  Certificate certificate(own_names, -day, 30 * day + 600);
  TlsPort site(certificate);
  auto finding = run(make_tls, trusting(certificate, site.port()));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason,
                 "the server's certificate (test) expires " + date_in(30 * day + 600)));
  CHECK(contains(finding.reason, ", in 30d; TLSv1.3 with 127.0.0.1 port"));
  CHECK(finding.values.at("expires_seconds") == doctest::Approx(30 * day + 600).epsilon(0.001));
  CHECK(finding.values.at("connect_seconds") > 0);
  CHECK(finding.values.at("handshake_seconds") > 0);
  CHECK(site.asked_for().empty());  // A literal address is no server name.
}

TEST_CASE_FIXTURE(Network,
                  "tls: the server is asked for by its name, or by that which is written") {
  Certificate certificate("DNS:localhost,DNS:*.example.test", -day, 90 * day);
  TlsPort by_host(certificate);
  CHECK(run(make_tls, trusting(certificate, by_host.port(), {}, "localhost")).verdict ==
        Verdict::ok);
  CHECK(by_host.asked_for() == "localhost");
  TlsPort by_name(certificate);
  CHECK(run(make_tls, trusting(certificate, by_name.port(), {{"server_name", "www.example.test."}}))
            .verdict == Verdict::ok);
  CHECK(by_name.asked_for() == "www.example.test");
}

TEST_CASE_FIXTURE(Network, "tls: a certificate that ends soon is a warning, then failing") {
  Certificate certificate(own_names, -day, 3 * day + 600);
  TlsPort site(certificate);
  auto finding = run(make_tls, trusting(certificate, site.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, ", in 3d, failing at < 7d;"));
  finding = run(make_tls, trusting(certificate, site.port(), {{"failing", "< 2d"}}));
  CHECK(finding.verdict == Verdict::warning);
  CHECK(contains(finding.reason, ", in 3d, warning at < 21d;"));
  finding =
      run(make_tls, trusting(certificate, site.port(), {{"failing", "none"}, {"warning", "< 3d"}}));
  CHECK(finding.verdict == Verdict::ok);
  auto probe = make(
      make_tls, trusting(certificate, site.port(), {{"failing", "< 2d"}, {"clear_at", ">= 5d"}}));
  CHECK(run(*probe, 10s, true).verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(Network, "tls: of the chain the certificate counts that ends first") {
  Certificate root("", -day, 400 * day, nullptr, "Root");
  Certificate middle("", -day, 2 * day + 600, &root, "Middle");
  Certificate leaf(own_names, -day, 90 * day, &middle, "www");
  TlsPort site(leaf, {&middle});
  auto finding = run(make_tls, trusting(root, site.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "certificate 2 of its chain (Middle) expires"));
  CHECK(contains(finding.reason, "in 2d, failing at < 7d"));
}

TEST_CASE_FIXTURE(Network, "tls: an expired certificate is failing whatever the levels say") {
  Certificate certificate(own_names, -30 * day, -2 * day - 600);
  TlsPort site(certificate);
  for (const char* verify : {"true", "false"}) {
    std::vector<std::pair<std::string, Value>> more{{"verify", verify}, {"failing", "none"}};
    if (verify[0] == 't') more.emplace_back("ca_file", certificate.path());
    auto finding = run(make_tls, keys(site.port(), more));
    CHECK(finding.verdict == Verdict::failing);
    CHECK(finding.reason.starts_with("the server's certificate (test) expired " +
                                     date_in(-2 * day - 600)));
    CHECK(finding.reason.ends_with("Z, 2d ago"));  // Said once.
    CHECK(finding.values.at("expires_seconds") < 0);
  }
}

TEST_CASE_FIXTURE(Network, "tls: a certificate that is not valid yet is failing") {
  Certificate certificate(own_names, 2 * day, 90 * day);
  TlsPort site(certificate);
  auto finding = run(make_tls, trusting(certificate, site.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason.starts_with("the server's certificate (test) is not valid before " +
                                   date_in(2 * day)));
}

TEST_CASE_FIXTURE(Network, "tls: a wrong name, a stranger and a chain with a hole are told apart") {
  Certificate other("DNS:a.test,DNS:b.test,IP:192.0.2.1", -day, 90 * day);
  TlsPort wrong(other);
  auto finding = run(make_tls, trusting(other, wrong.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason ==
        "the server's certificate (test) is for a.test, b.test, 192.0.2.1, not for 127.0.0.1");
  Certificate own(own_names, -day, 90 * day);
  TlsPort stranger(own);
  finding = run(make_tls, keys(stranger.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "is self-signed and not trusted here"));
  CHECK(run(make_tls, keys(stranger.port(), {{"verify", "false"}})).verdict == Verdict::ok);

  Certificate root("", -day, 400 * day, nullptr, "Root");
  Certificate middle("", -day, 300 * day, &root, "Middle");
  Certificate leaf(own_names, -day, 90 * day, &middle, "www");
  TlsPort hole(leaf);
  finding = run(make_tls, trusting(root, hole.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason,
                 "the issuer 'Middle' of the server's certificate (www) is neither sent"));
  CHECK(run(make_tls, trusting(middle, hole.port())).verdict == Verdict::ok);
  TlsPort whole(leaf, {&middle, &root});
  finding = run(make_tls, keys(whole.port()));
  CHECK(contains(finding.reason, "the authority 'Root' that it goes back to is not trusted here"));
  CHECK(finding.verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(Network, "tls: names in a certificate are shown harmless") {
  Certificate certificate("DNS:a.test", -day, 90 * day, nullptr, "\x1b[31mx\r\nBcc: y");
  TlsPort site(certificate);
  auto finding = run(make_tls, trusting(certificate, site.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "\\x1b[31mx"));
}

TEST_CASE_FIXTURE(Network, "tls: a ca_file that cannot be read is our own trouble") {
  Certificate certificate(own_names, -day, 30 * day);
  TlsPort site(certificate);
  auto finding = run(make_tls, keys(site.port(), {{"ca_file", "/nonexistent/ca.pem"}}));
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(contains(finding.reason, "no certificates to trust can be read from /nonexistent/ca.pem"));
}

TEST_CASE_FIXTURE(Network, "tls: a server that is gone, silent, or no TLS at all is failing") {
  ClosedPort closed;
  auto finding = run(make_tls, keys(closed.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "connection refused by"));
  HostileServer silent([](Peer& peer) { peer.wait_for_end(); });
  finding = run(make_tls, keys(silent.port()), 200ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "accepted the connection, but no TLS handshake within 200ms"));
  HostileServer plain([](Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_end(100);
  });
  finding = run(make_tls, keys(plain.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "answers with something that is no TLS"));
  HostileServer closes([](Peer& peer) { peer.read_until("\x03"); });
  finding = run(make_tls, keys(closes.port()));
  CHECK(finding.verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(Network, "tls: an old version, and a handshake that is broken off, are failing") {
  Certificate certificate(own_names, -day, 90 * day);
  TlsPort old(certificate);
  SSL_CTX_set_security_level(old.context(), 0);
  SSL_CTX_set_min_proto_version(old.context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old.context(), TLS1_1_VERSION);
  auto finding = run(make_tls, trusting(certificate, old.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "TLS with 127.0.0.1 port"));
  // The beginning of a server's greeting, and then the end.
  HostileServer half([](Peer& peer) {
    peer.read_until("\x03");
    peer.send(std::string("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11));
  });
  finding = run(make_tls, keys(half.port()));
  CHECK(finding.verdict == Verdict::failing);
}

TEST_CASE_FIXTURE(Network,
                  "tls: lengths that lie, floods and trickles end in bounded memory and time") {
  // A greeting that says it is 16 MiB long, and goes on.
  HostileServer huge([](Peer& peer) {
    peer.read_until("\x03");
    std::string record =
        std::string("\x16\x03\x03\x40\x00\x02\xff\xff\xff", 9) + std::string(16379, 'x');
    while (peer.send(record)) {
    }
  });
  auto before = ::mallinfo2().uordblks;
  auto finding = run(make_tls, keys(huge.port()), 3s);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(took < 2s);
  // Records without anything in them.
  HostileServer empty([](Peer& peer) {
    peer.read_until("\x03");
    while (peer.send(std::string("\x16\x03\x03\x00\x00", 5))) {
    }
  });
  CHECK(run(make_tls, keys(empty.port()), 3s).verdict == Verdict::failing);
  CHECK(took < 2s);
  HostileServer trickle([](Peer& peer) {
    for (char byte : std::string("\x16\x03\x03\x40\x00", 5) + std::string(10'000, '\x02')) {
      if (!peer.send(std::string(1, byte))) return;
      std::this_thread::sleep_for(5ms);
    }
  });
  CHECK(run(make_tls, keys(trickle.port()), 300ms).verdict == Verdict::failing);
  CHECK(::mallinfo2().uordblks < before + 4 * 1024 * 1024);
}

TEST_CASE_FIXTURE(Network, "tls: more certificates than are read fail the handshake") {
  Certificate root("", -day, 400 * day, nullptr, "Root");
  Certificate leaf(own_names, -day, 90 * day, &root, "www");
  std::string long_name;
  for (int host = 0; host < 400; ++host)
    long_name += fmt::format("{}DNS:{}{}.test", host == 0 ? "" : ",", std::string(50, 'a'), host);
  Certificate fat(long_name.c_str(), -day, 90 * day, &root, "fat");
  TlsPort few(leaf, {&fat, &fat});
  CHECK(run(make_tls, trusting(root, few.port())).verdict == Verdict::ok);
  TlsPort many(leaf, {&fat, &fat, &fat, &fat, &fat, &fat});
  auto finding = run(make_tls, trusting(root, many.port()));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "excessive message size"));
}

TEST_CASE_FIXTURE(Network, "tls: STARTTLS of a mail server, and one that will not") {
  Certificate certificate(own_names, -day, 90 * day);
  std::string greeted;
  TlsPort mail(certificate, {}, [&](Peer& peer) {
    peer.send("220 mail.test ESMTP\r\n");
    greeted = peer.read_until("\r\n");
    peer.send("250-mail.test\r\n250 STARTTLS\r\n");
    if (peer.read_until("\r\n") != "STARTTLS\r\n") return false;
    peer.send("220 go\r\n");
    return true;
  });
  auto finding = run(make_tls, trusting(certificate, mail.port(), {{"starttls", "smtp"}}));
  CHECK(finding.verdict == Verdict::ok);
  mail.asked_for();
  CHECK(greeted == "EHLO [127.0.0.1]\r\n");
  HostileServer without([](Peer& peer) {
    peer.send("220 mail.test ESMTP\r\n");
    peer.read_until("\r\n");
    peer.send("250 SIZE\r\n");
    peer.wait_for_end();
  });
  finding = run(make_tls, keys(without.port(), {{"starttls", "smtp"}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == fmt::format("127.0.0.1 port {} offers no STARTTLS", without.port()));
  HostileServer leaves([](Peer& peer) { peer.send("220 mail.test ES"); });
  finding = run(make_tls, keys(leaves.port(), {{"starttls", "smtp"}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason,
                 "closed the connection before TLS began; it had said '220 mail.test ES'"));
  HostileServer silent([](Peer& peer) { peer.wait_for_end(); });
  finding = run(make_tls, keys(silent.port(), {{"starttls", "imap"}}), 200ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "did not come to TLS within 200ms; it said nothing"));
  HostileServer flood([](Peer& peer) {
    while (peer.send(std::string(4096, 'x'))) {
    }
  });
  finding = run(make_tls, keys(flood.port(), {{"starttls", "smtp"}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "sent 16 KiB without coming to TLS"));
}

TEST_CASE(
    "tls: a name that does not exist is failing, a name server that is silent our own trouble") {
  DnsServer names([](const std::string& name, bool) {
    return DnsAnswer{name == "silent.test" ? -1 : 3, {}};
  });
  Network network(names.text());
  auto finding = network.run(make_tls, map({{"host", "nowhere.test"}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(network.run(make_tls, map({{"host", "silent.test"}}), 200ms).verdict == Verdict::unknown);
}

TEST_CASE_FIXTURE(Network,
                  "tls: a probe may end in the middle of a handshake, and in its own report") {
  HostileServer server([](Peer& peer) { peer.wait_for_end(); });
  int calls = 0;
  auto probe = make(make_tls, keys(server.port()));
  probe->start(runtime, {{}, 10s, false}, [&](const Finding&) { ++calls; });
  loop.run_for(50ms);
  probe.reset();
  loop.restart();
  loop.run_for(1s);
  CHECK(calls == 0);
  CHECK(loop.stopped());

  Certificate certificate(own_names, -day, 90 * day);
  TlsPort site(certificate);
  probe = make(make_tls, keys(site.port()));
  probe->start(runtime, {{}, 10s, false}, [&](const Finding&) {
    ++calls;
    probe.reset();
  });
  loop.restart();
  loop.run_for(10s);
  CHECK(calls == 1);
}

TEST_CASE("tls: its keys are checked") {
  const auto problems = [](const Node& given) { return problems_of(make_tls, given); };
  CHECK(problems(map({{"host", "www.example.jp"}})).empty());
  CHECK(problems(map({{"host", "mx.example.jp"}, {"starttls", "smtp"}})).empty());
  CHECK(contains(problems(map({{"port", 443}})), "needs `host`"));
  CHECK(contains(problems(keys(0)), "from 1 to 65535"));
  CHECK(contains(problems(keys(1, {{"starttls", "ldap"}})),
                 "`starttls` must be one of smtp, imap, pop3, ftp"));
  CHECK(contains(problems(keys(1, {{"server_name", "a b"}})), "`server_name`: "));
  CHECK(contains(problems(keys(1, {{"ca_file", "ca.pem"}})), "absolute path"));
  CHECK(contains(problems(keys(1, {{"ca_file", "/ca.pem"}, {"verify", "false"}})),
                 "`ca_file` is for `verify: true`"));
  CHECK(contains(problems(keys(1, {{"failing", "> 7d"}})), "failing"));
  CHECK(contains(problems(keys(1, {{"failing", "< 7"}})), "failing"));
  CHECK(contains(problems(keys(1, {{"warning", "< 2d"}})), "must be milder"));
  CHECK(contains(problems(keys(1, {{"verify_tls", "true"}})), "unknown key"));
}
