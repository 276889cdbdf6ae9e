// Rates: what counters of the kernel grew by between two runs of a probe. The reading of the run
// before is kept in the probe and lost with it, on purpose: the first run after a start says that
// it cannot tell yet. Time is that of the steady clock and comes in with the readings. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace yagura {

// How much a counter grew, over its end and on from 0 where it is of 32 or 64 bits. Nothing where
// it began anew, as with a driver that was loaded again: what it grew by then is not known. A
// counter that went back counts as over its end only from the last quarter of its range to the
// first.
std::optional<double> counter_growth(std::uint64_t before, std::uint64_t after);

template <class Counters>
struct Reading {
  Counters counters;
  std::chrono::steady_clock::time_point at;
};

template <class Counters>
double seconds_between(const Reading<Counters>& before, const Reading<Counters>& after) {
  return std::chrono::duration<double>(after.at - before.at).count();
}

// Remembers readings from run to run.
template <class Counters>
class LastReading {
 public:
  // What to compare this reading with: the youngest of before that is at least a second older, as a
  // single error in a hundredth of a second is no hundred a second. Nothing in the first run.
  std::optional<Reading<Counters>> exchange(Reading<Counters> now) {
    if (!newer_ || now.at - newer_->at >= std::chrono::seconds(1)) {
      older_ = std::exchange(newer_, std::move(now));
    }
    return older_;
  }

 private:
  std::optional<Reading<Counters>> older_, newer_;
};

}  // namespace yagura
