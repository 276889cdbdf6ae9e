// Asks an NTP server for the time, once: one UDP packet to each address of the name until one
// answers, each with its share of the time that is left. Owned by the probe in clock.cpp.
#pragma once

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "liveness/network.hpp"
#include "resource/sntp.hpp"

namespace yagura {

class SntpRun final : public NetworkRun {
 public:
  // Whatever went wrong, a name that is not there included, is an error in words.
  SntpRun(io::Runtime& runtime, const ProbeRun& run, std::uint16_t port,
          std::function<void(Result<ClockOffset>)> done);

 private:
  void begin(std::vector<Address> addresses) override;
  Finding timed_out() override;
  void stop() override;

  void try_next();
  void read();
  void on_packet(std::size_t size);
  void attempt_failed(const std::string& why);

  std::uint16_t port_;
  boost::asio::ip::udp::socket socket_;
  boost::asio::steady_timer share_;
  std::vector<Address> addresses_;
  std::size_t next_ = 0;  // Also the number of the attempt under way, from 1.
  std::string place_;
  std::string trouble_;  // of the last address that failed
  std::uint64_t mark_ = 0;
  NtpInstant asked_;
  int strangers_ = 0;
  std::optional<ClockOffset> offset_;
  std::array<char, 512> packet_{};
};

}  // namespace yagura
