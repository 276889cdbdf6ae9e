#include "instant.hpp"

#include <doctest/doctest.h>

using namespace yagura;

TEST_CASE("durations are read in each unit and joined") {
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("30s") == 30s);
  CHECK(*parse_duration("1h30m") == 90min);
  CHECK(*parse_duration("5d") == 120h);
  for (const char* wrong : {"", "5", "m", "5 m", "-5m", "30m1h", "1h1h", "5x", "99999999d", "1.5h"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_duration(wrong));
  }
}

TEST_CASE("durations are written in the shortest joined form") {
  CHECK(format_duration(90min) == "1h30m");
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(24h + 5ms) == "1d5ms");
  CHECK(format_duration(-30s) == "-30s");
}

TEST_CASE("instants are read with any offset and with or without fraction") {
  Instant expected = *parse_instant("2026-12-28T07:58:30Z");
  CHECK(*parse_instant("2026-12-28T16:58:30+09:00") == expected);
  CHECK(*parse_instant("2026-12-28T16:58:30.250+09:00") == expected + 250ms);
  CHECK(*parse_instant("2026-12-28T02:58:30.0009-05:00") == expected);
  for (const char* wrong : {"2026-12-28", "2026-12-28T16:58:30", "2026-02-29T00:00:00Z",
                            "2026-12-28T24:00:00Z", "2026-12-28T16:58:30+9", "1969-12-31T00:00:00Z"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_instant(wrong));
  }
}

TEST_CASE("an instant lies within its years in UTC, whatever the offset that it is written with") {
  CHECK(parse_instant("1970-01-01T00:00:00Z") == Instant{});
  CHECK(parse_instant("1969-12-31T19:00:00-05:00") == Instant{});
  CHECK(parse_instant("2199-12-31T23:59:59Z").has_value());
  CHECK(parse_instant("2200-01-01T08:59:59+09:00").has_value());
  CHECK_FALSE(parse_instant("1970-01-01T08:59:59+09:00"));
  CHECK_FALSE(parse_instant("2199-12-31T23:59:59-00:01"));
}

TEST_CASE("dates are checked against the calendar") {
  CHECK(format_date(*parse_date("2028-02-29")) == "2028-02-29");
  CHECK_FALSE(parse_date("2027-02-29"));
  CHECK_FALSE(parse_date("2027-2-9"));
}
