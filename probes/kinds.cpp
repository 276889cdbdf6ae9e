#include "kinds.hpp"

#include <algorithm>

namespace yagura {

const std::vector<ProbeKind>& probe_kinds() {
  static const std::vector<ProbeKind> kinds = {
      {"http", ProbeFamily::liveness, make_http},
      {"tcp", ProbeFamily::liveness, make_tcp},
      {"ping", ProbeFamily::liveness, make_ping},
      {"process", ProbeFamily::liveness, make_process},
      {"disk", ProbeFamily::resource, make_disk},
      {"memory", ProbeFamily::resource, make_memory},
      {"cpu", ProbeFamily::resource, make_cpu},
      {"load", ProbeFamily::resource, make_load},
      {"file", ProbeFamily::resource, make_file},
      {"plugin", ProbeFamily::resource, make_plugin},
      {"job", ProbeFamily::job, nullptr},  // Judged by its pings, not run: job/monitor.hpp.
  };
  return kinds;
}

const ProbeKind* probe_kind(std::string_view name) {
  const auto& kinds = probe_kinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const ProbeKind& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

}  // namespace yagura
