// What the first line of /proc/stat says, and what two readings of it mean. Pure: the probe in
// cpu.cpp reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "result.hpp"

namespace yagura {

// Since the start of the machine, over all processors, in the kernel's ticks.
struct CpuTimes {
  std::uint64_t busy = 0;  // user, nice, system, interrupts
  std::uint64_t idle = 0;
  std::uint64_t waiting = 0;  // idle while input or output was under way
  std::uint64_t stolen = 0;   // wanted, and given to others by the host
};
Result<CpuTimes> parse_cpu_times(std::string_view text);

struct CpuUse {
  double used_percent = 0;  // busy and stolen, of all
  double iowait_percent = 0;
  double steal_percent = 0;
};
// Nothing where the counters did not advance. One that went back, as the kernel's do at times,
// counts as still.
std::optional<CpuUse> cpu_use(const CpuTimes& before, const CpuTimes& after);

}  // namespace yagura
