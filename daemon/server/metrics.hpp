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

// How late something came, since the start: a histogram.
struct Lateness {
  static constexpr std::array<Duration, 13> bounds{1ms, 2ms, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 5s, 20s, 60s};
  std::array<std::uint64_t, bounds.size() + 1> counts{};  // up to each bound, and beyond the last
  Duration sum{0}, most{0};
  void take(Duration late);  // negative: not at all
};

struct Metrics {
  std::map<std::pair<std::string, std::string>, std::uint64_t> probe_runs;  // by kind and verdict
  Lateness probes;  // of the runs' beginnings
  std::uint64_t skipped_slots = 0;
  Lateness loop;  // of the event loop's timers
  std::uint64_t deliveries = 0, deliveries_deferred = 0, deliveries_unknown = 0;
  std::uint64_t record_rows = 0;
  std::uint64_t record_commits = 0;  // Store::commits()
};

// The text format, version 0.0.4; names begin with yagura_.
std::string prometheus_text(const Metrics& metrics, const State& state, std::size_t queued_writes,
                            bool record_in_trouble);

}  // namespace yagura
