#include <cmath>
#include <limits>

#include "support.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

Tally tally(std::array<std::uint32_t, 4> runs, std::vector<ValueTally> values = {}) {
  return {{runs}, std::move(values)};
}

std::string bytes_of(const std::vector<Tally>& tallies) {
  std::string bytes;
  Packer packer(bytes);
  for (const Tally& one : tallies)
    packer.tally(one);
  return bytes;
}

float through(float value) {
  std::string bytes;
  Packer(bytes).real(value);
  CHECK(bytes.size() == 3);
  return static_cast<float>(Unpacker(bytes).real());
}

}  // namespace

TEST_CASE("runs add up, means by how many runs they are of, and the maximum is the greatest") {
  ValueTally value{3, 10, 20};
  value.add({1, 2, 30});
  CHECK(value.runs == 4);
  CHECK(value.mean == doctest::Approx(8));
  CHECK(value.max == 30);
  value.add({0, 1000, 1000});
  CHECK(value.mean == doctest::Approx(8));
  ValueTally below;
  below.add({2, -5, -3});
  CHECK(below.max == -3);
}

TEST_CASE("availability counts only runs that could look") {
  CHECK(*RunTally{{8, 1, 1, 5}}.availability() == doctest::Approx(90));
  CHECK_FALSE(RunTally{{0, 0, 0, 7}}.availability());
  CHECK_FALSE(RunTally{}.availability());
}

