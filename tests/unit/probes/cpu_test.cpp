#include "resource/cpu.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;

TEST_CASE("the first line of /proc/stat is read, guests not counted twice") {
  auto times = parse_cpu_times("cpu  100 20 30 4000 50 6 7 80 90 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
  REQUIRE(times);
  CHECK(times->busy == 163);
  CHECK(times->idle == 4000);
  CHECK(times->waiting == 50);
  CHECK(times->stolen == 80);
}

TEST_CASE("what is not the times of all processors is refused") {
  for (std::string_view text :
       {"", "cpu", "cpu ", "cpu0 1 2 3 4 5 6 7 8", "cpu  1 2 3 4 5 6 7", "cpu  1 2 3 -4 5 6 7 8",
        "cpu  1 2 3 x 5 6 7 8", "cpu  1 2 3 99999999999999999999999 5 6 7 8",
        "intr 5\ncpu 1 2 3 4 5 6 7 8", "cpu  1 2 3\n4 5 6 7 8"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_cpu_times(text).has_value());
  }
  CHECK_FALSE(parse_cpu_times(std::string(1000, '\0')).has_value());
}

TEST_CASE("steal counts as used, waiting for input and output does not") {
  auto use = cpu_use({100, 1000, 10, 0}, {140, 1030, 20, 20});
  REQUIRE(use);
  CHECK(use->used_percent == doctest::Approx(60));
  CHECK(use->iowait_percent == doctest::Approx(10));
  CHECK(use->steal_percent == doctest::Approx(20));
}

TEST_CASE("counters that stand still give no answer, ones that go back count as still") {
  CHECK_FALSE(cpu_use({1, 2, 3, 4}, {1, 2, 3, 4}));
  CHECK_FALSE(cpu_use({10, 20, 30, 40}, {1, 2, 3, 4}));
  auto use = cpu_use({100, 1000, 50, 0}, {150, 1050, 20, 0});
  REQUIRE(use);
  CHECK(use->used_percent == doctest::Approx(50));
  CHECK(use->iowait_percent == 0);
}

TEST_CASE("the first run samples, a later one measures since the run before") {
  auto probe = local::made(make_cpu, {{"failing", "> 0.001%"}, {"warning", "none"}});
  auto began = std::chrono::steady_clock::now();
  Finding first = local::run(*probe, false, 800ms);
  CHECK(std::chrono::steady_clock::now() - began >= 400ms);
  CHECK(first.verdict != Verdict::unknown);
  CHECK(first.values.at("used_percent") >= 0);
  CHECK(first.values.at("used_percent") <= 100);
  CHECK(contains(first.reason, "used processor time "));

  began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < 450ms) {
  }
  began = std::chrono::steady_clock::now();
  Finding busy = local::run(*probe, false, 800ms);
  CHECK(std::chrono::steady_clock::now() - began < 400ms);  // It took no sample of its own.
  CHECK(busy.verdict == Verdict::failing);
  CHECK(contains(busy.reason, ", failing at > 0.001%"));
}

TEST_CASE("the keys of cpu are checked") {
  CHECK(local::problems_of(make_cpu, {}).empty());
  CHECK(contains(local::problems_of(make_cpu, {{"failing", "> 5 GiB"}}),
                 "which is not measured here"));
  CHECK(contains(local::problems_of(make_cpu, {{"average", "5"}}), "unknown key `average`"));
}
