// What /proc/loadavg says. Pure: the probe in load.cpp reads.
#pragma once

#include <string_view>

#include "result.hpp"

namespace yagura {

struct LoadAverages {
  double over_1m = 0;
  double over_5m = 0;
  double over_15m = 0;
};
Result<LoadAverages> parse_loadavg(std::string_view text);

}  // namespace yagura
