#include "cron.hpp"

namespace yagura {
namespace {

constexpr std::chrono::days one_day{1};
constexpr std::chrono::days five_years{5 * 366};
constexpr int minutes_of_day = 24 * 60;

Instant instant_of(Date date, int minute_of_day, const Zone& zone) {
  return zone.to_instant(LocalTime{date.time_since_epoch()} + std::chrono::minutes{minute_of_day});
}

int minute_of_day_of(LocalTime local) {
  const auto clock = local - std::chrono::floor<std::chrono::days>(local);
  return static_cast<int>(std::chrono::floor<std::chrono::minutes>(clock).count());
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  const auto fields = read_cron(text);
  if (!fields) return tl::unexpected(fields.error());
  Cron cron;
  cron.fields_ = *fields;
  return cron;
}

std::optional<Instant> Cron::next(Instant after, const Zone& zone,
                                  const std::function<bool(Date)>& on_day) const {
  const LocalTime local = zone.to_local(after);
  const Date today = std::chrono::floor<std::chrono::days>(local);
  // Whatever the clock showed before this minute comes no more: of a time that comes twice the
  // first counts.
  int minute = minute_of_day_of(local);
  for (Date date = today; date <= today + five_years; date += one_day, minute = 0) {
    if (!fields_.match_day(date) || (on_day && !on_day(date))) continue;
    for (; minute < minutes_of_day; ++minute) {
      if (!fields_.match_minute(minute)) continue;
      const Instant time = instant_of(date, minute, zone);
      if (time > after) return time;
    }
  }
  return std::nullopt;
}

std::optional<Instant> Cron::last(Instant at, const Zone& zone,
                                  const std::function<bool(Date)>& on_day) const {
  const LocalTime local = zone.to_local(at);
  Date date = std::chrono::floor<std::chrono::days>(local);
  const Date earliest = date - five_years;
  int minute = minute_of_day_of(local);
  // After clocks were put back, times that they show later may have been already.
  if (zone.offset_at(at) < zone.offset_at(at - 24h)) {
    date += one_day;
    minute = minutes_of_day - 1;
  }
  for (; date >= earliest; date -= one_day, minute = minutes_of_day - 1) {
    if (!fields_.match_day(date) || (on_day && !on_day(date))) continue;
    for (; minute >= 0; --minute) {
      if (!fields_.match_minute(minute)) continue;
      const Instant time = instant_of(date, minute, zone);
      if (time <= at) return time;
    }
  }
  return std::nullopt;
}

}  // namespace yagura
