// Hours, days and closed days as the configuration writes them.
#include "fuzz.hpp"
#include "window.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  const auto fields = fields_of(bytes, 4);
  auto hours = parse_hours(fields[0]);
  if (hours) {
    require(hours->from < hours->until && hours->from >= 0min && hours->until <= 24h,
            "hours lie within one day");
    require(parse_hours(format_hours(*hours)) == *hours, "hours are read as they were written");
  }
  auto days = parse_days({fields[1], fields[2]});
  if (auto closed = parse_closed_days(fields[3])) {
    require(format_closed_days(*parse_closed_days(format_closed_days(*closed))) ==
                format_closed_days(*closed),
            "closed days are read as they were written");
  }
  if (!hours || !days) return;
  static const Calendar calendar;
  static const Zone zone;
  const Window window({{*days, {*hours}}});
  const Instant at{std::chrono::sys_days{std::chrono::year{2026} / 12 / 28}};
  if (auto next = window.next_interval(at, {zone, calendar})) {
    require(next->from < next->until && next->until > at, "an interval ends after it begins");
    require(window.is_open(next->from, {zone, calendar}), "a window is open where it opens");
  }
}
const Target target("windows", run);

}  // namespace
}  // namespace yagura::fuzz
