// http: is a page served, and is it the right one?
//
//   url:        http://… or https://… (required)
//   method:     GET or HEAD (default GET)
//   headers, auth, client_certificate, client_key, redirects, verify_tls, ca_file, body_limit:
//               how it is asked for (http_keys.hpp)
//   expect:
//     status:   200, "200-299", or a list of them (default "200-399")
//     body:     a text that the page must contain
//     matches:  a regular expression (RE2) that must be found in the page
//     json:     what a JSON body must have (http_json.hpp)
//   latency:    {warning: ">= 1s", failing: ">= 5s", clear_at: "< 3s"}, all of them optional; from
//               the start of the run to the page's end, looking up the name and following redirects
//               included
//
// The first MiB of the page, or body_limit of it, is read and judged. The connection is new in each
// run, and no proxy is used. Values: total_seconds, status, certificate_days (until the certificate
// ends).
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "http_json.hpp"
#include "http_keys.hpp"
#include "http_run.hpp"
#include "kinds.hpp"
#include "resource/threshold.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr BodyLimits body_limits{1024 * 1024, 4 * 1024 * 1024};

struct StatusRange {
  int first = 0;
  int last = 0;
};

// What is expected of a page, where it is more than a usual status.
struct HttpExpectations {
  std::vector<StatusRange> statuses;  // none: the usual ones
  std::string body;
  std::shared_ptr<const RE2> matches;
  JsonExpectations json;
  std::unique_ptr<const Threshold> latency;

  bool empty() const { return statuses.empty() && !of_body() && !latency; }
  bool of_body() const { return !body.empty() || matches || !json.empty(); }
  bool has(int status) const {
    if (statuses.empty()) return status >= 200 && status <= 399;
    return std::any_of(statuses.begin(), statuses.end(), [&](const StatusRange& range) {
      return status >= range.first && status <= range.last;
    });
  }
  std::string status_words() const {
    if (statuses.empty()) return "200-399";
    std::string words;
    for (const StatusRange& range : statuses) {
      if (!words.empty()) words += ", ";
      words += range.first == range.last ? fmt::format("{}", range.first)
                                         : fmt::format("{}-{}", range.first, range.last);
    }
    return words;
  }
};

class HttpProbe final : public Probe {
 public:
  // `expected`: null where that is a usual status only.
  HttpProbe(std::shared_ptr<const HttpRequest> request, std::unique_ptr<HttpExpectations> expected)
      : request_(std::move(request)), expected_(std::move(expected)) {}

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    hold_slowness_ = slow_.may_hold(run.was_failing);
    was_failing_ = run.was_failing;
    run_.start(request_->url.host(), std::move(done), [&](std::function<void(Finding)> tell) {
      return fetch_page(
          runtime, run, request_, [this](const HttpPage& page) { return judge(page); },
          std::move(tell));
    });
  }

 private:
  Finding judge(const HttpPage& page) {
    Finding finding = judge_content(page);
    finding.values["status"] = page.status;
    if (page.certificate_days) finding.values["certificate_days"] = *page.certificate_days;
    if (finding.verdict == Verdict::failing) return finding;
    Judgement judgement{finding.verdict, finding.reason};
    if (expected_ && expected_->latency) {
      judgement = expected_->latency->judge(
          {{Quantity::duration, page.seconds * 1000, finding.reason}}, hold_slowness_);
      slow_.judged(judgement.verdict);
    }
    if (expected_ && !expected_->json.empty()) {
      Judgement of_json = judge_json(page);
      if (!of_json.reason.empty()) judgement = both(std::move(judgement), std::move(of_json));
    }
    finding.verdict = judgement.verdict;
    finding.reason = judgement.reason;
    return finding;
  }

  Judgement judge_json(const HttpPage& page) {
    if (page.body_cut) {
      return {Verdict::failing,
              fmt::format("the body is longer than {}, and so its JSON is not whole",
                          limit_words(request_->body_limit))};
    }
    return expected_->json.judge(page.body, was_failing_);
  }

  Finding judge_content(const HttpPage& page) const {
    std::string status = fmt::format("status {}", page.status);
    if (!page.phrase.empty()) status += " " + one_line(page.phrase, 60);
    static const HttpExpectations usual;
    const HttpExpectations& expected = expected_ ? *expected_ : usual;
    if (!expected.has(page.status)) {
      return {
          Verdict::failing, fmt::format("{}, expected {}", status, expected.status_words()), {}};
    }
    const std::string what =
        page.body_cut ? fmt::format("the first {} of the body", first_words()) : "the body";
    if (page.body.find(expected.body) == std::string::npos) {
      return {Verdict::failing,
              fmt::format("{}, but {} does not contain '{}'", status, what,
                          one_line(expected.body, 80)),
              {}};
    }
    if (expected.matches && !RE2::PartialMatch(page.body, *expected.matches)) {
      return {Verdict::failing,
              fmt::format("{}, but {} does not match '{}'", status, what,
                          one_line(expected.matches->pattern(), 80)),
              {}};
    }
    return {Verdict::ok, fmt::format("{} in {:.3f} s", status, page.seconds), {}};
  }

  // "MiB", "2 MiB"
  std::string first_words() const {
    std::string words = limit_words(request_->body_limit);
    return words.starts_with("1 ") ? words.substr(2) : words;
  }

  // Very many probes are at rest, of which most have no more than these.
  std::shared_ptr<const HttpRequest> request_;
  std::unique_ptr<HttpExpectations> expected_;
  FailingCause slow_;
  bool hold_slowness_ = false;
  bool was_failing_ = false;
  RunUnderWay run_;
};

