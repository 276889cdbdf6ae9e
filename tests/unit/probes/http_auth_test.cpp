// How an http probe is let in: secrets from files, a certificate of its own; and that what it is
// let in with goes nowhere else.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <sys/stat.h>

#include <mutex>

#include "certificate.hpp"
#include "folder.hpp"
#include "hostile_server.hpp"
#include "network_fixture.hpp"
#include "own_network.hpp"

using namespace yagura;
using namespace yagura::testing;
using yagura::local::Folder;

namespace {

// Answers every request alike, with QUOTE replaced by what the request's Authorization says, and
// keeps the requests.
struct Gate {
  explicit Gate(std::string answer, const char* address = "127.0.0.1")
      : server(
            [this, answer = std::move(answer)](Peer& peer) {
              const std::string asked = peer.read_request();
              {
                std::lock_guard lock(mutex);
                requests.push_back(asked);
              }
              const std::string begins = "Authorization: ";
              auto from = asked.find(begins);
              std::string quote = from == std::string::npos
                                      ? "nothing"
                                      : asked.substr(from + begins.size(),
                                                     asked.find('\r', from) - from - begins.size());
              std::string words = answer;
              for (std::size_t at = 0; (at = words.find("QUOTE", at)) != std::string::npos;)
                words.replace(at, 5, quote);
              peer.send(words);
            },
            address) {}
  std::string request(std::size_t number = 0) {
    std::lock_guard lock(mutex);
    return number < requests.size() ? requests[number] : "";
  }

  std::mutex mutex;
  std::vector<std::string> requests;
  HostileServer server;
};

const std::string well = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

Node with_auth(const std::string& url, const char* kind, const std::string& file) {
  return map({{"url", url}, {"auth", map({{kind, file}})}});
}

}  // namespace

TEST_CASE_FIXTURE(Network, "http: a password or a token comes from its file, anew in each run") {
  Folder folder;
  Gate gate(well);
  const std::string file = folder.write("secret", "ops:pass:word\n");
  auto basic = make(make_http, with_auth(gate.server.url(), "basic", file));
  CHECK(run(*basic).verdict == Verdict::ok);
  CHECK(contains(gate.request(), "\r\nAuthorization: Basic b3BzOnBhc3M6d29yZA==\r\n"));
  folder.write("secret", "ops:other");
  CHECK(run(*basic).verdict == Verdict::ok);
  CHECK(contains(gate.request(1), "\r\nAuthorization: Basic b3BzOm90aGVy\r\n"));
  folder.write("secret", "t0ken.of-nobody\r\n");
  CHECK(run(make_http, with_auth(gate.server.url(), "bearer", file)).verdict == Verdict::ok);
  CHECK(contains(gate.request(2), "\r\nAuthorization: Bearer t0ken.of-nobody\r\n"));
}

TEST_CASE_FIXTURE(Network, "http: a file of auth that is of no use is our own trouble, and is not quoted") {
  Folder folder;
  Gate gate(well);
  const auto reason = [&](const char* kind, const std::string& file) {
    auto finding = run(make_http, with_auth(gate.server.url(), kind, file));
    CHECK(finding.verdict == Verdict::unknown);
    CHECK_FALSE(contains(finding.reason, "hunter2"));
    return finding.reason;
  };
  CHECK(contains(reason("basic", folder.text() + "/nothing"), "cannot be read: No such file"));
  CHECK(contains(reason("basic", folder.text()), "is not a regular file"));
  CHECK(contains(reason("basic", folder.write("a", "hunter2")), "one line, user:password"));
  CHECK(contains(reason("basic", folder.write("b", ":hunter2")), "one line, user:password"));
  CHECK(contains(reason("bearer", folder.write("c", "")), "is empty"));
  CHECK(contains(reason("bearer", folder.write("d", "hunter2\nhunter2")), "more than one line"));
  CHECK(contains(reason("bearer", folder.write("e", "hunter2\x01")), "control characters"));
  CHECK(contains(reason("bearer", folder.write("f", std::string(1001, 'x'))), "longer than 1000 bytes"));
  CHECK(gate.server.connections() == 0);
}

