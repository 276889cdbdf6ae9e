// What happened in a run, a line each: hashed as a whole (the same seed has to give the same hash),
// the last ones kept for a report, all printed where asked for. And violations: the first one ends
// the run.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>

#include "instant.hpp"

namespace yagura::sim {

// Thrown where an invariant does not hold; never through the daemon's code (see Trace::violate).
struct Violation {
  std::string invariant;  // in words, without values: what a smaller run has to violate as well
  std::string details;
};

class Trace {
 public:
  explicit Trace(bool prints) : prints_(prints) {}

  void line(Instant at, const std::string& text) {
    const std::string whole = fmt::format("{} {}", at.time_since_epoch().count(), text);
    for (char letter : whole)
      hash_ = (hash_ ^ static_cast<unsigned char>(letter)) * 1099511628211ULL;
    const std::string shown = fmt::format("{} {}", shown_time(at), text);
    if (prints_) std::printf("%s\n", shown.c_str());
    last_.push_back(shown);
    if (last_.size() > 60) last_.pop_front();
  }
  // Notes the first one; the run looks after each step, outside of the daemon's code.
  void violate(std::string invariant, std::string details) {
    if (!violated_) violation_ = {std::move(invariant), std::move(details)};
    violated_ = true;
  }
  bool violated() const { return violated_; }
  const Violation& violation() const { return violation_; }
  std::uint64_t hash() const { return hash_; }
  const std::deque<std::string>& last() const { return last_; }

  static std::string shown_time(Instant at) {
    const auto date = std::chrono::floor<std::chrono::days>(at);
    const auto ms = (at - date).count();
    return fmt::format("{} {:02}:{:02}:{:02}.{:03}Z", format_date(Date{date.time_since_epoch()}),
                       ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
  }

 private:
  bool prints_;
  std::uint64_t hash_ = 14695981039346656037ULL;
  std::deque<std::string> last_;
  bool violated_ = false;
  Violation violation_;
};

}  // namespace yagura::sim
