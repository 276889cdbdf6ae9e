// The one place where the engine reads the time: once per turn of the loop. It also sees where the
// wall clock moved against the steady one.
#pragma once

#include "instant.hpp"
#include "surroundings.hpp"

namespace yagura {

class Clock {
 public:
  explicit Clock(Surroundings& surroundings);
  struct Reading {
    Instant now{};
    Duration moved{0};  // of the wall clock against the steady one, since the reading before
  };
  // Whoever reads has to act on `moved`: the next reading does not know of it any more.
  Reading read();
  // The time alone, for showing and for timers.
  Instant peek() const { return surroundings_.wall(); }
  SteadyInstant steady() const { return surroundings_.steady(); }

 private:
  Surroundings& surroundings_;
  Instant wall_{};
  SteadyInstant steady_{};
};

}  // namespace yagura
