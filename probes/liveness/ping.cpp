// ping: does the host answer ICMP echo requests?
//
//   host:  name or address                       (required)
//   count: how many requests, 1 to 10            (default 3)
//
// Failing when none is answered within the timeout, a warning when some are not. The first address
// of the name that has a route is asked. Values: rtt_ms (the mean), loss_percent.
#include <fmt/format.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/icmp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <random>

// After <net/if.h>, which others include: the kernel's headers give way to it, not the other way
// round.
#include <linux/icmp.h>

#include "kinds.hpp"
#include "network.hpp"
#include "runtime.hpp"
#include "text.hpp"

namespace yagura {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr Duration longest_pause = 200ms;  // Between two requests.
constexpr int most_at_once = 64;           // Packets read before the loop has its turn again.
constexpr std::size_t header_size = 8;     // Type, code, checksum, identifier, sequence.
constexpr std::size_t token_size = 8;

using Packet = std::array<std::uint8_t, header_size + token_size>;

// RFC 1071.
std::uint16_t checksum(const Packet& packet) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < packet.size(); at += 2)
    sum += packet[at] * 256U + packet[at + 1];
  while (sum > 0xFFFF)
    sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void put(Packet& packet, std::size_t at, std::uint16_t value) {
  packet[at] = static_cast<std::uint8_t>(value >> 8);
  packet[at + 1] = static_cast<std::uint8_t>(value & 0xFF);
}

struct PingSpec {
  std::string host;
  int count = 3;
};

