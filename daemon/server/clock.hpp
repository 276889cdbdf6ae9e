// The one place where the daemon reads the time: once per turn of the loop. It also sees where the wall clock moved against
// the steady one.
#pragma once

#include <chrono>

#include "instant.hpp"

namespace yagura {

class Clock {
 public:
  Clock();
  struct Reading {
    Instant now{};
    Duration moved{0};  // of the wall clock against the steady one, since the reading before
  };
  Reading read();

 private:
  Instant wall_{};
  std::chrono::steady_clock::time_point steady_{};
};

}  // namespace yagura
