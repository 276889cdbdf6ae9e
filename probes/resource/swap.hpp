// What /proc/vmstat says of swapping, as the probe in swap.cpp needs it; how much swap there is, is
// in memory.hpp. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "result.hpp"

namespace yagura {

// Since the start of the machine.
struct SwapTraffic {
  std::uint64_t pages_in = 0;
  std::uint64_t pages_out = 0;
};
// Error: a line that is missing or makes no sense, by its name.
Result<SwapTraffic> parse_swap_traffic(std::string_view vmstat);

}  // namespace yagura
