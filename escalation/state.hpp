// All that the decision code knows. What is marked live is lost at a restart, on purpose: it is made afresh
// by the first runs of the probes.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "duty.hpp"
#include "failure.hpp"
#include "health.hpp"
#include "inquiry.hpp"
#include "notice.hpp"
#include "stop.hpp"

namespace yagura {

// A service as last seen, for people to read.
struct ServiceStatus {
  ServiceState state = ServiceState::up;
  Instant since{};
  bool operator==(const ServiceStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(ServiceStatus, (), (state, since))

// What belongs to no single failure or notice.
struct Core {
  FailureId last_failure = 0;
  NoticeId last_notice = 0;
  StopId last_stop = 0;
  std::map<std::string, Instant> bundle_from;                // audience -> when its first notice went
  std::map<BankName, std::vector<Instant>> firsts;           // first notices handed over in the last hour
  std::optional<Instant> bank_hold_until;                    // after a clock jump
  std::vector<DutySwap> swaps;                               // of duty, under way or to come
  SwapId last_swap = 0;
  std::optional<Instant> late_since;                         // probes run late, and people were told
  std::optional<Instant> cut_off_since;                      // nothing of self_check answers, and people were told
  int calendar_told = 0;                                     // the year whose missing holidays the lead was told of
  InquiryId last_inquiry = 0;
  bool operator==(const Core&) const = default;
};
BOOST_DESCRIBE_STRUCT(Core, (), (last_failure, last_notice, last_stop, bundle_from, firsts, bank_hold_until, swaps, last_swap, late_since, cut_off_since, calendar_told, last_inquiry))

struct State {
  std::map<FailureId, Failure> failures;
  std::map<NoticeId, Notice> notices;
  std::map<StopId, Stop> stops;
  std::map<InquiryId, Inquiry> inquiries;
  std::map<ComponentName, ComponentHealth> components;
  std::map<ServiceName, ServiceStatus> services;
  Core core;
  // All notices of each failure, so that a mail need not go through those of years. Kept by whoever has a Decider; empty: not
  // known, see notices_of().
  std::map<FailureId, std::vector<NoticeId>> notices_by_failure;
  bool operator==(const State&) const = default;
};

// The notices of these failures, by number.
std::vector<const Notice*> notices_of(const State& state, const std::set<FailureId>& failures);

}  // namespace yagura
