// When a file system will be full if its use goes on as it did. Pure: samples come in with their
// time of the steady clock, from the probe in disk.cpp, which owns this and loses it at a restart.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

namespace yagura {

class SpaceTrend {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What is looked back on, and how much of it there has to be before anything is said.
  static constexpr std::chrono::minutes window{60};
  static constexpr std::chrono::minutes least{10};
  // Samples that come faster are left out, so that a window holds at most 240.
  static constexpr std::chrono::seconds apart{15};

  struct Sample {
    Time at;
    double free_bytes;
  };
  // A file system of another size, grown or another one in its place, begins anew.
  void add(Sample sample, double total_bytes);

  // How fast free space goes: least squares over the window, and over its later half, of which the
  // slower counts, so that growth that has ended is not feared for the rest of the hour. At most 0
  // where use does not grow. Nothing where there are too few samples.
  std::optional<double> bytes_per_second() const;

  // Until nothing is free, from the last sample on; nothing where there are too few samples,
  // infinite where use does not grow.
  std::optional<double> seconds_left() const;

 private:
  // The rate at which free space goes, over samples from this one on.
  double rate_from(std::size_t first) const;

  std::deque<Sample> samples_;
  std::optional<Sample> last_;  // also where it was too close to the one before
  double total_bytes_ = 0;
};

}  // namespace yagura
