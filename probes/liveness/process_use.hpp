// What processes use: memory, processor time, open files, threads, and since when they run. Sums
// over all that were found; filled by process_search.cpp in the same pass over /proc. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "instant.hpp"
#include "liveness/process_table.hpp"

namespace yagura {

// What the kernel counts in.
struct KernelUnits {
  std::uint64_t ticks_per_second = 100;
  std::uint64_t page_bytes = 4096;
};
KernelUnits kernel_units();

struct ProcessesUse {
  // Of more processes than this the processor time is not known.
  static constexpr std::size_t most_timed = 10'000;

  struct Times {
    std::uint64_t started_ticks = 0, used_ticks = 0;
  };

  double memory_bytes = 0;  // resident; what processes share counts for each of them
  std::int64_t threads = 0;
  std::int64_t open_files = 0;                               // where asked for
  bool files_hidden = false;                                 // not all could be counted
  std::optional<std::uint64_t> first_started, last_started;  // ticks since the machine's start
  std::map<int, Times> times;
  bool too_many = false;
  // When it was looked: ticks since the machine's start, and the steady clock.
  std::uint64_t now_ticks = 0;
  std::chrono::steady_clock::time_point at;

  void add(int pid, const ProcessStat& stat, const KernelUnits& units);
};

// Percent of one processor between two looks: of a process that began in between all that it used,
// of one that ended in between nothing. Nothing where no time passed, or there were too many.
std::optional<double> processor_percent(const ProcessesUse& before, const ProcessesUse& after,
                                        const KernelUnits& units);

}  // namespace yagura
