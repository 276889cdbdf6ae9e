// What an http probe makes of certificates: made here, served by OpenSSL on loopback.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "certificate.hpp"
#include "hostile_server.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

// Serves one page over TLS to each connection.
class TlsSite {
 public:
  explicit TlsSite(const Certificate& certificate) : context_(server_context(certificate)) {}
  std::string url(const char* host = "127.0.0.1") const {
    return fmt::format("https://{}:{}/", host, server_.port());
  }

 private:
  void serve(Peer& peer) {
    SSL* session = SSL_new(context_.get());
    SSL_set_fd(session, peer.socket());
    if (SSL_accept(session) == 1) {
      char buffer[4096];
      SSL_read(session, buffer, sizeof buffer);
      constexpr std::string_view page = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      SSL_write(session, page.data(), static_cast<int>(page.size()));
      SSL_shutdown(session);
    }
    SSL_free(session);
  }

  SslContext context_;
  HostileServer server_{[this](Peer& peer) { serve(peer); }};
};

}  // namespace

TEST_CASE_FIXTURE(Network, "http: a certificate that is trusted is well, and its days are told") {
  Certificate certificate(own_names, -day, 30 * day);
  TlsSite site(certificate);
  auto finding = run(make_http, map({{"url", site.url()}, {"ca_file", certificate.path()}}));
  INFO(finding.reason);
  CHECK(finding.verdict == Verdict::ok);
  CHECK(finding.values.at("certificate_days") == doctest::Approx(30).epsilon(0.01));
  finding = run(make_http, map({{"url", site.url("localhost")}, {"ca_file", certificate.path()}}));
  CHECK(finding.verdict == Verdict::ok);
}

TEST_CASE_FIXTURE(Network, "http: an expired certificate is failing, in words") {
  Certificate certificate(own_names, -30 * day, -day);
  TlsSite site(certificate);
  auto finding = run(make_http, map({{"url", site.url()}, {"ca_file", certificate.path()}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "TLS with 127.0.0.1 port"));
  CHECK(contains(finding.reason, "certificate has expired"));
}

TEST_CASE_FIXTURE(
    Network,
    "http: a certificate for another name, or of a stranger, is failing unless not verified") {
  Certificate certificate("DNS:elsewhere.test", -day, 30 * day);
  TlsSite site(certificate);
  auto finding = run(make_http, map({{"url", site.url()}, {"ca_file", certificate.path()}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "127.0.0.1"));
  finding = run(make_http, map({{"url", site.url()}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "self-signed certificate"));
  finding = run(make_http, map({{"url", site.url()}, {"verify_tls", "false"}}));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(finding.values.contains("certificate_days"));
}

TEST_CASE_FIXTURE(Network, "http: a ca_file that cannot be read is our own trouble") {
  Certificate certificate(own_names, -day, 30 * day);
  TlsSite site(certificate);
  auto finding = run(make_http, map({{"url", site.url()}, {"ca_file", "/nonexistent/ca.pem"}}));
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(contains(finding.reason, "/nonexistent/ca.pem"));
}

TEST_CASE_FIXTURE(Network, "http: a server that speaks no TLS, or none in time, is failing") {
  HostileServer plain([](Peer& peer) {
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_end(100);
  });
  auto finding = run(make_http, map({{"url", fmt::format("https://127.0.0.1:{}/", plain.port())}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "TLS with"));
  HostileServer silent([](Peer& peer) { peer.wait_for_end(); });
  finding =
      run(make_http, map({{"url", fmt::format("https://127.0.0.1:{}/", silent.port())}}), 200ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "no TLS handshake within 200ms"));
  HostileServer resets([](Peer& peer) {
    peer.read_until("\x03");
    peer.reset();
  });
  finding = run(make_http, map({{"url", fmt::format("https://127.0.0.1:{}/", resets.port())}}));
  CHECK(finding.verdict == Verdict::failing);
  HostileServer closes([](Peer&) {});
  finding = run(make_http, map({{"url", fmt::format("https://127.0.0.1:{}/", closes.port())}}));
  CHECK(finding.verdict == Verdict::failing);
}
