// A story for a rehearsal (INTERFACE.md §8): what happens to the platform, in order of time, and
// what people do. Read whole and checked whole, every problem with its place; names are checked
// against the configurations that the story is played on (its own, and those that it reloads).
// docs/rehearsal.md describes every entry.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "event.hpp"
#include "node.hpp"

namespace yagura {

// What the probes of a component (or one of them) find from now on.
struct FindingChange {
  Verdict verdict = Verdict::ok;
  ComponentName component;
  std::string probe;  // empty: all of the component
  std::string reason;
};
// The running step of the primary response ends.
struct StepExit {
  ComponentName component;
  int step = 1;
  bool success = false;
};
// A person gives an order by the command.
struct PersonActs {
  PersonName by;
  Order order;
};
// The relay can be reached or not.
struct RelayChange {
  bool up = true;
};
// The daemon dies, and is started again after this long.
struct Outage {
  Duration length{};
};
// What happens to a job; `none`: its runs do not happen from here on.
struct JobChange {
  ComponentName component;
  std::string probe;  // empty: the component's job probe
  enum class Event { start, success, fail, none } event = Event::none;
};
// Another configuration is reloaded.
struct ConfigurationChange {
  std::string file;  // a path that can be opened
};

using StoryAction = std::variant<FindingChange, StepExit, PersonActs, RelayChange, Outage,
                                 JobChange, ConfigurationChange>;

struct StoryEntry {
  Instant at{};
  Place place;
  std::string words;  // as written, in short: for the timeline
  StoryAction action;
};

// A name that some configuration must have.
struct StoryName {
  enum class Of { component, probe, job, service, bank, person } of = Of::component;
  std::string name;  // of a probe: component/probe
  Place place;
};

struct Story {
  Instant from{};
  Instant until{};
  std::vector<StoryEntry> entries;  // in order of time
  std::vector<StoryName> names;
};

// Problems are appended. The story holds together where none is an error.
Story read_story(const std::string& path, Problems& problems);
// Reports every name that none of the platforms has, with the nearest that one has.
void check_names(const Story& story, const std::vector<PlatformPtr>& platforms, Problems& problems);

}  // namespace yagura
