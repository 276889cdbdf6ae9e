#include "resource/pressure.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;

TEST_CASE("the averages of some and full are read, with and without the line of full") {
  auto memory = parse_pressure(
      "some avg10=24.32 avg60=8.72 avg300=12.27 total=34037209182\n"
      "full avg10=1.50 avg60=0.25 avg300=0.00 total=1234\n");
  REQUIRE(memory);
  CHECK(memory->some.over_10s == doctest::Approx(24.32));
  CHECK(memory->some.over_1m == doctest::Approx(8.72));
  CHECK(memory->some.over_5m == doctest::Approx(12.27));
  REQUIRE(memory->full);
  CHECK(memory->full->over_10s == doctest::Approx(1.5));
  CHECK(memory->full->over_1m == doctest::Approx(0.25));
  auto cpu = parse_pressure("some avg10=0.00 avg60=0.00 avg300=100.00 total=5\n");
  REQUIRE(cpu);
  CHECK_FALSE(cpu->full);
}

TEST_CASE("what are no averages of pressure is refused") {
  for (std::string_view text :
       {"", "\n", "some", "some avg10=1.00", "some avg10=1.00 avg60=2.00",
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n", "some avg10=x avg60=0.00 avg300=0.00\n",
        "some avg10=-1.00 avg60=0.00 avg300=0.00\n", "some avg10=nan avg60=0.00 avg300=0.00\n",
        "some avg10=inf avg60=0.00 avg300=0.00\n", "some avg10=1e3 avg60=0.00 avg300=0.00\n",
        "some avg10=1000.00 avg60=0.00 avg300=0.00\n", "some avg60=0.00 avg10=0.00 avg300=0.00\n",
        "some avg10=0.00 avg60=0.00 avg300=0.00\nfull avg10=0.00\n"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_pressure(text).has_value());
  }
  CHECK_FALSE(parse_pressure(std::string(4096, '\0')).has_value());
  CHECK_FALSE(parse_pressure("some avg10=" + std::string(4000, '9')).has_value());
}

TEST_CASE("the pressure of this machine is measured, or it is said how to have it measured") {
  auto probe = local::made(make_pressure,
                           {{"resource", "memory"}, {"share", "full"}, {"failing", "> 99.99%"}});
  Finding finding = local::run(*probe);
  if (::access("/proc/pressure/memory", R_OK) != 0) {
    CHECK(finding.verdict == Verdict::unknown);
    CHECK(contains(finding.reason, "psi=1"));
    return;
  }
  CHECK(finding.verdict == Verdict::ok);
  CHECK(contains(finding.reason, "all tasks waited for memory "));
  CHECK(contains(finding.reason, " of the time over 1m"));
  CHECK(finding.values.at("pressure_percent") == finding.values.at("full_1m_percent"));
  CHECK(finding.values.size() == 7);

  auto cpu =
      local::made(make_pressure, {{"resource", "cpu"}, {"average", "5m"}, {"warning", "> 99.99%"}});
  Finding some = local::run(*cpu);
  CHECK(some.values.at("pressure_percent") == some.values.at("some_5m_percent"));
  CHECK(contains(some.reason, "tasks waited for cpu "));
}

TEST_CASE("the keys of pressure are checked") {
  CHECK(local::problems_of(make_pressure, {{"resource", "io"}, {"failing", ">= 60%"}}).empty());
  CHECK(contains(local::problems_of(make_pressure, {{"failing", ">= 60%"}}), "needs `resource`"));
  CHECK(contains(local::problems_of(make_pressure, {{"resource", "disk"}, {"failing", ">= 60%"}}),
                 "`resource` must be cpu, memory or io"));
  CHECK(contains(local::problems_of(make_pressure, {{"resource", "io"}}),
                 "nothing would be watched"));
  CHECK(contains(local::problems_of(make_pressure,
                                    {{"resource", "io"}, {"share", "all"}, {"failing", ">= 60%"}}),
                 "`share` must be some or full"));
  CHECK(
      contains(local::problems_of(make_pressure,
                                  {{"resource", "cpu"}, {"share", "full"}, {"failing", ">= 60%"}}),
               "write some"));
  CHECK(
      contains(local::problems_of(make_pressure,
                                  {{"resource", "io"}, {"average", "15m"}, {"failing", ">= 60%"}}),
               "`average` must be 10s, 1m or 5m"));
}
