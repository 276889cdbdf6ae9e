// What a dns probe makes of answers, right, wrong and broken: messages made here byte by byte, sent
// by a name server on loopback.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <malloc.h>

#include "hostile_server.hpp"
#include "liveness/dns_records.hpp"
#include "network_fixture.hpp"

using namespace yagura;
using namespace yagura::testing;

namespace {

std::string u16(unsigned number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)};
}
std::string name(std::string_view text) {
  std::string coded;
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find('.'));
    coded += static_cast<char>(part.size());
    coded += part;
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return coded + '\0';
}
// A record of the name that was asked for.
std::string record(unsigned type, const std::string& data) {
  return "\xc0\x0c" + u16(type) + u16(1) + std::string("\0\0\0\x3c", 4) +
         u16(static_cast<unsigned>(data.size())) + data;
}
// The question back, with what is said to it.
std::string answer(const std::string& question, const std::vector<std::string>& records,
                   int code = 0, bool cut = false) {
  std::string reply = question;
  reply[2] = static_cast<char>(0x81 | (cut ? 2 : 0));
  reply[3] = static_cast<char>(0x80 | code);
  reply.replace(6, 2, u16(static_cast<unsigned>(records.size())));
  for (const std::string& one : records)
    reply += one;
  return reply;
}
const std::string ip1 = record(1, std::string("\xc0\x00\x02\x01", 4));
const std::string ip2 = record(1, std::string("\xc0\x00\x02\x02", 4));

// A name server whose datagrams and streams are served as told, on one thread each.
class RawDns {
 public:
  using Say = std::function<bool(const std::string& message)>;
  // Given the question; what is said with `say` goes back to who asked.
  explicit RawDns(
      std::function<void(const std::string& question, const Say& say)> datagrams,
      std::function<void(Peer&)> streams = [](Peer&) {})
      : datagrams_(std::move(datagrams)), tcp_(std::move(streams)) {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(tcp_.port());
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~RawDns() {
    stopping_ = true;
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  RawDns(const RawDns&) = delete;
  RawDns& operator=(const RawDns&) = delete;
  int port() const { return tcp_.port(); }
  int streams() const { return tcp_.connections(); }
  int sent() const { return sent_; }

 private:
  void serve() {
    while (!stopping_) {
      pollfd watched{socket_, POLLIN, 0};
      if (::poll(&watched, 1, 20) <= 0) continue;
      char packet[1500];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      ssize_t got =
          ::recvfrom(socket_, packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 12) continue;
      datagrams_({packet, static_cast<std::size_t>(got)}, [&](const std::string& message) {
        ++sent_;
        ::sendto(socket_, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&from),
                 size);
        return !stopping_;
      });
    }
  }

  std::function<void(const std::string&, const Say&)> datagrams_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> sent_ = 0;
  int socket_ = -1;
  HostileServer tcp_;
  std::thread thread_;
};

std::string question_on(Peer& peer) {
  std::string length(2, '\0'), question;
  if (::recv(peer.socket(), length.data(), 2, MSG_WAITALL) != 2) return {};
  question.resize(static_cast<unsigned char>(length[0]) * 256U +
                  static_cast<unsigned char>(length[1]));
  if (::recv(peer.socket(), question.data(), question.size(), MSG_WAITALL) !=
      static_cast<ssize_t>(question.size()))
    return {};
  return question;
}

// Answers each question with these records.
class NameServer : public RawDns {
 public:
  explicit NameServer(std::vector<std::string> records, int code = 0)
      : RawDns([records, code](const std::string& question, const Say& say) {
          say(answer(question, records, code));
        }) {}
};

Node asking(const RawDns& server, std::vector<std::pair<std::string, Value>> more = {}) {
  more.insert(more.begin(),
              {{"question", "www.test"}, {"server", "127.0.0.1"}, {"port", server.port()}});
  return map(more);
}

}  // namespace

TEST_CASE_FIXTURE(Network, "dns: any answer is well, and is shown") {
  NameServer zone({ip1, ip2});
  auto finding = run(make_dns, asking(zone));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason, "A of www.test is 192.0.2.1, 192.0.2.2; 127.0.0.1 port"));
  CHECK(finding.values.at("answers") == 2);
  CHECK(finding.values.at("total_seconds") > 0);
}

