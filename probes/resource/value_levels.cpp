#include "resource/value_levels.hpp"

#include <cmath>

namespace yagura {

Shown shown(double value, Quantity quantity) {
  if (!std::isfinite(value)) return {value, value > 0 ? "infinite" : "infinitely negative"};
  switch (quantity) {
    case Quantity::percent:
      return {value, format_percent(value)};
    case Quantity::bytes:
      return {value, format_size(value)};
    case Quantity::duration:
      return {1000 * value, std::abs(value) < 1e12
                                ? format_duration(Duration(static_cast<std::int64_t>(1000 * value)))
                                : fmt::format("{:.6g}s", value)};
    case Quantity::number:
      break;
  }
  return {value, fmt::format("{:.10g}", value)};
}

std::optional<Threshold> read_value_levels(Reader& reader, const std::vector<Measure>& measures) {
  auto levels = Threshold::read(reader, measures, "", "");
  if (levels && levels->failing() && levels->warning() &&
      levels->failing()->quantity != levels->warning()->quantity) {
    reader.problem(*reader.find("warning"),
                   fmt::format("`warning`: must have the unit of failing, which is \"{}\"",
                               levels->failing()->text));
  }
  return levels;
}

const Level& level_of(const Threshold& levels) {
  return levels.failing() ? *levels.failing() : *levels.warning();
}

}  // namespace yagura
