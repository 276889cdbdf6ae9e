#include "clock.hpp"

namespace yagura {

Clock::Clock(Surroundings& surroundings)
    : surroundings_(surroundings), wall_(surroundings.wall()), steady_(surroundings.steady()) {}

Clock::Reading Clock::read() {
  Instant wall = surroundings_.wall();
  SteadyInstant steady = surroundings_.steady();
  Duration moved = (wall - wall_) - std::chrono::duration_cast<Duration>(steady - steady_);
  wall_ = wall;
  steady_ = steady;
  // What rounding makes is no movement.
  if (moved < 50ms && moved > -50ms) moved = Duration{0};
  return {wall, moved};
}

}  // namespace yagura