TEST_CASE_FIXTURE(Network, "dns: what is expected has to be there, and with `only` nothing else") {
  NameServer zone({ip1, ip2});
  CHECK(run(make_dns, asking(zone, {{"expect", list({"192.0.2.2"})}})).verdict == Verdict::ok);
  CHECK(run(make_dns, asking(zone, {{"expect", "192.0.2.2"}})).verdict == Verdict::ok);
  auto finding = run(make_dns, asking(zone, {{"expect", list({"192.0.2.1", "192.0.2.9"})}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "A of www.test is 192.0.2.1, 192.0.2.2, without 192.0.2.9;"));
  finding = run(make_dns, asking(zone, {{"expect", list({"192.0.2.1"})}, {"only", "true"}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, ", where 192.0.2.2 was not expected;"));
  CHECK(
      run(make_dns, asking(zone, {{"expect", list({"192.0.2.2", "192.0.2.1"})}, {"only", "true"}}))
          .verdict == Verdict::ok);
}

TEST_CASE_FIXTURE(Network, "dns: every type is read, in one form") {
  const auto is = [&](const char* type, const std::string& given, const char* expected,
                      const char* question = "www.test") {
    NameServer zone({given});
    auto finding = run(make_dns, map({{"question", question},
                                      {"server", "127.0.0.1"},
                                      {"port", zone.port()},
                                      {"type", type},
                                      {"expect", list({expected})},
                                      {"only", "true"}}));
    INFO(type << ": " << finding.reason);
    CHECK(finding.verdict == Verdict::ok);
  };
  is("AAAA", record(28, std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\x01'),
     "2001:db8:0::1");
  is("CNAME", record(5, name("Edge.CDN.test")), "edge.cdn.test.");
  is("NS", record(2, name("NS1.test")), "ns1.test");
  is("PTR", record(12, name("host.test")), "Host.test", "192.0.2.1");
  is("MX", record(15, u16(10) + name("MX.test")), "10 mx.test");
  is("MX", record(15, u16(10) + name("MX.test")), "mx.test");
  is("SRV", record(33, u16(0) + u16(5) + u16(5060) + name("sip.test")), "0 5 5060 sip.test");
  is("TXT",
     record(16,
            "\x04v=sp\x06"
            "f1 all"),
     "v=spf1 all");
  is("CAA", record(257, std::string("\0\x05issue", 7) + "ca.example"), "0 ISSUE \"ca.example\"");
  is("SOA",
     record(6, name("ns1.test") + name("root.test") +
                   std::string("\0\0\0\x01\0\0\0\x02\0\0\0\x03"
                               "\0\0\0\x04\0\0\0\x05",
                               20)),
     "NS1.test root.test. 1");
}

TEST_CASE_FIXTURE(Network, "dns: a server that was named fails by what it says of itself") {
  const auto said = [&](int code) {
    NameServer zone({}, code);
    auto finding = run(make_dns, asking(zone), 2s);
    CHECK(finding.verdict == Verdict::failing);
    return finding.reason;
  };
  CHECK(contains(said(3), "no such name: www.test, says 127.0.0.1 port"));
  CHECK(contains(said(0), "there is no A of www.test, says"));
  CHECK(contains(said(2), "asked for the A of www.test: could not find out (SERVFAIL)"));
  CHECK(contains(said(5), "refuses to answer (REFUSED)"));
  CHECK(contains(said(4), "does not know such questions (NOTIMP)"));
  CHECK(contains(said(1), "cannot read the question (FORMERR)"));
  CHECK(contains(said(9), "answers with the error 9"));
}

TEST_CASE("dns: of the system's name servers only what they say of the name is failing") {
  const auto through = [](const RawDns& server) {
    Network network(fmt::format("127.0.0.1:{}", server.port()));
    return network.run(make_dns, map({{"question", "www.test"}}), 1s);
  };
  NameServer well({ip1});
  CHECK(through(well).verdict == Verdict::ok);
  NameServer none({}, 3);
  auto finding = through(none);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(finding.reason == "no such name: www.test, says the system's name server");
  for (int code : {2, 4, 5}) {
    NameServer sick({}, code);
    finding = through(sick);
    CHECK(finding.verdict == Verdict::unknown);
    CHECK(contains(finding.reason, "see /etc/resolv.conf"));
  }
  RawDns silent([](const std::string&, const RawDns::Say&) {});
  CHECK(through(silent).verdict == Verdict::unknown);
}

TEST_CASE_FIXTURE(Network, "dns: nobody there, and nobody who answers, are failing") {
  ClosedPort closed;
  auto finding = run(
      make_dns, map({{"question", "www.test"}, {"server", "127.0.0.1"}, {"port", closed.port()}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "nobody listens"));
  RawDns silent([](const std::string&, const RawDns::Say&) {});
  finding = run(make_dns, asking(silent), 300ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "asked for the A of www.test: no answer within 300ms"));
}

TEST_CASE_FIXTURE(Network, "dns: a datagram that is lost is asked for again") {
  int questions = 0;
  RawDns forgetful([&](const std::string& question, const RawDns::Say& say) {
    if (++questions > 1) say(answer(question, {ip1}));
  });
  CHECK(run(make_dns, asking(forgetful), 2s).verdict == Verdict::ok);
}

TEST_CASE_FIXTURE(Network, "dns: an answer that was cut is fetched whole over TCP") {
  const auto cut = [](const std::string& question, const RawDns::Say& say) {
    say(answer(question, {}, 0, true));
  };
  RawDns whole(cut, [](Peer& peer) {
    std::string message = answer(question_on(peer), std::vector<std::string>(1000, ip1));
    peer.send(u16(static_cast<unsigned>(message.size())) + message);
    peer.wait_for_end(1000);
  });
  auto finding = run(make_dns, asking(whole), 3s);
  CHECK(finding.verdict == Verdict::ok);
  CHECK(finding.values.at("answers") == 1000);
  CHECK(contains(finding.reason, " and 995 more;"));
  RawDns closes(cut, [](Peer& peer) {
    question_on(peer);
    peer.send("\xff\xff");
  });
  finding = run(make_dns, asking(closes), 3s);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "closes the connection"));
  RawDns waits(cut, [](Peer& peer) {
    question_on(peer);
    peer.send(std::string("\xff\xff", 2) + "never more");
    peer.wait_for_end();
  });
  finding = run(make_dns, asking(waits), 300ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "no answer within 300ms"));
  RawDns late(cut, [](Peer& peer) {
    std::string message = answer(question_on(peer), {ip1});
    peer.wait_for_end(600);
    peer.send(u16(static_cast<unsigned>(message.size())) + message);
  });
  CHECK(run(make_dns, asking(late), 2s).verdict == Verdict::ok);
}

