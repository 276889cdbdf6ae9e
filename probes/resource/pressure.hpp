// What a file of /proc/pressure says. Pure: the probe in pressure.cpp reads.
#pragma once

#include <optional>
#include <string_view>

#include "result.hpp"

namespace yagura {

// Parts of the time, in percent, in which tasks waited.
struct Stalls {
  double over_10s = 0;
  double over_1m = 0;
  double over_5m = 0;
};
struct Pressure {
  Stalls some;                 // at least one task waited
  std::optional<Stalls> full;  // all of them did; not said of the CPU before Linux 5.13
};
Result<Pressure> parse_pressure(std::string_view text);

}  // namespace yagura
