#include "resource/clock.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;

namespace {

ClockJudge judge_of(std::vector<local::Key> keys, bool asks_server = false) {
  Node node = local::map(std::move(keys));
  Problems problems;
  Reader reader(node, problems, "probe");
  auto judge = ClockJudge::read(reader, asks_server);
  REQUIRE(judge);
  return *judge;
}

ClockState kept(double offset, double estimated_error = 0, double max_error = 0.02) {
  return {true, offset, estimated_error, max_error};
}
ClockState not_kept() {
  return {false, 0, 16, 16};
}

// An NTP server for one question, which it answers as it is told: the packet that came in, what to
// send, and how often.
class Server {
 public:
  using Answer = std::function<std::string(const std::string& question)>;
  explicit Server(Answer answer, int times = 1) {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this, answer = std::move(answer), times] {
      char bytes[512];
      sockaddr_in from{};
      socklen_t from_size = sizeof from;
      ssize_t got = ::recvfrom(socket_, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from),
                               &from_size);
      if (got <= 0) return;
      question.assign(bytes, static_cast<std::size_t>(got));
      std::string packet = answer(question);
      for (int time = 0; time < times; ++time) {
        ::sendto(socket_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from),
                 from_size);
      }
    });
  }
  ~Server() {
    ::shutdown(socket_, SHUT_RDWR);  // Wakes a server that nobody asked.
    thread_.join();
    ::close(socket_);
  }
  std::string port;
  std::string question;

 private:
  int socket_ = -1;
  std::thread thread_;
};

void put(std::string& packet, std::size_t at, std::uint64_t number) {
  for (std::size_t byte = 0; byte < 8; ++byte)
    packet[at + byte] = static_cast<char>(number >> (56 - 8 * byte));
}

// As a server that is `ahead` of this machine answers.
std::string answer_to(const std::string& question, std::chrono::nanoseconds ahead) {
  std::string packet(48, '\0');
  packet[0] = 4 << 3 | 4;
  packet[1] = 2;
  packet.replace(24, 8, question, 40, 8);
  auto now = ntp_timestamp(std::chrono::system_clock::now() + ahead);
  put(packet, 32, now);
  put(packet, 40, now);
  return packet;
}

std::unique_ptr<Probe> asking(const Server& server) {
  return local::made(make_clock, {{"server", "127.0.0.1"}, {"port", server.port}});
}

}  // namespace

TEST_CASE("what the kernel says of its clock is read in its own units") {
  timex answer{};
  answer.status = STA_PLL;
  answer.offset = -2500;  // microseconds
  answer.esterror = 400;
  answer.maxerror = 30'000;
  ClockState state = clock_state(TIME_OK, answer);
  CHECK(state.synchronised);
  CHECK(state.offset_seconds == doctest::Approx(-0.0025));
  CHECK(state.estimated_error_seconds == doctest::Approx(0.0004));
  CHECK(state.max_error_seconds == doctest::Approx(0.03));
  answer.status = STA_PLL | STA_NANO;
  CHECK(clock_state(TIME_OK, answer).offset_seconds == doctest::Approx(-0.0000025));
  CHECK(clock_state(TIME_INS, answer).synchronised);  // A leap second is to come.
  CHECK_FALSE(clock_state(TIME_ERROR, answer).synchronised);
  answer.status = STA_UNSYNC;
  CHECK_FALSE(clock_state(TIME_OK, answer).synchronised);
}

TEST_CASE(
    "the offset is judged in both directions, and by the larger of it and its estimated error") {
  ClockJudge judge = judge_of({});
  Finding well = judge.judge({kept(0.002), 1h, {}}, false);
  CHECK(well.verdict == Verdict::ok);
  CHECK(well.reason == "clock off by 2.0 ms; synchronised");
  CHECK(well.values.at("offset_seconds") == doctest::Approx(0.002));
  CHECK(well.values.at("synchronised") == 1);
  CHECK(judge.judge({kept(-0.3), 1h, {}}, false).verdict == Verdict::warning);
  Finding far = judge.judge({kept(-1.5), 1h, {}}, false);
  CHECK(far.verdict == Verdict::failing);
  CHECK(contains(far.reason, "clock off by 1.5 s, failing at >= 1s"));
  CHECK(judge.judge({kept(0, 1.2), 1h, {}}, false).verdict == Verdict::failing);
  CHECK(contains(judge.judge({kept(0.99999), 1h, {}}, false).reason, "clock off by 999.9 ms"));
}

