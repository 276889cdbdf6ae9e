// What a probe run found. The only thing that escalation/ knows of probes/.
#pragma once

#include <boost/container/flat_map.hpp>
#include <string>
#include <string_view>

#include "instant.hpp"

namespace yagura {

enum class Verdict {
  ok,
  warning,  // Shown; never opens a failure.
  failing,
  unknown,  // The run could not be carried out: the agent's own fault, never the target's.
};

constexpr std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::warning: return "warning";
    case Verdict::failing: return "failing";
    case Verdict::unknown: return "unknown";
  }
  return "";
}

// By name, with the unit in it: "used_percent". Side by side: every probe keeps those of its last run.
using MeasuredValues = boost::container::flat_map<std::string, double>;

struct Observation {
  Verdict verdict = Verdict::ok;
  std::string reason;  // Words for ops: printable UTF-8, at most 500 bytes.
  MeasuredValues values;
  Instant scheduled{};
  Instant started{};
  Instant ended{};
};

// Which probe of which component; names as in the configuration.
struct ProbeId {
  std::string component;
  std::string probe;
  auto operator<=>(const ProbeId&) const = default;
  std::string text() const { return component + "/" + probe; }
};

}  // namespace yagura
