// Times as people at the command read them. The daemon's texts carry the configured zone's offset,
// so that its wall clock can be shown without knowing the zone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "instant.hpp"

namespace yagura::cli {

struct Moment {
  Instant at{};
  std::chrono::minutes offset{};
};
std::optional<Moment> read_moment(std::string_view rfc3339);

// "45s", "14m", "3h20m", "5d4h": at most two units, cut off, not rounded.
std::string span_text(Duration span);
// "14m ago", "in 3h20m", "now".
std::string ago_text(Instant at, Instant now);
// "Mon 2027-01-04".
std::string day_text(Moment moment);
std::string day_text(Date date);
// "16:58:30".
std::string clock_text(Moment moment);
// "+09:00".
std::string offset_text(Moment moment);
// "16:58" where that is today, else "Mon 12-28 16:58", in another year "Mon 2027-01-04 10:00".
std::string short_text(Moment moment, Instant now);
// The same for every time that the daemon wrote into a sentence.
std::string with_short_times(std::string text, Instant now);

}  // namespace yagura::cli
