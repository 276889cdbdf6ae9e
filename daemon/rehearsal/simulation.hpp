// Plays a story in virtual time. The decision code, the scheduler, the job monitors, the composer
// of mails and the form of the record are those of the daemon; virtual are the clock, what probes
// find (a run takes no time), how response steps end, and the transport (it accepts all at once, or
// defers all while the story has the relay down).
//
// Quiet time costs nothing: a probe that has settled sleeps until the story changes what it finds,
// the decision code asks for a fresh run, or anything else happened that might make a further run
// with the same result count. Between such instants nothing is computed.
//
// At one instant: first a daemon that comes up again, then the story's entries in their order, then
// jobs, probes, and last the decision code's own clock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compose.hpp"
#include "configuration.hpp"
#include "decider.hpp"
#include "line.hpp"
#include "scheduler.hpp"
#include "story.hpp"
#include "story_jobs.hpp"

namespace yagura {

// A configuration with the words for its mails.
struct Stage {
  Configuration configuration;
  Composer composer;
};
using StagePtr = std::shared_ptr<const Stage>;

class Simulation {
 public:
  using Sink = std::function<void(const RehearsalLine&, const Platform&)>;
  // `reloads`: by the files that the story's entries name; one with errors is refused when its time
  // comes, as by the daemon.
  Simulation(const Story& story, StagePtr stage, std::map<std::string, Result<StagePtr>> reloads,
             std::uint64_t seed, Sink sink);
  // Error: something that would be a fault of the program, or the decision code never rests.
  Result<void> run();
  const Decider& decider() const { return *decider_; }

 private:
  // What a probe finds, as the story says.
  struct Said {
    Verdict verdict = Verdict::ok;
    std::string reason;
  };

  std::optional<Instant> next_instant() const;
  void step();

  void play(const StoryEntry& entry);
  void play_action(const StoryEntry& entry, const FindingChange& change);
  void play_action(const StoryEntry& entry, const StepExit& exit);
  void play_action(const StoryEntry& entry, const PersonActs& acts);
  void play_action(const StoryEntry& entry, const RelayChange& change);
  void play_action(const StoryEntry& entry, const Outage& outage);
  void play_action(const StoryEntry& entry, const JobChange& change);
  void play_action(const StoryEntry& entry, const ConfigurationChange& change);
  void order(const StoryEntry& entry, const PersonName& by, const Order& order);
  void refuse(int entry, const std::string& reason);
  bool is_down() const { return up_again_at_.has_value(); }

  void start_again();
  void run_probes();
  void run_probe(const Scheduler::Run& run);
  void take(std::vector<StoryJobs::Seen> seen);
  void wake(const ProbeId& probe);
  void wake_unwell();
  void wake_all();

  // Lets the decision code take the event, and all that follows from it at this instant.
  void happen(Event event);
  void happen_all();
  void follow(Batch batch);
  void render(const Batch& batch);
  void deliver(const Notice& notice);
  void tell(const Fact& fact);
  void say(RehearsalLine line) { sink_(line, *stage_->configuration.platform); }

  const Story& story_;
  StagePtr stage_;
  std::map<std::string, Result<StagePtr>> reloads_;
  std::uint64_t seed_;
  Sink sink_;
  std::unique_ptr<Decider> decider_;
  Scheduler scheduler_;
  StoryJobs jobs_;

  Instant now_;
  std::size_t next_entry_ = 0;
  std::deque<Event> events_;
  std::optional<Error> fault_;    // the first; nothing goes on after it
  std::map<ProbeId, Said> said_;  // else ok
  std::set<ProbeId> asleep_unwell_;
  bool relay_up_ = true;
  std::optional<Instant> up_again_at_;  // while the daemon is down
  std::map<CommandId, int> commands_;   // command -> line of its entry
  CommandId last_command_ = 0;
  std::map<FailureId, std::string> classes_;  // as told so far
  std::size_t turns_at_instant_ = 0;
};

}  // namespace yagura
