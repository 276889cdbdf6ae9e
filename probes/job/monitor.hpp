// The job probe: judges a job by the pings that it sends (start, success, fail, exit status, log)
// and by their absence. Pure: time and pings come in, observations go out; the daemon keeps it and
// asks when to look again.
//
//   a scheduled time that no start and no end answers within start_within    failing
//   a run that does not end within max_duration                              failing
//   a failure, or an exit status other than 0                                failing
//   a success sooner than min_duration after its start                       failing
//   more starts than `most` within its time, until there are fewer           failing
//   more failed runs than `failing_runs` of the last ones                    failing
//   any other success                                                        ok
//   what fell due while pings could not be taken                             unknown
//
// A start answers every scheduled time that has come, or else the coming one, if that is near
// (start_within, but not more than half the way from the time before). With `every`, a start and an
// end put the expected time off to a period later. An end without a known start is a run of unknown
// length, and answers as a start does. Runs that overlap are told apart, and timed, by their run
// id. With `failing_runs` a failed run that leaves the share in bounds is a warning.
//
// An end may be reported later than it was, with its time: it is judged as if it had been heard
// then. So it takes back what was said of its absence, and changes nothing where something newer
// is known.
#pragma once

#include <boost/describe.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cron.hpp"
#include "node.hpp"
#include "observation.hpp"

namespace yagura {

struct JobSpec {
  std::optional<Duration> every;  // exactly one of every, schedule
  std::optional<Cron> schedule;
  enum class On { any, business, holidays, first_business_day, last_business_day } on = On::any;
  // A run that has not started (or ended) this long after its time is missed.
  Duration start_within = 5min;
  std::optional<Duration> max_duration;
  std::optional<Duration> min_duration;  // a run that succeeds faster did no work: failing
  struct Most {
    std::size_t runs = 1;  // 1 to 100
    Duration within{};
  };
  std::optional<Most> most;  // more starts within this time are too many: failing
  struct FailingRuns {
    double more_than = 0;  // a share of 1
    std::size_t of = 0;    // 2 to 1000
  };
  std::optional<FailingRuns> failing_runs;  // more of the last runs failed: failing
};
// Reads the job's own keys: every | schedule, on, start_within, max_duration, min_duration, most,
// failing_runs.
// Problems are reported.
std::optional<JobSpec> read_job(Reader& reader);

struct JobPing {
  enum class Event { start, success, fail, log } event = Event::success;
  int exit_status = 0;  // of …/<0-255>: 0 is success, others fail
  std::string run_id;   // ?rid=…; empty: the one run. Cut at 64 bytes
  std::string body;     // safe text (many_lines), at most 10,000 bytes
  // Of an end that is reported later: when it was, not after now, and when the run started, if that
  // is known. The same run id twice counts once.
  std::optional<Instant> ended_at = {}, started_at = {};
};

// What the calendar knows, given at each call.
struct JobCalendar {
  Zone zone;
  std::function<bool(Date)> is_business_day;  // none: Monday to Friday
};

// All that outlives a restart.
struct JobState {
  std::map<std::string, Instant> running;  // run id -> start; at most 32, the oldest is dropped
  std::map<std::string, Instant> overran;  // of these, the ones judged too long already; likewise
  std::optional<Instant> expected;         // the next scheduled time that no run has answered yet
  std::optional<Instant> last_start, last_success, last_fail;
  std::optional<Duration> last_duration;
  std::string last_output;        // the end of it, at most 10,000 bytes
  Verdict verdict = Verdict::ok;  // ok until a run proves otherwise
  std::string reason;
  std::vector<Instant> starts;  // of `most`, in order: one more than it allows
  bool too_often = false;       // it succeeded, and is failing by `most` alone
  std::string outcomes;         // of `failing_runs`, the last ones: '.' well, 'x' failed
  // What is judged already, so that what is reported later can be older: up to which end or start
  // of a run, and up to which scheduled time that was missed.
  std::optional<Instant> judged_until, missed_until;
  std::vector<std::string> ended_runs;  // the run ids of the last 64 that ended
  auto operator<=>(const JobState&) const = default;
};
BOOST_DESCRIBE_STRUCT(JobState, (),
                      (running, overran, expected, last_start, last_success, last_fail,
                       last_duration, last_output, verdict, reason, starts, too_often, outcomes,
                       judged_until, missed_until, ended_runs))

class JobMonitor {
 public:
  JobMonitor(JobSpec spec, JobState state) : spec_(std::move(spec)), state_(std::move(state)) {}
  // To be called once it is made. Begins to expect runs from `now` on, where no state was kept;
  // with `every`: the first within that time. Where one was, keeps what it expects, unless the
  // schedule no longer asks for that.
  void begin(Instant now, const JobCalendar& calendar);
  // Pings before `until` may have been lost, as the daemon was down: of what fell due by then
  // look() says unknown. Not kept over a restart.
  void heard_nothing(Instant until) { deaf_until_ = until; }
  // The wall clock moved against the steady one: what goes by intervals, as `every` and
  // `max_duration` do, moves along. True: something did, and has to be kept.
  bool clock_moved(Duration by);
  // An observation where this ping ends or judges a run; none for a mere start or log, except of a
  // start that comes before look() could say that it is late.
  std::optional<Observation> ping(const JobPing& ping, Instant now, const JobCalendar& calendar);
  // Judges absences: to be called at next_deadline(). One observation at most; call again while the
  // deadline is past.
  std::optional<Observation> look(Instant now, const JobCalendar& calendar);
  // When something would be late: a start missing, a run too long; or when what was too often is
  // so no more.
  std::optional<Instant> next_deadline() const;
  // The next scheduled time after `now`, for people to see. None: the schedule and `on` never meet.
  std::optional<Instant> next_run(Instant now, const JobCalendar& calendar) const;
  // How the job stands to `most`: starts within its time before `now`, counted up to one more than
  // it allows. Without `most`: 0.
  std::size_t recent_starts(Instant now) const;
  // How it stands to `failing_runs`, which is exceeded where failed > allowed.
  struct RunsSeen {
    std::size_t failed = 0, known = 0;  // of the last runs, of which at most `of` are known
    std::size_t allowed = 0;
  };
  RunsSeen runs_seen() const;
  const JobState& state() const { return state_; }
  const JobSpec& spec() const { return spec_; }