TEST_CASE(
    "a clock that nobody keeps fails, but not in the first minutes, nor where that is allowed") {
  ClockJudge judge = judge_of({});
  Finding alone = judge.judge({not_kept(), 1h, {}}, false);
  CHECK(alone.verdict == Verdict::failing);
  CHECK(contains(alone.reason, "is not synchronised: see whether chronyd"));
  CHECK(alone.values.at("synchronised") == 0);
  CHECK_FALSE(alone.values.contains("offset_seconds"));
  CHECK(judge.judge({not_kept(), 2min, {}}, false).verdict == Verdict::warning);
  CHECK(judge.judge({not_kept(), 2min, {}}, true).verdict == Verdict::failing);

  Finding allowed = judge_of({{"synchronised", "false"}}).judge({not_kept(), 1h, {}}, false);
  CHECK(allowed.verdict == Verdict::unknown);  // Its offset is still asked for, and not known.
  CHECK(contains(allowed.reason, "name a `server` to ask"));
}

TEST_CASE("the greatest possible error is judged where asked") {
  ClockJudge judge = judge_of({{"max_error", local::map({{"failing", ">= 5s"}})}});
  CHECK(judge.judge({kept(0, 0, 4.9), 1h, {}}, false).verdict == Verdict::ok);
  CHECK(judge.judge({kept(0, 0, 5), 1h, {}}, false).verdict == Verdict::failing);
}

TEST_CASE(
    "a kernel that may not be asked is unknown, and no matter where a server tells all that is "
    "asked") {
  const auto refused = [] { return failure_of("the kernel does not say"); };
  CHECK(judge_of({}).judge({refused(), 1h, {}}, false).verdict == Verdict::unknown);
  ClockJudge by_server = judge_of({}, true);
  CHECK(by_server.judge({refused(), 1h, ClockOffset{0.01, 0.002}}, false).verdict == Verdict::ok);
  CHECK(by_server.judge({not_kept(), 1h, ClockOffset{0.01, 0.002}}, false).verdict == Verdict::ok);
  ClockJudge both = judge_of({{"synchronised", "true"}}, true);
  CHECK(both.judge({not_kept(), 1h, ClockOffset{0.01, 0.002}}, false).verdict == Verdict::failing);
  CHECK(both.judge({kept(0), 1h, failure_of("no answer")}, false).verdict == Verdict::unknown);
}

