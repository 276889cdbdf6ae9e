// One interface and one table for every kind of probe. A kind is one small file; kinds.cpp has a
// row for each. A probe asks the world and answers with an observation: it never decides, never notifies.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"
#include "node.hpp"
#include "observation.hpp"

namespace yagura {

namespace io {
struct RunAs;   // io/run_as.hpp: a user of this machine
class Runtime;  // io/runtime.hpp: the loop with its curl, resolver and worker
}
class Zone;  // fact/zone.hpp

// How one run is to be made.
struct ProbeRun {
  Instant now{};              // the wall clock as it starts
  Duration timeout{};         // the hard deadline of the run
  bool was_failing = false;   // for thresholds with a separate clearing level
  // Under whom a program that is started runs; none: as the daemon does. Lives as long as start() runs.
  const io::RunAs* programs_as = nullptr;
  // What the probe of this name asked to be kept last, also before a restart or a change of its keys; none: nothing.
  // Lives as long as start() runs.
  const std::string* kept = nullptr;
  // In which hours of the configuration are meant; none: UTC. Likewise.
  const Zone* zone = nullptr;
  Duration interval{};  // between two runs, as configured: for what probes share
};

// Verdict, reason and values; the scheduler adds the times.
struct Finding {
  Verdict verdict = Verdict::ok;
  std::string reason;
  MeasuredValues values;
  // To be kept over restarts, in the place of what was kept before; made durable with the observation. Of bounded length.
  std::optional<std::string> keep = std::nullopt;
};

class AlarmMonitor;  // outside/alarm_monitor.hpp

class Probe {
 public:
  virtual ~Probe() = default;
  // Starts a run. `done` is called exactly once, from the loop and never before start() returns, at the
  // latest a little after run.timeout. The probe must outlive the run, except that destroying it cancels the run and
  // `done` is then never called. Never called again before `done`.
  virtual void start(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done) = 0;
  // Of a probe that is told what is so, by another system, rather than asking: whom to tell. A run says what
  // it was told last.
  virtual AlarmMonitor* alarm() { return nullptr; }
};

enum class ProbeFamily { liveness, resource, job, security, outside };
std::string_view name_of(ProbeFamily family);  // "liveness"

struct ProbeKind {
  std::string_view name;
  ProbeFamily family;
  // What it asks and judges, in a line for `yagura probe --kinds`: at most 48 columns. docs/probes.md
  // has a section for each kind, which is held against this table.
  std::string_view summary;
  // Reads the kind's own keys; the common ones (kind, name, interval, timeout, confirm, clear, retry, impact) are
  // read by the caller, who also calls reader.finish(). Null where a problem was reported. Job probes make none: see job/.
  std::unique_ptr<Probe> (*make)(Reader& reader);
  bool remote = false;  // goes over the network, and so says nothing where this machine is cut off
};
const std::vector<ProbeKind>& probe_kinds();
const ProbeKind* probe_kind(std::string_view name);

}  // namespace yagura