std::optional<int> read_status(std::string_view text) {
  int status = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (error != std::errc{} || end != text.data() + text.size() || status < 100 || status > 599)
    return std::nullopt;
  return status;
}

std::optional<StatusRange> read_range(std::string_view text) {
  std::size_t dash = text.find('-');
  auto first = read_status(text.substr(0, dash));
  auto last = dash == std::string_view::npos ? first : read_status(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return StatusRange{*first, *last};
}

void read_statuses(Reader& expect, const HttpRequest& request, HttpExpectations& expected) {
  const Node* node = expect.find("status");
  if (node == nullptr) return;
  std::vector<StatusRange> ranges;
  for (const std::string& text : expect.texts("status")) {
    auto range = read_range(text);
    if (!range) {
      expect.problem(
          *node,
          fmt::format("`status`: \"{}\" is no status: write 200, \"200-299\" or a list of them, "
                      "from 100 to 599",
                      one_line(text, 40)));
      return;
    }
    bool only_redirects = range->first == range->last && range->first >= 300 &&
                          range->first < 400 && range->first != 304 && range->first != 300;
    if (only_redirects && request.redirects > 0) {
      expect.problem(
          *node,
          fmt::format("`status`: redirects are followed, so that {} is never the last status: add "
                      "`redirects: 0` to the probe",
                      range->first));
      return;
    }
    ranges.push_back(*range);
  }
  if (ranges.empty()) {
    if (node->is_list())
      expect.problem(*node, "`status` is an empty list: leave it out, or write 200");
    return;
  }
  expected.statuses = std::move(ranges);
}

HttpExpectations read_expect(Reader& reader, const HttpRequest& request) {
  HttpExpectations expected;
  const Node* node = reader.find("expect");
  if (node == nullptr) return expected;
  Reader expect(*node, reader.problems(), "expect");
  read_statuses(expect, request, expected);
  if (auto body = expect.text("body")) {
    if (body->empty()) expect.problem(*expect.find("body"), "`body` is empty: leave it out");
    expected.body = *body;
  }
  if (auto pattern = expect.text("matches")) {
    RE2::Options options;
    options.set_log_errors(false);
    auto matches = std::make_shared<const RE2>(*pattern, options);
    if (pattern->empty())
      expect.problem(*expect.find("matches"), "`matches` is empty: leave it out");
    if (!matches->ok()) {
      expect.problem(*expect.find("matches"), fmt::format("`matches` is no regular expression: {}",
                                                          one_line(matches->error(), 200)));
    }
    expected.matches = std::move(matches);
  }
  expected.json.read(expect);
  if (request.method == HttpRequest::Method::head && expected.of_body()) {
    expect.problem(
        "a HEAD request has no body to look at: use GET, or leave `body`, `matches` and `json` "
        "out");
  }
  expect.finish();
  return expected;
}

void read_latency(Reader& reader, HttpExpectations& expected) {
  const Node* node = reader.find("latency");
  if (node == nullptr) return;
  Reader latency(*node, reader.problems(), "latency");
  if (!node->is_map()) return;
  if (auto threshold = Threshold::read(
          latency, {{Quantity::duration, true, "the time of an answer", ">= 5s"}}, "", ""))
    expected.latency = std::make_unique<const Threshold>(*std::move(threshold));
  latency.finish();
}

}  // namespace

std::unique_ptr<Probe> make_http(Reader& reader) {
  std::size_t problems = reader.problems().size();
  HttpRequest request = read_http_request(reader, body_limits);
  std::string method = reader.text_or("method", "GET");
  if (method != "GET" && method != "HEAD")
    reader.problem(*reader.find("method"), "`method` must be GET or HEAD");
  request.method = method == "HEAD" ? HttpRequest::Method::head : HttpRequest::Method::get;
  HttpExpectations expected = read_expect(reader, request);
  request.keep_body = expected.of_body();
  read_latency(reader, expected);
  if (reader.problems().size() != problems) return nullptr;
  return std::make_unique<HttpProbe>(
      std::make_shared<const HttpRequest>(std::move(request)),
      expected.empty() ? nullptr : std::make_unique<HttpExpectations>(std::move(expected)));
}

}  // namespace yagura
