// A failure (障害): one case, opened by detection or by a person, closed by recovery confirmation.
//
//            keeps no service down                    service back
//   opened ------------------------> incident <----------------------- undetermined
//      |                                 |  keeps a service down            ^  |
//      |                                 +----------------------------------+  | no step left, none configured,
//      +-- keeps a service down ---------------------------------------------> | or undetermined_at_most over
//                                                                              v
//                                             major (stays, unless the lead reclassifies)
//
//   phase: detected -> responding -> acknowledged -> recovered -> closed; recovered goes back on a relapse.
//
// A Failure is a value: all of it is recorded, and read back at start-up.
#pragma once

#include <algorithm>
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "observation.hpp"
#include "platform.hpp"

namespace yagura {

using FailureId = std::int64_t;
using NoticeId = std::int64_t;

BOOST_DEFINE_ENUM_CLASS(FailureClass, undetermined, incident, major)
BOOST_DEFINE_ENUM_CLASS(Phase, detected, responding, acknowledged, recovered, closed)

// Which rule decided the class (F1).
BOOST_DEFINE_ENUM_CLASS(ClassRule, under_judgement, keeps_no_service_down, back_after_response, back_by_itself,
                        no_response_configured, no_step_left, time_is_up, system_lead)

BOOST_DEFINE_ENUM_CLASS(StepResult, running, succeeded, failed, timed_out, interrupted)

// One step of the primary response, as it was carried out.
struct StepRun {
  ComponentName component;
  int step = 1;  // from 1, within the component's list
  bool manual = false;
  std::string what;  // the command or the instruction
  Instant started{};
  Instant deadline{};
  std::optional<Instant> ended;
  StepResult result = StepResult::running;
  std::string output;  // safe text
  std::string by;      // who ended a manual step
  bool operator==(const StepRun&) const = default;
};
BOOST_DESCRIBE_STRUCT(StepRun, (), (component, step, manual, what, started, deadline, ended, result, output, by))

struct ProgressReport {
  Instant at{};
  PersonName by;
  std::string text;
  bool to_banks = false;
  bool operator==(const ProgressReport&) const = default;
};
BOOST_DESCRIBE_STRUCT(ProgressReport, (), (at, by, text, to_banks))

struct Acknowledgement {
  PersonName by;
  Instant at{};
  std::string text;
  bool operator==(const Acknowledgement&) const = default;
};
BOOST_DESCRIBE_STRUCT(Acknowledgement, (), (by, at, text))

BOOST_DEFINE_ENUM_CLASS(Told, nothing, first, ended)

// What one bank has been told of the failure.
struct BankThread {
  Told told = Told::nothing;
  bool affected = false;         // a service of its was kept down (N3)
  bool added = false;            // by the lead
  bool removed = false;          // by the lead
  bool undeliverable = false;    // its first notice was refused for good
  bool corrected = false;        // ended by a correction: a later major failure is told anew
  int mails = 0;                 // handed over so far: 第N報 counts them
  int reports_told = 0;          // how many of the failure's reports it has been sent
  std::optional<Instant> relapse_told;  // the last relapse that it has heard of
  std::set<ServiceName> removed_for;    // what of its services was kept down when the lead took it out
  std::string withdrawn_by;      // the lead withdrew its first notice
  bool operator==(const BankThread&) const = default;
};
BOOST_DESCRIBE_STRUCT(BankThread, (), (told, affected, added, removed, undeliverable, corrected, mails, reports_told,
                                       relapse_told, removed_for, withdrawn_by))

// How far one chain has gone.
struct ChainProgress {
  Instant base{};        // `after` counts from here
  std::set<int> done;    // indices of steps whose notices were decided, or that were dropped
  bool operator==(const ChainProgress&) const = default;
};
BOOST_DESCRIBE_STRUCT(ChainProgress, (), (base, done))

// Instants of a failure by the new clock, where it jumped since: for what waits an interval from them. Those that people
// read stay as they were.
struct MovedInstants {
  std::optional<Instant> class_at, recovered_at;
  std::optional<Instant> cause_since;  // of the cause's membership
  bool operator==(const MovedInstants&) const = default;
};
BOOST_DESCRIBE_STRUCT(MovedInstants, (), (class_at, recovered_at, cause_since))

BOOST_DEFINE_ENUM_CLASS(Closing, open, confirmed, automatic, joined)

// What a probe said when the recovery was confirmed.
struct CheckedProbe {
  ComponentName component;
  std::string probe;
  Verdict verdict = Verdict::ok;
  std::string reason;
  Instant at{};
  bool operator==(const CheckedProbe&) const = default;
};
BOOST_DESCRIBE_STRUCT(CheckedProbe, (), (component, probe, verdict, reason, at))

// A failure's part that is about banks.
struct FailureBanks {
  std::string bank_window;       // name of the window, once the chain's step to the banks is due
  std::map<BankName, BankThread> banks;
  int bank_version = 0;          // counts what changes the text of an unsent bank notice
  std::set<BankName> proposed;   // possibly affected: named to the lead
  bool operator==(const FailureBanks&) const = default;
};
BOOST_DESCRIBE_STRUCT(FailureBanks, (), (bank_window, banks, bank_version, proposed))

// A failure's part that is about who is on duty.
struct FailureDuty {
  std::map<std::string, Instant> reached_at;  // role with a roster -> when its duty was first mailed
  std::set<std::string> widened;              // roles whose others were mailed, too
  bool escalated_by_hand = false;             // an incident that did not wait for response hours
  bool operator==(const FailureDuty&) const = default;
};
BOOST_DESCRIBE_STRUCT(FailureDuty, (), (reached_at, widened, escalated_by_hand))

struct Failure : FailureBanks, FailureDuty {
  FailureId id = 0;
  std::string title;             // for ops: the cause and its reason

