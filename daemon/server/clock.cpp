#include "clock.hpp"

namespace yagura {

namespace {

Instant wall_now() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

}  // namespace

Clock::Clock() : wall_(wall_now()), steady_(std::chrono::steady_clock::now()) {}

Clock::Reading Clock::read() {
  Instant wall = wall_now();
  auto steady = std::chrono::steady_clock::now();
  Duration moved = (wall - wall_) - std::chrono::duration_cast<Duration>(steady - steady_);
  wall_ = wall;
  steady_ = steady;
  // What rounding makes is no movement.
  if (moved < 50ms && moved > -50ms) moved = Duration{0};
  return {wall, moved};
}

}  // namespace yagura