TEST_CASE_FIXTURE(Network, "http: a server that quotes the secret does not get it into a reason") {
  Folder folder;
  const std::string basic = folder.write("basic", "ops:hunter2-and-more\n");
  const std::string bearer = folder.write("bearer", "hunter2-and-more\n");
  const std::string base64 = "b3BzOmh1bnRlcjItYW5kLW1vcmU=";
  for (const char* answer :
       {"HTTP/1.1 401 not you, QUOTE\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 it is hunter2-and-more\r\nContent-Length: 0\r\n\r\n",
        // So that it would be cut in its middle.
        "HTTP/1.1 401 0123456789012345678901234567890123456789012345 QUOTE\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n{\"a\": \"QUOTE hunter2-and-more\"}",
        "HTTP/1.1 302 Found\r\nLocation: ftp://elsewhere/?QUOTE&hunter2-and-more\r\n\r\n",
        "HTTP/1.1 QUOTE\r\n\r\n", "QUOTE\r\n\r\n"}) {
    Gate gate(answer);
    CAPTURE(answer);
    for (const auto& [kind, file] : {std::pair{"basic", basic}, std::pair{"bearer", bearer}}) {
      auto keys = with_auth(gate.server.url(), kind, file);
      keys.entries.emplace_back(
          scalar("expect"), map({{"json", map({{"path", "a"}, {"equals", "b"}})}}));
      auto finding = run(make_http, keys);
      CHECK(finding.verdict == Verdict::failing);
      CHECK_FALSE(contains(finding.reason, "hunter2"));
      CHECK_FALSE(contains(finding.reason, base64.substr(0, 10)));
    }
  }
}

TEST_CASE("http: what lets in is not sent to another host, nor to another port of it") {
  in_own_network([] {
    bring_up("lo");
    give_address("lo:1", "192.0.2.1");
    give_address("lo:2", "192.0.2.2");
    Folder folder;
    const std::string token = folder.write("token", "hunter2");
    for (const char* address : {"192.0.2.1", "192.0.2.2"}) {
      Gate other(well, address);
      Gate first(fmt::format("HTTP/1.1 302 Found\r\nLocation: http://{}:{}/\r\n"
                             "Content-Length: 0\r\nConnection: close\r\n\r\n",
                             address, other.server.port()),
                 "192.0.2.1");
      Network network;
      auto keys = with_auth(fmt::format("http://192.0.2.1:{}/", first.server.port()), "bearer", token);
      keys.entries.emplace_back(scalar("headers"), map({{"X-Api-Key", "hunter3"}}));
      CHECK(network.run(make_http, keys, 5s).verdict == Verdict::ok);
      CHECK(contains(first.request(), "hunter2"));
      CHECK(contains(first.request(), "hunter3"));
      CHECK(other.server.connections() == 1);
      CHECK_FALSE(contains(other.request(), "hunter"));
      CHECK_FALSE(contains(other.request(), "Authorization"));
    }
  });
}

namespace {

// Serves one page over TLS to who shows a certificate that `trusted` has signed, and says whose.
class ClosedSite {
 public:
  ClosedSite(const Certificate& own, const Certificate& trusted) : context_(server_context(own)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), trusted.cert());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  std::string url() const { return fmt::format("https://127.0.0.1:{}/", server_.port()); }
  int shown() const { return shown_; }

 private:
  void serve(Peer& peer) {
    SSL* session = SSL_new(context_.get());
    SSL_set_fd(session, peer.socket());
    if (SSL_accept(session) == 1) {
      char buffer[4096];
      SSL_read(session, buffer, sizeof buffer);
      X509* theirs = SSL_get1_peer_certificate(session);
      shown_ += theirs != nullptr ? 1 : 0;
      X509_free(theirs);
      SSL_write(session, well.data(), static_cast<int>(well.size()));
      SSL_shutdown(session);
    }
    SSL_free(session);
    ERR_clear_error();
  }

