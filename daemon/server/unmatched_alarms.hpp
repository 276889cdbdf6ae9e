// Alarms that another system reported and no component matches: a label misspelt in the
// configuration, or a part of the platform that nobody told Yagura of. Each is told of once, in the
// log and the record, until it is asked for other alarms than before; also over a restart of the
// daemon. The latest that were heard are shown in the status. So many only that nobody can fill the
// record with names. Owned by the engine.
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
  bool take(const AlarmReport& report, Instant now, Allowance::Clock::time_point steady);
  // Which alarms the components ask for, in any words: where it is not what it was, all is told of
  // anew.
  void asked_for(const std::string& definitions);
  // What was told, by digests of 64 bits, at most 17 KB; and back, to be called before the others.
  std::string keep() const;
  void remember(const std::string& kept);

  const std::deque<Line>& latest() const { return latest_; }  // at most 20
  std::uint64_t count() const { return count_; }              // of all reports so far

 private:
  void show(const AlarmReport& report, Instant now);

  std::string asked_for_;       // its digest
  std::set<std::string> told_;  // digests; at most 1,000
  std::deque<Line> latest_;
  Allowance rate_{20, 1.0 / 60};
  std::uint64_t count_ = 0;
};

}  // namespace yagura
