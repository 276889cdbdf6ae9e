// Cuts a failing run down: whole kinds of faults, then days, the platform, and events, as long as
// the same invariant is violated.
#pragma once

#include "run.hpp"

namespace yagura::sim {

Settings shrink(Settings settings, const Outcome& outcome, const std::string& folder);

}  // namespace yagura::sim
