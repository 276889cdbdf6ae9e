#include "zone.hpp"

#include <doctest/doctest.h>

using namespace yagura;

TEST_CASE("Japan is nine hours ahead, all year") {
  Zone tokyo = *Zone::named("Asia/Tokyo");
  CHECK(tokyo.format(*parse_instant("2026-12-28T07:58:30Z")) == "2026-12-28T16:58:30.000+09:00");
  CHECK(tokyo.midnight(date_of(2027, 1, 4)) == *parse_instant("2027-01-03T15:00:00Z"));
  CHECK(tokyo.date_of(*parse_instant("2027-01-03T15:00:00Z")) == date_of(2027, 1, 4));
}

TEST_CASE("a local time that does not exist is the instant of the change, one that comes twice the first") {
  Zone berlin = *Zone::named("Europe/Berlin");
  CHECK(berlin.to_instant(LocalTime{date_of(2026, 3, 29).time_since_epoch()} + 2h + 30min) ==
        *parse_instant("2026-03-29T01:00:00Z"));
  CHECK(berlin.to_instant(LocalTime{date_of(2026, 10, 25).time_since_epoch()} + 2h + 30min) ==
        *parse_instant("2026-10-25T00:30:00Z"));
}

TEST_CASE("an unknown zone is refused") { CHECK_FALSE(Zone::named("Asia/Edo")); }