  SslContext context_;
  std::atomic<int> shown_ = 0;
  HostileServer server_{[this](Peer& peer) { serve(peer); }};
};

std::string pem_of(const Certificate& certificate, const char* words) {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(memory, certificate.key(), words == nullptr ? nullptr : EVP_aes_128_cbc(),
                                words, words == nullptr ? 0 : static_cast<int>(std::string(words).size()),
                                nullptr, nullptr);
  PEM_write_bio_X509(memory, certificate.cert());
  char* bytes = nullptr;
  long size = BIO_get_mem_data(memory, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(memory);
  return text;
}

}  // namespace

TEST_CASE_FIXTURE(Network, "http: a server that wants a certificate of us is shown one") {
  Folder folder;
  Certificate authority("", -day, 30 * day, nullptr, "authority");
  Certificate ours("DNS:yagura.test", -day, 30 * day, &authority);
  Certificate theirs(own_names, -day, 30 * day);
  ClosedSite site(theirs, authority);
  const std::string both = folder.write("both.pem", pem_of(ours, nullptr));
  const auto keys = [&](const std::string& certificate, const std::string& key) {
    Node node = map({{"url", site.url()}, {"ca_file", theirs.path()}});
    if (!certificate.empty()) node.entries.emplace_back(scalar("client_certificate"), scalar(certificate));
    if (!key.empty()) node.entries.emplace_back(scalar("client_key"), scalar(key));
    return node;
  };
  CHECK(run(make_http, keys(both, "")).verdict == Verdict::ok);
  CHECK(run(make_http, keys(ours.path(), both)).verdict == Verdict::ok);
  CHECK(site.shown() == 2);
  auto finding = run(make_http, keys("", ""));
  CHECK(finding.verdict == Verdict::failing);

  for (const Node& wrong : {keys(folder.text() + "/nothing", ""), keys(ours.path(), ""),
                            keys(ours.path(), folder.write("locked.pem", pem_of(ours, "hunter2"))),
                            keys(folder.write("junk.pem", "junk\n"), "")}) {
    finding = run(make_http, wrong);
    CHECK(finding.verdict == Verdict::unknown);
    CHECK(contains(finding.reason, "could not ask 127.0.0.1 port"));
  }
  CHECK(site.shown() == 2);
}

TEST_CASE("http: what is wrong with the keys that let in is said") {
  const auto said = [](const char* key, const Node& value) {
    return problems_of(make_http, map({{"url", "https://a.test/"}, {key, value}}));
  };
  const std::string one_of =
      "`auth` is `basic: FILE`, whose line is user:password, or `bearer: FILE`, whose line is a token\n";
  CHECK(said("auth", map({{"basic", "/a"}})) == "");
  CHECK(said("auth", map({})) == one_of);
  CHECK(said("auth", map({{"basic", "/a"}, {"bearer", "/b"}})) == one_of);
  CHECK(said("auth", map({{"basic", "a"}})) == "`basic` must be an absolute path\n");
  CHECK(contains(said("auth", map({{"basic", "/a"}, {"user", "b"}})), "unknown key `user`"));
  CHECK(said("client_key", scalar("/a")) ==
        "`client_key` is the key of a `client_certificate`: write that too\n");
  CHECK(said("client_certificate", scalar("a.pem")) == "`client_certificate` must be an absolute path\n");
  const std::string limits = "`body_limit` must be a size from 1 KiB to 4 MiB, such as 2 MiB\n";
  CHECK(said("body_limit", scalar("2 MiB")) == "");
  for (const char* wrong : {"5 MiB", "1 B", "5", "10%", "many"})
    CHECK(said("body_limit", scalar(wrong)) == limits);
  CHECK(problems_of(make_http, map({{"url", "https://a.test/"},
                                    {"auth", map({{"bearer", "/a"}})},
                                    {"headers", map({{"authorization", "x"}})}})) ==
        "`auth` makes the header Authorization: leave one of them out\n");
}
