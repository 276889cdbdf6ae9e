// How often somebody may do something: a bucket for each, filled steadily, never above what it
// holds. Who comes from outside is many, so what is remembered is bounded: full buckets are
// forgotten, as a new one is full.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>

namespace yagura {

class Allowance {
 public:
  using Clock = std::chrono::steady_clock;
  Allowance(double at_once, double per_second) : at_once_(at_once), per_second_(per_second) {}

  // False: not now. What was refused is not counted.
  bool take(std::uint64_t who, Clock::time_point now) {
    if (buckets_.size() >= most && !buckets_.contains(who)) forget(now);
    Bucket& bucket = buckets_.try_emplace(who, Bucket{at_once_, now}).first->second;
    fill(bucket, now);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

 private:
  static constexpr std::size_t most = 1'000;
  struct Bucket {
    double left;
    Clock::time_point at;
  };
  void fill(Bucket& bucket, Clock::time_point now) const {
    const std::chrono::duration<double> passed = now - bucket.at;
    bucket.left = std::min(at_once_, bucket.left + passed.count() * per_second_);
    bucket.at = now;
  }
  // Where nobody's is full, the machine has more users than anybody foresaw: all begin anew.
  void forget(Clock::time_point now) {
    std::erase_if(buckets_, [&](const auto& entry) {
      Bucket bucket = entry.second;
      fill(bucket, now);
      return bucket.left >= at_once_;
    });
    if (buckets_.size() >= most) buckets_.clear();
  }

  double at_once_, per_second_;
  std::map<std::uint64_t, Bucket> buckets_;
};

}  // namespace yagura
