#include "network.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "resolver.hpp"
#include "runtime.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::array target_faults = {ECONNREFUSED, ECONNRESET, ECONNABORTED, ETIMEDOUT,
                                      EHOSTUNREACH, EHOSTDOWN,  EPIPE,        EPROTO};

std::string words_of(int error) {
  std::string words = std::generic_category().message(error);
  if (!words.empty() && words[0] >= 'A' && words[0] <= 'Z')
    words[0] = static_cast<char>(words[0] - 'A' + 'a');
  return words;
}

struct LocalSide {
  int error = 0;  // Of finding the way; else `address` is what we would speak from.
  Address address;
};

// Connecting a datagram socket sends nothing: the kernel only looks for the way.
LocalSide local_side(const Address& target) {
  boost::asio::ip::udp::endpoint endpoint(target, 9);
  int socket = ::socket(endpoint.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return {errno, {}};
  LocalSide side;
  boost::asio::ip::udp::endpoint local;
  socklen_t size = static_cast<socklen_t>(local.capacity());
  if (::connect(socket, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::getsockname(socket, local.data(), &size) != 0) {
    side.error = errno;
  } else {
    local.resize(size);
    side.address = local.address();
  }
  ::close(socket);
  return side;
}

std::optional<Address> address_of(const sockaddr* socket) {
  if (socket == nullptr || (socket->sa_family != AF_INET && socket->sa_family != AF_INET6))
    return std::nullopt;
  boost::asio::ip::udp::endpoint endpoint;
  std::size_t size = socket->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::memcpy(endpoint.data(), socket, size);
  endpoint.resize(size);
  return endpoint.address();
}

// The interface that has this address, where it is down or without a link.
std::string dead_interface(const Address& local) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  std::string name;
  for (const ifaddrs* entry = all; entry != nullptr; entry = entry->ifa_next) {
    if (address_of(entry->ifa_addr) != local) continue;
    if ((entry->ifa_flags & IFF_UP) == 0 || (entry->ifa_flags & IFF_RUNNING) == 0)
      name = entry->ifa_name;
    break;
  }
  ::freeifaddrs(all);
  return name;
}

Finding cannot_look(std::string_view reason) {
  return {Verdict::unknown, one_line(reason), {}};
}

Finding unless_own_trouble(Finding finding, int error, const Address& address) {
  if (!may_be_own_trouble(error)) return finding;
  std::string trouble = trouble_on_the_way(address);
  return trouble.empty() ? finding : cannot_look(trouble);
}

}  // namespace

std::string wrong_with_host(std::string_view host) {
  if (host.empty()) return "the host is empty: write a name or an address";
  if (host.size() > 253) return "the host is longer than any name can be (253 characters)";
  for (char c : host) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      return "the host has characters outside ASCII: write the name in its xn-- form";
    }
    bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                std::string_view(".-_:%").find(c) != std::string_view::npos;
    if (!fits)
      return "the host is neither a name nor an address, such as db.example.jp or 10.0.1.21";
  }
  boost::system::error_code not_literal;
  boost::asio::ip::make_address(std::string(host), not_literal);
  if (not_literal && host.find_first_of(":%") != std::string_view::npos) {
    return "the host is no address; a port has a key of its own";
  }
  return {};
}

std::optional<std::string> read_host(Reader& reader) {
  const Node* node = reader.required("host");
  if (node == nullptr) return std::nullopt;
  auto host = reader.text("host");
  if (!host) return std::nullopt;
  if (std::string wrong = wrong_with_host(*host); !wrong.empty()) {
    reader.problem(*node, wrong);
    return std::nullopt;
  }
  return host;
}

bool is_target_fault(int error) {
  return std::find(target_faults.begin(), target_faults.end(), error) != target_faults.end();
}

// Silence and "no host" are also what an interface without a link gives.
bool may_be_own_trouble(int error) {
  return error == EHOSTUNREACH || error == ETIMEDOUT || error == ENETUNREACH;
}

std::string trouble_on_the_way(const Address& address) {
  LocalSide side = local_side(address);
  if (side.error != 0) {
    return fmt::format("this machine has no way to {}: {}", address.to_string(),
                       words_of(side.error));
  }
  std::string dead = dead_interface(side.address);
  if (dead.empty()) return {};
  return fmt::format("the interface {} of this machine, which leads to {}, has no link",
                     one_line(dead, 40), address.to_string());
}

