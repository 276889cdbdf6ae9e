// Health of probes and components (INTERFACE.md §2): debounce, and what failing probes make of their component.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <string>

#include "observation.hpp"
#include "platform.hpp"

namespace yagura {

BOOST_DEFINE_ENUM_CLASS(ComponentState, ok, degraded, down, unknown)
BOOST_DEFINE_ENUM_CLASS(ServiceState, up, degraded, down, unknown)

struct ProbeHealth {
  bool failing = false;           // confirmed, and not cleared since
  Verdict verdict = Verdict::ok;  // as shown: debounced; unknown as soon as a run is
  Instant since{};
  std::string reason;             // of the run that turned it
  bool blind_told = false;        // monitoring.blind went out for this time of being unknown
  std::optional<Instant> since_moved;  // where the clock jumped since: `since` by the new clock
  // Live:
  int failing_runs = 0;           // in a row
  std::optional<Instant> failing_from;  // when the first of them began
  int ok_runs = 0;
  std::optional<Observation> last;
  std::optional<Instant> last_failing_started;

  // For what waits an interval from it; `since` is for people.
  Instant waits_from() const { return since_moved.value_or(since); }
  // Confirming or clearing: the next run comes after `retry`.
  bool wants_retry(const ProbeSpec& spec) const {
    return failing ? ok_runs > 0 && ok_runs < spec.clear : failing_runs > 0 && failing_runs < spec.confirm;
  }
  // Takes a run in. True where the shown verdict turned.
  bool observe(const ProbeSpec& spec, const Observation& observation);
  // Of what is recorded only.
  bool operator==(const ProbeHealth& other) const {
    return failing == other.failing && verdict == other.verdict && since == other.since && reason == other.reason &&
           blind_told == other.blind_told && since_moved == other.since_moved;
  }
};
BOOST_DESCRIBE_STRUCT(ProbeHealth, (), (failing, verdict, since, reason, blind_told, since_moved))
BOOST_DESCRIBE_ENUM(Verdict, ok, warning, failing, unknown)

struct ComponentHealth {
  std::map<std::string, ProbeHealth> probes;
  bool operator==(const ComponentHealth&) const = default;
};
BOOST_DESCRIBE_STRUCT(ComponentHealth, (), (probes))

ComponentState state_of(const Component& component, const ComponentHealth& health);
// The same, counting only failing runs begun at or after `fresh_from`: what a planned stop has hidden is judged by runs begun after its end.
ComponentState state_of(const Component& component, const ComponentHealth& health, Instant fresh_from);
// A confirmed failing probe, whatever the others say; with `fresh_from` by runs begun since then.
bool has_failing_probe(const Component& component, const ComponentHealth& health,
                       std::optional<Instant> fresh_from);
// Every probe ran, and is ok or warning.
bool is_well(const Component& component, const ComponentHealth& health);

}  // namespace yagura
