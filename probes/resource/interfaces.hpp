// What /proc/net/dev says of the network interfaces, and what two readings of it mean. Pure: the
// probe in network.cpp reads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rate.hpp"
#include "result.hpp"

namespace yagura {

// Since the interface is there.
struct InterfaceCounters {
  std::uint64_t received_bytes = 0;
  std::uint64_t receive_errors = 0;
  std::uint64_t receive_drops = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t send_errors = 0;
  std::uint64_t send_drops = 0;
};
// By the interface's name. Error: a line that makes no sense.
Result<std::map<std::string, InterfaceCounters>> parse_net_dev(std::string_view text);

struct InterfaceRates {
  double errors_per_second = 0;  // both ways
  double drops_per_second = 0;
  double received_bytes_per_second = 0;
  double sent_bytes_per_second = 0;

  // The busier way in percent of a link of this speed.
  double saturation_percent(double bits_per_second) const;
};
// Nothing where any of the counters began anew, or no time passed.
std::optional<InterfaceRates> interface_rates(const InterfaceCounters& before,
                                              const InterfaceCounters& after, double seconds);

// "1 Gbit/s", "100Mbit", "56 kbit/s": in bits per second.
Result<double> parse_speed(std::string_view text);

}  // namespace yagura