  FailureClass classification = FailureClass::undetermined;
  ClassRule class_rule = ClassRule::under_judgement;
  std::string class_detail;      // names that the rule speaks of, or the lead's words
  Instant class_at{};
  std::string class_by;          // person, where the lead decided
  std::set<ServiceName> class_services;  // kept down until the lead decided

  ComponentName cause;           // empty: reported by a person, for a service
  Role owner = Role::ap_ops;
  std::map<ComponentName, Instant> members;  // component -> since when it belongs

  // Reported by a person (F3).
  std::set<ServiceName> reported_services;   // count as down until `recover`
  bool awaits_recover = false;   // only `recover` ends it
  bool from_desk = false;
  std::string reported_by;
  std::string report_text;

  Instant opened_at{};
  Instant failing_since{};       // opened, or relapsed last; for what waits from it, so it moves along with the clock
  std::vector<Instant> relapses;
  std::optional<Instant> steady_since;  // flapping and not recovered: all is well since, by the clock of what waits
  std::optional<Instant> recovered_at;
  std::optional<Instant> closed_at;
  Closing closing = Closing::open;
  FailureId joined_into = 0;
  std::string confirmed_by;
  std::string confirmation;      // the words of `confirm`
  std::vector<CheckedProbe> checked;  // the first hundred of the runs that it asked for
  std::optional<Acknowledgement> acknowledged;
  std::vector<ProgressReport> reports;

  // Services.
  std::set<ServiceName> keeps_down;          // now
  std::map<ServiceName, Instant> kept_down;  // ever, outside its planned stops -> since
  std::map<ServiceName, Instant> down_again; // service -> the last relapse that took it down again
  std::set<ServiceName> touched;             // ever degraded or unknown by it
  std::set<ServiceName> services_unseen;     // were kept down by a component that a reload removed: unknown until `recover`
  std::optional<Instant> down_since;         // keeps some service down since
  Duration down_before{0};                   // summed up before that

  // Primary response.
  std::vector<StepRun> steps;
  int steps_judged = 0;          // of them, those of judgements that are over: they may run again
  bool settling = false;         // a step ended; its fresh probe runs are not all back yet

  // Chain.
  bool security = false;         // security probes found it (M5): as an incident it goes by their chain
  ChainProgress detected_chain, incident_chain, major_chain;
  std::set<Role> reached;        // roles that a chain notice was handed over to
  std::optional<Instant> remind_at;
  std::optional<Instant> report_due_at;
  std::optional<Instant> unconfirmed_at;
  bool undecided_told = false;   // the lead heard that the class cannot be decided

  MovedInstants moved;           // where the clock jumped
  bool settled = false;          // closed, and nobody is owed anything of it: no rule asks about it any more

  bool operator==(const Failure&) const = default;
  bool is_open() const { return !closed_at.has_value(); }
  const StepRun* running_step() const {
    return !steps.empty() && steps.back().result == StepResult::running ? &steps.back() : nullptr;
  }
  Instant waits_from_class() const { return moved.class_at.value_or(class_at); }
  Instant waits_from_recovery() const { return moved.recovered_at.value_or(*recovered_at); }
  // Since the cause as known so far came to fail.
  Instant waits_from_cause() const {
    auto member = members.find(cause);
    if (member == members.end()) return failing_since;
    return std::max(failing_since, moved.cause_since.value_or(member->second));
  }
  Phase phase() const {
    if (closed_at) return Phase::closed;
    if (recovered_at) return Phase::recovered;
    if (acknowledged) return Phase::acknowledged;
    if (running_step() != nullptr || settling) return Phase::responding;
    return Phase::detected;
  }
};
BOOST_DESCRIBE_STRUCT(Failure, (FailureBanks, FailureDuty),
                      (id, title, classification, class_rule, class_detail, class_at, class_by, class_services, cause,
                       owner, members, reported_services, awaits_recover, from_desk, reported_by, report_text, opened_at,
                       failing_since, relapses, steady_since, recovered_at, closed_at, closing, joined_into, confirmed_by, confirmation, checked,
                       acknowledged, reports, keeps_down, kept_down, down_again, touched, services_unseen, down_since, down_before, steps, steps_judged, settling,
                       security, detected_chain, incident_chain, major_chain, reached, remind_at,
                       report_due_at, unconfirmed_at, undecided_told, moved, settled))

// The reason of the class in words for ops, for example "keeps no service down".
std::string class_reason(const Failure& failure);
// Whom an incident is told to, and what that chain is called: `security` of what security probes found (M5).
struct IncidentChain {
  std::string_view name;
  const std::vector<ChainStep>& steps;
};
IncidentChain incident_chain_of(const Escalation& rules, const Failure& failure);
// It relapsed so often, and so shortly one after the other, that a recovery is not believed at once.
bool is_flapping(const Platform& platform, const Failure& failure);
// Its cause is a provider's, outside the platform (M6).
bool is_caused_outside(const Platform& platform, const Failure& failure);
// The services of the failure that a bank is told of: those that it has contracted (N3); all, where the lead added a bank
// that has contracted none of them.
std::set<ServiceName> services_told(const Failure& failure, const Bank& bank);

}  // namespace yagura