TEST_CASE_FIXTURE(Network, "dns: answers to another question are none") {
  RawDns liar([](const std::string& question, const RawDns::Say& say) {
    std::string other_number = answer(question, {ip1});
    other_number[0] = static_cast<char>(other_number[0] ^ 0x55);
    say(other_number);
    std::string other_name = answer(question, {ip1});
    other_name[13] = 'x';
    say(other_name);
  });
  auto finding = run(make_dns, asking(liar), 300ms);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "no answer within 300ms"));
}

TEST_CASE_FIXTURE(Network, "dns: records that lie about themselves make the answer broken") {
  const auto broken = [&](const char* type, const std::vector<std::string>& records) {
    NameServer zone(records);
    auto finding = run(make_dns, asking(zone, {{"type", type}}), 2s);
    INFO(finding.reason);
    CHECK(finding.verdict == Verdict::failing);
    return finding.reason;
  };
  // A name that goes round in a circle; a length beyond the end; none of what was announced.
  CHECK(contains(broken("MX", {record(15, u16(10) + "\xc0\x28")}), "gives a broken answer"));
  std::string longer = record(16, "\x04text");
  longer[11] = '\x7f';
  CHECK(contains(broken("TXT", {longer}), "gives a broken answer"));
  CHECK(contains(broken("TXT", {record(16, "\x7ftext")}), "gives a broken answer"));
  CHECK(contains(broken("A", {ip1, ""}), "gives a broken answer"));
  CHECK(contains(broken("SRV", {record(33, "\x01")}), "gives a broken answer"));
  CHECK(contains(broken("CAA", {record(257, std::string("\0\xffissue", 7))}),
                 "gives a broken answer"));
  CHECK(contains(broken("A", {record(16, "\x04text")}), "there is no A of www.test"));
}

TEST_CASE_FIXTURE(Network, "dns: bytes that are no text are shown harmless") {
  NameServer zone({record(16, "\x09\xff\xfe\x1b[31m\r\n")});
  auto finding = run(make_dns, asking(zone, {{"type", "TXT"}}));
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason, "\\x1b[31m"));
}

TEST_CASE_FIXTURE(Network,
                  "dns: a flood ends the run early, and others have their turn meanwhile") {
  RawDns flood([](const std::string& question, const RawDns::Say& say) {
    std::string other = answer(question, {ip1});
    other[0] = static_cast<char>(other[0] ^ 0x55);
    while (say(other)) {
    }
  });
  auto before = ::mallinfo2().uordblks;
  auto finding = run(make_dns, asking(flood), 10s);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "sends more than any answer is"));
  CHECK(took < 8s);
  CHECK(::mallinfo2().uordblks < before + 1024 * 1024);
  RawDns stream([](const std::string& question,
                   const RawDns::Say& say) { say(answer(question, {}, 0, true)); },
                [](Peer& peer) {
                  question_on(peer);
                  std::string other = std::string("\x40\x00", 2) + std::string(0x4000, 'x');
                  while (peer.send(other)) {
                  }
                });
  finding = run(make_dns, asking(stream), 5s);
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "sends more than any answer is"));
  CHECK(took < 4s);
}

