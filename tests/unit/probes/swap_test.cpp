#include "resource/swap.hpp"

#include <doctest/doctest.h>
#include <sys/sysinfo.h>

#include "kinds.hpp"
#include "local_run.hpp"
#include "resource/memory.hpp"
#include "resource/part.hpp"

using namespace yagura;
using local::contains;

TEST_CASE("used swap is what is not free, and none is no error") {
  auto swap = parse_swap(
      "MemTotal:       24684084 kB\nSwapCached:         1234 kB\nSwapTotal:       2097148 kB\n"
      "SwapFree:         524287 kB\nZswap:                 0 kB\n");
  REQUIRE(swap);
  REQUIRE(*swap);
  CHECK((*swap)->used_percent == doctest::Approx(75));
  CHECK((*swap)->free_bytes == 524'287.0 * 1024);
  CHECK((*swap)->total_bytes == 2'097'148.0 * 1024);
  auto none = parse_swap("SwapTotal: 0 kB\nSwapFree: 0 kB\n");
  REQUIRE(none);
  CHECK_FALSE(none->has_value());
  CHECK((*parse_swap("SwapTotal: 5 kB\nSwapFree: 9 kB\n"))->used_percent == 0);
}

TEST_CASE("a text that does not say how much swap there is, is refused by the line's name") {
  for (std::string_view text :
       {"", "SwapTotal: 5 kB", "SwapTotal: 5 kB\nSwapFree", "SwapTotal: 5 kB\nSwapFree: x kB"}) {
    CAPTURE(text);
    auto swap = parse_swap(text);
    REQUIRE_FALSE(swap.has_value());
    CHECK(contains(swap.error().message, "does not say Swap"));
  }
}

TEST_CASE("the pages swapped are read, and no line that only begins like theirs") {
  auto traffic = parse_swap_traffic(
      "nr_free_pages 5214368\npgpgout 52\npswpin 1234\npswpout 56789\nswpin_zero 7\n"
      "pswpin_other 9\nthp_swpout 3\n");
  REQUIRE(traffic);
  CHECK(traffic->pages_in == 1234);
  CHECK(traffic->pages_out == 56789);
  for (std::string_view text :
       {"", "pswpin 5\n", "pswpout 5\n", "pswpin\npswpout 5\n", "pswpin -5\npswpout 5\n",
        "pswpin 5x\npswpout 5\n", "pswpin 99999999999999999999999\npswpout 5\n"}) {
    CAPTURE(text);
    auto refused = parse_swap_traffic(text);
    REQUIRE_FALSE(refused.has_value());
    CHECK(contains(refused.error().message, "leave `activity` out"));
  }
  CHECK_FALSE(parse_swap_traffic(std::string(60'000, 'p')).has_value());
  CHECK_FALSE(parse_swap_traffic(std::string(100, '\0')).has_value());
}

TEST_CASE("a part that cannot tell yet is well, but where it may be what failed") {
  Part part;
  Node keys = local::map({{"activity", local::map({{"failing", "100"}})}});
  Problems problems;
  Reader reader(keys, problems, "probe");
  REQUIRE(part.read(reader, "activity", {{Quantity::number, true, "pages", ">= 100"}}, "", ""));
  CHECK(part.cannot_tell_yet("not yet", true).verdict == Verdict::unknown);  // After a start.
  CHECK(part.cannot_tell_yet("not yet", false).verdict == Verdict::ok);
  // Another part fails, this one never did.
  CHECK(part.cannot_tell_yet("not yet", true).verdict == Verdict::ok);
  CHECK(part.judge({{Quantity::number, 100, "pages 100"}}, true).verdict == Verdict::failing);
  CHECK(part.cannot_tell_yet("not yet", true).verdict == Verdict::unknown);
}

TEST_CASE(
    "the swap of this machine is measured; where there is none, that is well unless required") {
  struct sysinfo machine {};
  REQUIRE(::sysinfo(&machine) == 0);
  auto probe = local::made(make_swap, {{"failing", "> 99.99%"},
                                       {"warning", "none"},
                                       {"activity", local::map({{"failing", "> 100000000"}})}});
  Finding finding = local::run(*probe);
  CHECK(finding.verdict == Verdict::ok);
  auto required = local::made(make_swap, {{"failing", "> 99.99%"}, {"required", "true"}});
  Finding demanded = local::run(*required);
  if (machine.totalswap == 0) {
    CHECK(finding.reason == "this machine has no swap");
    CHECK(finding.values.empty());
    CHECK(demanded.verdict == Verdict::failing);
  } else {
    CHECK(contains(finding.reason, "used swap "));
    CHECK(contains(finding.reason, "are known from the next run on"));
    CHECK(finding.values.at("total_bytes") > 0);
    CHECK(demanded.verdict != Verdict::failing);
  }
}

TEST_CASE("the keys of swap are checked") {
  CHECK(local::problems_of(make_swap, {}).empty());
  CHECK(local::problems_of(make_swap, {{"failing", "< 200 MiB"}}).empty());
  CHECK(local::problems_of(make_swap, {{"activity", "none"}, {"required", "true"}}).empty());
  CHECK(contains(local::problems_of(make_swap, {{"activity", "1000"}}), "must be a mapping"));
  CHECK(contains(local::problems_of(make_swap, {{"activity", local::map({})}}),
                 "nothing would be watched"));
  CHECK(contains(local::problems_of(make_swap, {{"activity", local::map({{"failing", ">= 5%"}})}}),
                 "which is not measured here"));
  CHECK(contains(
      local::problems_of(make_swap, {{"activity", local::map({{"failing", "5"}, {"fail", "5"}})}}),
      "unknown key `fail` in `activity`"));
  CHECK(contains(local::problems_of(make_swap, {{"required", "yes"}}), "must be true or false"));
  CHECK(contains(local::problems_of(make_swap, {{"failing", "> 200 MiB"}}), "wrong way round"));
}
