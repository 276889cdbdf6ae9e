// One turn of the decision: what the rules may look at, and the only ways in which they may change anything. Every
// change of a failure, a notice or the core goes through an edit function, which marks it as to be recorded.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "agenda.hpp"
#include "event.hpp"
#include "index.hpp"
#include "state.hpp"
#include "topology.hpp"

namespace yagura {

// The gravest first; to banks in the order of the failures, so that nobody reads of the end of one after the beginning of
// the next.
using Rank = std::tuple<NoticeKind, FailureId, NoticeId>;
inline Rank rank_of(const Notice& notice) {
  const bool of_failure = is_bank(notice.kind) && notice.failure != 0;
  return {of_failure ? NoticeKind::bank_first : notice.kind, of_failure ? notice.failure : 0, notice.id};
}

// What the self-check said last, and what waits for it (cut_off.cpp).
struct CutOff {
  std::map<ProbeId, Observation> self_check;
  std::map<ProbeId, std::vector<Observation>> waiting;  // failing runs, the oldest first
  std::optional<Instant> asked_at;                      // when the self-check was asked for last
  std::optional<Instant> wake;                          // when what waits counts all the same
  std::optional<Instant> ended_at;
};

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
  // Probes run late, or did of late.
  struct Lateness {
    Instant since{};  // when the first run of them was due
    Instant last{};   // seen
    Duration most{0};
    std::uint64_t fell_out = 0;
  };
  std::optional<Lateness> lateness;
  CutOff cut_off;

  Index index;
  // What is to be looked at, and when. Nothing else has changed since the rules were asked last.
  Agenda<FailureId> failures;
  Agenda<NoticeId> notices;
  Agenda<StopId> stops;
  Agenda<ComponentName> components;
  Agenda<ServiceName> services;
  std::map<FailureId, KnownKeeping> keepings;              // of open failures
  std::map<ServiceName, std::set<FailureId>> kept_surely;  // the same, by service
  // Of failures from before the restart: the components that did not run since, as far as anybody asked (looking.cpp).
  std::map<FailureId, std::set<ComponentName>> awaited;
  std::set<FailureId> deciding;                            // of those before the restart: the rules may decide again
  // Due, and wait for a free place; the gravest first (outbox.cpp).
  std::set<Rank> ready;
  // Due, and wait for the next mail to their audience: judged again then, not before.
  std::set<NoticeId> bundled;
};

// Who asks to be woken.
struct Asking {
  FailureId failure = 0;
  NoticeId notice = 0;
  StopId stop = 0;
  const ComponentName* component = nullptr;
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
  // After a change of its members, cause, reported services, or end: index_failure().
  Failure& edit(FailureId id);
  void index_failure(FailureId id);
  // False where it is one already. Members are recorded one by one: there may be thousands.
  bool add_member(FailureId id, const ComponentName& component, Instant since);
  void remove_member(FailureId id, const ComponentName& component);
  // What `from`, which joined, was asked by, `into` is now.
  void index_join(FailureId from, FailureId into);
  Notice& edit_notice(NoticeId id);
  ComponentHealth& edit_component(const ComponentName& name);
  ServiceStatus& edit_service(const ServiceName& name);
  Core& edit_core();
  // Health changes with every run; only what is recorded of it makes a row.
  ComponentHealth& health_unrecorded(const ComponentName& name) { return state_.components[name]; }
  // Its health, or what is known of it, is another: whoever is judged by it is looked at.
  void component_changed(const ComponentName& name);
  void services_changed(const Failure& failure);
  // The configuration, the time or what is stopped is another.
  void all_changed();
  Failure& add_failure();
  Stop& edit_stop(StopId id);
  Stop& add_stop();
  const Inquiry& inquiry(InquiryId id) const { return state_.inquiries.at(id); }
  Inquiry& edit_inquiry(InquiryId id);
  Inquiry& add_inquiry();
  // Its number is not given out again, and the record keeps its rows.
  void forget_inquiry(InquiryId id);
  const ComponentHealth& health(const ComponentName& name) const;

  // Failures that are not closed, oldest first.
  std::vector<FailureId> open_failures() const { return {live.index.open.begin(), live.index.open.end()}; }
  // Of these those that the rules have to look at; and of those of which somebody may be owed something.
  std::vector<FailureId> open_to_look_at() const;
  std::vector<FailureId> unsettled_to_look_at() const;
  // The open failure that the component belongs to; 0: none.
  FailureId failure_of(const ComponentName& component) const;

  using Details = std::map<std::string, std::string>;
  void fact(std::string what, FailureId failure, Details details = {}, std::string who = "daemon");
  void effect(Effect effect) { batch.effects.push_back(std::move(effect)); }

  // The turn has to come again at that instant (if it is to come).
  void wake_at(Instant at);
  // Of the whole, not of one that is asked for alone.
  std::optional<Instant> wake() const { return wake_; }
  // Calls of wake_at() in `rule` are of this one.
  template <class Rule>
  void about(Asking asking, Rule rule) {
    std::swap(asking_, asking);
    rule();
    std::swap(asking_, asking);
  }

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
  // It is sent, merged, withdrawn or undeliverable.
  void leave_outbox(NoticeId id);
  // Withdraws the unsent ones of this failure for which `which` says so. Those being handed over stay, those that
  // carry others, and those that may have arrived.
  template <class Which>
  void withdraw_where(FailureId failure, const std::string& reason, Which which) {
    withdraw_those(unsent_of(failure), reason, which);
  }
  template <class Which>
  void withdraw_those(const std::vector<NoticeId>& unsent, const std::string& reason, Which which) {
    for (NoticeId id : unsent) {
      const Notice& one = notice(id);
      if (!one.in_flight && !one.frozen && one.carries.empty() && which(one)) withdraw(id, reason);
    }
  }
  std::vector<NoticeId> unsent_of(FailureId failure) const;
  // Those of a bank's contacts that are for what the notice is about.
  std::vector<Recipient> recipients(const std::string& audience, NoticeKind kind) const;
  // The same, with those whose command is run for what it carries.
  std::vector<Recipient> recipients(const Notice& notice) const;
  // Empty: the role has no roster, and everybody who has it is mailed.
  PersonName person_on_duty(Role role) const;

 private:
  std::map<ComponentName, Instant>& edit_members(FailureId id);

  State& state_;
  std::optional<Instant> wake_;
  Asking asking_;
};

}  // namespace yagura
