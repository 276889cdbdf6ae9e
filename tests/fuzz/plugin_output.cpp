// What monitoring plugins write: text, long text and performance data.
#include "resource/plugin_output.hpp"

#include <cmath>

#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  const bool cut = take_choice(bytes, 2) == 1;
  const PluginOutput output = parse_plugin_output(bytes, cut);
  require_safe(output.text, 500);
  require_safe(output.long_text, 4000, Breaks::kept);
  require(output.values.size() <= 64, "64 values are the most");
  for (const PluginValue& value : output.values) {
    require(std::isfinite(value.value), "a value is a number");
    require_safe(value.label, 60);
    require_safe(value.unit, 12);
    for (const auto& range : {value.warning, value.critical}) {
      if (!range) continue;
      require(range->from <= range->to, "a range has its ends in order");
      require_safe(range->words(), 1000);
    }
  }
  const auto named = named_values(output.values);
  require(named.size() <= output.values.size(), "no value is named twice");
  for (const auto& [name, value] : named) {
    require(std::isfinite(value), "a named value is a number");
    require(!name.empty() && name.size() <= 200, "a name has a bounded length");
    require(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos,
            "a name is of a-z, 0-9 and _");
  }
}
const Target target("plugin_output", run);

}  // namespace
}  // namespace yagura::fuzz