 private:
  // Scheduled times that passed unanswered, folded into one.
  struct Missed {
    Instant first;
    Instant last;
    int count = 0;
  };

  std::optional<Instant> time_after(Instant after, const JobCalendar& calendar) const;
  bool is_near(Instant time, Instant at, const JobCalendar& calendar) const;
  std::optional<Instant> start_deadline() const;
  bool answer(Instant now, const JobCalendar& calendar);
  Missed take_missed(Instant now, const JobCalendar& calendar);
  Observation judge_missed(Instant now, const JobCalendar& calendar);
  Observation judge_overrun(const std::string& run_id, Instant now);
  void note_start(Instant at);
  std::optional<std::string> too_often(Instant at) const;
  std::optional<Instant> seldom_again() const;
  void note_outcome(bool failed);
  void start_run(const std::string& run_id, Instant now);
  std::optional<Duration> end_run(const std::string& run_id, Instant now);
  std::optional<Observation> late_end(const JobPing& ping, const std::string& run_id, Instant now,
                                      const JobCalendar& calendar);
  bool is_news(Instant began, Instant ended, const JobCalendar& calendar) const;
  void note_end(const std::string& run_id);
  bool is_too_soon(const JobPing& ping, std::optional<Duration> took) const;
  Observation judge_end(const JobPing& ping, std::optional<Duration> took, Instant scheduled,
                        Instant ended, Instant now);
  Observation judged(Verdict verdict, std::string reason, Instant scheduled, Instant now);
  std::optional<std::pair<std::string, Instant>> next_overrun() const;

  JobSpec spec_;
  JobState state_;
  std::optional<Instant> deaf_until_;
};

}  // namespace yagura
