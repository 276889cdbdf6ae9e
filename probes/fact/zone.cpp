#include "zone.hpp"

#include <date/tz.h>
#include <fmt/format.h>

namespace yagura {

struct Zone::Data {
  const date::time_zone* zone;
  std::string name;
};

Zone::Zone() : Zone(*named("Etc/UTC")) {}

Result<Zone> Zone::named(const std::string& name) {
  try {
    Zone zone{std::make_shared<const Data>(Data{date::locate_zone(name), name})};
    return zone;
  } catch (const std::exception&) {
    return failure_of(fmt::format(
        "\"{}\" is not a time zone of this machine: write an IANA name such as Asia/Tokyo", name));
  }
}

Zone::Zone(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

const std::string& Zone::name() const { return data_->name; }

LocalTime Zone::to_local(Instant instant) const {
  return LocalTime{instant.time_since_epoch() + offset_at_exact(instant)};
}

std::chrono::seconds Zone::offset_at_exact(Instant instant) const {
  return data_->zone->get_info(std::chrono::floor<std::chrono::seconds>(instant)).offset;
}

Instant Zone::to_instant(LocalTime local) const {
  date::local_time<Duration> wanted{local.time_since_epoch()};
  date::local_info info =
      data_->zone->get_info(date::local_seconds{std::chrono::floor<std::chrono::seconds>(local.time_since_epoch())});
  if (info.result == date::local_info::nonexistent) {
    return Instant{std::chrono::duration_cast<Duration>(info.first.end.time_since_epoch())};
  }
  return Instant{wanted.time_since_epoch() - info.first.offset};
}

std::chrono::minutes Zone::offset_at(Instant instant) const {
  return std::chrono::floor<std::chrono::minutes>(offset_at_exact(instant));
}

std::string Zone::format(Instant instant) const {
  auto offset = offset_at(instant);
  auto local = instant + offset;
  auto day = std::chrono::floor<std::chrono::days>(local);
  std::chrono::year_month_day date{day};
  std::chrono::hh_mm_ss clock{local - day};
  auto size = offset < 0min ? -offset : offset;
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}{:02}:{:02}",
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count(),
                     offset < 0min ? '-' : '+', size.count() / 60, size.count() % 60);
}

}  // namespace yagura
