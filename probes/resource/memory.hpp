// What /proc/meminfo says, as the probe in memory.cpp needs it. Pure.
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

// Error: a line that is missing or makes no sense, by its name.
Result<MemoryUse> parse_meminfo(std::string_view text);

}  // namespace yagura
