// What the daemon says of itself to Prometheus, read as Prometheus' own format is read here.
#include "metrics.hpp"

#include <doctest/doctest.h>

#include "resource/exposition.hpp"
#include "resource/series_selector.hpp"

using namespace yagura;

namespace {

double value_of(const std::string& text, const std::string& series) {
  const auto selector = SeriesSelector::parse(series);
  REQUIRE(selector.has_value());
  const auto lines = lines_of(text, {selector->name()});
  REQUIRE(lines.has_value());
  const auto samples = series_in(*lines, *selector);
  REQUIRE(samples.has_value());
  REQUIRE(samples->size() == 1);
  return samples->front().value;
}

}  // namespace

TEST_CASE("how late the loop was is a histogram: each bound counts what was no later") {
  Metrics metrics;
  for (Duration lag : std::initializer_list<Duration>{0ms, 1ms, 2ms, 30ms, 7s}) metrics.loop.take(lag);
  const std::string text = prometheus_text(metrics, {}, 0, false);
  const std::string name = "yagura_event_loop_lag_seconds";
  CHECK(value_of(text, name + "_bucket{le=\"0.001\"}") == 2);
  CHECK(value_of(text, name + "_bucket{le=\"0.002\"}") == 3);
  CHECK(value_of(text, name + "_bucket{le=\"0.025\"}") == 3);
  CHECK(value_of(text, name + "_bucket{le=\"0.05\"}") == 4);
  CHECK(value_of(text, name + "_bucket{le=\"5\"}") == 4);
  CHECK(value_of(text, name + "_bucket{le=\"+Inf\"}") == 5);
  CHECK(value_of(text, name + "_count") == 5);
  CHECK(value_of(text, name + "_sum") == doctest::Approx(7.033));
  CHECK(value_of(text, name + "_max") == 7);
}

TEST_CASE("how late probes began is counted apart from the loop") {
  Metrics metrics;
  metrics.probes.take(70s);
  const std::string text = prometheus_text(metrics, {}, 0, false);
  CHECK(value_of(text, "yagura_probe_lateness_seconds_bucket{le=\"60\"}") == 0);
  CHECK(value_of(text, "yagura_probe_lateness_seconds_bucket{le=\"+Inf\"}") == 1);
  CHECK(value_of(text, "yagura_probe_lateness_seconds_max") == 70);
  CHECK(value_of(text, "yagura_event_loop_lag_seconds_count") == 0);
}

TEST_CASE("a timer that was early, as a clock may be, is not late") {
  Metrics metrics;
  metrics.loop.take(Duration{-3});
  CHECK(value_of(prometheus_text(metrics, {}, 0, false), "yagura_event_loop_lag_seconds_sum") == 0);
}
