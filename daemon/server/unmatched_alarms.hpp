// Alarms that another system reported and no component matches: a label misspelt in the configuration, or a part of the
// platform that nobody told Yagura of. Each is told of once while the daemon runs, in the log and the record, and the latest
// are shown in the status; so many only that nobody can fill the record with names. Owned by the engine.
#pragma once

#include <deque>
#include <set>
#include <string>

#include "allowance.hpp"
#include "outside/alarm_monitor.hpp"

namespace yagura {

class UnmatchedAlarms {
 public:
  struct Line {
    AlarmReport report;
    Instant at{};
  };
  // True: it is to be told of. Twenty at once, then one a minute; what is left out for that may come again.
  bool take(const AlarmReport& report, Instant now, Allowance::Clock::time_point steady) {
    ++count_;
    const std::string key = std::string(name_of(report.source)) + ":" + report.id;
    if (told_.contains(key) || !rate_.take(0, steady)) return false;
    if (told_.size() == most_remembered) told_.clear();
    told_.insert(key);
    if (latest_.size() == most_shown) latest_.pop_front();
    latest_.push_back({report, now});
    return true;
  }
  // Which components there are has changed.
  void forget() {
    told_.clear();
    latest_.clear();
  }
  const std::deque<Line>& latest() const { return latest_; }
  std::uint64_t count() const { return count_; }  // of all reports so far

 private:
  static constexpr std::size_t most_remembered = 1'000;
  static constexpr std::size_t most_shown = 20;
  std::set<std::string> told_;
  std::deque<Line> latest_;
  Allowance rate_{20, 1.0 / 60};
  std::uint64_t count_ = 0;
};

}  // namespace yagura
