// One run: a platform, a plan, the daemon that lives through it, and the referee. See main.cpp for
// the program.
#pragma once

#include <deque>
#include <string>

#include "plan.hpp"
#include "referee.hpp"

namespace yagura::sim {

struct Outcome {
  bool violated = false;
  Violation violation;
  std::uint64_t hash = 0;
  int steps = 0;
  Duration length{0};
  Counts counts;
  std::size_t events = 0;
  std::deque<std::string> last;  // lines of the trace
  std::string configuration;     // as it was at the beginning
};

// `folder`: of this process, for the configuration and the place of the database.
Outcome run(const Settings& settings, const std::string& folder);

}  // namespace yagura::sim
