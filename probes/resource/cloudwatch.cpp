// kind: cloudwatch - a metric of Amazon CloudWatch, asked for by GetMetricData.
//
//   region:      "ap-northeast-1" (required)
//   namespace, metric: "AWS/EC2", "CPUUtilization" (required)
//   dimensions:  mapping of at most 30, InstanceId: i-0ab1
//   statistic:   Average (default), Sum, Minimum, Maximum, SampleCount, p0 to p100
//   period:      what one value is over: whole minutes, 1m to 1d (default 5m)
//   lookback:    how old the value may be (default three periods, at least 10m)
//   delay:       how long CloudWatch is given until a period has settled (default 1m)
//   failing, warning, clear_at: levels, one of the first two required: on a plain number, which may
//                be negative; on a percentage; on a size, of bytes; on a duration, of seconds
//   missing:     unknown (default), failing or ok: the verdict where there is no value
//   credentials, profile: a file in AWS's shared-credentials format, and of whom in it (default
//                "default"); without it the environment's, else those of the instance's role
//   endpoint:    another than the region's own (https, or http on this machine)
//
// A metric is asked for once in its period, together with those of other probes
// (cloudwatch_calls.hpp). "Could not ask" is never the metric's fault: always unknown.
// Values: value, age_seconds (since the end of its period), points (in the lookback), call_seconds.
#include <fmt/format.h>

#include <algorithm>

#include "kinds.hpp"
#include "resource/cloudwatch_calls.hpp"
#include "resource/value_levels.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_dimensions = 30;  // CloudWatch's own limits
constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_value = 1024;
constexpr Duration least_lookback = 10min;
constexpr Duration most_lookback = std::chrono::hours(24 * 14);  // minutes are kept for 15 days
constexpr Duration most_delay = 1h;
constexpr int most_periods = 100;  // so that 500 metrics fit into one answer

struct CloudWatchSpec {
  CloudWatchAccess access;
  CloudWatchMetric metric;
  std::optional<Threshold> levels;
  Verdict missing = Verdict::unknown;
};

class CloudWatchProbe final : public Probe {
 public:
  explicit CloudWatchProbe(CloudWatchSpec spec)
      : spec_(std::move(spec)), metrics_(spec_.access, spec_.metric) {}

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    hold_ = level_failed_.may_hold(run.was_failing);
    metrics_.ask(runtime, run,
                 [this, done = std::move(done)](const std::shared_ptr<const MetricAnswer>& answer) {
                   done(judge(*answer));
                 });
  }

 private:
  Finding judge(const MetricAnswer& answer) {
    if (!answer.failed.empty()) return {Verdict::unknown, answer.failed, {}};
    Finding finding;
    if (answer.newest) {
      const Quantity quantity = level_of(*spec_.levels).quantity;
      const Shown value = shown(answer.newest->value, quantity);
      Judgement judgement = spec_.levels->judge(
          {{quantity, value.value, fmt::format("{} is {}", spec_.metric.words(), value.words)}},
          hold_);
      level_failed_.judged(judgement.verdict);
      finding.verdict = judgement.verdict;
      finding.reason = one_line(judgement.reason);
      finding.values["value"] = answer.newest->value;
      finding.values["age_seconds"] =
          std::chrono::duration<double>(answer.asked - answer.newest->at - spec_.metric.period)
              .count();
    } else {
      finding.verdict = spec_.missing;
      finding.reason = one_line(fmt::format("{} has no value in the last {}", spec_.metric.words(),
                                            format_duration(spec_.metric.lookback)));
    }
    finding.values["points"] = static_cast<double>(answer.points);
    finding.values["call_seconds"] = answer.seconds;
    return finding;
  }

  CloudWatchSpec spec_;
  SharedMetrics metrics_;
  FailingCause level_failed_;  // and not a value that was missing
  bool hold_ = false;
};