TEST_CASE_FIXTURE(Network, "dns: a slow answer is judged by its latency") {
  RawDns slow([](const std::string& question, const RawDns::Say& say) {
    std::this_thread::sleep_for(100ms);
    say(answer(question, {ip1}));
  });
  auto finding = run(make_dns, asking(slow, {{"latency", map({{"failing", ">= 50ms"}})}}));
  CHECK(finding.verdict == Verdict::failing);
  CHECK(contains(finding.reason, "A of www.test is 192.0.2.1, failing at >= 50ms;"));
  finding = run(make_dns, asking(slow, {{"latency", map({{"warning", ">= 50ms"}})}}));
  CHECK(finding.verdict == Verdict::warning);
}

TEST_CASE_FIXTURE(Network, "dns: a probe may end while it waits, and in its own report") {
  RawDns silent([](const std::string&, const RawDns::Say&) {});
  int calls = 0;
  auto probe = make(make_dns, asking(silent));
  probe->start(runtime, {{}, 10s, false}, [&](const Finding&) { ++calls; });
  loop.run_for(50ms);
  probe.reset();
  loop.restart();
  loop.run_for(1s);
  CHECK(calls == 0);
  CHECK(loop.stopped());
  NameServer zone({ip1});
  probe = make(make_dns, asking(zone));
  probe->start(runtime, {{}, 10s, false}, [&](const Finding&) {
    ++calls;
    probe.reset();
  });
  loop.restart();
  loop.run_for(10s);
  CHECK(calls == 1);
}

TEST_CASE("dns: its keys are checked") {
  const auto problems = [](std::vector<std::pair<std::string, Value>> keys) {
    if (keys.empty() || keys[0].first != "question")
      keys.insert(keys.begin(), {"question", "a.test"});
    return problems_of(make_dns, map(keys));
  };
  CHECK(problems({}).empty());
  CHECK(problems({{"expect", "any"}}).empty());
  CHECK(problems({{"server", "2001:db8::2"}, {"port", 5353}}).empty());
  CHECK(problems({{"question", "_sip._tcp.a.test."}, {"type", "SRV"}}).empty());
  CHECK(problems({{"question", "2001:db8::2"}, {"type", "PTR"}}).empty());
  CHECK(contains(problems_of(make_dns, map({{"type", "A"}})), "needs `question`"));
  CHECK(contains(problems({{"question", "a b"}}), "is no name"));
  CHECK(contains(problems({{"question", "a..b"}}), "empty or longer than 63"));
  CHECK(contains(problems({{"type", "WKS"}}), "`type` must be one of A, AAAA, CNAME"));
  CHECK(contains(problems({{"server", "ns1.test"}}), "`server` must be an address"));
  CHECK(contains(problems({{"port", 53}}), "`port` goes with `server`"));
  CHECK(contains(problems({{"only", "true"}}), "`only` goes with a list"));
  CHECK(contains(problems({{"expect", list({})}}), "empty list"));
  CHECK(contains(problems({{"expect", list({"2001:db8::1"})}}), "is no IPv4 address"));
  CHECK(
      contains(problems({{"type", "MX"}, {"expect", list({"ten mx.test"})}}), "10 mx.example.jp"));
  CHECK(contains(problems({{"type", "SRV"}, {"expect", list({"5060 sip.test"})}}), "0 5 5060"));
  CHECK(
      contains(problems({{"type", "CAA"}, {"expect", list({"issue ca"})}}), "0 issue ca.example"));
  CHECK(contains(problems({{"expect", list(std::vector<std::string>(65, "192.0.2.1"))}}),
                 "more than 64"));
  CHECK(contains(problems({{"latency", map({{"failing", ">= 5%"}})}}), "`failing`"));
  CHECK(contains(problems({{"name_server", "x"}}), "unknown key"));
}

TEST_CASE("dns: addresses backwards, as a PTR is asked for") {
  CHECK(reverse_name(boost::asio::ip::make_address("10.0.1.21")) == "21.1.0.10.in-addr.arpa");
  CHECK(reverse_name(boost::asio::ip::make_address("2001:db8::1")) ==
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}