class PingRun final : public NetworkRun {
 public:
  PingRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done,
          const PingSpec& spec)
      : NetworkRun(runtime, run, std::move(done)),
        spec_(spec),
        socket_(runtime.loop()),
        timer_(runtime.loop()) {
    std::random_device random;
    for (std::uint8_t& byte : token_)
      byte = static_cast<std::uint8_t>(random());
  }

 private:
  void begin(std::vector<Address> addresses) override {
    target_ = addresses.front();
    if (auto refusal = open(); !refusal.empty())
      return finish({Verdict::unknown, one_line(refusal), {}});
    pause_ =
        std::min<Steady::duration>(longest_pause, (deadline() - Steady::now()) / (2 * spec_.count));
    wait();
    send_next();
  }

  // The datagram kind needs no privilege where the system's range of groups allows it; the raw kind
  // needs one.
  std::string open() {
    int family = target_.is_v4() ? AF_INET : AF_INET6;
    int protocol =
        target_.is_v4() ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
    int socket = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (socket < 0 && errno != EMFILE && errno != ENFILE) {
      socket = ::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
      is_raw_ = socket >= 0;
    }
    if (socket < 0 && (errno == EACCES || errno == EPERM)) {
      return "this machine does not let us ping: allow it with sysctl net.ipv4.ping_group_range or "
             "with CAP_NET_RAW";
    }
    if (socket < 0) return fmt::format("cannot open an ICMP socket: {}", std::strerror(errno));
    error_code error;
    socket_.assign(socket, error);
    if (error) {
      ::close(socket);
      return fmt::format("cannot watch an ICMP socket: {}", error.message());
    }
    if (is_raw_) keep_replies_only(socket);
    asio::ip::icmp::endpoint endpoint(target_, 0);
    if (::connect(socket, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
      return cannot_ping(errno);
    }
    return {};
  }

  std::string cannot_ping(int error) const {
    std::string trouble = may_be_own_trouble(error) ? trouble_on_the_way(target_) : "";
    if (!trouble.empty()) return trouble;
    return fmt::format("this machine cannot ping {}: {}", target_.to_string(), std::strerror(error));
  }

  // A raw socket hears all ICMP of the machine unless told otherwise. Without the filter we would
  // only do more work.
  void keep_replies_only(int socket) const {
    if (target_.is_v4()) {
      icmp_filter filter{~(1U << ICMP_ECHOREPLY)};
      (void)::setsockopt(socket, SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
    } else {
      icmp6_filter filter{};
      ICMP6_FILTER_SETBLOCKALL(&filter);
      ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
      (void)::setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
    }
  }

  void send_next() {
    if (tried_ == spec_.count) return;
    Packet packet{};
    packet[0] = static_cast<std::uint8_t>(target_.is_v4() ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
    std::memcpy(&packet[4], token_.data(), 2);  // The datagram kind puts its own identifier here.
    put(packet, 6, static_cast<std::uint16_t>(tried_));
    std::memcpy(&packet[header_size], token_.data(), token_size);
    if (target_.is_v4()) put(packet, 2, checksum(packet));
    sent_at_[static_cast<std::size_t>(tried_)] = Steady::now();
    ++tried_;
    ssize_t size = ::send(socket_.native_handle(), packet.data(), packet.size(), MSG_NOSIGNAL);
    // An error of an earlier packet is told here too: it was sent, and is lost.
    if (size >= 0 || is_target_fault(errno)) {
      ++sent_;
    } else {
      send_error_ = errno;
    }
    if (tried_ == spec_.count && sent_ == 0) return finish(nothing_sent());
    timer_.expires_after(pause_);
    timer_.async_wait(while_running([this](error_code error) {
      if (!error) send_next();
    }));
  }

  Finding nothing_sent() const {
    return {Verdict::unknown, one_line(cannot_ping(send_error_)), {}};
  }

  void wait() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       while_running([this](error_code error) {
                         if (!error) receive();
                       }));
  }

  void receive() {
    for (int packet = 0; packet < most_at_once; ++packet) {
      std::array<std::uint8_t, 512> buffer{};
      ssize_t size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
      if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
      if (size < 0) continue;  // An ICMP error of one of ours; reading it clears it.
      take(buffer.data(), static_cast<std::size_t>(size));
      if (received_ == spec_.count) return finish(judge());
    }
    wait();
  }

  void take(const std::uint8_t* bytes, std::size_t size) {
    if (is_raw_ && target_.is_v4()) {  // The IP header comes with it.
      std::size_t skipped = size > 0 ? (bytes[0] & 0x0FU) * 4U : 0;
      if (skipped > size) return;
      bytes += skipped;
      size -= skipped;
    }
    if (size < header_size + token_size) return;
    if (bytes[0] != (target_.is_v4() ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) return;
    if (std::memcmp(bytes + header_size, token_.data(), token_size) != 0) return;
    std::size_t sequence = bytes[6] * 256U + bytes[7];
    if (sequence >= static_cast<std::size_t>(tried_) || answered_[sequence]) return;
    answered_[sequence] = true;
    ++received_;
    rtt_sum_ +=
        std::chrono::duration<double, std::milli>(Steady::now() - sent_at_[sequence]).count();
  }

  Finding judge() const {
    std::string name = target_.to_string();
    double lost = 100.0 * (tried_ - received_) / tried_;
    if (received_ == 0) {
      return {Verdict::failing,
              fmt::format("no answer from {} to {} within {}", name, pings(sent_),
                          format_duration(run().timeout)),
              {{"loss_percent", lost}}};
    }
    double rtt = rtt_sum_ / received_;
    MeasuredValues values{{"rtt_ms", rtt}, {"loss_percent", lost}};
    if (received_ < tried_) {
      return {
          Verdict::warning,
          fmt::format("{} answered {} of {}, in {:.1f} ms", name, received_, pings(tried_), rtt),
          values};
    }
    return {Verdict::ok, fmt::format("{} answered {} in {:.1f} ms", name, pings(received_), rtt),
            values};
  }

  static std::string pings(int count) {
    return fmt::format("{} ping{}", count, count == 1 ? "" : "s");
  }

  Finding timed_out() override {
    if (received_ > 0) return judge();
    if (sent_ == 0) return nothing_sent();
    std::string trouble = trouble_on_the_way(target_);
    if (!trouble.empty()) return {Verdict::unknown, one_line(trouble), {}};
    return judge();
  }

  void stop() override {
    error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
  }

  PingSpec spec_;
  asio::posix::stream_descriptor socket_;
  asio::steady_timer timer_;
  Address target_;
  bool is_raw_ = false;
  std::array<std::uint8_t, token_size> token_{};  // Tells our replies from those of others.
  std::array<Steady::time_point, 10> sent_at_{};
  std::array<bool, 10> answered_{};
  Steady::duration pause_{};
  int tried_ = 0;
  int sent_ = 0;
  int send_error_ = 0;
  int received_ = 0;
  double rtt_sum_ = 0;
};

class PingProbe final : public Probe {
 public:
  explicit PingProbe(PingSpec spec) : spec_(std::move(spec)) {}

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    run_.start(spec_.host, std::move(done), [&](std::function<void(Finding)> tell) {
      return std::make_shared<PingRun>(runtime, run, std::move(tell), spec_);
    });
  }

 private:
  PingSpec spec_;
  RunUnderWay run_;
};

}  // namespace

std::unique_ptr<Probe> make_ping(Reader& reader) {
  std::size_t problems = reader.problems().size();
  PingSpec spec;
  spec.host = read_host(reader).value_or("");
  spec.count = static_cast<int>(reader.integer_or("count", spec.count, 1, 10));
  if (reader.problems().size() != problems) return nullptr;
  return std::make_unique<PingProbe>(std::move(spec));
}

}  // namespace yagura
