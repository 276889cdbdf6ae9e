#include <fmt/format.h>

#include <charconv>

#include "monitor.hpp"
#include "text.hpp"

namespace yagura {
namespace {

struct OnWord {
  const char* word;
  JobSpec::On on;
};
constexpr OnWord on_words[] = {{"business", JobSpec::On::business},
                               {"holidays", JobSpec::On::holidays},
                               {"first-business-day", JobSpec::On::first_business_day},
                               {"last-business-day", JobSpec::On::last_business_day}};

std::optional<JobSpec::On> read_on(Reader& reader) {
  const auto text = reader.text("on");
  if (!text) return std::nullopt;
  std::vector<std::string> known;
  for (const OnWord& each : on_words) {
    if (*text == each.word) return each.on;
    known.emplace_back(each.word);
  }
  const std::string close = nearest(*text, known);
  reader.problem(
      *reader.find("on"),
      fmt::format("`on` must be business, holidays, first-business-day or last-business-day{}",
                  close.empty() ? "" : fmt::format("; did you mean `{}`?", close)));
  return std::nullopt;
}

std::optional<Duration> read_length(Reader& reader, std::string_view key) {
  const auto length = reader.duration(key);
  if (length && *length < 1s) {
    reader.problem(*reader.find(key), fmt::format("`{}` must be 1s or longer", key));
    return std::nullopt;
  }
  return length;
}

// `most: {runs: 3, within: 1h}`
void read_most(Reader& reader, JobSpec& spec) {
  const Node* node = reader.find("most");
  if (node == nullptr) return;
  if (!node->is_map()) return reader.problem(*node, "`most` must be {runs: 3, within: 1h}");
  Reader most(*node, reader.problems(), "`most`");
  most.required("runs");
  most.required("within");
  const auto runs = most.integer("runs", 1, 100);
  const auto within = read_length(most, "within");
  if (runs && within) spec.most = JobSpec::Most{static_cast<std::size_t>(*runs), *within};
  most.finish();
}

// "20%": a share of 1.
std::optional<double> read_share(Reader& reader, std::string_view key) {
  const auto text = reader.text(key);
  if (!text) return std::nullopt;
  double percent = 0;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, percent);
  if (error == std::errc{} && std::string_view(rest, static_cast<std::size_t>(end - rest)) == "%" &&
      percent >= 0 && percent < 100) {
    return percent / 100;
  }
  reader.problem(*reader.find(key), fmt::format("`{}` must be a share from 0% to below 100%", key));
  return std::nullopt;
}

// `failing_runs: {more_than: 20%, of: 50}`
void read_failing_runs(Reader& reader, JobSpec& spec) {
  const Node* node = reader.find("failing_runs");
  if (node == nullptr) return;
  if (!node->is_map()) {
    return reader.problem(*node, "`failing_runs` must be {more_than: 20%, of: 50}");
  }
  Reader runs(*node, reader.problems(), "`failing_runs`");
  runs.required("more_than");
  runs.required("of");
  const auto more_than = read_share(runs, "more_than");
  const auto of = runs.integer("of", 2, 1000);
  if (more_than && of)
    spec.failing_runs = JobSpec::FailingRuns{*more_than, static_cast<std::size_t>(*of)};
  runs.finish();
}

void read_when(Reader& reader, JobSpec& spec) {
  const bool has_every = reader.has("every");
  const bool has_schedule = reader.has("schedule");
  if (has_every == has_schedule) {
    reader.problem(
        has_every
            ? fmt::format("{} has both `every` and `schedule`: write one of them", reader.what())
            : fmt::format("{} needs `every` (1h) or `schedule` (\"0 2 * * *\")", reader.what()));
  }
  spec.every = read_length(reader, "every");
  if (const auto text = reader.text("schedule")) {
    auto schedule = Cron::parse(*text);
    if (schedule) {
      spec.schedule = *schedule;
    } else {
      reader.problem(*reader.find("schedule"),
                     fmt::format("`schedule`: {}", schedule.error().message));
    }
  }
  if (const auto on = read_on(reader)) spec.on = *on;
  if (reader.has("on") && has_every && !has_schedule) {
    reader.problem(*reader.find("on"),
                   "`on` chooses among the days of a `schedule`, and says nothing with `every`");
  }
}

}  // namespace

std::optional<JobSpec> read_job(Reader& reader) {
  const std::size_t problems_before = reader.problems().size();
  JobSpec spec;
  read_when(reader, spec);
  if (const auto within = read_length(reader, "start_within")) spec.start_within = *within;
  spec.max_duration = read_length(reader, "max_duration");
  spec.min_duration = read_length(reader, "min_duration");
  if (spec.min_duration && spec.max_duration && *spec.min_duration >= *spec.max_duration) {
    reader.problem(*reader.find("min_duration"),
                   "`min_duration` must be shorter than `max_duration`");
  }
  read_most(reader, spec);
  read_failing_runs(reader, spec);
  if (reader.problems().size() > problems_before) return std::nullopt;
  return spec;
}

}  // namespace yagura
