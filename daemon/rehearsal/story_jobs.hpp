// The jobs of a rehearsal, each judged by a real JobMonitor. A job of which the story says nothing
// runs well at each of its times; as long as that is so it costs nothing: the monitor is made, as
// if it had seen every run, only when something happens that could make a difference. From a
// story's first word on a job (`job: …`) only what it says happens to it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "configuration.hpp"
#include "monitor.hpp"
#include "result.hpp"

namespace yagura {

class StoryJobs {
 public:
  struct Seen {
    ProbeId probe;
    Observation observation;
  };

  // The jobs that are from now on. One whose definition stays goes on as it is.
  void set_configuration(const Configuration& configuration, Instant now);

  // When a run begins or an absence shows; none: nothing will, or the daemon is down.
  std::optional<Instant> next() const;
  std::vector<Seen> pass(Instant now);

  // A ping by the story; none: its runs do not happen from here on.
  std::vector<Seen> tell(const ProbeId& probe, std::optional<JobPing::Event> event, Instant now);
  // How its runs end from now on (failing, ok); the first such one ends now.
  std::vector<Seen> set_finding(const ProbeId& probe, Verdict verdict, const std::string& reason,
                                Instant now);

  // Pings while the daemon is down are lost. What it knows of its jobs goes through the record's
  // form and back.
  void daemon_ends(Instant now);
  Result<void> daemon_starts(Instant now);

 private:
  struct Job {
    JobSpec spec;
    std::size_t definition = 0;
    Instant since{};                    // expected to run since then
    std::optional<JobMonitor> monitor;  // none: all was well so far
    std::optional<Instant> next_run;    // with a monitor: the next run by itself
    bool told = false;                  // the story has spoken: no runs by themselves
    Verdict verdict = Verdict::ok;      // how runs end
    std::string reason;
  };

  JobCalendar calendar() const;
  std::optional<Instant> run_from(const Job& job, Instant at) const;
  std::optional<Instant> run_before(const Job& job, Instant at) const;
  void watch(Job& job, Instant now);
  std::optional<Observation> end_run(Job& job, Instant now);

  PlatformPtr platform_;
  std::map<ProbeId, Job> jobs_;
  std::optional<Instant> down_since_;
};

}  // namespace yagura
