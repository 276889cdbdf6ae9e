// May the daemon say that it is well? What it shows of itself, and the judgement of it: probes run
// on time, the record takes writes, the outbox moves. Pure; the heartbeat asks, and the engine
// gives the signs.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "instant.hpp"
#include "state.hpp"

namespace yagura {

// How late a probe may be, a run may outlive its timeout, and a notice may stand about after the
// deadline of its attempt. /healthz has the same for probes.
constexpr Duration tolerated_lateness = 1min;

struct Signs {
  Duration lateness{0};  // of the probe that is the most overdue
  Duration overrun{0};   // of the run that has outlived its timeout the longest
  std::optional<std::string> record_trouble;  // what keeps the record from being written
  std::optional<Duration> write_waits;        // for how long a write has not become durable
  Duration outbox_stands{0};                  // outbox_stands()
  Duration attempt_timeout{0};                // the longest that one delivery may take
};

// What keeps it from saying so: the first that is found, in words.
struct Silence {
  enum class Cause { probes, record, outbox } cause;
  std::string why;
};
std::optional<Silence> reason_for_silence(const Signs& signs);

// For how long a notice that is due has neither left nor come back, while nothing else moved: the
// longest of them. What is held, waits for another try, or is collected into a bundle does not
// stand; what waits for a free place does not while others come and go.
//
// `attempts` are the deliveries under way, with their age; `since_moved` is how long ago one began
// or ended.
Duration outbox_stands(const State& state, const std::map<NoticeId, Duration>& attempts,
                       Duration since_moved, Instant now);

}  // namespace yagura
