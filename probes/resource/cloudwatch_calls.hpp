// Calls of GetMetricData, shared by all probes of one region, endpoint and credentials. CloudWatch
// charges for each metric in each call, so a metric is asked for once in its period and no more
// often, whoever wants it: in between everybody is given the last answer. A call asks for up to 500
// metrics: those that are waited for, and with them those that will be wanted before the answer is
// old. One call is under way at a time; what is wanted meanwhile is in the next.
//
// Where CloudWatch throttles or has trouble, it is left alone for 1s, 2s, 4s … up to a minute.
// Where it calls a request wrong, because of one metric of many, the metrics are asked for in
// halves until the wrong one is alone. At most 10 pages are read of an answer, 4 MiB of each.
//
// The calls belong to the probes (they own them together), and io::Runtime::shared() knows them by
// what they ask.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "liveness/http_url.hpp"
#include "probe.hpp"
#include "resource/cloudwatch_data.hpp"

namespace yagura {

struct CloudWatchAccess {
  std::string region;
  HttpUrl endpoint;
  std::string credentials_file;  // "": the environment's, or the instance's
  std::string profile;
};

struct MetricAnswer {
  std::string failed;  // why there is no answer; "" where there is one
  std::optional<MetricPoint> newest;
  std::size_t points = 0;
  MetricSpan span;
  Instant asked;
  double seconds = 0;  // that the call took
};

// A probe's share in the calls. Destroying it cancels what it waits for.
class SharedMetrics {
 public:
  SharedMetrics(CloudWatchAccess access, CloudWatchMetric metric);
  ~SharedMetrics();
  SharedMetrics(const SharedMetrics&) = delete;
  SharedMetrics& operator=(const SharedMetrics&) = delete;

  // `done` is called once, from the loop, at the latest a little after run.timeout, and not before
  // ask() returns. Never called again before that.
  void ask(io::Runtime& runtime, const ProbeRun& run,
           std::function<void(std::shared_ptr<const MetricAnswer>)> done);

 private:
  struct Ticket;
  class Group;
  struct Groups;

  CloudWatchAccess access_;
  CloudWatchMetric metric_;
  std::shared_ptr<Group> group_;
  std::shared_ptr<Ticket> ticket_;
};

}  // namespace yagura
