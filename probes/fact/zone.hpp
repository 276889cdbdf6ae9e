// A time zone of the IANA database. The only place that knows the tz library.
#pragma once

#include <memory>
#include <string>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

// Cheap to copy; immutable. A default-made one is UTC.
class Zone {
 public:
  Zone();
  // Error: the name is not in the database of this machine.
  static Result<Zone> named(const std::string& name);

  const std::string& name() const;
  LocalTime to_local(Instant instant) const;
  Date date_of(Instant instant) const { return std::chrono::floor<std::chrono::days>(to_local(instant)); }
  // A local time that does not exist gives the instant of the change; one that comes twice, the first.
  Instant to_instant(LocalTime local) const;
  Instant midnight(Date date) const { return to_instant(LocalTime{date.time_since_epoch()}); }
  std::chrono::minutes offset_at(Instant instant) const;

  // "2026-12-28T16:58:30.000+09:00"
  std::string format(Instant instant) const;

 private:
  struct Data;
  explicit Zone(std::shared_ptr<const Data> data);
  std::chrono::seconds offset_at_exact(Instant instant) const;
  std::shared_ptr<const Data> data_;
};

}  // namespace yagura
