#include "resource/load.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;

TEST_CASE("the three averages are read") {
  auto load = parse_loadavg("12.34 5.60 0.07 3/412 9981\n");
  REQUIRE(load);
  CHECK(load->over_1m == doctest::Approx(12.34));
  CHECK(load->over_5m == doctest::Approx(5.6));
  CHECK(load->over_15m == doctest::Approx(0.07));
}

TEST_CASE("what is not three averages is refused") {
  for (std::string_view text : {"", "\n", "1.0 2.0", "1.0 x 2.0", "-1.0 2.0 3.0", "nan 1.0 2.0",
                                "1.0 inf 2.0", "1.0,2.0,3.0", "1.0 2.0 "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_loadavg(text).has_value());
  }
  CHECK_FALSE(parse_loadavg(std::string(100, '\0')).has_value());
}

TEST_CASE("the load of this machine is measured, per processor unless said otherwise") {
  auto probe = local::made(make_load, {{"failing", "100000"}});
  Finding finding = local::run(*probe);
  double cpus = static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
  CHECK(finding.values.at("cpus") == cpus);
  CHECK(finding.values.at("load_per_cpu") == doctest::Approx(finding.values.at("load5") / cpus));
  CHECK(contains(finding.reason, " per CPU over 5m"));

  auto whole =
      local::made(make_load, {{"per_cpu", "false"}, {"average", "15"}, {"failing", "100000"}});
  Finding all = local::run(*whole);
  CHECK(all.verdict == Verdict::ok);
  CHECK(contains(all.reason, " over 15m"));
  CHECK_FALSE(contains(all.reason, "per CPU"));

  // Below a level that no load can be above: the warning says so, and a failing probe stays so
  // until it clears.
  auto low = local::made(make_load,
                         {{"failing", "100000"}, {"warning", "none"}, {"clear_at", "< 0.0001"}});
  CHECK(local::run(*low, false).verdict == Verdict::ok);
  if (finding.values.at("load_per_cpu") >= 0.0001) {
    Finding held = local::run(*low, true);
    CHECK(held.verdict == Verdict::failing);
    CHECK(contains(held.reason, "failing until < 0.0001"));
  }
}

TEST_CASE("the keys of load are checked") {
  CHECK(local::problems_of(make_load, {}).empty());
  CHECK(local::problems_of(make_load, {{"failing", "8"}, {"warning", "> 6"}, {"clear_at", "< 5"}})
            .empty());
  CHECK(contains(local::problems_of(make_load, {{"average", "10"}}), "must be 1, 5 or 15"));
  CHECK(contains(local::problems_of(make_load, {{"average", "5m"}}), "must be a whole number"));
  CHECK(contains(local::problems_of(make_load, {{"per_cpu", "1"}}), "must be true or false"));
  CHECK(contains(local::problems_of(make_load, {{"per_cpu", "false"}}),
                 "nothing would be watched; write load as"));
  CHECK(
      contains(local::problems_of(make_load, {{"failing", "95%"}}), "\">= 95%\" is a percentage"));
  CHECK(contains(local::problems_of(make_load, {{"failing", ">= 95%"}}),
                 "a percentage, which is not measured"));
}