bool is_printable(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool is_region(std::string_view text) {
  return !text.empty() && text.size() <= 32 && text.front() != '-' && text.back() != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::string read_name(Reader& reader, std::string_view key) {
  if (reader.required(key) == nullptr) return {};
  auto text = reader.text(key);
  if (!text) return {};
  if (!is_printable(*text, longest_name)) {
    reader.problem(*reader.find(key),
                   fmt::format("`{}` must be of 1 to {} ASCII characters", key, longest_name));
  }
  return *text;
}

void read_dimensions(Reader& reader, CloudWatchMetric& metric) {
  const Node* node = reader.find("dimensions");
  if (node == nullptr) return;
  if (!node->is_map() || node->entries.size() > most_dimensions) {
    return reader.problem(
        *node,
        fmt::format("`dimensions` must be a mapping (Name: value) of at most {}", most_dimensions));
  }
  for (const auto& [name, value] : node->entries) {
    if (!is_printable(name.scalar, longest_name) || name.scalar.front() == ':') {
      reader.problem(name, fmt::format("\"{}\" is no dimension's name", one_line(name.scalar, 60)));
    } else if (!value.is_scalar() || !is_printable(value.scalar, longest_value)) {
      reader.problem(value,
                     fmt::format("the dimension {} must have a value of 1 to {} ASCII characters",
                                 one_line(name.scalar, 60), longest_value));
    }
    metric.dimensions.emplace_back(name.scalar, value.scalar);
  }
  std::sort(metric.dimensions.begin(), metric.dimensions.end());
}

void read_times(Reader& reader, CloudWatchMetric& metric) {
  const auto problem = [&](std::string_view key, const std::string& message) {
    const Node* node = reader.find(key);
    reader.problem(node != nullptr ? *node : reader.node(), message);
  };
  metric.period = reader.duration_or("period", 5min);
  if (metric.period < 1min || metric.period > 24h || metric.period % 1min != Duration(0)) {
    problem("period", "`period` must be whole minutes, from 1m to 1d");
    metric.period = 5min;
  }
  metric.lookback = reader.duration_or("lookback", std::max(least_lookback, 3 * metric.period));
  if (metric.lookback < metric.period ||
      metric.lookback > std::min(most_lookback, most_periods * metric.period)) {
    problem(
        "lookback",
        fmt::format("`lookback` must be from {} (the period) to {}", format_duration(metric.period),
                    format_duration(std::min(most_lookback, most_periods * metric.period))));
  }
  metric.delay = reader.duration_or("delay", 1min);
  if (metric.delay < Duration(0) || metric.delay > most_delay)
    problem("delay", fmt::format("`delay` must be from 0s to {}", format_duration(most_delay)));
}

void read_access(Reader& reader, CloudWatchAccess& access) {
  reader.required("region");
  access.region = reader.text_or("region", "");
  const bool known = is_region(access.region);
  if (const Node* node = reader.find("region"); node != nullptr && !known)
    reader.problem(*node, "`region` must be the name of an AWS region, such as ap-northeast-1");
  const std::string own =
      fmt::format("https://monitoring.{}.amazonaws.com{}/", known ? access.region : "none",
                  access.region.starts_with("cn-") ? ".cn" : "");
  const std::string text = reader.text_or("endpoint", own);
  auto url = parse_http_url(text);
  if (!url) {
    reader.problem(*reader.find("endpoint"), fmt::format("`endpoint`: {}", url.error().message));
  } else {
    access.endpoint = *std::move(url);
    const std::string host = access.endpoint.host();
    if (!access.endpoint.is_https() && host != "localhost" && host != "::1" &&
        !host.starts_with("127.")) {
      reader.problem(*reader.find("endpoint"),
                     "`endpoint` must be https://…: a session's token is sent to it");
    }
    const auto path = text.find('/', text.find("://") + 3);
    if (path != text.npos && text.substr(path) != "/")
      reader.problem(*reader.find("endpoint"),
                     "`endpoint` has no path: write https://host or https://host:port");
  }
  access.credentials_file = reader.text_or("credentials", "");
  if (const Node* node = reader.find("credentials");
      node != nullptr && !access.credentials_file.starts_with('/'))
    reader.problem(*node, "`credentials` must be an absolute path");
  access.profile = reader.text_or("profile", "default");
  if (const Node* node = reader.find("profile"); node != nullptr && access.credentials_file.empty())
    reader.problem(*node, "`profile` is one of the file `credentials`: write that too");
}

}  // namespace

std::unique_ptr<Probe> make_cloudwatch(Reader& reader) {
  const std::size_t problems = reader.problems().size();
  CloudWatchSpec spec;
  read_access(reader, spec.access);
  spec.metric.space = read_name(reader, "namespace");
  spec.metric.name = read_name(reader, "metric");
  read_dimensions(reader, spec.metric);
  spec.metric.statistic = reader.text_or("statistic", "Average");
  if (!is_statistic(spec.metric.statistic)) {
    reader.problem(*reader.find("statistic"),
                   "`statistic` must be Average, Sum, Minimum, Maximum, SampleCount or a "
                   "percentile such as p99.9");
  }
  read_times(reader, spec.metric);
  const bool high = !levels_look_down(reader.node());
  const auto measure = [&](Quantity quantity, std::string_view what, std::string_view example) {
    return Measure{quantity, high, what, example, false, quantity == Quantity::number};
  };
  spec.levels = read_value_levels(
      reader, {measure(Quantity::number, "the value", high ? ">= 100" : "< 10"),
               measure(Quantity::percent, "its percent", high ? ">= 90%" : "< 10%"),
               measure(Quantity::bytes, "its bytes", high ? ">= 2 GiB" : "< 5 GiB"),
               measure(Quantity::duration, "its seconds", high ? ">= 5s" : "< 1h")});
  spec.missing = read_choice<Verdict>(
      reader, "missing",
      {{"unknown", Verdict::unknown}, {"failing", Verdict::failing}, {"ok", Verdict::ok}});
  if (reader.problems().size() != problems) return nullptr;
  return std::make_unique<CloudWatchProbe>(std::move(spec));
}

}  // namespace yagura
