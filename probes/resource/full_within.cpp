#include "full_within.hpp"

#include <fmt/format.h>

#include <cmath>

namespace yagura {
namespace {

constexpr double hour = 3600, year = 365 * 24 * hour;

// Rounded up, as a value short of a level is not to read as having reached it.
std::string format_time_left(double seconds) {
  if (seconds > year) return "more than 365d";
  if (seconds < hour)
    return format_duration(std::chrono::seconds(static_cast<long>(std::ceil(seconds))));
  return format_duration(std::chrono::minutes(static_cast<long>(std::ceil(seconds / 60))));
}

}  // namespace

bool FullWithin::read(Reader& reader) {
  const Node* node = reader.find("full_within");
  if (node == nullptr) return true;
  Node levels = *node;
  for (NodeEntry& entry : levels.entries) {
    std::string& level = entry.second.scalar;
    if (!level.empty() && level.front() >= '0' && level.front() <= '9')
      level.insert(0, entry.first.scalar == "clear_at" ? "> " : "<= ");
  }
  return levels_.read_node(levels, reader.problems(), "full_within",
                           {{Quantity::duration, false, "the time until it is full", "<= 4h"}}, "",
                           "");
}

Judgement FullWithin::judge(SpaceTrend::Sample now, double total_bytes, bool was_failing,
                            MeasuredValues& values) {
  trend_.add(now, total_bytes);
  auto growth = trend_.bytes_per_second();
  auto left = trend_.seconds_left();
  if (!growth || !left) {
    return levels_.cannot_tell_yet(
        fmt::format("no trend before {} of runs", format_duration(SpaceTrend::least)), was_failing);
  }
  values["growth_bytes_per_second"] = *growth;
  std::string words = "use does not grow";
  if (std::isfinite(*left)) {
    values["full_in_seconds"] = *left;
    words = fmt::format("full in {} at {} a second", format_time_left(*left), format_size(*growth));
  }
  return levels_.judge({{Quantity::duration, *left * 1000, words}}, was_failing);
}

}  // namespace yagura
