// What an http probe makes of certificates: made here, served by OpenSSL on loopback.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "hostile_server.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

// A self-signed certificate, in a file of its own for ca_file.
class Certificate {
 public:
  Certificate(const char* names, long from_seconds, long until_seconds)
      : key_(EVP_EC_gen("P-256")), cert_(X509_new()) {
    X509_set_version(cert_, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert_), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert_), from_seconds);
    X509_gmtime_adj(X509_getm_notAfter(cert_), until_seconds);
    X509_NAME* name = X509_get_subject_name(cert_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(cert_, name);
    X509_set_pubkey(cert_, key_);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
    X509_add_ext(cert_, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(cert_, key_, EVP_sha256());
    int file = ::mkstemp(path_);
    std::FILE* stream = ::fdopen(file, "w");
    PEM_write_X509(stream, cert_);
    std::fclose(stream);
  }
  ~Certificate() {
    ::unlink(path_);
    X509_free(cert_);
    EVP_PKEY_free(key_);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  std::string path() const { return path_; }
  X509* cert() const { return cert_; }
  EVP_PKEY* key() const { return key_; }

 private:
  char path_[64] = "/var/tmp/yagura-test-XXXXXX";
  EVP_PKEY* key_;
  X509* cert_;
};

// Serves one page over TLS to each connection.
class TlsSite {
 public:
  explicit TlsSite(const Certificate& certificate)
      : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    SSL_CTX_use_certificate(context_.get(), certificate.cert());
    SSL_CTX_use_PrivateKey(context_.get(), certificate.key());
  }
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

  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  HostileServer server_{[this](Peer& peer) { serve(peer); }};
};

constexpr long day = 86400;
constexpr const char* own_names = "DNS:localhost,IP:127.0.0.1";

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
