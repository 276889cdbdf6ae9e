// Answers about the state that rules ask for all the time, so that nobody has to go through all failures, notices or
// components for one: what is open, which failure a component belongs to, which notices of a failure are unsent. Made from the
// state at a start and a reload; from then on the turn (turn.hpp) keeps it, whoever changes one of these things tells it.
#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "state.hpp"

namespace yagura {

// What a failure keeps down with every component outside it well (§3.3).
struct Keeping {
  std::set<ServiceName> surely;   // even if every unknown one were well
  std::set<ServiceName> perhaps;  // if every unknown one were down
  std::set<ServiceName> touched;  // degraded or unknown
};

// What an open failure was found to keep down, and the services for which that has to be looked at again.
struct KnownKeeping {
  Keeping keeping;
  bool all_stale = true;
  std::set<ServiceName> stale;
};

struct Index {
  Index() = default;
  Index(const Platform& platform, const State& state);

  // ---- failures ----
  std::set<FailureId> open;
  std::set<FailureId> unsettled;                             // nor joined: somebody may be owed something of it
  std::set<FailureId> unsettled_closed;
  std::unordered_map<ComponentName, FailureId> failure_of;   // the open one that a component belongs to
  std::map<ComponentName, std::set<FailureId>> by_cause;     // open ones
  std::map<FailureId, ComponentName> cause_of;               // the same, the other way round
  std::map<FailureId, std::set<ServiceName>> reported;       // open ones of which a person reported services

  // ---- notices that are unsent ----
  std::set<NoticeId> in_flight;
  // By the failure at the end of the joins; also those that carry others, under the failures of those.
  std::map<FailureId, std::set<NoticeId>> unsent_of;
  std::map<StopId, std::set<NoticeId>> unsent_of_stop;

  // ---- inquiries ----
  std::set<InquiryId> open_inquiries;

  // ---- components ----
  std::set<ComponentName> loose;  // a probe shows that it fails, and it belongs to no open failure
  std::unordered_map<ComponentName, ComponentState> unwell;  // all that are not ok

  void follow_failure(const Failure& failure);
  void follow_component(const Component& component, const ComponentHealth& health);
  void add_unsent(const State& state, const Notice& notice);
  void remove_unsent(const State& state, const Notice& notice);
  bool operator==(const Index& other) const = default;

 private:
  void each_place_of(const State& state, const Notice& notice, bool there);
};

// Where the joins of a failure end; 0 for 0.
FailureId end_of_joins(const State& state, FailureId id);

}  // namespace yagura
