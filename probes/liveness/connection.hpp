// A run over one TCP connection: all addresses of the name are tried in order until one accepts,
// each with its share of the time that is left, and what nobody accepted is told with whose fault
// it is. Owned by liveness/; tcp, tls and http build on it and begin in connected().
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "network.hpp"

namespace yagura {

class ConnectionRun : public NetworkRun {
 public:
  ConnectionRun(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done,
                std::uint16_t port);

 protected:
  virtual void connected() = 0;  // Once, with an open socket().
  virtual Finding late() = 0;    // What the deadline means once connected.
  virtual void forget() {}       // Lets go what the run holds besides socket().

  boost::asio::ip::tcp::socket& socket() { return socket_; }
  const std::string& place() const { return place_; }  // "10.0.1.21 port 5432"
  double connect_seconds() const { return connect_seconds_; }
  // Over again, to another place; what stood before is closed.
  void connect_to(std::vector<Address> addresses, std::uint16_t port);
  void begin(std::vector<Address> addresses) override;
  Finding timed_out() override;
  // The connection broke once it stood: "the connection broke while … 10.0.1.21 port 25: …".
  Finding broken(const boost::system::error_code& error, std::string_view when) const;

 private:
  void stop() final;

  void try_next();
  void attempt_failed(int error);
  void give_up();
  void on_connect(const boost::system::error_code& failed);

  std::uint16_t port_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer share_;
  std::vector<Address> addresses_;
  std::size_t next_ = 0;
  std::uint64_t attempt_ = 0;  // The one under way.
  std::string place_;
  bool connected_ = false;
  int error_ = 0;  // The weightiest so far, and where.
  std::string error_place_;
  double connect_seconds_ = 0;
};

}  // namespace yagura
