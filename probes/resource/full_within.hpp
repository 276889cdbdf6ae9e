// The key `full_within` of a disk: levels on the time until nothing is free, if use goes on growing
// as it did. Pure: time comes in with the samples. Owned by the probe in disk.cpp.
#pragma once

#include <map>
#include <string>

#include "part.hpp"
#include "trend.hpp"

namespace yagura {

class FullWithin {
 public:
  // Reads the key; a time alone, `4h`, is "<= 4h". False: a problem was reported.
  bool read(Reader& reader);
  bool is_watched() const { return levels_.is_watched(); }

  // Adds what was measured to `values`.
  Judgement judge(SpaceTrend::Sample now, double total_bytes, bool was_failing,
                  MeasuredValues& values);

 private:
  Part levels_;
  SpaceTrend trend_;
};

}  // namespace yagura
