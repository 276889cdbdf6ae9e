// `yagura samples`: how a component's probes ran over time.
#include <fmt/format.h>

#include "ask.hpp"
#include "client.hpp"
#include "commands.hpp"
#include "render.hpp"
#include "zone.hpp"

namespace yagura::cli {

int samples(const Arguments& given, const Terminal& terminal) {
  const std::string which = given.text("COMPONENT");
  const auto slash = which.find('/');
  std::string query = "/v1/samples?component=" + escaped(which.substr(0, slash));
  if (slash != std::string::npos) query += "&probe=" + escaped(which.substr(slash + 1));
  for (const char* key : {"since", "until"}) {
    if (!given.has(key)) continue;
    std::string time = given.text(key);
    if (!parse_duration(time)) {
      auto at = given.instant(key);
      if (!at) {
        return wrong_usage(
            given, terminal,
            fmt::format("--{}: write how long ago, such as 24h or 30d, or a time such as "
                        "2026-12-28T16:58:00+09:00",
                        key));
      }
      time = Zone().format(*at);
    }
    query += fmt::format("&{}={}", key, escaped(time));
  }
  return ask_and_print(given, terminal, query, render_samples);
}

}  // namespace yagura::cli
