// What the kernel knows of its own clock, and what the probe in clock.cpp makes of it. Pure.
//
// An NTP client (chronyd, ntpd, systemd-timesyncd) tells the kernel how well the clock is kept;
// from then on the kernel lets the greatest possible error grow by 0.5 ms a second until it is told
// again, and calls the clock unsynchronised at 16 s, which is some nine hours later.
#pragma once

#include <sys/timex.h>

#include <optional>

#include "probe.hpp"
#include "resource/part.hpp"
#include "resource/sntp.hpp"
#include "resource/threshold.hpp"
#include "result.hpp"

namespace yagura {

struct ClockState {
  bool synchronised = false;
  double offset_seconds = 0;           // known, and being worked off
  double estimated_error_seconds = 0;  // by the NTP client's own estimate
  double max_error_seconds = 0;        // what it can be off by at most
};
// Of what ntp_adjtime() returned and filled in.
ClockState clock_state(int returned, const timex& answer);

class ClockJudge {
 public:
  // What was found in a run.
  struct Found {
    Result<ClockState> kernel;
    Duration machine_up{};
    std::optional<Result<ClockOffset>> server;  // where one is asked
  };

  // Reads failing, warning, clear_at, synchronised and max_error. Nothing where a problem was
  // reported.
  static std::optional<ClockJudge> read(Reader& reader, bool asks_server);

  Finding judge(const Found& found, bool was_failing);

 private:
  Judgement judge_offset(const Found& found, bool was_failing,
                         MeasuredValues& values);
  Judgement judge_kernel(const Found& found, bool was_failing) const;

  Threshold offset_;
  Part max_error_;
  FailingCause offset_cause_;
  bool synchronised_ = false;
};

}  // namespace yagura
