// What happens in a run, made from its seed: the events that come from outside, in order of time.
// Each has a number of its own from which its details are drawn when it happens, so that leaving
// one out does not change what the others are.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "random.hpp"

namespace yagura::sim {

// What a smaller run leaves out. Events are numbered as the seed has them.
struct Settings {
  std::uint64_t seed = 1;
  int days = 3;  // of trouble; then everything heals, and comes to rest
  int size = 3;  // of the platform, 0 to 3
  bool disk = true, relay = true, crashes = true, time = true, reloads = true, people = true,
       stops = true, inquiries = true;
  std::set<int> only;  // of the events; empty: all
  bool prints = false;
};
// As options of yagura-sim.
std::string options_of(const Settings& settings);

enum class EventKind {
  target_turns,     // fails, is unknown, flaps, is slow, is well
  component_fails,  // all of its probes
  all_is_well,      // of a while
  person_acts,
  relay_turns,
  disk_turns,
  crash,    // the process is killed, or the power fails, at one of the next writes, syncs or sends
  stop,     // SIGTERM
  restart,  // at once, with nothing in between
  wall_clock_moves,
  reload,
  look,        // what `status` and `why` do
  relay_goes,  // away, for a day or more
  stops_turn,  // the lead plans, changes, ends, cancels a stop
  mail_comes,  // to the inquiry desk
  desk_acts,   // opens, answers, links, closes an inquiry
};

struct Event {
  int number = 0;
  Duration at{0};
  EventKind kind = EventKind::look;
  std::uint64_t seed = 0;
};

std::vector<Event> make_plan(const Settings& settings);
// Near a change of the clocks, a leap day, the end of a year, or anywhere.
Instant make_start(Random& random);

}  // namespace yagura::sim
