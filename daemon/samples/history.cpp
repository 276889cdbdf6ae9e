#include "history.hpp"

#include "sample_file.hpp"

namespace yagura {
namespace {

// Up to these spans; what is longer is shown by the day.
constexpr Duration by_five_minutes = 3h, by_hour = 24h * 8;

Instant floor_to(Instant at, Duration raster) {
  const Duration into = at.time_since_epoch() % raster;
  return at - into;
}

}  // namespace

std::string_view name_of(History::Step step) {
  switch (step) {
    case History::Step::five_minutes:
      return "5m";
    case History::Step::hour:
      return "1h";
    case History::Step::day:
      return "1d";
  }
  return "";
}

History::History(Instant from, Instant to, Instant now, Zone zone)
    : until(to), zone_(std::move(zone)) {
  const Duration length = to - from;
  if (length > by_hour) {
    step = Step::day;
  } else if (length > by_five_minutes || from < now - kept_in_full) {
    step = Step::hour;
  } else {
    step = Step::five_minutes;
  }
  since = begin_of_step(from);
}

// Times before 1970 do not come here.
Instant History::begin_of_step(Instant at) const {
  switch (step) {
    case Step::five_minutes:
      return floor_to(at, 5min);
    case Step::hour:
      return floor_to(at, 1h);
    case Step::day:
      return zone_.midnight(zone_.date_of(at));
  }
  return at;
}

bool History::add(Instant from, const std::string& probe, const NamedTally& tally) {
  Probe& known = probes[probe];
  const auto [cell, added] = known.steps.try_emplace(begin_of_step(from));
  const std::size_t before = added ? 0 : cell->second.values.size() + 1;
  cell->second.add(tally);
  cells_ += cell->second.values.size() + 1 - before;
  if (cells_ > most_cells) return false;
  known.sum.add(tally);
  runs.add(tally.runs);
  return true;
}

}  // namespace yagura
