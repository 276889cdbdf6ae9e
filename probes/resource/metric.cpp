// kind: metric - series of a Prometheus endpoint, as of node_exporter and every other exporter.
//
//   url:        http://…/metrics (required); headers, auth, client_certificate, client_key,
//               redirects, verify_tls, ca_file, body_limit (default 4 MiB): how it is asked for
//               (liveness/http_keys.hpp)
//   series:     name and labels, node_filesystem_avail_bytes{mountpoint="/"} (required)
//   of:         where several series match: each (default), sum, min, max. Of each the worst counts
//   rate:       true: how much it grows in a second, since the run before (default false)
//   ratio_to:   another series, of which the first is a share. With `each`, series with the same
//               labels belong together; where the other is one only, it is for all
//   failing, warning, clear_at: levels, one of the first two required: on a plain number, which may
//               be negative; on a size, of a series in bytes; on a duration, of a series in
//               seconds; with ratio_to on a percentage (or a plain number: 0.1)
//   absent:     unknown (default), failing or ok: the verdict where there is no such series, or
//               none that is a number
//   unanswered: unknown (default) or failing: the verdict where the endpoint gives no series at
//               all: it refuses, is silent, is broken, is no Prometheus text
//
// One scrape serves all probes of the endpoint (scrape.hpp). Values: value (what is judged),
// series (how many matched), scrape_seconds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kinds.hpp"
#include "liveness/http_keys.hpp"
#include "resource/scrape.hpp"
#include "resource/series_values.hpp"
#include "resource/value_levels.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr BodyLimits body_limits{4 * 1024 * 1024, 16 * 1024 * 1024};

struct Written {
  std::string text;
  SeriesSelector selector;
};

struct MetricSpec {
  std::shared_ptr<const HttpRequest> request;
  std::optional<Written> series, ratio_to;
  Together of = Together::each;
  bool rate = false;
  std::optional<Threshold> levels;
  Verdict absent = Verdict::unknown;
  Verdict unanswered = Verdict::unknown;

  MetricNames names() const {
    MetricNames names{series->selector.name()};
    if (ratio_to) names.insert(ratio_to->selector.name());
    return names;
  }
  const Level& level() const { return level_of(*levels); }
};

// What was read of one scrape: the series, and what they are to be a share of.
struct Pair {
  SeriesValues series, ratio_to;
};

