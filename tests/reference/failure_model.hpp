// Health, class and chain a second time, straight from sections 2 to 4 of the contract, as plainly
// as possible: what a service makes of unknown components is found by trying every case, what a
// failure keeps down by asking the services with all others well, and nothing is kept that can be
// counted again from the beginning.
//
// It is told what happens (a probe ran, a step ended, somebody acknowledged) and when, and says how
// things then have to stand. Where the contract is silent it falls silent too: `silence` says why,
// and nothing is compared from there on; or it leaves a single value open (`may`).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "calendar_model.hpp"
#include "health.hpp"
#include "notice.hpp"
#include "observation.hpp"
#include "platform.hpp"

namespace yagura::reference {

struct RunningStep {
  ComponentName component;
  int number = 1;
  bool manual = false;
  Instant started{};
  Instant deadline{};
};

// A step of a chain that fell due, for one audience.
struct OwedNotice {
  NoticeKind kind{};
  std::string audience;
  Instant due{};
  std::set<Instant> not_before;  // any of these
  bool unless_acknowledged = false;
  bool may = false;                   // the contract does not say whether it goes
  std::optional<Instant> dropped_at;  // must not go any more, if it is unsent by then
};

struct PendingStep {
  ChainStep step;
  NoticeKind kind{};
  Instant due{};
  bool may = false;
};

struct FailureModel {
  FailureId id = 0;
  ComponentName cause;
  std::map<ComponentName, Instant> members;  // since when
  Instant opened_at{};
  bool relapsed = false;
  FailureClass classification = FailureClass::undetermined;
  std::set<Instant> class_at;  // any of these
  std::optional<std::set<ServiceName>>
      lead_knew;  // the lead's class stands; kept down until the lead decided
  std::set<ServiceName> keeps_down;
  std::set<ServiceName> not_back;   // kept down, and not seen up or degraded since
  std::set<ServiceName> kept_down;  // ever
  Duration down_before{0};          // of the times that have ended
  std::optional<Instant> down_since;
  std::set<std::pair<ComponentName, int>> tried;
  std::optional<RunningStep> running;
  bool runs_from_before = false;  // it was begun before the failure was judged again
  std::set<ProbeId> awaited;      // fresh runs after a step
  std::optional<Instant> acknowledged_at, recovered_at, closed_at;
  std::vector<PendingStep> pending;
  std::vector<OwedNotice> owed;
  std::set<BankName> banks_owed;
  std::optional<ChainStep> bank_step;  // is due

  bool is_open() const { return !closed_at; }
};

class PlatformModel {
 public:
  PlatformModel(const Platform& platform, const CalendarSettings& calendar);

  // ---- what happens ----
  void observed(const ProbeId& probe, Verdict verdict, Instant now);
  void step_ended(FailureId failure, Instant now);
  void acknowledged(FailureId failure, Instant now);
  void reclassified(FailureId failure, FailureClass classification, Instant now);
  void confirmed(FailureId failure, Instant now);
  // Time has come to `now`; what falls due at `now` itself has happened where `included`.
  void time_passes(Instant now, bool included);

  // ---- how things have to stand ----
  ComponentState state_of(const ComponentName& component) const;
  ServiceState state_of_service(const ServiceName& service) const;
  bool is_well(const FailureModel& failure) const;
  const std::map<FailureId, FailureModel>& failures() const { return failures_; }
  std::string silence;

 private:
  struct Probe {
    bool failing = false;
    bool shown_unknown = false;
    int failing_runs = 0, ok_runs = 0;  // in a row
    bool between(const ProbeSpec& spec) const {
      return failing ? ok_runs > 0 && ok_runs < spec.clear
                     : failing_runs > 0 && failing_runs < spec.confirm;
    }
  };
  using States = std::map<ComponentName, ComponentState>;

  ComponentState worst(const ComponentName& component, bool unknown_ones_fail) const;
  bool is_failing(const ComponentName& component) const;
  const ProbeSpec& spec(const ProbeId& probe) const;
  States states() const;
  ServiceState judge(const ServiceName& service, const States& states) const;
  bool met(const Need& need, const States& states) const;
  bool all_well(const Need& need, const States& states) const;

  bool depends(const ComponentName& component, const ComponentName& other) const;
  void look(Instant now);
  void open_or_join(Instant now);
  void open(const ComponentName& component, Instant now);
  void join_cause(const ComponentName& component, const std::vector<FailureModel*>& causes,
                  const std::vector<FailureModel*>& consequences, Instant now);
  bool take_over(const ComponentName& cause, const std::vector<FailureModel*>& consequences,
                 Instant now);
  void join_what_keeps_down_together(Instant now);
  void join(FailureModel& failure, FailureModel& into, Instant now);
  bool keeps_down(const ComponentName& component, const FailureModel& failure) const;
  bool needs(const Need& need, const ComponentName& component) const;
  void look_at_services(FailureModel& failure, Instant now);
  void classify(FailureModel& failure, Instant now);
  void respond(FailureModel& failure, Instant now);
  void end_step(FailureModel& failure, Instant now);
  void become(FailureModel& failure, FailureClass classification, Instant now);
  void recover(FailureModel& failure, Instant now);
  void close(FailureModel& failure, Instant now);
  void start_chain(FailureModel& failure, const std::vector<ChainStep>& steps, NoticeKind kind,
                   Instant now, bool may);
  void fall_due(FailureModel& failure, const PendingStep& pending, Instant now);
  void owe(FailureModel& failure, const PendingStep& pending, const std::string& audience,
           Instant now);
  void owe_banks(FailureModel& failure, Instant now);
  std::set<Instant> not_before(const ChainStep& step, NoticeKind kind, Instant due) const;
  Instant closes_by_itself(const FailureModel& failure) const;
  std::optional<Instant> next_deadline(const FailureModel& failure) const;
  Duration down(const FailureModel& failure, Instant now) const;

  const Platform& platform_;
  const CalendarSettings& calendar_;
  std::map<ProbeId, Probe> probes_;
  std::map<FailureId, FailureModel> failures_;
};

}  // namespace yagura::reference
