// Numbers from a seed, the same on every machine (std::distributions are not). Whoever has a
// concern of its own forks one for it, so that what is drawn for the one does not move what is
// drawn for the other.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "instant.hpp"

namespace yagura::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  Random(std::uint64_t seed, std::string_view concern) : state_(seed) {
    for (char letter : concern)
      state_ = (state_ ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
    next();
  }

  // For one concern, without a draw from this one.
  Random fork(std::string_view concern) const { return Random(state_, concern); }

  std::uint64_t next() {  // splitmix64
    std::uint64_t mixed = (state_ += 0x9E3779B97F4A7C15ULL);
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return mixed ^ (mixed >> 31);
  }
  int below(int limit) {
    return limit <= 1 ? 0 : static_cast<int>(next() % static_cast<std::uint64_t>(limit));
  }
  int from_to(int least, int most) { return least + below(most - least + 1); }
  bool one_in(int of) { return below(of) == 0; }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11) * (1.0 / 9007199254740992.0) < probability;
  }
  Duration between(Duration least, Duration most) {
    return least + Duration{static_cast<Duration::rep>(
                       next() % static_cast<std::uint64_t>((most - least).count() + 1))};
  }
  template <class T>
  const T& pick(const std::vector<T>& of) {
    return of[static_cast<std::size_t>(below(static_cast<int>(of.size())))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace yagura::sim
