// Cron expressions, and the times that they give where clocks are moved.
#include "cron.hpp"

#include <array>

#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  static const std::array zones{*Zone::named("Asia/Tokyo"), *Zone::named("America/New_York"),
                                *Zone::named("Australia/Lord_Howe"), Zone()};
  const Zone& zone = zones[take_choice(bytes, zones.size())];
  // Within a year that has leap days before and after it.
  const auto day = static_cast<int>(take_choice(bytes, 256)) * 2;
  const auto half_hours = static_cast<int>(take_choice(bytes, 48));
  const Instant at = Instant{std::chrono::sys_days{std::chrono::year{2027} / 1 / 1}} +
                     std::chrono::days{day} + half_hours * 30min;
  auto cron = Cron::parse(bytes);
  if (!cron) return require_safe(cron.error().message, 1000);
  auto next = cron->next(at, zone);
  if (!next) return;
  require(*next > at, "the next run comes after now");
  require(cron->last(*next, zone) == *next, "the next run is the last one once it is there");
  auto last = cron->last(at, zone);
  require(!last || *last <= at, "the last run is over");
  if (!last) return;
  auto after = cron->next(*last, zone);  // looks five years ahead only
  require(!after || *after == *next, "between the last run and the next is none");
}
const Target target("cron", run);

}  // namespace
}  // namespace yagura::fuzz
