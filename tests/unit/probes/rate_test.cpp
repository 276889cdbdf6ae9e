#include "resource/rate.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace yagura;
using namespace std::chrono_literals;

TEST_CASE("a counter that goes over its end grew, one that began anew says nothing") {
  constexpr std::uint64_t end_32 = std::numeric_limits<std::uint32_t>::max();
  constexpr std::uint64_t end_64 = std::numeric_limits<std::uint64_t>::max();
  CHECK(counter_growth(5, 5) == 0);
  CHECK(counter_growth(5, 12) == 7);
  CHECK(counter_growth(end_32 - 9, 90) == 100);
  CHECK(counter_growth(end_64 - 9, 90) == 100);
  CHECK(counter_growth(end_32, end_32 + 5) == 5);  // One of 64 bits passes there as anywhere.
  CHECK_FALSE(counter_growth(100, 99));            // A driver that corrected itself.
  CHECK_FALSE(counter_growth(7'000'000'000, 12));
  CHECK_FALSE(counter_growth(2'000'000'000, 12));      // Not near the end.
  CHECK_FALSE(counter_growth(end_32, 3'000'000'000));  // Not far over it.
  CHECK_FALSE(counter_growth(end_64 / 2, end_64 / 2 - 1));
}

TEST_CASE("a reading is compared with the youngest that is a second older") {
  LastReading<int> last;
  const std::chrono::steady_clock::time_point start{};
  CHECK_FALSE(last.exchange({1, start}));
  CHECK_FALSE(last.exchange({2, start + 500ms}));  // Too soon, and not kept.
  CHECK(last.exchange({3, start + 1s})->counters == 1);
  // Runs by hand, in quick succession, take nothing from the scheduled ones.
  CHECK(last.exchange({4, start + 1100ms})->counters == 1);
  CHECK(last.exchange({5, start + 1900ms})->counters == 1);
  auto before = last.exchange({6, start + 61s});
  REQUIRE(before);
  CHECK(before->counters == 3);
  CHECK(seconds_between(*before, Reading<int>{6, start + 61s}) == doctest::Approx(60));
}
