#include "resource/scrape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <map>
#include <utility>
#include <vector>

#include "liveness/http_keys.hpp"
#include "liveness/http_run.hpp"
#include "resource/exposition.hpp"
#include "runtime.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_kept = 1024 * 1024;
constexpr Duration longest_kept = 1min;

// What two probes have to have in common. Lengths keep the parts apart.
std::string key_of(const HttpRequest& request, Duration timeout) {
  std::string key;
  const auto add = [&](std::string_view part) { key += fmt::format("{}:{} ", part.size(), part); };
  add(request.url.text);
  const HttpExtras& extras = *request.extras;
  for (const std::string& line : extras.headers)
    add(line);
  if (extras.auth)
    add((extras.auth->kind == HttpAuth::Kind::basic ? "b" : "t") + extras.auth->file);
  add("");
  add(extras.client_certificate);
  add(extras.client_key);
  add(extras.ca_file);
  key += fmt::format("{} {} {} {}", request.verify_tls, request.redirects, request.body_limit,
                     timeout.count());
  return key;
}

Finding failed(const HttpUrl& url, std::string_view words) {
  return {Verdict::failing, one_line(fmt::format("the answer of {} {}", url.place(), words)), {}};
}

}  // namespace

// Somebody who waits; gone with who asked.
struct SharedScrape::Ticket {
  std::function<void(std::shared_ptr<const Scrape>)> done;
};

class SharedScrape::Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  explicit Endpoint(std::shared_ptr<const HttpRequest> request) : request_(std::move(request)) {}
  ~Endpoint() {
    if (run_) run_->cancel();
  }
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  void join(const MetricNames& names) {
    ++members_;
    for (const std::string& name : names)
      ++wanted_[name];
  }
  void leave(const MetricNames& names) {
    --members_;
    for (const std::string& name : names) {
      if (--wanted_[name] == 0) wanted_.erase(name);
    }
    std::erase_if(waiting_, [](const auto& one) { return one.expired(); });
    if (waiting_.empty() && run_) {
      run_->cancel();
      run_.reset();
    }
  }

  void ask(io::Runtime& runtime, const ProbeRun& run, std::uint64_t had, const MetricNames& names,
           const std::shared_ptr<Ticket>& ticket) {
    const auto age = std::chrono::steady_clock::now() - (kept_ ? kept_->at : decltype(kept_->at){});
    if (kept_ && kept_->number > had && age < std::min(run.interval, longest_kept) &&
        std::includes(kept_names_.begin(), kept_names_.end(), names.begin(), names.end())) {
      boost::asio::post(runtime.loop(),
                        [waits = std::weak_ptr(ticket), scrape = kept_] { tell(waits, scrape); });
      return;
    }
    waiting_.push_back(ticket);
    if (!run_) begin(runtime, run);
  }

 private:
  static void tell(const std::weak_ptr<Ticket>& waits,
                   const std::shared_ptr<const Scrape>& scrape) {
    auto ticket = waits.lock();
    if (!ticket) return;
    auto done = std::move(ticket->done);
    ticket.reset();
    done(scrape);
  }

  void begin(io::Runtime& runtime, const ProbeRun& run) {
    kept_.reset();
    coming_ = std::make_shared<Scrape>();
    coming_->number = ++count_;
    // Owned by this, which cancels it in the end.
    run_ = fetch_page(
        runtime, ProbeRun{run.now, run.timeout}, request_,
        [this](const HttpPage& page) { return take(page); },
        [this](Finding finding) { end(std::move(finding)); });
    run_->start(request_->url.host());
  }

  Finding take(const HttpPage& page) {
    coming_->seconds = page.seconds;
    if (page.status != 200) {
      return failed(request_->url, fmt::format("has status {} {}, expected 200", page.status,
                                               one_line(page.phrase, 60)));
    }
    if (page.body_cut) {
      return failed(request_->url, fmt::format("is longer than {}: raise `body_limit`, or ask the "
                                               "exporter for less",
                                               limit_words(request_->body_limit)));
    }
    coming_names_.clear();
    for (const auto& [name, count] : wanted_)
      coming_names_.insert(name);
    auto lines = lines_of(page.body, coming_names_);
    if (!lines) {
      return failed(request_->url,
                    fmt::format("is not Prometheus' text format: {}", lines.error().message));
    }
    coming_->lines = *std::move(lines);
    return {};
  }

  void end(Finding finding) {
    auto keep = shared_from_this();
    std::shared_ptr<Scrape> scrape = std::exchange(coming_, nullptr);
    run_.reset();
    scrape->at = std::chrono::steady_clock::now();
    if (finding.verdict != Verdict::ok) {
      scrape->failed = std::move(finding);
    } else if (members_ > 1 && scrape->lines.size() <= most_kept) {
      kept_ = scrape;
      kept_names_ = coming_names_;
    }
    for (const auto& waits : std::exchange(waiting_, {}))
      tell(waits, scrape);
  }

  std::shared_ptr<const HttpRequest> request_;
  int members_ = 0;
  std::map<std::string, int, std::less<>> wanted_;
  std::vector<std::weak_ptr<Ticket>> waiting_;
  std::uint64_t count_ = 0;
  std::shared_ptr<NetworkRun> run_;  // while one is under way
  std::shared_ptr<Scrape> coming_;
  MetricNames coming_names_, kept_names_;
  std::shared_ptr<const Scrape> kept_;
};

struct SharedScrape::Endpoints {
  std::shared_ptr<Endpoint> of(const std::shared_ptr<const HttpRequest>& request,
                               Duration timeout) {
    std::weak_ptr<Endpoint>& known = by_key[key_of(*request, timeout)];
    auto endpoint = known.lock();
    if (!endpoint) {
      known = endpoint = std::make_shared<Endpoint>(request);
      std::erase_if(by_key, [](const auto& entry) { return entry.second.expired(); });
    }
    return endpoint;
  }
  std::map<std::string, std::weak_ptr<Endpoint>> by_key;
};

SharedScrape::SharedScrape(std::shared_ptr<const HttpRequest> request, MetricNames names)
    : request_(std::move(request)), names_(std::move(names)) {}

SharedScrape::~SharedScrape() {
  leave();
}

void SharedScrape::leave() {
  ticket_.reset();
  if (endpoint_) endpoint_->leave(names_);
  endpoint_.reset();
}

void SharedScrape::ask(io::Runtime& runtime, const ProbeRun& run,
                       std::function<void(std::shared_ptr<const Scrape>)> done) {
  if (!endpoint_ || timeout_ != run.timeout) {
    leave();
    timeout_ = run.timeout;
    last_ = 0;
    endpoint_ = runtime.shared<Endpoints>().of(request_, timeout_);
    endpoint_->join(names_);
  }
  ticket_ = std::make_shared<Ticket>();
  ticket_->done = [this, done = std::move(done)](const std::shared_ptr<const Scrape>& scrape) {
    ticket_.reset();
    last_ = scrape->number;
    done(scrape);
  };
  endpoint_->ask(runtime, run, last_, names_, ticket_);
}

}  // namespace yagura
