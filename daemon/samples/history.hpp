// How a component's probes ran from one time to another, step by step: what `GET /v1/samples`
// answers with. Pure: what was kept is added to it, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "instant.hpp"
#include "roll_up.hpp"
#include "zone.hpp"

namespace yagura {

struct History {
  enum class Step { five_minutes, hour, day };
  struct Probe {
    std::map<Instant, NamedTally> steps;  // by their beginnings; none where nothing ran
    NamedTally sum;
  };
  // What one answer holds at most, counted in steps and values of all probes together.
  static constexpr std::size_t most_cells = 50'000;

  // `since` is taken back to the beginning of its step.
  History(Instant since, Instant until, Instant now, Zone zone);

  // False: it is full, and this was not added.
  bool add(Instant from, const std::string& probe, const NamedTally& tally);

  Instant since{}, until{};
  Step step = Step::hour;
  std::map<std::string, Probe> probes;
  RunTally runs;  // of all probes

 private:
  Instant begin_of_step(Instant at) const;
  Zone zone_;
  std::size_t cells_ = 0;
};

// "5m", "1h", "1d".
std::string_view name_of(History::Step step);

}  // namespace yagura
