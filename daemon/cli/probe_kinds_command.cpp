// `probe --kinds`: the table of the kinds of probes (probes/kinds.cpp), without a daemon.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "commands.hpp"
#include "configuration.hpp"
#include "sheet.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

std::string_view impact_of(const ProbeKind& kind) {
  return default_impact(kind.family) == Impact::down ? "down" : "degraded";
}

std::string as_json() {
  json::array all;
  for (const ProbeKind& kind : probe_kinds()) {
    all.push_back({{"kind", kind.name},
                   {"family", name_of(kind.family)},
                   {"impact", impact_of(kind)},
                   {"summary", kind.summary}});
  }
  return json::serialize(all) + "\n";
}

}  // namespace

int list_probe_kinds(const Arguments& given, const Terminal& terminal) {
  if (given.json) {
    terminal.out << as_json();
    return exit_done;
  }
  Sheet sheet(terminal.screen);
  std::vector<Row> rows;
  for (const ProbeKind& kind : probe_kinds()) {
    rows.push_back({{std::string(name_of(kind.family)),
                     {std::string(kind.name), Hue::bold},
                     std::string(impact_of(kind)),
                     std::string(kind.summary)},
                    ""});
  }
  sheet.rows(rows, 0);
  terminal.out << sheet.take();
  return exit_done;
}

}  // namespace yagura::cli
