// What is said to CloudWatch, and what it says: GetMetricData in AWS's JSON protocol
// (application/x-amz-json-1.0, times in seconds since 1970). Pure. cloudwatch_calls.hpp makes the
// calls.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

// What is asked for: one statistic of one metric.
struct CloudWatchMetric {
  std::string space, name;                                      // "AWS/EC2", "CPUUtilization"
  std::vector<std::pair<std::string, std::string>> dimensions;  // by name, each of them once
  std::string statistic;                                        // "Average", "p99.9"
  Duration period{};    // a multiple of a minute, at most a day
  Duration lookback{};  // at least a period
  Duration delay{};     // what is younger has not settled

  auto operator<=>(const CloudWatchMetric&) const = default;
  // Whether one call can ask for both: it has one span of time for all that it asks for.
  bool goes_with(const CloudWatchMetric& other) const {
    return period == other.period && lookback == other.lookback && delay == other.delay;
  }
  // For people: "Average of AWS/EC2 CPUUtilization (InstanceId i-0ab)"; safe, at most 250 bytes.
  std::string words() const;
};

// Average, Sum, Minimum, Maximum, SampleCount, p0 to p100 with up to three decimals.
bool is_statistic(std::string_view word);

// Whole periods, aligned to them as CloudWatch stores them: from `from` until before `to`. The
// period that is under way is not in it, for its sum is not one yet.
struct MetricSpan {
  Instant from, to;
};
MetricSpan span_of(const CloudWatchMetric& metric, Instant now);

constexpr std::size_t most_metrics_in_call = 500;  // of GetMetricData itself

// The body of a call, at most 500 metrics that go with one another. `next_token`: of the page
// before, or "".
std::string metric_request(const std::vector<CloudWatchMetric>& metrics, MetricSpan span,
                           const std::string& next_token);

struct MetricPoint {
  Instant at;  // where its period begins
  double value = 0;
};

// What came for one metric, on all pages so far.
struct MetricPart {
  enum class Status { none, complete, partial, internal_error, forbidden };
  Status status = Status::none;
  std::optional<MetricPoint> newest;
  std::size_t points = 0;
  std::string message;  // safe, at most 200 bytes

  void add(MetricPart later);  // of the next page
};

struct MetricPage {
  std::vector<MetricPart> parts;  // one for each metric of the request
  std::string next_token;         // "": there are no more pages
};
// Error, in words that follow "the answer of … ": it is none of GetMetricData. Points outside the
// span are passed over.
Result<MetricPage> parse_metric_page(std::string_view body, std::size_t metrics, MetricSpan span);

// What an answer other than 200 says.
struct AwsRefusal {
  enum class Kind {
    later,          // it throttles, or has trouble of its own
    wrong_request,  // something that was asked for cannot be: one metric of many, perhaps
    credentials,    // they are not, or no longer, good for this
    other,
  } kind = Kind::other;
  std::string words;  // "ThrottlingException: Rate exceeded"; safe, at most 300 bytes
};
AwsRefusal parse_refusal(int status, std::string_view body);

}  // namespace yagura
