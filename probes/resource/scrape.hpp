// Scrapes of Prometheus endpoints, shared by all probes that ask the same way (URL, credentials,
// TLS, timeout): one scrape serves each of them once. It serves who waits for it, and is kept for
// who comes later, for as long as that one's interval lasts and at most a minute: so probes of one
// interval cause one scrape in it, however they are spread over it. Who has had the last one gets a
// new one, so that a run that is to confirm looks again. A scrape that failed is not kept.
//
// Of an answer only the lines of the metrics are kept that its probes ask for, and at most 1 MiB of
// them; of an endpoint that one probe asks, nothing. The cache belongs to the probes (they own
// their endpoint together), and io::Runtime::shared() knows the endpoints by what they ask.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "liveness/http_request.hpp"
#include "liveness/network.hpp"
#include "probe.hpp"

namespace yagura {

struct Scrape {
  std::uint64_t number = 0;  // grows with each of an endpoint
  std::chrono::steady_clock::time_point at;
  // Why there are no lines: failing where the endpoint is to blame, unknown where we are.
  std::optional<Finding> failed;
  std::string lines;  // of the metrics asked for
  double seconds = 0;
};

using MetricNames = std::set<std::string, std::less<>>;

// A probe's share in the scrapes. Destroying it cancels what it waits for.
class SharedScrape {
 public:
  // `request` keeps the body.
  SharedScrape(std::shared_ptr<const HttpRequest> request, MetricNames names);
  ~SharedScrape();
  SharedScrape(const SharedScrape&) = delete;
  SharedScrape& operator=(const SharedScrape&) = delete;

  // `done` is called once, from the loop, after at most run.timeout, and not before ask() returns.
  // Never called again before that.
  void ask(io::Runtime& runtime, const ProbeRun& run,
           std::function<void(std::shared_ptr<const Scrape>)> done);

 private:
  struct Ticket;
  class Endpoint;
  struct Endpoints;
  void leave();

  std::shared_ptr<const HttpRequest> request_;
  MetricNames names_;
  Duration timeout_{};
  std::shared_ptr<Endpoint> endpoint_;
  std::uint64_t last_ = 0;
  std::shared_ptr<Ticket> ticket_;
};

}  // namespace yagura