TEST_CASE("a number keeps five digits, and whole ones up to 65,536 are exact") {
  for (float whole : {0.F, 1.F, 200.F, 404.F, 65'535.F, -17.F})
    CHECK(through(whole) == whole);
  for (float any : {0.012345F, 1234567.F, 3.4e38F, -9.9e-20F}) {
    CHECK(std::abs(through(any) - any) <= std::abs(any) * 1e-5F);
  }
  CHECK(std::isfinite(through(std::numeric_limits<float>::max())));
  CHECK(std::isfinite(through(std::numeric_limits<float>::lowest())));
}

TEST_CASE("what is packed is read again") {
  const std::vector<Tally> all{tally({5, 0, 0, 0}, {{5, 200, 200}, {5, 0.5, 0.75}}),
                               tally({1, 2, 3, 4}, {{3, -2, 8}, {0, 0, 0}}), tally({0, 0, 0, 0}),
                               tally({70'000, 0, 0, 0}, {{1, 0.25, 0.25}})};
  const std::string bytes = bytes_of(all);
  Unpacker reader(bytes);
  for (const Tally& expected : all) {
    Tally read;
    reader.tally(expected.values.size(), read);
    REQUIRE_FALSE(reader.failed());
    CHECK(read.runs.by_verdict == expected.runs.by_verdict);
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      CHECK(read.values[i].runs == expected.values[i].runs);
      CHECK(read.values[i].mean == expected.values[i].mean);
      CHECK(read.values[i].max == expected.values[i].max);
    }
  }
  CHECK(reader.at_end());
}

TEST_CASE("a steady HTTP probe takes a dozen bytes of a span") {
  CHECK(bytes_of({tally({10, 0, 0, 0}, {{10, 200, 200}, {10, 0.0123, 0.0456}})}).size() == 12);
}

TEST_CASE("bytes that are cut off are no tally and no layout") {
  const Layout layout{{{"a", "b"}, {}}, {{{"c", "p"}, 0}, {{"c", "q"}, 1}}};
  const std::string whole = packed(layout);
  REQUIRE(unpacked_layout(whole));
  CHECK(unpacked_layout(whole)->probes[1].id == ProbeId{"c", "q"});
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(unpacked_layout(whole.substr(0, size)));
  CHECK_FALSE(unpacked_layout(whole + "x"));
  const std::string bytes = bytes_of({tally({1, 2, 3, 4}, {{3, 2, 8}})});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Unpacker reader(std::string_view(bytes).substr(0, size));
    Tally read;
    reader.tally(1, read);
    CHECK(reader.failed());
  }
}

TEST_CASE("spans of different layouts become one that has all probes and values") {
  const Layout before{{{"a", "b"}}, {{{"c", "gone"}, 0}, {{"c", "stays"}, 0}}};
  const Layout after{{{"b", "z"}, {}}, {{{"c", "new"}, 1}, {{"c", "stays"}, 0}}};
  const std::string first = bytes_of({tally({1, 0, 0, 0}, {{1, 1, 1}, {1, 2, 2}}),
                                      tally({2, 0, 1, 0}, {{2, 10, 11}, {2, 20, 30}})});
  const std::string second =
      bytes_of({tally({7, 0, 0, 0}), tally({2, 0, 0, 1}, {{2, 40, 60}, {1, 5, 5}})});
  const std::vector<const Layout*> both{&before, &after};
  const Layout all = joined(both);
  REQUIRE(all.probes.size() == 3);
  const std::vector<PackedSpan> spans{{&before, first}, {&after, second}};
  const std::string bytes = rolled_up(spans, all);
  Unpacker reader(bytes);
  std::map<std::string, NamedTally> read;
  for (const Layout::Probe& probe : all.probes) {
    const ValueNames& names = all.names[probe.names];
    Tally one;
    reader.tally(names.size(), one);
    read[probe.id.probe].runs = one.runs;
    for (std::size_t i = 0; i < names.size(); ++i)
      read[probe.id.probe].values[names[i]] = one.values[i];
  }
  CHECK_FALSE(reader.failed());
  CHECK(reader.at_end());
  CHECK(read["gone"].runs.all() == 1);
  CHECK(read["new"].runs.all() == 7);
  CHECK(read["stays"].runs.by_verdict == std::array<std::uint32_t, 4>{4, 0, 1, 1});
  CHECK(read["stays"].values["a"].mean == 10);
  CHECK(read["stays"].values["b"].runs == 4);
  CHECK(read["stays"].values["b"].mean == 30);
  CHECK(read["stays"].values["b"].max == 60);
  CHECK(read["stays"].values["z"].max == 5);
}

TEST_CASE("what two spans have more than 32 values of in all is cut, and the rest still fits") {
  Layout first{{{}}, {{{"c", "p"}, 0}}}, second = first;
  for (int i = 0; i < 20; ++i) {
    first.names[0].push_back("a" + std::to_string(10 + i));
    second.names[0].push_back("b" + std::to_string(10 + i));
  }
  const std::string bytes =
      bytes_of({tally({1, 0, 0, 0}, std::vector<ValueTally>(20, ValueTally{1, 7, 7}))});
  const std::vector<const Layout*> both{&first, &second};
  const Layout all = joined(both);
  REQUIRE(all.names[all.probes[0].names].size() == 32);
  const std::vector<PackedSpan> spans{{&first, bytes}, {&second, bytes}};
  const std::string rolled = rolled_up(spans, all);
  Unpacker reader(rolled);
  Tally read;
  reader.tally(32, read);
  REQUIRE_FALSE(reader.failed());
  CHECK(reader.at_end());
  for (const ValueTally& value : read.values)
    CHECK(value.runs == 1);
}

TEST_CASE("a history is by five minutes, by hour or by day, as long as it is") {
  const Zone tokyo = *Zone::named("Asia/Tokyo");
  const auto step = [&](Duration ago, Duration length) {
    return History(noon - ago, noon - ago + length, noon, tokyo).step;
  };
  CHECK(step(3h, 3h) == History::Step::five_minutes);
  CHECK(step(47h, 1h) == History::Step::five_minutes);
  CHECK(step(49h, 1h) == History::Step::hour);  // what was kept of it
  CHECK(step(24h, 24h) == History::Step::hour);
  CHECK(step(24h * 30, 24h * 30) == History::Step::day);

  History days(noon - 24h * 30, noon, noon, tokyo);
  CHECK(days.since == *parse_instant("2026-11-28T00:00:00+09:00"));
  CHECK(days.add(*parse_instant("2026-12-27T23:00:00+09:00"), "http",
                 {{{1, 0, 1, 0}}, {{"v", {2, 1, 2}}}}));
  CHECK(days.add(*parse_instant("2026-12-28T00:00:00+09:00"), "http",
                 {{{1, 0, 0, 0}}, {{"v", {1, 4, 5}}}}));
  CHECK(days.add(*parse_instant("2026-12-28T01:00:00+09:00"), "tcp", {{{1, 0, 0, 0}}, {}}));
  REQUIRE(days.probes["http"].steps.size() == 2);
  CHECK(days.probes["http"].steps.begin()->first == *parse_instant("2026-12-27T00:00:00+09:00"));
  CHECK(days.probes["http"].sum.values["v"].mean == 2);
  CHECK(days.probes["http"].sum.values["v"].max == 5);
  CHECK(*days.runs.availability() == 75);
}

TEST_CASE("a history that would be too long for one answer says so") {
  History history(noon - 24h, noon, noon, Zone());
  bool went_on = true;
  for (int probe = 0; probe < 3'000 && went_on; ++probe) {
    for (int hour = 0; hour < 24 && went_on; ++hour) {
      went_on = history.add(noon - 1h * hour, "p" + std::to_string(probe),
                            {{{1, 0, 0, 0}}, {{"v", {1, 1, 1}}}});
    }
  }
  CHECK_FALSE(went_on);
}