class MetricProbe final : public Probe {
 public:
  explicit MetricProbe(MetricSpec spec)
      : spec_(std::move(spec)), scrapes_(spec_.request, spec_.names()) {}

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    hold_ = level_failed_.may_hold(run.was_failing);
    scrapes_.ask(
        runtime, run,
        [this, was_failing = run.was_failing, done = std::move(done)](
            const std::shared_ptr<const Scrape>& scrape) { done(judge(*scrape, was_failing)); });
  }

 private:
  Finding judge(const Scrape& scrape, bool was_failing) {
    if (scrape.failed) {
      return {scrape.failed->verdict == Verdict::failing ? spec_.unanswered : Verdict::unknown,
              scrape.failed->reason,
              {}};
    }
    auto samples = series_in(scrape.lines, spec_.series->selector);
    auto others = spec_.ratio_to ? series_in(scrape.lines, spec_.ratio_to->selector)
                                 : Result<std::vector<Sample>>{};
    for (const auto* read : {&samples, &others}) {
      if (!*read) {
        return {spec_.unanswered,
                one_line(fmt::format("the answer of {} is of no use: {}",
                                     spec_.request->url.place(), read->error().message)),
                {}};
      }
    }
    Finding finding = judge_values({values_of(*samples), values_of(*others)}, *samples, *others,
                                   scrape, was_failing);
    finding.reason = one_line(finding.reason);
    finding.values["series"] = static_cast<double>(samples->size());
    finding.values["scrape_seconds"] = scrape.seconds;
    return finding;
  }

  Finding judge_values(Pair values, const std::vector<Sample>& samples,
                       const std::vector<Sample>& others, const Scrape& scrape, bool was_failing) {
    if (values.series.empty()) return nothing(*spec_.series, samples);
    if (spec_.ratio_to && values.ratio_to.empty()) return nothing(*spec_.ratio_to, others);
    if (spec_.rate) {
      const Reading<Pair> now{values, scrape.at};
      const auto before = before_.exchange(now);
      if (!before) return not_known_yet(was_failing);
      const double seconds = seconds_between(*before, now);
      if (seconds <= 0) return not_known_yet(was_failing);
      // Of a share the time is no part, and would only round it.
      const double per = spec_.ratio_to ? 1 : seconds;
      values.series = rates_of(before->counters.series, values.series, per);
      values.ratio_to = rates_of(before->counters.ratio_to, values.ratio_to, per);
      if (values.series.empty() || (spec_.ratio_to && values.ratio_to.empty()))
        return not_known_yet(was_failing);
    }
    const std::size_t count = values.series.size();
    SeriesValues judged = together(values.series, spec_.of);
    std::size_t idle = 0;
    if (spec_.ratio_to) {
      Shares shares = shares_of(judged, together(values.ratio_to, spec_.of));
      judged = std::move(shares.values);
      idle = shares.none_of_none;
    }
    if (judged.empty() && idle > 0) {
      return {Verdict::ok,
              fmt::format("{} and {} are 0: there is nothing to judge", words_of(*spec_.series),
                          words_of(*spec_.ratio_to)),
              {}};
    }
    if (judged.empty()) {
      return {spec_.absent,
              spec_.ratio_to ? fmt::format("no series of {} has the labels of one of {}",
                                           words_of(*spec_.series), words_of(*spec_.ratio_to))
                             : fmt::format("{} is no number", words_of(*spec_.series)),
              {}};
    }
    return hold_against_levels(judged, count);
  }

  Finding hold_against_levels(const SeriesValues& judged, std::size_t count) {
    const auto less = [](const auto& one, const auto& other) { return one.second < other.second; };
    const auto worst = spec_.level().is_upward()
                           ? std::max_element(judged.begin(), judged.end(), less)
                           : std::min_element(judged.begin(), judged.end(), less);
    const Quantity quantity = spec_.level().quantity;
    const Shown value =
        shown(quantity == Quantity::percent ? 100 * worst->second : worst->second, quantity);
    std::string what;
    switch (spec_.of) {
      case Together::each:
        what = series_words(spec_.series->selector.name(), worst->first);
        break;
      case Together::sum:
        what = fmt::format("the sum of {} ({} series)", words_of(*spec_.series), count);
        break;
      case Together::min:
      case Together::max:
        what = fmt::format("the {} of {} ({} series)",
                           spec_.of == Together::min ? "lowest" : "highest",
                           words_of(*spec_.series), count);
        break;
    }
    std::string words =
        fmt::format("{} {} {}{}{}", what, spec_.rate ? "grows by" : "is", value.words,
                    spec_.rate && !spec_.ratio_to ? " a second" : "",
                    judged.size() > 1 ? fmt::format(" (worst of {})", judged.size()) : "");
    if (spec_.ratio_to) words += fmt::format(" of {}", words_of(*spec_.ratio_to));
    Judgement judgement = spec_.levels->judge({{quantity, value.value, words}}, hold_);
    level_failed_.judged(judgement.verdict);
    Finding finding{judgement.verdict, judgement.reason, {}};
    if (std::isfinite(worst->second)) finding.values["value"] = worst->second;
    return finding;
  }

  static std::string words_of(const Written& series) { return one_line(series.text, 160); }

  Finding nothing(const Written& series, const std::vector<Sample>& samples) const {
    return {spec_.absent,
            samples.empty()
                ? fmt::format("{} has no series {}", spec_.request->url.place(), words_of(series))
                : fmt::format("{} is NaN", words_of(series)),
            {}};
  }

  // Not to be taken for "well again".
  Finding not_known_yet(bool was_failing) const {
    return {was_failing ? Verdict::unknown : Verdict::ok,
            fmt::format("how fast {} grows is known from the next run on", words_of(*spec_.series)),
            {}};
  }

  MetricSpec spec_;
  SharedScrape scrapes_;
  LastReading<Pair> before_;
  FailingCause level_failed_;  // and not a series that was absent
  bool hold_ = false;
};