TEST_CASE("the packets are those of the protocol, and times pass its turn in 2036") {
  NtpPacket question = sntp_question(0x0102030405060708);
  CHECK(question[0] == 0x23);
  CHECK(question[40] == 1);
  CHECK(question[47] == 8);
  using namespace std::chrono;
  CHECK(ntp_timestamp(sys_days{1970y / 1 / 1}) == std::uint64_t{2'208'988'800} << 32);
  CHECK(ntp_timestamp(sys_days{1970y / 1 / 1} + 500ms) ==
        (std::uint64_t{2'208'988'800} << 32 | 0x80000000));

  // Asked two seconds before the turn, answered by a server that is three seconds ahead of us.
  NtpInstant turn = sys_days{2036y / 2 / 7} + 6h + 28min + 16s;
  CHECK((ntp_timestamp(turn) >> 32) == 0);
  std::string packet(48, '\0');
  packet[0] = 4 << 3 | 4;
  packet[1] = 1;
  put(packet, 32, ntp_timestamp(turn + 1s + 100ms));
  put(packet, 40, ntp_timestamp(turn + 1s + 200ms));
  auto offset = read_sntp_answer(packet, turn - 2s, turn - 2s + 300ms);
  REQUIRE(offset);
  CHECK(offset->offset_seconds == doctest::Approx(3));
  CHECK(offset->round_trip_seconds == doctest::Approx(0.2));
}

TEST_CASE("a server is asked once, and its time is what counts") {
  Server server([](const std::string& question) { return answer_to(question, 20ms); });
  Finding near = local::run(*asking(server));
  CHECK(near.verdict == Verdict::ok);
  CHECK(contains(near.reason, "behind the server's"));
  CHECK(near.values.at("offset_seconds") == doctest::Approx(0.02).epsilon(0.5));
  CHECK(near.values.at("round_trip_seconds") >= 0);
  CHECK(server.question.size() == 48);

  Server far([](const std::string& question) { return answer_to(question, -1h); });
  Finding ahead = local::run(*asking(far));
  CHECK(ahead.verdict == Verdict::failing);
  CHECK(contains(ahead.reason, "ahead of the server's, failing at >= 1s"));
}

TEST_CASE("a server that is silent, closed, floods or does not know is unknown") {
  const auto with = [](std::size_t at, char byte) {
    return [at, byte](const std::string& question) {
      std::string packet = answer_to(question, 0ms);
      packet[at] = byte;
      return packet;
    };
  };
  const auto said_of = [](Server::Answer answer, int times, Duration timeout) {
    Server server(std::move(answer), times);
    Finding finding = local::run(*asking(server), false, timeout);
    CHECK(finding.verdict == Verdict::unknown);
    CHECK_FALSE(finding.values.contains("offset_seconds"));
    return finding.reason;
  };
  const std::string refused = said_of(
      [](const std::string& question) {
        std::string packet = answer_to(question, 0ms);
        packet[1] = 0;
        packet.replace(12, 4, "RATE");
        return packet;
      },
      1, 5s);
  CHECK(contains(refused, "refuses to answer (RATE)"));
  CHECK(contains(said_of(with(0, static_cast<char>(0xe4)), 1, 5s), "is not synchronised itself"));
  CHECK(contains(said_of(with(1, 16), 1, 5s), "is not synchronised itself"));
  // None of these is an answer to our question: cut, of a client, with another mark, nothing.
  CHECK(contains(
      said_of([](const std::string& question) { return answer_to(question, 0ms).substr(0, 47); }, 1,
              200ms),
      "no answer within 200ms"));
  CHECK(contains(said_of(with(0, 0x23), 1, 200ms), "no answer within 200ms"));
  CHECK(contains(said_of(with(24, 'x'), 1, 200ms), "no answer within 200ms"));
  CHECK(contains(said_of([](const std::string&) { return std::string(); }, 1, 200ms),
                 "no answer within 200ms"));
  CHECK(contains(said_of([](const std::string&) { return std::string(100, 'x'); }, 60, 5s),
                 "but much else"));

  std::string closed;
  {
    Server gone([](const std::string&) { return std::string(); });
    closed = gone.port;
  }
  auto probe = local::made(make_clock, {{"server", "127.0.0.1"}, {"port", closed}});
  Finding finding = local::run(*probe);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(contains(finding.reason, "refused"));
}

TEST_CASE("the clock of this machine is asked for, or it is said why not") {
  Finding finding =
      local::run(*local::made(make_clock, {{"failing", ">= 1h"}, {"warning", "none"}}));
  CHECK_FALSE(finding.reason.empty());
  timex question{};
  if (::ntp_adjtime(&question) >= 0) CHECK(finding.values.contains("max_error_seconds"));
}

TEST_CASE("the keys of clock are checked") {
  CHECK(local::problems_of(make_clock, {}).empty());
  CHECK(local::problems_of(make_clock, {{"server", "ntp.example.jp"}, {"port", "123"}}).empty());
  CHECK(contains(local::problems_of(make_clock, {{"port", "123"}}), "none is named"));
  CHECK(contains(local::problems_of(make_clock, {{"server", "a b"}}),
                 "`server`: the host is neither"));
  CHECK(contains(local::problems_of(make_clock, {{"failing", ">= 5%"}}),
                 "which is not measured here"));
  CHECK(
      contains(local::problems_of(make_clock, {{"synchronised", "yes"}}), "must be true or false"));
  CHECK(contains(local::problems_of(make_clock, {{"max_error", "5s"}}), "must be a mapping"));
}
