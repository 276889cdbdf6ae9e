// What the daemon counts of itself, and its text for Prometheus.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "instant.hpp"
#include "state.hpp"

namespace yagura {

struct Metrics {
  std::map<std::pair<std::string, std::string>, std::uint64_t> probe_runs;  // by kind and verdict
  Duration probe_lateness{0};      // of the latest run
  Duration probe_lateness_most{0};  // since the start
  std::uint64_t skipped_slots = 0;
  Duration loop_lag{0};            // how late the last timer of the loop was
  Duration loop_lag_most{0};
  std::uint64_t deliveries = 0, deliveries_deferred = 0, deliveries_unknown = 0;
  std::uint64_t record_rows = 0;
};

// The text format, version 0.0.4; names begin with yagura_.
std::string prometheus_text(const Metrics& metrics, const State& state, std::size_t queued_writes,
                            bool record_in_trouble);

}  // namespace yagura