std::optional<Written> read_series(Reader& reader, std::string_view key) {
  auto text = reader.text(key);
  if (!text) return std::nullopt;
  auto selector = SeriesSelector::parse(*text);
  if (!selector) {
    reader.problem(*reader.find(key), fmt::format("`{}` {}", key, selector.error().message));
    return std::nullopt;
  }
  return Written{*text, *std::move(selector)};
}

std::optional<Threshold> read_metric_levels(Reader& reader, bool is_ratio) {
  const bool high = !levels_look_down(reader.node());
  const auto measure = [&](Quantity quantity, std::string_view what, std::string_view example) {
    return Measure{quantity, high, what, example, false, quantity == Quantity::number};
  };
  std::vector<Measure> measures;
  if (is_ratio) {
    measures = {measure(Quantity::percent, "the share", high ? ">= 90%" : "< 10%"),
                measure(Quantity::number, "it as a number", high ? ">= 0.9" : "< 0.1")};
  } else {
    measures = {measure(Quantity::number, "the value", high ? ">= 100" : "< 10"),
                measure(Quantity::bytes, "its bytes", high ? ">= 2 GiB" : "< 5 GiB"),
                measure(Quantity::duration, "its seconds", high ? ">= 5s" : "< 1h")};
  }
  return read_value_levels(reader, measures);
}

// Exporters that speak other formats too are asked for this one, unless a header says otherwise.
std::shared_ptr<const HttpExtras> asking_for_text(const std::shared_ptr<const HttpExtras>& given) {
  const auto with_header = [](HttpExtras extras) {
    extras.headers.emplace_back("Accept: text/plain;version=0.0.4,text/plain;q=0.5");
    return std::make_shared<const HttpExtras>(std::move(extras));
  };
  // Shared by very many.
  static const std::shared_ptr<const HttpExtras> usual = with_header({});
  if (given == no_http_extras()) return usual;
  const bool asks =
      std::any_of(given->headers.begin(), given->headers.end(),
                  [](const std::string& line) { return lower(line).starts_with("accept:"); });
  return asks ? given : with_header(*given);
}

}  // namespace

std::unique_ptr<Probe> make_metric(Reader& reader) {
  const std::size_t problems = reader.problems().size();
  MetricSpec spec;
  HttpRequest request = read_http_request(reader, body_limits);
  request.extras = asking_for_text(request.extras);
  request.keep_body = true;
  spec.request = std::make_shared<const HttpRequest>(std::move(request));
  reader.required("series");
  spec.series = read_series(reader, "series");
  spec.ratio_to = read_series(reader, "ratio_to");
  spec.of = read_choice<Together>(reader, "of",
                                  {{"each", Together::each},
                                   {"sum", Together::sum},
                                   {"min", Together::min},
                                   {"max", Together::max}});
  spec.rate = reader.boolean_or("rate", false);
  spec.absent = read_choice<Verdict>(
      reader, "absent",
      {{"unknown", Verdict::unknown}, {"failing", Verdict::failing}, {"ok", Verdict::ok}});
  spec.unanswered = read_choice<Verdict>(
      reader, "unanswered", {{"unknown", Verdict::unknown}, {"failing", Verdict::failing}});
  spec.levels = read_metric_levels(reader, reader.has("ratio_to"));
  if (reader.problems().size() != problems) return nullptr;
  return std::make_unique<MetricProbe>(std::move(spec));
}

}  // namespace yagura