std::string place_of(const Address& address, std::uint16_t port) {
  return fmt::format("{} port {}", address.to_string(), port);
}

Finding connection_failed(int error, const std::string& place) {
  if (!is_target_fault(error)) {
    return cannot_look(
        fmt::format("this machine cannot connect to {}: {}", place, words_of(error)));
  }
  std::string words = error == ECONNREFUSED                         ? "connection refused by"
                      : error == ECONNRESET || error == EPIPE       ? "connection reset by"
                      : error == ETIMEDOUT                          ? "no answer from"
                      : error == EHOSTUNREACH || error == EHOSTDOWN ? "no host answers at"
                                                                    : words_of(error) + ":";
  return {Verdict::failing, one_line(fmt::format("{} {}", words, place)), {}};
}

Finding none_accepts(const std::vector<Address>& addresses, int error, const std::string& place) {
  std::string where = place;
  if (addresses.size() > 1)
    where += fmt::format(" (of {} addresses none accepts)", addresses.size());
  return unless_own_trouble(connection_failed(error, where), error, addresses.front());
}

Finding not_connected_yet(const std::vector<Address>& addresses, Duration timeout,
                          const std::string& place) {
  return unless_own_trouble(
      {Verdict::failing,
       fmt::format("no connection to {} within {}", place, format_duration(timeout)),
       {}},
      ETIMEDOUT, addresses.front());
}

struct NetworkRun::Timer {
  explicit Timer(boost::asio::io_context& loop) : timer(loop) {}
  boost::asio::steady_timer timer;
};

NetworkRun::NetworkRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done)
    : runtime_(runtime),
      run_(run),
      done_(std::move(done)),
      began_(Steady::now()),
      timer_(std::make_unique<Timer>(runtime.loop())) {}

NetworkRun::~NetworkRun() = default;

void NetworkRun::start(const std::string& host) {
  timer_->timer.expires_at(deadline());
  timer_->timer.async_wait(while_running([this](boost::system::error_code error) {
    if (error) return;
    if (looking_up_.empty()) return finish(timed_out());
    finish(
        cannot_look(fmt::format("no name server answered about {} within {}; see /etc/resolv.conf",
                                one_line(looking_up_, 100), format_duration(run_.timeout))));
  }));
  if (host.empty()) return begin({});
  look_up(host);
}

void NetworkRun::cancel() {
  done_ = nullptr;
  let_go();
}

void NetworkRun::look_up(const std::string& host) {
  looking_up_ = host;
  query_ = runtime_.resolver().resolve(
      host, run_.timeout,
      while_running([this](const io::Resolution& resolution) { on_names(resolution); }));
}

void NetworkRun::on_names(const io::Resolution& resolution) {
  looking_up_.clear();
  query_ = 0;
  switch (resolution.status) {
    case io::Resolution::Status::found:
      break;
    case io::Resolution::Status::no_such_name:
      return finish({Verdict::failing, one_line(resolution.reason), {}});
    case io::Resolution::Status::failed:
      return finish(cannot_look(resolution.reason));
  }
  // Asking for the way costs as much as a connection; of one address the connection says it.
  if (resolution.addresses.size() == 1) return begin(resolution.addresses);
  std::vector<Address> reachable;
  for (const Address& address : resolution.addresses) {
    if (local_side(address).error == 0) reachable.push_back(address);
  }
  if (!reachable.empty()) return begin(std::move(reachable));
  if (resolution.addresses.empty()) return finish(cannot_look("the name has no address"));
  finish(cannot_look(trouble_on_the_way(resolution.addresses.front())));
}

void NetworkRun::let_go() {
  if (over_) return;
  over_ = true;
  timer_.reset();
  if (query_ != 0) runtime_.resolver().cancel(query_);
  stop();
}

void NetworkRun::finish(Finding finding) {
  if (over_) return;
  auto keep = shared_from_this();
  let_go();
  auto tell = std::exchange(done_, nullptr);
  if (tell) tell(std::move(finding));
}

double NetworkRun::seconds_so_far() const {
  return std::chrono::duration<double>(Steady::now() - began_).count();
}

}  // namespace yagura
