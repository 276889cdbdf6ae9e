// The daemon's heart: every event goes through turn(), which asks the decision code, has what it says recorded, and only then
// acts on it. Owns the decision code, the scheduler, the probes, the response steps and the deliveries; borrows the
// surroundings and the store. One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "allowance.hpp"
#include "clock.hpp"
#include "compose.hpp"
#include "configuration.hpp"
#include "decider.hpp"
#include "metrics.hpp"
#include "monitor.hpp"
#include "person_commands.hpp"
#include "samples.hpp"
#include "scheduler.hpp"
#include "signs_of_life.hpp"
#include "store.hpp"
#include "surroundings.hpp"
#include "unmatched_alarms.hpp"

namespace yagura {

// In place of the last state of an inquiry that was kept aside, and had to make room.
inline constexpr std::string_view forgotten_inquiry = "null";

// Among the rows of what probes keep: a component without a name, which no probe has.
inline constexpr std::string_view unmatched_alarms_row = "unmatched_alarms";

// What is read back at start-up.
struct Kept {
  State state;
  std::map<ProbeId, JobState> jobs;
  std::map<ProbeId, std::string> probes;  // what they asked to be kept
  std::map<ProbeId, AlarmState> alarms;
  std::string unmatched_alarms;  // UnmatchedAlarms::keep()
  bool first_start = true;
  // Of failures that an earlier release recorded with their components in one row.
  std::set<std::pair<FailureId, ComponentName>> members_unrecorded;
};
Result<Kept> read_kept(Store& store);

class Engine {
 public:
  Engine(Surroundings& surroundings, Store& store, Configuration configuration, Composer composer,
         Kept kept);
  ~Engine();

  void start();
  // No new probe runs, steps or attempts; `done` once nothing is in flight, or after `at_most`.
  void drain(Duration at_most, std::function<void()> done);

  // ---- for the control socket and the HTTP listener ----
  // `recorded` false: the record cannot be written; what was decided takes effect when it can.
  using Told = std::function<void(const Answer&, bool recorded)>;
  void command(const PersonName& by, Order order, Told told);
  // Orders that were taken, and wait for the record.
  std::size_t unrecorded_orders() const { return unrecorded_.size(); }
  // Runs the probe now; none where there is no such probe, or it is a job's.
  bool run_probe(const ProbeId& probe, std::function<void(Observation)> done);
  // False: not taken, as the job has come back too often of late. Each time costs rows of the record, which no sender of
  // pings may fill; that it fails is always taken.
  bool job_ping(const ProbeId& job, const JobPing& ping);
  // What another system says of its alarms: judged at once, but that an alarm that has come and
  // gone too often of late is well again shows only at its next run. `recorded` is called when it
  // is durable. Gives how many of them no component matches; each such alarm is told of once, also
  // over a restart.
  std::size_t take_alarms(const std::vector<AlarmReport>& reports, std::function<void()> recorded);
  const UnmatchedAlarms& unmatched_alarms() const { return unmatched_alarms_; }
  const JobMonitor* job(const ProbeId& job) const;
  std::vector<ProbeId> jobs() const;
  // Reads the configuration again. False: the old one stays; the problems say why.
  bool reload(const std::string& who, Problems& problems);
  // Takes these names and addresses out of what is known, and empties the bank's notices and inquiries of all but their
  // figures (R4). Gives the files that came with the inquiries, which are to go, too.
  std::vector<KeptFile> erase(const BankName& bank, const std::set<std::string>& texts);
  // A mail to the inquiry desk, which was spooled. `recorded` (set once) is called with its name when its file may go.
  void receive(MailCame mail);
  void on_mail_recorded(std::function<void(const std::string&)> recorded) { mail_recorded_ = std::move(recorded); }
  // A line of the record that no decision is behind: an access refused, for example.
  void note(const std::string& what, const std::string& who, const std::map<std::string, std::string>& details);

