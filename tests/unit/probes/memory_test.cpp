#include "resource/memory.hpp"

#include <doctest/doctest.h>
#include <sys/sysinfo.h>

#include "kinds.hpp"
#include "local_run.hpp"

using namespace yagura;
using local::contains;

namespace {

constexpr std::string_view sample =
    "MemTotal:       16000000 kB\n"
    "MemFree:          500000 kB\n"
    "MemAvailable:    4000000 kB\n"
    "SwapCached:            0 kB\n"
    "SwapTotal:       2000000 kB\n"
    "SwapFree:        1500000 kB\n";

std::string without(std::string_view name) {
  std::string text(sample);
  auto at = text.find(name);
  return text.erase(at, text.find('\n', at) - at + 1);
}

}  // namespace

TEST_CASE("used memory is what is not available") {
  auto use = parse_meminfo(sample);
  REQUIRE(use);
  CHECK(use->used_percent == doctest::Approx(75));
  CHECK(use->available_bytes == 4'000'000.0 * 1024);
  CHECK(use->total_bytes == 16'000'000.0 * 1024);
  CHECK(*use->swap_used_percent == doctest::Approx(25));
}

TEST_CASE("a machine without swap has no used swap") {
  auto use =
      parse_meminfo("MemTotal: 100 kB\nMemAvailable: 120 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB");
  REQUIRE(use);
  CHECK(use->used_percent == 0);  // More available than there is: an estimate.
  CHECK_FALSE(use->swap_used_percent);
}

TEST_CASE("a text that lacks a line, or says nonsense in it, is refused by the line's name") {
  for (std::string_view name : {"MemTotal", "MemAvailable", "SwapTotal", "SwapFree"}) {
    CAPTURE(name);
    auto use = parse_meminfo(without(name));
    REQUIRE_FALSE(use.has_value());
    CHECK(contains(use.error().message, name));
  }
  for (std::string_view value :
       {"", ":", ": kB", ": -5 kB", ": 5", ": 5 MB", ": 99999999999999999999999 kB", ": 0 kB",
        ": 0x10 kB", ": 5 kB trailing", "Extra: 5 kB"}) {
    CAPTURE(value);
    CHECK_FALSE(parse_meminfo(without("MemTotal") + "MemTotal" + std::string(value)).has_value());
  }
  CHECK_FALSE(parse_meminfo("").has_value());
  CHECK_FALSE(parse_meminfo(std::string(100, '\0')).has_value());
  CHECK_FALSE(parse_meminfo("\n\n\n").has_value());
}

TEST_CASE("the memory of this machine is measured") {
  auto probe = local::made(make_memory, {{"failing", "> 99.99%"}, {"warning", "none"}});
  Finding finding = local::run(*probe);
  CHECK(finding.verdict == Verdict::ok);
  struct sysinfo machine {};
  REQUIRE(::sysinfo(&machine) == 0);
  CHECK(finding.values.at("total_bytes") ==
        doctest::Approx(static_cast<double>(machine.totalram) * machine.mem_unit).epsilon(0.01));
  CHECK(finding.values.at("used_percent") > 0);
  CHECK(finding.values.at("used_percent") < 100);
  CHECK(finding.values.contains("swap_used_percent") == (machine.totalswap > 0));
  CHECK(contains(finding.reason, "used memory "));

  auto fails = local::made(make_memory, {{"failing", "> 0.001%"}});
  CHECK(contains(local::run(*fails).reason, ", failing at > 0.001%; available "));
  auto little = local::made(make_memory, {{"failing", "< 900 TiB"}});
  CHECK(local::run(*little).verdict == Verdict::failing);

  auto swap = local::made(make_memory, {{"failing", "> 99.99%"},
                                        {"warning", "none"},
                                        {"swap", local::map({{"failing", "> 99.99%"}})}});
  CHECK(local::run(*swap).verdict == (machine.totalswap > 0 ? Verdict::ok : Verdict::unknown));
}

TEST_CASE("the keys of memory are checked") {
  CHECK(local::problems_of(make_memory, {}).empty());
  CHECK(local::problems_of(make_memory, {{"swap", "none"}}).empty());
  CHECK(contains(local::problems_of(make_memory, {{"swap", local::map({})}}),
                 "nothing would be watched"));
  CHECK(contains(local::problems_of(make_memory, {{"swap", "80%"}}), "must be a mapping"));
  CHECK(contains(local::problems_of(make_memory, {{"failing", "< 5%"}}), "wrong way round"));
  CHECK(contains(
      local::problems_of(make_memory, {{"swap", local::map({{"failing", "> 5%"}, {"warn", "x"}})}}),
      "unknown key `warn`"));
}
