// What the probes that go over the network have in common: reading the host, looking its name up,
// the run's one deadline, telling once, and whose fault an error is. Owned by liveness/; tcp, http
// and ping build on it.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probe.hpp"

namespace yagura {

namespace io {
class Runtime;
struct Resolution;
}  // namespace io

using Address = boost::asio::ip::address;

// The key `host`, required: a name or a literal address. Problems are reported.
std::optional<std::string> read_host(Reader& reader);
// Nothing where it can be a host; else what is wrong with it.
std::string wrong_with_host(std::string_view host);

// Whether the other side, or the network near it, made this error (of connect, send, receive). All
// others are made on this machine: no route, no descriptor, no permission.
bool is_target_fault(int error);
// Whether this machine may have made an error that looks like the target's, or has no way to it:
// see trouble_on_the_way().
bool may_be_own_trouble(int error);
// Why nothing can reach the address from here: no route, or no link on the interface that leads
// there. Or nothing.
std::string trouble_on_the_way(const Address& address);
// "10.0.1.21 port 5432"
std::string place_of(const Address& address, std::uint16_t port);
// "connection refused by 10.0.1.21 port 5432"; for errors of this machine, that it is so.
Finding connection_failed(int error, const std::string& place);
// Of a connection that none of the addresses of a host accepted, `place` being the one that is
// told: the error there, or at the deadline that there is none. Where this machine may be to blame
// it is looked at.
Finding none_accepts(const std::vector<Address>& addresses, int error, const std::string& place);
Finding not_connected_yet(const std::vector<Address>& addresses, Duration timeout,
                          const std::string& place);

// One run. It looks the name up, hands its addresses to begin(), where there are several those that
// have a route, and tells exactly once: what finish() was given, or what timed_out() says at the
// deadline. The runtime must outlive it.
class NetworkRun : public std::enable_shared_from_this<NetworkRun> {
 public:
  NetworkRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done);
  virtual ~NetworkRun();
  NetworkRun(const NetworkRun&) = delete;
  NetworkRun& operator=(const NetworkRun&) = delete;

  // Of no host, "", nothing is looked up, and begin() is given no address.
  void start(const std::string& host);
  void cancel();  // By the owner: nothing is told any more, everything is let go.

 protected:
  using Steady = std::chrono::steady_clock;

  // At least one address of the host. Where it is the only one it need not have a route.
  virtual void begin(std::vector<Address> addresses) = 0;
  virtual Finding timed_out() = 0;
  virtual void stop() = 0;  // Lets all descriptors, timers and memory go; called once.

  void look_up(const std::string& host);  // Again, for another host; ends in begin().
  void finish(Finding finding);  // Whoever is told may destroy us: the caller returns at once.
  // A handler that does nothing once the run is over.
  template <class Handler>
  auto while_running(Handler handler) {
    return [weak = weak_from_this(), handler = std::move(handler)](auto&&... given) mutable {
      auto self = weak.lock();
      if (self && !self->over_) handler(std::forward<decltype(given)>(given)...);
    };
  }

  io::Runtime& runtime() { return runtime_; }
  const ProbeRun& run() const { return run_; }
  Steady::time_point began() const { return began_; }
  Steady::time_point deadline() const { return began_ + run_.timeout; }
  double seconds_so_far() const;

 private:
  struct Timer;
  void let_go();
  void on_names(const io::Resolution& resolution);

  io::Runtime& runtime_;
  ProbeRun run_;
  std::function<void(Finding)> done_;
  Steady::time_point began_;
  std::unique_ptr<Timer> timer_;
  std::string looking_up_;  // The host, while its name is being looked up.
  std::uint64_t query_ = 0;
  bool over_ = false;
};

// A probe's run while it is under way. It is let go as it tells, with all that it holds, and with
// this it is cancelled.
class RunUnderWay {
 public:
  RunUnderWay() = default;
  ~RunUnderWay() {
    if (run_) run_->cancel();
  }
  RunUnderWay(const RunUnderWay&) = delete;
  RunUnderWay& operator=(const RunUnderWay&) = delete;

  // `make` makes the run, of what it has to call in the end.
  template <class Make>
  void start(const std::string& host, std::function<void(Finding)> done, Make make) {
    run_ = make(std::function<void(Finding)>([this, done = std::move(done)](Finding finding) {
      const auto over = std::move(run_);
      done(std::move(finding));
    }));
    run_->start(host);
  }

 private:
  std::shared_ptr<NetworkRun> run_;
};

}  // namespace yagura
