#include "kinds.hpp"

#include <algorithm>

namespace yagura {

const std::vector<ProbeKind>& probe_kinds() {
  static const std::vector<ProbeKind> kinds = {
      {"http", ProbeFamily::liveness, "asks for a page, judges status, body and time", make_http, true},
      {"tcp", ProbeFamily::liveness, "connects to a port, may send and expect a text", make_tcp, true},
      {"tls", ProbeFamily::liveness, "shakes hands, judges certificate and expiry", make_tls, true},
      {"dns", ProbeFamily::liveness, "asks a name server, judges its answer", make_dns, true},
      {"ping", ProbeFamily::liveness, "sends ICMP echo requests, counts the answers", make_ping, true},
      {"process", ProbeFamily::liveness, "counts processes, and judges what they use",
       make_process},
      {"unit", ProbeFamily::liveness, "asks systemd of a unit: state, restarts, runs", make_unit},
      {"disk", ProbeFamily::resource, "judges the space and inodes of a file system", make_disk},
      {"memory", ProbeFamily::resource, "judges the used memory and swap of this machine",
       make_memory},
      {"cpu", ProbeFamily::resource, "judges how busy this machine's processors were", make_cpu},
      {"load", ProbeFamily::resource, "judges a load average of this machine", make_load},
      {"swap", ProbeFamily::resource, "judges the used swap, and how much is swapped", make_swap},
      {"pressure", ProbeFamily::resource, "judges how long tasks waited for a resource",
       make_pressure},
      {"network", ProbeFamily::resource, "judges links, their errors and their load", make_network},
      {"files", ProbeFamily::resource, "judges the open files of this machine", make_files},
      {"clock", ProbeFamily::resource, "judges how far this machine's clock is off", make_clock},
      {"file", ProbeFamily::resource, "judges a file's presence, age, size and content", make_file},
      {"plugin", ProbeFamily::resource, "runs a monitoring plugin (Nagios), believes it",
       make_plugin, true},
      {"metric", ProbeFamily::resource, "judges series of a Prometheus endpoint",
       make_metric, true},
      {"cloudwatch", ProbeFamily::resource, "judges a metric of Amazon CloudWatch", make_cloudwatch,
       true},
      {"job", ProbeFamily::job, "waits for a job's pings, and judges its runs",
       nullptr},  // Judged by its pings, not run: job/monitor.hpp.
      {"log", ProbeFamily::security, "looks for lines in a log or the journal, counts", make_log},
      {"logins", ProbeFamily::security, "judges who logs in, from where, and who tries", make_logins},
      {"alarm", ProbeFamily::outside, "what another system says: alarms and events", make_alarm},
  };
  return kinds;
}

std::string_view name_of(ProbeFamily family) {
  switch (family) {
    case ProbeFamily::liveness:
      return "liveness";
    case ProbeFamily::resource:
      return "resource";
    case ProbeFamily::job:
      return "job";
    case ProbeFamily::security:
      return "security";
    case ProbeFamily::outside:
      return "outside";
  }
  return "";
}

const ProbeKind* probe_kind(std::string_view name) {
  const auto& kinds = probe_kinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const ProbeKind& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

}  // namespace yagura
