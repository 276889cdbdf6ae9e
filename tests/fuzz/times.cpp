// Instants, durations, dates and zones as people write them: one a line.
#include "fuzz.hpp"
#include "instant.hpp"
#include "zone.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  const auto fields = fields_of(bytes, 4);
  if (auto duration = parse_duration(fields[0])) {
    require(*duration >= Duration{0} && *duration <= 24h * 10'000, "a duration has its limits");
    require(parse_duration(format_duration(*duration)) == *duration,
            "a duration is read as it was written");
  }
  if (auto date = parse_date(fields[1])) {
    require(format_date(*date) == fields[1], "a date is written as it was read");
  }
  auto zone = Zone::named(fields[2]);
  if (auto instant = parse_instant(fields[3])) {
    require(*instant >= Instant{} && *instant < std::chrono::sys_days{std::chrono::year{2200} / 1 / 1},
            "an instant lies from 1970 to 2199");
    const Zone here = zone ? *zone : Zone();
    require(parse_instant(here.format(*instant)) == *instant,
            "an instant is read as it was written, in any zone");
    const LocalTime local = here.to_local(*instant);
    require(here.to_local(here.to_instant(local)) == local, "a local time that was is again");
    require(here.to_instant(local) <= *instant, "of a local time that comes twice the first counts");
  }
}
const Target target("times", run);

}  // namespace
}  // namespace yagura::fuzz
