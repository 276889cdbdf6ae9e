// When each probe runs: the one scheduler of the daemon and of the rehearsal. It starts nothing
// itself; it says what is due, is told what ended, and keeps two promises: a probe never runs twice
// at once, and a run that comes late or falls out is counted, never passed over in silence.
//
// Every probe has a fixed phase within its interval, a hash of its name: runs are spread evenly,
// and a reload or a restart does not move them. Phases lie on a raster, so that of very many probes
// some are due at the same instant, and one waking of the loop serves them. Slots are the instants
// anchor + phase + n * interval. The anchor is the wall clock's epoch when the scheduler is made; from then on it
// follows the steady clock: whoever owns the clocks says with shift() by how much the wall clock
// moved against the steady one, and all slots move along. So a jump of the clock neither bursts nor
// pauses.
//
// Job probes are not run (probes/job judges their pings); the scheduler does not know them. In
// steady state nothing is allocated.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "observation.hpp"
#include "platform.hpp"

namespace yagura {

// Where in its interval a probe runs: 0 <= phase < interval, on a raster of at most a 300th of the
// interval, 100 ms at most. The same for ever: FNV-1a over the name, mixed with the seed.
Duration phase_of(const ProbeId& probe, Duration interval, std::uint64_t seed);

class Scheduler {
 public:
  struct Run {
    ProbeId probe;
    Instant scheduled{};
    Duration lateness{0};  // how long after `scheduled` it was handed out
  };

  // The daemon's seed is 0; a rehearsal may try others.
  explicit Scheduler(std::uint64_t seed = 0) : seed_(seed) {}

  // The probes that are from now on. A probe that stays keeps its phase, its next run and its run
  // in flight; one whose interval changed never runs later than it would have; one that is gone is
  // forgotten with its run in flight, which the caller cancels.
  void set_platform(const PlatformPtr& platform, Instant now);
  // The wall clock moved by this much against the steady clock. `now` of all later calls is the new
  // wall time.
  void shift(Duration by) { offset_ += by; }

  // Hands out what is due, in order of time, then of name, and `at_most` so many of it; they count
  // as running until ended(). Valid until the next call.
  std::span<const Run> due(Instant now,
                           std::size_t at_most = std::numeric_limits<std::size_t>::max());
  // The next run: `retry` after the beginning of this one where its health confirms or clears, else
  // at the next slot. A probe that does not run, or is not known (any more), is passed over.
  void ended(const ProbeId& probe, Instant now, bool wants_retry);
  // At once; where a run is in flight, once more as soon as it ended, as that one does not count.
  // False: not a probe of ours. A run that the caller cancelled is repeated with run_fresh()
  // followed by ended().
  bool run_fresh(const ProbeId& probe, Instant now);
  // When to call due(); none: everything runs, or sleeps.
  std::optional<Instant> next_due() const;

  // A sleeping probe has no slots until it is woken or asked for a fresh run: for a rehearsal,
  // which knows that the result would be the same. Waking finds the first slot at or after `now`. A
  // run in flight is let alone.
  void sleep(const ProbeId& probe);
  void wake(const ProbeId& probe, Instant now);

  bool is_running(const ProbeId& probe) const;
  std::size_t size() const { return probes_.size(); }
  std::size_t running() const { return running_.size(); }
  // How late the most overdue probe is now.
  Duration lateness(Instant now) const;
  // Tells each run in flight, and for how long it has lasted.
  void each_running(Instant now,
                    const std::function<void(const ProbeId&, Duration)>& tell) const;
  // The greatest lateness that was handed out since the last call.
  Duration take_worst_lateness() { return std::exchange(worst_, Duration{0}); }
  // Slots that fell out because a run lasted longer than the interval or because due() was called
  // too late.
  std::uint64_t skipped_slots() const { return skipped_; }

 private:
  struct Plan;
  using Plans = std::map<ProbeId, Plan>;
  // A probe stands in one of the two queues, or sleeps; its node is moved between them: no
  // allocation per run. Instants are steady: wall less offset_.
  struct Due {
    Instant at{};  // queued: when it is due; running: since when
    Plans::value_type* plan = nullptr;
    bool operator<(const Due& other) const {
      return at != other.at ? at < other.at : plan->first < other.plan->first;
    }
  };
  using Queue = std::set<Due>;
  struct Plan {
    Duration interval{}, retry{}, phase{};
    enum class Mode { queued, running, sleeping } mode = Mode::queued;
    bool again = false;  // a fresh run was asked for while one was in flight
    Instant at{};        // queued: when it is due; running: since when
    Queue::iterator place{};  // queued, running: where it stands in that queue
    Queue::node_type node;    // sleeping: what it stands there by
  };

  Instant slot_from(const Plan& plan, Instant at) const;
  void enqueue(Plans::value_type& plan, Plan::Mode mode, Instant at);
  void dequeue(Plan& plan);

  std::uint64_t seed_;
  Duration offset_{0};
  Plans probes_;
  Queue queued_, running_;
  std::vector<Run> due_;  // rows are written over, so that their texts keep what memory they have
  Duration worst_{0};
  std::uint64_t skipped_ = 0;
};

}  // namespace yagura
