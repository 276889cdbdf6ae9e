// What a monitoring plugin writes, as the Monitoring Plugins Development Guidelines have it: a line
// of text, `|` and performance data; after it lines of long text, and behind a `|` in one of them
// more performance data. Pure. Hostile output is expected: a plugin repeats what its target says.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "observation.hpp"

namespace yagura {

// "10", "10:", "~:10", "10:20", "@10:20": a value outside of it (with @: inside) alerts.
struct PluginRange {
  double from = 0;
  double to = std::numeric_limits<double>::infinity();
  bool inside = false;

  bool alerts(double value) const;
  std::string words() const;  // of when it alerts: "above 10", "outside 10 to 20"
};
std::optional<PluginRange> parse_plugin_range(std::string_view text);

// label=value[unit];warning;critical;least;most
struct PluginValue {
  std::string label;  // one safe line
  double value = 0;   // finite
  std::string unit;   // as written; safe
  std::optional<PluginRange> warning, critical;
  std::optional<double> least, most;
};

struct PluginOutput {
  std::string text;       // the first line, safe, at most 500 bytes
  std::string long_text;  // what follows it, safe, with line breaks, at most 4000 bytes
  std::vector<PluginValue>
      values;  // the first 64; what is no number, or cannot be read, is left out
};
// `cut`: more was written than is here, so that the last value may be half of one.
PluginOutput parse_plugin_output(std::string_view bytes, bool cut = false);

// The values by names of a-z, 0-9 and `_`, with their units in them, in whole units: "time_seconds"
// of `time=3ms`, "used_bytes" of `used=2KiB`, "root_bytes" of `/=1MB`. A name that comes twice is
// followed by _2.
MeasuredValues named_values(const std::vector<PluginValue>& values);

}  // namespace yagura
