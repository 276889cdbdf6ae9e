// What the daemon counts of itself, and its text for Prometheus.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "instant.hpp"
#include "state.hpp"

namespace yagura {

// How late the timers of the event loop were, since the start.
struct LoopLag {
  static constexpr std::array<Duration, 11> bounds{1ms, 2ms, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 5s};
  std::array<std::uint64_t, bounds.size() + 1> counts{};  // up to each bound, and beyond the last
  Duration sum{0};
  void take(Duration lag);
};

struct Metrics {
  std::map<std::pair<std::string, std::string>, std::uint64_t> probe_runs;  // by kind and verdict
  Duration probe_lateness{0};      // of the latest run
  Duration probe_lateness_most{0};  // since the start
  std::uint64_t skipped_slots = 0;
  LoopLag loop_lag;
  Duration loop_lag_most{0};
  std::uint64_t deliveries = 0, deliveries_deferred = 0, deliveries_unknown = 0;
  std::uint64_t record_rows = 0;
};

// The text format, version 0.0.4; names begin with yagura_.
std::string prometheus_text(const Metrics& metrics, const State& state, std::size_t queued_writes,
                            bool record_in_trouble);

}  // namespace yagura
