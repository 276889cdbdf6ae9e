// The decision code as a whole: an event and the time come in, what is to be recorded and done comes out. It keeps
// the state; nobody else changes it. No clock, no input or output, no randomness: the same events at the same times give
// the same batches, in the daemon as in a rehearsal.
//
// Who calls it (daemon/server, daemon/rehearsal) does for every event, in this order:
//   1. batch = handle(event, now)
//   2. renders each HandOver's mail that has no bytes yet, and tells rendered()
//   3. records the facts, the changed entities whole, and the new bytes in one transaction
//   4. only then carries out the effects; what comes of them comes back as events
// and calls handle(Tick{}, now) when next_wake() is reached.
#pragma once

#include <memory>

#include "event.hpp"
#include "state.hpp"
#include "why.hpp"

namespace yagura {

class Decider {
 public:
  // `state`: as recorded last (a first start gives an empty one). `instance` goes into Message-IDs: <notice-7.INSTANCE@domain>.
  // After a restart the first event must be Restarted.
  Decider(PlatformPtr platform, State state, std::string instance);
  ~Decider();

  Batch handle(const Event& event, Instant now);

  // When to call with Tick, at the latest; none: nothing waits. Never before the `now` of the last call.
  std::optional<Instant> next_wake() const;

  // Whether a notice that is to be handed over may leave at this moment, which may be later than that of the batch.
  bool may_leave(NoticeId notice, Instant now) const;

  // The bytes of a notice were made: what its mail says in the subject. Belongs to the batch of its HandOver.
  void rendered(NoticeId notice, std::string subject);

  // These take the place of what was known: the same, but that people are named no more (R4). No rule looks at who is
  // named in them, so that nothing follows. To be recorded by the caller.
  struct Renamed {
    std::vector<Failure> failures;
    std::vector<Notice> notices;
    std::vector<Stop> stops;
    std::vector<Inquiry> inquiries;
  };
  void replace(const Renamed& renamed);

  // Why each bank was or was not told of a planned stop, and will be. The stop has to exist.
  std::vector<Why> why(StopId stop, Instant now) const;

  const State& state() const;
  const PlatformPtr& platform() const;
  // The probe's health confirms or clears: its next run comes after `retry`, not after `interval`.
  bool wants_retry(const ProbeId& probe) const;

  // For tests. From now on every turn looks at everything, as if all had changed: what comes of it has to be the same.
  void look_at_everything();
  // What is known of the state besides it says what the state says.
  bool index_agrees() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace yagura
