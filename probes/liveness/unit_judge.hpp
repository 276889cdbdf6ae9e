// How a systemd unit is judged by what systemd says of it: as one that runs all the time, or, as of
// timers and programs that run and end, by its runs. Pure: what was read, the times and what is
// remembered come in. Owned by the probe in unit.cpp.
#pragma once

#include <deque>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "instant.hpp"
#include "resource/threshold.hpp"
#include "zone.hpp"

namespace yagura {

// Of org.freedesktop.systemd1.Unit, and of what the unit is. A time that is 0 never was.
struct UnitFacts {
  std::string name;
  std::string load, active, sub, result;
  Instant active_since{};  // ActiveEnterTimestamp
  Instant left_active{};   // ActiveExitTimestamp
  Instant began{};         // InactiveExitTimestamp
  Instant ended{};         // InactiveEnterTimestamp
  Duration began_boot{};   // the same on the clock that nobody sets, CLOCK_MONOTONIC
  Duration left_active_boot{};
  std::uint64_t restarts = 0;
  std::int64_t exit_code = 0, exit_status = 0;  // of the main process: CLD_EXITED, CLD_KILLED, …
};

struct UnitAnswer {
  UnitFacts unit;
  std::optional<UnitFacts> started;  // what a timer starts
  Instant next{};                    // when it does, where systemd knows
};

struct UnitRules {
  std::string unit;
  Duration grace = 90s;
  std::optional<Threshold> restarts;
  Duration restarts_within = 1h;
  bool by_runs = false;
  std::optional<Duration> ran_within;
  bool any_result = false;
};

struct UnitTimes {
  Instant wall{};
  Duration boot{};  // CLOCK_MONOTONIC
  Zone zone;
};

class UnitJudge {
 public:
  // `kept`: what keep() gave, also before a restart of the daemon.
  void remember(const std::string& kept, const UnitRules& rules, const UnitTimes& times);
  std::string keep(const UnitRules& rules) const;  // empty: nothing

  Judgement judge(const UnitAnswer& answer, const UnitRules& rules, const UnitTimes& times,
                  bool was_failing, MeasuredValues& values);

 private:
  Judgement judge_standing(const UnitFacts& facts, const UnitRules& rules, const UnitTimes& times);
  Judgement judge_restarts(const UnitFacts& facts, const UnitRules& rules, const UnitTimes& times,
                           bool was_failing, MeasuredValues& values);
  Judgement judge_runs(const UnitAnswer& answer, const UnitRules& rules, const UnitTimes& times,
                       MeasuredValues& values);
  void take_run(const UnitFacts& facts);
  void take_restarts(const UnitFacts& facts, const UnitRules& rules, const UnitTimes& times);
  void remember_restarts(std::istream& text, const UnitTimes& times);

  // Since when it has been on its way, as seen; systemd's own time begins anew with every try.
  std::optional<Duration> on_its_way_since_;
  // Of restarts, kept.
  struct Restarts {
    Duration at;  // as UnitTimes::boot
    Instant seen;
    std::uint64_t count;
  };
  std::optional<std::uint64_t> last_restarts_;
  std::deque<Restarts> restarts_;  // at most 1,000
  bool resumed_ = false;           // nothing was seen since they were kept
  FailingCause restarts_cause_;
  // Of runs, kept.
  Instant first_look_{}, last_end_{}, last_success_{};
  std::string last_failure_;  // of the last run, in words; empty: it did not fail
};

// "exit-code 1", "signal 9 (KILL)", "timeout": why it failed, in systemd's words.
std::string failure_words(const UnitFacts& facts);

}  // namespace yagura