  const State& state() const { return decider_.state(); }
  std::vector<Why> why(StopId stop) const { return decider_.why(stop, now()); }
  const Platform& platform() const { return *decider_.platform(); }
  const Configuration& configuration() const { return configuration_; }
  const Composer& composer() const { return composer_; }
  const Scheduler& scheduler() const { return scheduler_; }
  Samples& samples() { return samples_; }
  const Metrics& metrics();
  // Whether probes run and notices leave; of the record what the store itself says.
  Signs signs();
  JobCalendar job_calendar() const;
  Instant now() const { return clock_.peek(); }

 private:
  void turn(const Event& event);
  void turn_at(const Event& event, Instant now);
  Instant read_clock();
  void render(const Batch& batch, Instant now, Transaction& transaction);
  void record(const Batch& batch, Instant now, Transaction& transaction);
  void act(const std::vector<Effect>& effects);
  void end_overdue_steps(Instant now);
  void act(const StartStep& start);
  void act(const HandOver& hand_over);
  PersonCommand command_of(const Notice& notice, const Recipient& to, Instant now) const;
  void run_as_response_user(io::ChildCommand& command) const;
  void act(const Answer& answer);
  void arm();
  void on_timer();
  void run_due_probes();
  void run_due_probes_soon();
  void end_run(const ProbeId& probe, Instant scheduled, Instant started, Finding finding);
  void make_probes();
  void make_alarms(std::map<ProbeId, AlarmState> kept);
  std::set<ProbeId> whom_it_is_about(const AlarmReport& report) const;
  void make_jobs(std::map<ProbeId, JobState> kept);
  void make_transport();
  void look_at_jobs(Instant now);
  void take_job(const ProbeId& id, std::optional<Observation> observation, Instant now);
  void watch_drain();
  void look_at_lateness(Instant now);
  // By how much the run has outlived its timeout that did so the longest.
  Duration overrun(Instant now) const;

  Surroundings& surroundings_;
  Store& store_;
  Configuration configuration_;
  Composer composer_;
  Clock clock_;
  Decider decider_;
  Scheduler scheduler_;
  Samples samples_;
  Metrics metrics_;
  std::unique_ptr<Alarm> alarm_;
  std::optional<SteadyInstant> alarm_at_;
  std::unique_ptr<Alarm> drain_alarm_;

  struct Made {
    std::size_t definition = 0;
    std::shared_ptr<Probe> probe;
  };
  std::map<ProbeId, Made> probes_;
  std::map<ProbeId, std::string> kept_of_probes_;
  std::map<ProbeId, AlarmMonitor*> alarms_;  // of probes_
  std::multimap<std::string, ProbeId> alarms_by_label_;  // "name=value": each has one label by which it is found
  UnmatchedAlarms unmatched_alarms_;
  Allowance alarm_returns_{30, 1.0 / 20};
  std::map<ProbeId, JobMonitor> jobs_;
  Allowance job_returns_{30, 1.0 / 20};
  std::map<ProbeId, std::vector<std::function<void(Observation)>>> asked_;
  struct StepKey {
    FailureId failure;
    ComponentName component;
    int step;
    auto operator<=>(const StepKey&) const = default;
  };
  std::map<StepKey, std::unique_ptr<StartedProgram>> steps_;
  std::shared_ptr<Transport> transport_;
  PersonCommands person_commands_{surroundings_};
  std::map<NoticeId, std::string> bytes_;  // of notices not sent yet
  std::map<NoticeId, SteadyInstant> deliveries_;  // in flight, since when
  SteadyInstant outbox_moved_{};                  // when one began or ended
  void watch_order(CommandId id, Duration after);
  void forget_alarm(CommandId id);
  std::map<CommandId, std::unique_ptr<Alarm>> order_alarms_;
  std::map<CommandId, Told> answers_;
  std::map<CommandId, Answer> decided_;     // whose rows are not durable yet
  std::set<CommandId> unrecorded_;          // taken, and their callers told so
  CommandId last_command_ = 0;
  std::set<std::pair<FailureId, ComponentName>> members_unrecorded_;  // to go with the next one too
  std::function<void(const std::string&)> mail_recorded_;
  std::vector<JobRow> job_rows_;           // to go with the next transaction
  std::optional<SteadyInstant> lateness_told_;  // to the decision code
  std::uint64_t skipped_seen_ = 0;
  bool runs_soon_ = false;
  bool draining_ = false;
  std::function<void()> drained_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
