// Probes that run late are a failure of the monitoring itself: whoever keeps its machine, and the lead, hear of it once,
// and when it is over. What is late is measured by the daemon, which also says what it tolerates.
//
// A daemon that was stopped as a whole, and goes on, is the same case: every probe was late by as long, and nothing was
// watched meanwhile. It is told when the daemon is back; what nobody can say while it stands, the missing heartbeat says.
// A daemon that ended is no case of it: its start is recorded, and begins with every probe.
#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

// Shorter trouble is in the record's metrics only.
constexpr Duration told_after = 5min;
// Twice the longest interval that a probe may have: each had its turn, and began in time.
constexpr Duration over_after = 10min;

}  // namespace

void take_lateness(Turn& turn, const ProbesLate& late) {
  std::optional<Live::Lateness>& known = turn.live.lateness;
  if (!known) known = Live::Lateness{turn.now - late.by, turn.now, late.by, 0};
  known->since = std::min(known->since, turn.now - late.by);
  known->last = turn.now;
  known->most = std::max(known->most, late.by);
  known->fell_out += late.fell_out;
}

void tell_late_probes(Turn& turn) {
  std::optional<Live::Lateness>& lateness = turn.live.lateness;
  const std::optional<Instant> told = turn.state().core.late_since;
  // Told before a restart: it is over when it does not come again.
  if (!lateness && told) lateness = Live::Lateness{turn.now, turn.now, Duration{0}, 0};
  if (!lateness) return;
  if (turn.now >= lateness->last + over_after) {
    if (told) {
      turn.edit_core().late_since.reset();
      tell_of_monitoring(turn, "probing.on_time", "on_time", "probes run on time again",
                         {{"since", turn.time(*told)}, {"until", turn.time(lateness->last)}});
    }
    lateness.reset();
    return;
  }
  turn.wake_at(lateness->last + over_after);
  if (told || lateness->last - lateness->since < told_after) return;
  turn.edit_core().late_since = lateness->since;
  const Duration most = std::chrono::floor<std::chrono::seconds>(lateness->most);
  tell_of_monitoring(turn, "probing.late", "late", "probes run late for " + format_duration(told_after),
                     {{"since", turn.time(lateness->since)},
                      {"most", format_duration(most)},
                      {"fell_out", std::to_string(lateness->fell_out)}});
}

}  // namespace yagura
