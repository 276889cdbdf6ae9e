// What /proc/meminfo says, as the probes in memory.cpp and swap.cpp need it. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "result.hpp"

namespace yagura {

struct MemoryUse {
  double used_percent = 0;  // 1 - MemAvailable / MemTotal
  double available_bytes = 0;
  double total_bytes = 0;
  std::optional<double> swap_used_percent;  // none where there is no swap
};

struct SwapUse {
  double used_percent = 0;
  double free_bytes = 0;
  double total_bytes = 0;
};

// Error: a line that is missing or makes no sense, by its name.
Result<MemoryUse> parse_meminfo(std::string_view text);
// The same text's word on swap; nothing where there is none.
Result<std::optional<SwapUse>> parse_swap(std::string_view text);

}  // namespace yagura
