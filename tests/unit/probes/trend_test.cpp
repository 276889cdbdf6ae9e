#include "resource/trend.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "local_run.hpp"
#include "resource/full_within.hpp"

using namespace yagura;
using namespace std::chrono_literals;

namespace {

constexpr double total = 1e12;
const SpaceTrend::Time start{};

// A run each minute, for so many of them.
SpaceTrend runs(int minutes, const std::function<double(int minute)>& free_bytes) {
  SpaceTrend trend;
  for (int minute = 0; minute <= minutes; ++minute)
    trend.add({start + std::chrono::minutes(minute), free_bytes(minute)}, total);
  return trend;
}

}  // namespace

TEST_CASE("steady growth is followed to the end of space") {
  // 6 GB of 600 a minute: after half an hour 420 are left, for 70 minutes.
  SpaceTrend trend = runs(30, [](int minute) { return 600e9 - 6e9 * minute; });
  CHECK(*trend.bytes_per_second() == doctest::Approx(1e8));
  CHECK(*trend.seconds_left() == doctest::Approx(70 * 60));
}

TEST_CASE("nothing is said before ten minutes of runs, nor of two runs") {
  const auto growing = [](int minute) { return 600e9 - 6e9 * minute; };
  CHECK_FALSE(SpaceTrend().seconds_left());
  CHECK_FALSE(runs(9, growing).seconds_left());
  CHECK_FALSE(runs(9, growing).bytes_per_second());
  CHECK(runs(10, growing).seconds_left());
  SpaceTrend two;
  two.add({start, 600e9}, total);
  two.add({start + 30min, 500e9}, total);
  CHECK_FALSE(two.seconds_left());
  two.add({start + 60min, 400e9}, total);
  CHECK(*two.seconds_left() == doctest::Approx(2 * 3600));
}

TEST_CASE("use that stands or shrinks is never full") {
  CHECK(std::isinf(*runs(60, [](int) { return 600e9; }).seconds_left()));
  CHECK(std::isinf(*runs(60, [](int minute) { return 600e9 + 1e9 * minute; }).seconds_left()));
  CHECK(*runs(60, [](int minute) { return 600e9 + 6e9 * minute; }).bytes_per_second() ==
        doctest::Approx(-1e8));
}

TEST_CASE("one file written, and no more, is no trend half an hour later") {
  // 200 GB within ten minutes, then nothing.
  const auto burst = [](int minute) { return 600e9 - 20e9 * std::min(minute, 10); };
  CHECK(std::isfinite(*runs(15, burst).seconds_left()));
  CHECK(std::isinf(*runs(25, burst).seconds_left()));
  // A saw tooth, as of logs that are rotated each quarter, on a slow growth of 6 MB a minute.
  const auto saw = [](int minute) { return 600e9 - 1e9 * (minute % 15) - 6e6 * minute; };
  CHECK(*runs(60, saw).seconds_left() > 24 * 3600);
}

TEST_CASE("what is older than an hour counts no more, and is not kept") {
  SpaceTrend trend = runs(300, [](int minute) {
    return minute < 240 ? 600e9 - 2e9 * minute : 120e9 - 6e6 * (minute - 240);
  });
  CHECK(*trend.bytes_per_second() == doctest::Approx(1e5));
  SpaceTrend
      busy;  // A run each second for a day: all but the quarter minutes of an hour are let go.
  for (int second = 0; second < 86'400; ++second)
    busy.add({start + std::chrono::seconds(second), 600e9 - 1e6 * second}, total);
  CHECK(*busy.seconds_left() == doctest::Approx((600e9 - 1e6 * 86'399) / 1e6));
}

TEST_CASE("after a gap, and on a file system of another size, it begins anew") {
  SpaceTrend trend = runs(30, [](int minute) { return 600e9 - 6e9 * minute; });
  trend.add({start + 5h, 400e9}, total);
  CHECK_FALSE(trend.seconds_left());
  SpaceTrend grown = runs(30, [](int minute) { return 600e9 - 6e9 * minute; });
  grown.add({start + 31min, 900e9}, 2 * total);
  CHECK_FALSE(grown.seconds_left());
}

TEST_CASE("a full file system that grows no more is not full in the future") {
  CHECK(std::isinf(*runs(20, [](int) { return 0.0; }).seconds_left()));
  CHECK(*runs(20, [](int minute) { return std::max(0.0, 20e9 - 1e9 * minute); }).seconds_left() ==
        0);
}

TEST_CASE("a disk that will be full in time is judged by when, and said with its rate") {
  FullWithin full;
  CHECK_FALSE(full.is_watched());
  Node keys = local::map(
      {{"full_within", local::map({{"failing", "4h"}, {"warning", "1d"}, {"clear_at", "6h"}})}});
  Problems problems;
  Reader reader(keys, problems, "probe");
  REQUIRE(full.read(reader));
  REQUIRE(full.is_watched());

  MeasuredValues values;
  // A run each minute, with so much less free after each; what the last of them says.
  auto at = start;
  double free_bytes = 600e9;
  const auto go = [&](int minutes, double by, bool was_failing) {
    Judgement last;
    for (int minute = 0; minute < minutes; ++minute) {
      values.clear();
      last = full.judge({at, free_bytes}, total, was_failing, values);
      at += 1min;
      free_bytes -= by;
    }
    return last;
  };
  // After a start in the middle of a failure nobody knows yet whether it is over.
  CHECK(go(5, 0.5e9, true).verdict == Verdict::unknown);
  CHECK(go(5, 0.5e9, false).verdict == Verdict::ok);
  CHECK(values.empty());

  Judgement soon = go(50, 0.5e9, false);
  CHECK(soon.verdict == Verdict::warning);
  CHECK(soon.reason == "full in 19h1m at 7.9 MiB a second, warning at <= 1d");
  CHECK(values.at("growth_bytes_per_second") == doctest::Approx(0.5e9 / 60));
  CHECK(values.at("full_in_seconds") == doctest::Approx(free_bytes / (0.5e9 / 60)).epsilon(0.01));

  Judgement very_soon = go(61, 2.5e9, false);
  CHECK(very_soon.verdict == Verdict::failing);
  CHECK(very_soon.reason.find(", failing at <= 4h") != std::string::npos);
  // Held until it clears, and over once use no longer grows.
  CHECK(go(61, 1.2e9, true).reason.find(", failing until > 6h") != std::string::npos);
  Judgement over = go(61, -1e6, true);
  CHECK(over.verdict == Verdict::ok);
  CHECK(over.reason == "use does not grow");
  CHECK_FALSE(values.contains("full_in_seconds"));
}
