#include "liveness/process_use.hpp"

#include <unistd.h>

#include <algorithm>

namespace yagura {

KernelUnits kernel_units() {
  KernelUnits units;
  if (long ticks = ::sysconf(_SC_CLK_TCK); ticks > 0)
    units.ticks_per_second = static_cast<std::uint64_t>(ticks);
  if (long bytes = ::sysconf(_SC_PAGESIZE); bytes > 0)
    units.page_bytes = static_cast<std::uint64_t>(bytes);
  return units;
}

void ProcessesUse::add(int pid, const ProcessStat& stat, const KernelUnits& units) {
  memory_bytes += static_cast<double>(stat.resident_pages) * static_cast<double>(units.page_bytes);
  threads += stat.threads;
  first_started = std::min(first_started.value_or(stat.started_ticks), stat.started_ticks);
  last_started = std::max(last_started.value_or(stat.started_ticks), stat.started_ticks);
  if (times.size() < most_timed) {
    times[pid] = {stat.started_ticks, stat.used_ticks};
  } else {
    too_many = true;
  }
}

std::optional<double> processor_percent(const ProcessesUse& before, const ProcessesUse& after,
                                        const KernelUnits& units) {
  const double passed = std::chrono::duration<double>(after.at - before.at).count();
  if (passed <= 0 || before.too_many || after.too_many) return std::nullopt;
  std::uint64_t used = 0;
  for (const auto& [pid, times] : after.times) {
    const auto found = before.times.find(pid);
    if (found != before.times.end() && found->second.started_ticks == times.started_ticks) {
      used += times.used_ticks - std::min(times.used_ticks, found->second.used_ticks);
    } else if (times.started_ticks >= before.now_ticks) {
      used += times.used_ticks;
    }
  }
  return 100 * static_cast<double>(used) / static_cast<double>(units.ticks_per_second) / passed;
}

}  // namespace yagura
