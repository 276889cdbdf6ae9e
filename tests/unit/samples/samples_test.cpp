#include <cmath>
#include <limits>

#include "support.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

NamedTally so_far(const Samples& samples, const ProbeId& probe = web) {
  auto tally = samples.so_far(probe);
  REQUIRE(tally);
  return *tally;
}

// As it is read from the span's bytes.
Tally packed_of(const Samples& samples, const std::string& bytes, const ProbeId& probe) {
  auto layout = unpacked_layout(samples.layout());
  REQUIRE(layout);
  Unpacker reader(bytes);
  Tally tally;
  for (const Layout::Probe& one : layout->probes) {
    reader.tally(layout->names[one.names].size(), tally);
    if (one.id == probe) break;
  }
  REQUIRE_FALSE(reader.failed());
  return tally;
}

}  // namespace

TEST_CASE("runs are counted by verdict, values by mean and maximum") {
  Samples samples;
  samples.set_platform(platform_of({{"db", {"tcp"}}, {"web", {"http", "tcp"}}}), noon);
  samples.take(web, ran(Verdict::ok, {{"status", 200}, {"total_seconds", 0.25}}));
  samples.take(web, ran(Verdict::ok, {{"status", 200}, {"total_seconds", 0.75}}));
  samples.take(web, ran(Verdict::failing, {{"total_seconds", 2}}));
  samples.take(web, ran(Verdict::unknown));
  samples.take({"web", "none"}, ran(Verdict::ok));
  const NamedTally tally = so_far(samples);
  CHECK(tally.runs.by_verdict == std::array<std::uint32_t, 4>{2, 0, 1, 1});
  CHECK(tally.values.at("total_seconds").runs == 3);
  CHECK(tally.values.at("total_seconds").mean == doctest::Approx(1));
  CHECK(tally.values.at("total_seconds").max == 2);
  CHECK(tally.values.at("status").runs == 2);
  CHECK_FALSE(samples.so_far({"db", "tcp"}));
}

TEST_CASE("a span ends at five minutes by the clock, and the next begins empty") {
  Samples samples;
  samples.set_platform(platform_of({{"web", {"http"}}}), noon + 2min);
  samples.take(web, ran(Verdict::ok, {{"v", 3}}));
  CHECK_FALSE(samples.is_over(noon + 5min - 1ms));
  CHECK(samples.is_over(noon + 5min));
  const Samples::Span span = samples.end(noon + 5min);
  CHECK(span.from == noon);
  const Tally tally = packed_of(samples, span.bytes, web);
  CHECK(tally.runs.of(Verdict::ok) == 1);
  CHECK(tally.values.at(0).mean == 3);
  CHECK_FALSE(samples.so_far(web));
  CHECK(samples.from() == noon + 5min);
  // The clock is set back.
  CHECK(samples.is_over(noon + 1min));
}

TEST_CASE("the layout changes with what is measured, not with what it amounts to") {
  Samples samples;
  samples.set_platform(platform_of({{"web", {"http", "tcp"}}}), noon);
  samples.take(web, ran(Verdict::ok, {{"b", 1}}));
  const auto number = samples.layout_number();
  const std::string layout = samples.layout();
  samples.take(web, ran(Verdict::ok, {{"b", 2}}));
  samples.take(web, ran(Verdict::failing));
  samples.end(noon + 5min);
  samples.take(web, ran(Verdict::ok, {{"b", 3}}));
  CHECK(samples.layout_number() == number);
  CHECK(samples.layout() == layout);
  samples.take(web, ran(Verdict::ok, {{"a", 7}, {"b", 5}, {"c", 9}}));
  CHECK(samples.layout_number() != number);
  CHECK(so_far(samples).values.at("b").mean == 4);
  CHECK(so_far(samples).values.at("a").mean == 7);
  CHECK(so_far(samples).values.at("c").runs == 1);
}

TEST_CASE("a reload keeps what was counted of the probes that stay") {
  Samples samples;
  samples.set_platform(platform_of({{"a", {"x"}}, {"web", {"http", "tcp"}}}), noon);
  for (const ProbeId& probe : {ProbeId{"a", "x"}, web, ProbeId{"web", "tcp"}}) {
    samples.take(probe, ran(Verdict::ok, {{"v", 4}}));
  }
  const auto number = samples.layout_number();
  samples.set_platform(platform_of({{"a", {"x"}}, {"web", {"http", "tcp"}}}), noon + 1min);
  CHECK(samples.layout_number() == number);
  samples.set_platform(platform_of({{"b", {"y"}}, {"web", {"http"}}}), noon + 1min);
  CHECK(samples.layout_number() != number);
  CHECK(so_far(samples).values.at("v").mean == 4);
  CHECK_FALSE(samples.so_far({"a", "x"}));
  CHECK_FALSE(samples.so_far({"web", "tcp"}));
  samples.take({"b", "y"}, ran(Verdict::warning, {{"w", 1}}));
  samples.take(web, ran(Verdict::ok, {{"v", 6}}));
  CHECK(so_far(samples).values.at("v").mean == 5);
  CHECK(so_far(samples, {"b", "y"}).values.at("w").mean == 1);
  samples.set_platform(Platform{}, noon);
  samples.take(web, ran(Verdict::ok));
  CHECK(samples.end(noon + 5min).bytes.empty());
}

TEST_CASE("of a probe that measures ever other things 32 values are kept, and no long name") {
  Samples samples;
  samples.set_platform(platform_of({{"db", {"x"}}, {"web", {"http"}}}), noon);
  samples.take({"db", "x"}, ran(Verdict::ok, {{"kept", 1}}));
  for (int run = 0; run < 10'000; ++run) {
    samples.take(
        web, ran(Verdict::ok, {{"value " + std::to_string(run), run}, {std::string(101, 'x'), 1}}));
  }
  const auto number = samples.layout_number();
  samples.take(web, ran(Verdict::ok, {{"one more", 1}, {std::string(101, 'y'), 1}}));
  CHECK(samples.layout_number() == number);
  CHECK(so_far(samples).runs.all() == 10'001);
  CHECK(so_far(samples).values.size() == 32);
  CHECK(so_far(samples).values.at("value 31").mean == 31);
  CHECK(so_far(samples, {"db", "x"}).values.at("kept").mean == 1);
}

TEST_CASE("what is no number and what is too large a one harm nothing") {
  Samples samples;
  samples.set_platform(platform_of({{"web", {"http"}}}), noon);
  for (double value : {std::nan(""), 1e300, -1e300, std::numeric_limits<double>::infinity()}) {
    samples.take(web, ran(Verdict::ok, {{"v", value}}));
  }
  CHECK(so_far(samples).values.at("v").runs == 2);
  const Samples::Span span = samples.end(noon + 5min);
  CHECK(std::isfinite(packed_of(samples, span.bytes, web).values.at(0).max));
}

TEST_CASE("a span that nobody ends goes on, and counts no further than it can") {
  Samples samples;
  samples.set_platform(platform_of({{"web", {"http"}}}), noon);
  for (int run = 0; run < 70'000; ++run)
    samples.take(web, ran(Verdict::ok, {{"v", 1}}));
  CHECK(so_far(samples).runs.all() == 65'535);
}
