#include "connection.hpp"

#include <fmt/format.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <fstream>
#include <utility>

#include "runtime.hpp"
#include "text.hpp"

namespace yagura {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Whether the kernel may give the port to a connection that begins here; by its range as it is at
// the first call. Where that cannot be read any may be.
bool may_be_our_own(std::uint16_t port) {
  static const auto range = [] {
    std::pair<int, int> from_to{0, 65535};
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    int from = 0, to = 0;
    if (file >> from >> to) from_to = {from, to};
    return from_to;
  }();
  return port >= range.first && port <= range.second;
}

}  // namespace

ConnectionRun::ConnectionRun(io::Runtime& runtime, const ProbeRun& run,
                             std::function<void(Finding)> done, std::uint16_t port)
    : NetworkRun(runtime, run, std::move(done)),
      port_(port),
      socket_(runtime.loop()),
      share_(runtime.loop()) {}

void ConnectionRun::begin(std::vector<Address> addresses) {
  connect_to(std::move(addresses), port_);
}

void ConnectionRun::connect_to(std::vector<Address> addresses, std::uint16_t port) {
  addresses_ = std::move(addresses);
  port_ = port;
  next_ = 0;
  error_ = 0;
  connected_ = false;
  try_next();
}

void ConnectionRun::try_next() {
  if (next_ == addresses_.size()) return give_up();
  std::size_t left = addresses_.size() - next_;
  Address address = addresses_[next_++];
  place_ = place_of(address, port_);
  error_code error;
  socket_.close(error);
  asio::ip::tcp::endpoint endpoint(address, port_);
  socket_.open(endpoint.protocol(), error);
  if (error) return attempt_failed(error.value());
  const std::uint64_t attempt = ++attempt_;
  socket_.async_connect(endpoint, while_running([this, attempt](error_code failed) {
                          if (attempt == attempt_) on_connect(failed);
                        }));
  if (left == 1) return;  // The last one has until the deadline.
  share_.expires_after((deadline() - Steady::now()) / left);
  share_.async_wait(while_running([this, attempt](error_code failed) {
    if (!failed && attempt == attempt_ && !connected_) attempt_failed(ETIMEDOUT);
  }));
}

void ConnectionRun::attempt_failed(int error) {
  bool counts_more = is_target_fault(error) && (error_ == 0 || !is_target_fault(error_));
  if (error_ == 0 || counts_more) {
    error_ = error;
    error_place_ = place_;
  }
  try_next();
}

void ConnectionRun::give_up() {
  finish(none_accepts(addresses_, error_, error_place_));
}

void ConnectionRun::on_connect(const error_code& failed) {
  if (failed) return attempt_failed(failed.value());
  error_code error;
  // A free port of this machine may be given to our own side, which then connects to itself.
  if (may_be_our_own(port_) && socket_.local_endpoint(error) == socket_.remote_endpoint(error) &&
      !error)
    return attempt_failed(ECONNREFUSED);
  share_.cancel();
  connected_ = true;
  connect_seconds_ = seconds_so_far();
  connected();
}

Finding ConnectionRun::broken(const error_code& error, std::string_view when) const {
  return {is_target_fault(error.value()) ? Verdict::failing : Verdict::unknown,
          one_line(fmt::format("the connection broke {} {}: {}", when, place_, error.message())),
          {}};
}

Finding ConnectionRun::timed_out() {
  return connected_ ? late() : not_connected_yet(addresses_, run().timeout, place_);
}

void ConnectionRun::stop() {
  error_code ignored;
  socket_.close(ignored);
  share_.cancel();
  forget();
}

}  // namespace yagura
