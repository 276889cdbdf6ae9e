// When a cron expression comes, in local time. What may be written, and which days and minutes
// that means, stands in cron_fields.hpp.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "cron_fields.hpp"
#include "instant.hpp"
#include "result.hpp"
#include "zone.hpp"

namespace yagura {

class Cron {
 public:
  // Error: as of read_cron.
  static Result<Cron> parse(std::string_view text);
  // The first time strictly after `after` on a day that `on_day` admits. None within five years. A
  // local time that does not exist runs at the change; one that comes twice runs once, the first
  // time.
  std::optional<Instant> next(Instant after, const Zone& zone,
                              const std::function<bool(Date)>& on_day = {}) const;
  // The last time at or before `at`, within five years.
  std::optional<Instant> last(Instant at, const Zone& zone,
                              const std::function<bool(Date)>& on_day = {}) const;

 private:
  CronFields fields_;
};

}  // namespace yagura
