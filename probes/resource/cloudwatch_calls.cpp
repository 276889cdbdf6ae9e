#include "resource/cloudwatch_calls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <utility>
#include <vector>

#include "liveness/http_keys.hpp"
#include "liveness/http_run.hpp"
#include "resource/aws_credential_source.hpp"
#include "runtime.hpp"
#include "text.hpp"

namespace yagura {
namespace {

using Steady = std::chrono::steady_clock;
using Timer = boost::asio::steady_timer;

constexpr std::size_t most_page = 4 * 1024 * 1024;
constexpr int most_pages = 10;
constexpr std::size_t shortest_secret = 8;
constexpr Duration first_backoff = 1s;
constexpr Duration longest_backoff = 1min;
// The run's own words about its deadline are the better ones, and come first.
constexpr Duration grace = 100ms;

// Runs come a little early or late; a metric of each minute is to be asked for in each minute.
Duration slack_of(Duration period) {
  return period / 10;
}

}  // namespace

// Somebody who waits; gone with who asked, and at the deadline.
struct SharedMetrics::Ticket {
  explicit Ticket(boost::asio::io_context& loop) : deadline(loop) {}
  std::function<void(std::shared_ptr<const MetricAnswer>)> done;
  Timer deadline;
};

class SharedMetrics::Group : public std::enable_shared_from_this<Group> {
 public:
  explicit Group(CloudWatchAccess access)
      : access_(std::move(access)), credentials_(access_.credentials_file, access_.profile) {}
  ~Group() { stop(); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  void join(const CloudWatchMetric& metric) { ++members_[metric].users; }
  void leave(const CloudWatchMetric& metric) {
    const auto member = members_.find(metric);
    if (--member->second.users == 0) members_.erase(member);
    stop_unless_waited_for();
  }

  void ask(io::Runtime& runtime, const ProbeRun& run, const CloudWatchMetric& metric,
           const std::shared_ptr<Ticket>& ticket) {
    runtime_ = &runtime;
    Member& member = members_.at(metric);
    member.next_run = Steady::now() + run.interval;
    if (is_fresh(metric, member)) {
      boost::asio::post(runtime.loop(), [waits = std::weak_ptr(ticket), answer = member.kept] {
        tell(waits, answer);
      });
      return;
    }
    waiting_.push_back({ticket, metric, run.timeout});
    begin_soon();
  }

  // At somebody's deadline.
  std::string nothing_yet(Duration timeout) const {
    if (!trouble_.empty())
      return fmt::format("{} asks to be left alone for a while: {}", access_.endpoint.place(),
                         trouble_);
    return fmt::format("no whole answer of {} within {}", access_.endpoint.place(),
                       format_duration(timeout));
  }
  void stop_unless_waited_for() {
    std::erase_if(waiting_, [](const Waiting& one) { return one.ticket.expired(); });
    if (waiting_.empty()) stop();
  }

  static void tell(const std::weak_ptr<Ticket>& waits,
                   const std::shared_ptr<const MetricAnswer>& answer) {
    auto ticket = waits.lock();
    if (!ticket) return;
    auto done = std::move(ticket->done);
    ticket.reset();
    done(answer);
  }

 private:
  struct Member {
    int users = 0;
    std::optional<Steady::time_point> next_run;  // as the last one that asked will ask again
    std::shared_ptr<const MetricAnswer> kept;
    Steady::time_point due{};  // for the next call, where one is kept
    std::size_t most_with = most_metrics_in_call;
  };
  struct Waiting {
    std::weak_ptr<Ticket> ticket;
    CloudWatchMetric metric;
    Duration timeout{};
  };
  struct Call {
    std::vector<CloudWatchMetric> metrics;
    MetricSpan span;
    Instant asked;
    Steady::time_point began;
    Duration timeout{};
    AwsCredentials credentials;
    std::vector<MetricPart> parts;
    std::string next_token;
    int pages = 0;
    // Of the page under way.
    std::optional<AwsRefusal> refusal;
    std::string broken;  // or what is wrong with the answer
    bool too_long = false;
  };

  static bool is_fresh(const CloudWatchMetric& metric, const Member& member) {
    return member.kept && Steady::now() < member.due - slack_of(metric.period);
  }

  void begin_soon() {
    if (call_ || coming_ || waiting_.empty()) return;
    coming_ = true;
    // Whoever asks in the same turn of the loop is in the same call.
    auto begin_now = [weak = weak_from_this()](auto&&...) {
      auto self = weak.lock();
      if (self && std::exchange(self->coming_, false)) self->begin();
    };
    if (Steady::now() >= not_before_) return boost::asio::post(runtime_->loop(), begin_now);
    backoff_timer_.emplace(runtime_->loop(), not_before_);
    backoff_timer_->async_wait([begin_now](boost::system::error_code error) {
      if (!error) begin_now();
    });
  }

  void begin() {
    backoff_timer_.reset();
    std::erase_if(waiting_, [](const Waiting& one) { return one.ticket.expired(); });
    if (waiting_.empty()) return;
    call_.emplace();
    call_->asked = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
    call_->began = Steady::now();
    choose_metrics();
    call_->span = span_of(call_->metrics.front(), call_->asked);
    call_->parts.resize(call_->metrics.size());
    credentials_.get(*runtime_, call_->timeout, [this](Result<AwsCredentials> credentials) {
      if (!credentials) return fail(credentials.error().message);
      call_->credentials = *std::move(credentials);
      ask_page();
    });
  }

  // Who has waited longest, all who wait for what goes with that, and who will want it soon.
  void choose_metrics() {
    const CloudWatchMetric& first = waiting_.front().metric;
    const std::size_t most = members_.at(first).most_with;
    std::map<CloudWatchMetric, bool> chosen{{first, true}};
    const auto add = [&](const CloudWatchMetric& metric, const Member& member) {
      if (chosen.size() < most && metric.goes_with(first) && member.most_with >= most)
        chosen.emplace(metric, true);
    };
    for (const Waiting& one : waiting_) {
      add(one.metric, members_.at(one.metric));
      if (chosen.contains(one.metric)) call_->timeout = std::max(call_->timeout, one.timeout);
    }
    const auto soon = Steady::now() + first.period - slack_of(first.period);
    for (const auto& [metric, member] : members_) {
      if (member.next_run && *member.next_run <= soon && !is_fresh(metric, member))
        add(metric, member);
    }
    for (auto& [metric, yes] : chosen)
      call_->metrics.push_back(metric);
  }

  void ask_page() {
    HttpExtras extras;
    extras.body = metric_request(call_->metrics, call_->span, call_->next_token);
    extras.headers = {"Content-Type: application/x-amz-json-1.0",
                      "X-Amz-Target: GraniteServiceVersion20100801.GetMetricData"};
    const AwsCredentials& credentials = call_->credentials;
    extras.signing = std::make_shared<const AwsSigning>(
        AwsSigning{access_.region, "monitoring", credentials.key_id, credentials.secret});
    // One as short as "test" is that of an imitation, and a part of any answer.
    if (credentials.secret.size() >= shortest_secret) extras.secrets = {credentials.secret};
    if (!credentials.session_token.empty()) {
      extras.headers.push_back("X-Amz-Security-Token: " + credentials.session_token);
      extras.secrets.push_back(credentials.session_token);
    }
    HttpRequest request;
    request.url = access_.endpoint;
    request.method = HttpRequest::Method::post;
    request.set(std::move(extras));
    request.redirects = 0;
    request.keep_body = true;
    request.body_limit = most_page;
    call_->refusal.reset();
    run_ = fetch_page(
        *runtime_, ProbeRun{{}, call_->timeout},
        std::make_shared<const HttpRequest>(std::move(request)),
        [this](const HttpPage& page) { return take(page); },
        [this](const Finding& finding) { end_page(finding); });
    run_->start(access_.endpoint.host());
  }

  Finding take(const HttpPage& page) {
    ++call_->pages;
    call_->too_long = page.body_cut;
    if (page.body_cut) {
      call_->broken = fmt::format("is longer than {}", limit_words(most_page));
    } else if (page.status != 200) {
      call_->refusal = parse_refusal(page.status, page.body);
    } else if (auto read = parse_metric_page(page.body, call_->metrics.size(), call_->span)) {
      for (std::size_t index = 0; index < read->parts.size(); ++index)
        call_->parts[index].add(std::move(read->parts[index]));
      call_->next_token = std::move(read->next_token);
    } else {
      call_->broken = std::move(read.error().message);
    }
    return {};
  }

  void end_page(const Finding& finding) {
    auto keep = shared_from_this();
    run_.reset();
    if (finding.verdict != Verdict::ok) return fail(finding.reason);
    const bool wrong = call_->refusal && call_->refusal->kind == AwsRefusal::Kind::wrong_request;
    if ((wrong || call_->too_long) && call_->metrics.size() > 1) return halve();
    if (!call_->broken.empty())
      return fail(fmt::format("the answer of {} {}", access_.endpoint.place(), call_->broken));
    if (call_->refusal) return refused(*call_->refusal);
    backoff_ = first_backoff;
    trouble_.clear();
    if (call_->next_token.empty() || call_->pages >= most_pages) return succeed();
    ask_page();
  }

  void refused(const AwsRefusal& refusal) {
    switch (refusal.kind) {
      case AwsRefusal::Kind::later:
        trouble_ = refusal.words;
        not_before_ = Steady::now() + backoff_;
        backoff_ = std::min(2 * backoff_, longest_backoff);
        call_.reset();
        return begin_soon();
      case AwsRefusal::Kind::credentials:
        credentials_.forget();
        return fail(fmt::format("{} does not let us in (it wants cloudwatch:GetMetricData): {}",
                                access_.endpoint.place(), refusal.words));
      case AwsRefusal::Kind::wrong_request:
      case AwsRefusal::Kind::other:
        break;
    }
    fail(fmt::format("{} refuses: {}", access_.endpoint.place(), refusal.words));
  }

  void halve() {
    const std::size_t most = call_->metrics.size() / 2;
    for (const CloudWatchMetric& metric : call_->metrics) {
      if (auto found = members_.find(metric); found != members_.end())
        found->second.most_with = most;
    }
    call_.reset();
    begin_soon();
  }

  void fail(const std::string& reason) {
    trouble_.clear();
    auto answer = std::make_shared<MetricAnswer>();
    answer->failed = one_line(reason);
    Answers answers;
    for (const CloudWatchMetric& metric : call_->metrics)
      answers[metric] = answer;
    end(answers);
  }

  void succeed() {
    const auto now = Steady::now();
    Answers answers;
    for (std::size_t index = 0; index < call_->metrics.size(); ++index) {
      const CloudWatchMetric& metric = call_->metrics[index];
      auto answer = std::make_shared<MetricAnswer>(answer_of(metric, call_->parts[index]));
      answer->seconds = std::chrono::duration<double>(now - call_->began).count();
      answers[metric] = answer;
      const auto found = members_.find(metric);
      if (found == members_.end()) continue;
      Member& member = found->second;
      member.most_with = most_metrics_in_call;
      if (!answer->failed.empty()) continue;
      // By what was due rather than by what was, so that being early does not add up.
      member.due = std::max(member.due, now) + metric.period;
      member.kept = std::move(answer);
    }
    end(answers);
  }

  MetricAnswer answer_of(const CloudWatchMetric& metric, const MetricPart& part) const {
    MetricAnswer answer{{}, part.newest, part.points, call_->span, call_->asked, 0};
    const auto failed = [&](std::string_view what) {
      answer.failed = one_line(fmt::format("{}: {}{}{}", metric.words(), what,
                                           part.message.empty() ? "" : ": ", part.message));
    };
    switch (part.status) {
      case MetricPart::Status::complete:
        break;
      case MetricPart::Status::partial:
        // The newest come first: what is there is good.
        if (!part.newest) failed("CloudWatch gave a part of the data only, and no value");
        break;
      case MetricPart::Status::internal_error:
        failed("CloudWatch had an internal error");
        break;
      case MetricPart::Status::forbidden:
        failed("CloudWatch does not let us read it (it wants cloudwatch:GetMetricData)");
        break;
      case MetricPart::Status::none:
        failed("CloudWatch's answer has no result for it");
        break;
    }
    return answer;
  }

  using Answers = std::map<CloudWatchMetric, std::shared_ptr<const MetricAnswer>>;
  void end(const Answers& answers) {
    auto keep = shared_from_this();
    call_.reset();
    std::vector<Waiting> served;
    std::erase_if(waiting_, [&](Waiting& one) {
      if (!answers.contains(one.metric)) return false;
      served.push_back(std::move(one));
      return true;
    });
    begin_soon();
    for (const Waiting& one : served)
      tell(one.ticket, answers.at(one.metric));
  }

  void stop() {
    credentials_.cancel();
    if (run_) run_->cancel();
    run_.reset();
    call_.reset();
    backoff_timer_.reset();
    coming_ = false;
  }

  CloudWatchAccess access_;
  AwsCredentialSource credentials_;
  io::Runtime* runtime_ = nullptr;  // of who asked last, which outlives what it asked
  std::map<CloudWatchMetric, Member> members_;
  std::vector<Waiting> waiting_;
  bool coming_ = false;  // a call begins soon
  std::optional<Call> call_;
  std::shared_ptr<NetworkRun> run_;
  Steady::time_point not_before_{};
  Duration backoff_ = first_backoff;
  std::string trouble_;
  std::optional<Timer> backoff_timer_;
};

struct SharedMetrics::Groups {
  std::shared_ptr<Group> of(const CloudWatchAccess& access) {
    const std::vector<std::string> key{access.region, access.endpoint.text, access.credentials_file,
                                       access.profile};
    std::weak_ptr<Group>& known = by_key[key];
    auto group = known.lock();
    if (!group) {
      known = group = std::make_shared<Group>(access);
      std::erase_if(by_key, [](const auto& entry) { return entry.second.expired(); });
    }
    return group;
  }
  std::map<std::vector<std::string>, std::weak_ptr<Group>> by_key;
};

SharedMetrics::SharedMetrics(CloudWatchAccess access, CloudWatchMetric metric)
    : access_(std::move(access)), metric_(std::move(metric)) {}

SharedMetrics::~SharedMetrics() {
  ticket_.reset();
  if (group_) group_->leave(metric_);
}

void SharedMetrics::ask(io::Runtime& runtime, const ProbeRun& run,
                        std::function<void(std::shared_ptr<const MetricAnswer>)> done) {
  if (!group_) {
    group_ = runtime.shared<Groups>().of(access_);
    group_->join(metric_);
  }
  ticket_ = std::make_shared<Ticket>(runtime.loop());
  ticket_->done = [this,
                   done = std::move(done)](const std::shared_ptr<const MetricAnswer>& answer) {
    ticket_.reset();
    done(answer);
  };
  ticket_->deadline.expires_after(run.timeout + grace);
  ticket_->deadline.async_wait([this, waits = std::weak_ptr(ticket_),
                                timeout = run.timeout](boost::system::error_code error) {
    auto ticket = waits.lock();
    if (error || !ticket) return;
    auto answer = std::make_shared<MetricAnswer>();
    answer->failed = one_line(group_->nothing_yet(timeout));
    auto group = group_;
    Group::tell(ticket, answer);
    ticket.reset();
    group->stop_unless_waited_for();
  });
  group_->ask(runtime, run, metric_, ticket_);
}

}  // namespace yagura
