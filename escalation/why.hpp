// Why a notice was or was not sent: every notice of a failure or of a planned stop, and for whom there is none, the rule
// that says so.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "event.hpp"
#include "state.hpp"
#include "turn.hpp"

namespace yagura {

struct Why {
  std::string audience;
  std::string kind;       // of a notice: "bank.first"; empty: none is owed
  std::string state;      // a notice's state, or "owed" (will come), "dropped", "none"
  NoticeId notice = 0;    // 0: there is no row
  std::optional<Instant> at;  // sent at, or not before
  std::string rule;       // in words
};

// In order: the notices as they were made, then the steps of the chain to come, then the banks.
std::vector<Why> why(const Platform& platform, const State& state, const Failure& failure);
// In order: the notices as they were made, then the banks that none is under way to.
std::vector<Why> why(const Turn& turn, const Stop& stop);

}  // namespace yagura
