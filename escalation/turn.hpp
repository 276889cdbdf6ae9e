// One turn of the decision: what the rules may look at, and the only ways in which they may change anything. Every
// change of a failure, a notice or the core goes through an edit function, which marks it as to be recorded.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "event.hpp"
#include "state.hpp"
#include "topology.hpp"

namespace yagura {

// What is lost at a restart, on purpose: it is made afresh.
struct Live {
  std::string instance;
  std::optional<Instant> restarted_at;          // nothing is classified before probes ran after this
  FailureId last_before_restart = 0;
  std::map<ComponentName, Instant> fresh_from;  // only failing runs begun since then count
  std::map<ServiceName, Instant> stop_ended;    // the same, for what a planned stop of the service has hidden
  std::set<ServiceName> stopped;                // by a planned stop, now
  bool all_stopped = false;                     // a stop of `services: all`
  std::optional<Instant> stops_change_at;
  bool stops_known = false;
  std::set<NoticeId> unsent;
  // A confirmation waits for the fresh probe runs that it asked for.
  struct Confirming {
    CommandId command = 0;
    PersonName by;
    std::string text;
    bool job_ok = false;
    Instant since{};
    Instant deadline{};
  };
  std::map<FailureId, Confirming> confirming;
};

class Turn {
 public:
  Turn(const Platform& platform_in, const Topology& topology_in, State& state, Live& live_in, Instant now_in)
      : platform(platform_in), topology(topology_in), now(now_in), live(live_in), state_(state) {}

  const Platform& platform;
  const Topology& topology;
  const Instant now;
  Live& live;
  Batch batch;
  bool reloading = false;  // this turn takes a configuration in, by a reload or a start

  const State& state() const { return state_; }
  const Failure& failure(FailureId id) const { return state_.failures.at(id); }
  const Notice& notice(NoticeId id) const { return state_.notices.at(id); }
  const Stop& stop(StopId id) const { return state_.stops.at(id); }
  Failure& edit(FailureId id);
  Notice& edit_notice(NoticeId id);
  ComponentHealth& edit_component(const ComponentName& name);
  Core& edit_core();
  // Health changes with every run; only what is recorded of it makes a row.
  ComponentHealth& health_unrecorded(const ComponentName& name) { return state_.components[name]; }
  Failure& add_failure();
  Stop& edit_stop(StopId id);
  Stop& add_stop();
  const Inquiry& inquiry(InquiryId id) const { return state_.inquiries.at(id); }
  Inquiry& edit_inquiry(InquiryId id);
  Inquiry& add_inquiry();
  const ComponentHealth& health(const ComponentName& name) const;

  // Failures that are not closed, oldest first.
  std::vector<FailureId> open_failures() const;
  // The open failure that the component belongs to; 0: none.
  FailureId failure_of(const ComponentName& component) const;

  using Details = std::map<std::string, std::string>;
  void fact(std::string what, FailureId failure, Details details = {}, std::string who = "daemon");
  void effect(Effect effect) { batch.effects.push_back(std::move(effect)); }

  // The turn has to come again at that instant (if it is to come).
  void wake_at(Instant at) {
    if (at > now && (!wake_ || at < *wake_)) wake_ = at;
  }
  std::optional<Instant> wake() const { return wake_; }

  std::string time(Instant at) const { return platform.zone.format(at); }

  // ---- Notices ----
  struct Draft {
    NoticeKind kind;
    std::string audience;
    FailureId failure = 0;
    std::string reason;             // the rule that makes it
    std::string topic{};
    Details details{};
    std::string window{};
    bool unless_acknowledged = false;
    StopId stop = 0;
    InquiryId inquiry = 0;
  };
  // Makes the row. Not where the audience is nobody: then the fact says so.
  NoticeId queue(Draft draft);
  void queue_for(Role role, Draft draft) {
    draft.audience = std::string(name_of(role));
    queue(std::move(draft));
  }
  void withdraw(NoticeId id, const std::string& reason);
  // Withdraws the unsent ones of this failure for which `which` says so. Those being handed over stay, those that
  // carry others, and those that may have arrived.
  template <class Which>
  void withdraw_where(FailureId failure, const std::string& reason, Which which) {
    for (NoticeId id : unsent_of(failure)) {
      const Notice& one = notice(id);
      if (!one.in_flight && !one.frozen && one.carries.empty() && which(one)) withdraw(id, reason);
    }
  }
  std::vector<NoticeId> unsent_of(FailureId failure) const;
  // Those of a bank's contacts that are for what the notice is about.
  std::vector<Recipient> recipients(const std::string& audience, NoticeKind kind) const;

 private:
  State& state_;
  std::optional<Instant> wake_;
};

}  // namespace yagura
