// The kind `alarm`: its keys, and the probe that says what its monitor thinks.
#include <fmt/format.h>

#include <array>
#include <boost/asio/post.hpp>
#include <utility>

#include "kinds.hpp"
#include "outside/alarm_monitor.hpp"
#include "runtime.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_labels = 16;
constexpr std::size_t most_values = 100;
constexpr std::size_t most_label_bytes = 500;
constexpr Duration shortest_stale = 1min;
constexpr Duration longest_stale = 24h * 400;
// Alertmanager says a firing alarm again after its repeat_interval (4 h, unless it is set otherwise), at the
// next beat of its group.
constexpr Duration alertmanager_repeats_within = 5h;

constexpr std::array<std::string_view, 6> sns_labels{"alarm", "account", "region", "topic", "namespace", "metric"};

std::string known_words(const std::array<std::string_view, 6>& labels) {
  std::string words;
  for (std::string_view label : labels) words += fmt::format("{}`{}`", words.empty() ? "" : ", ", label);
  return words;
}

std::vector<std::string> read_values(Reader& reader, const Node& label, const Node& value) {
  std::vector<std::string> values;
  const auto take = [&](const Node& one) {
    if (!one.is_scalar()) {
      reader.problem(one, fmt::format("`{}` must be a text, or a list of the texts that it may be",
                                      one_line(label.scalar, 60)));
    } else if (one.scalar.size() > most_label_bytes) {
      reader.problem(one, fmt::format("a label has at most {} bytes", most_label_bytes));
    } else {
      values.push_back(one.scalar);
    }
  };
  if (value.is_list()) {
    if (value.items.empty() || value.items.size() > most_values) {
      reader.problem(value, fmt::format("`{}` must have 1 to {} values", one_line(label.scalar, 60), most_values));
      return values;
    }
    for (const Node& item : value.items) take(item);
  } else {
    take(value);
  }
  return values;
}

// What each source has to match by.
void check_labels(Reader& reader, AlarmSource source, const Node& node, const AlarmMatch& match) {
  if (source == AlarmSource::event && !match.contains("key")) {
    reader.problem(node, "an event is known by its `key`: write {key: backup-of-web-1}");
  }
  if (source != AlarmSource::sns) return;
  for (const auto& [key, value] : node.entries) {
    const std::string_view label = key.scalar;
    if (std::find(sns_labels.begin(), sns_labels.end(), label) != sns_labels.end()) continue;
    reader.problem(key, fmt::format("an alarm of CloudWatch has no `{}`: it is matched by {}", one_line(label, 60),
                                    known_words(sns_labels)));
  }
}

AlarmMatch read_match(Reader& reader, std::string_view key) {
  AlarmMatch match;
  const Node* node = reader.find(key);
  if (node == nullptr) return match;
  if (!node->is_map() || node->entries.empty() || node->entries.size() > most_labels) {
    reader.problem(*node, fmt::format("`{}` must be a mapping of 1 to {} labels, such as {{alertname: DiskFull, "
                                      "instance: \"web-1:9100\"}}",
                                      key, most_labels));
    return match;
  }
  for (const auto& [label, value] : node->entries)
    match[label.scalar] = read_values(reader, label, value);
  return match;
}

std::optional<AlarmSource> read_source(Reader& reader) {
  if (reader.required("source") == nullptr) return std::nullopt;
  const auto word = reader.text("source");
  if (!word) return std::nullopt;
  for (AlarmSource source : {AlarmSource::alertmanager, AlarmSource::event, AlarmSource::sns}) {
    if (*word == name_of(source)) return source;
  }
  reader.problem(*reader.find("source"), "`source` must be alertmanager, event or sns");
  return std::nullopt;
}

void read_firing_is(Reader& reader, AlarmSpec& spec) {
  const auto word = reader.text("firing_is");
  if (!word) return;
  if (spec.source == AlarmSource::event) {
    reader.problem(*reader.find("firing_is"), "an event says itself what it is: remove `firing_is`");
  } else if (*word == "failing") {
    spec.firing_is = Verdict::failing;
  } else if (*word == "warning") {
    spec.firing_is = Verdict::warning;
  } else if (*word == "ok") {
    spec.firing_is = Verdict::ok;
  } else {
    reader.problem(*reader.find("firing_is"), "`firing_is` must be failing, warning or ok");
  }
}

void read_stale_after(Reader& reader, AlarmSpec& spec) {
  if (spec.source == AlarmSource::alertmanager) spec.stale_after = alertmanager_repeats_within;
  const Node* node = reader.find("stale_after");
  if (node != nullptr && node->is_scalar() && node->scalar == "none") {
    spec.stale_after.reset();
  } else if (const auto after = reader.duration("stale_after")) {
    spec.stale_after = *after;
    if (*after < shortest_stale || *after > longest_stale) {
      reader.problem(*node, fmt::format("`stale_after` must be from {} to {}, or none", format_duration(shortest_stale),
                                        format_duration(longest_stale)));
    }
  }
  if (spec.firing_is == Verdict::ok && !spec.stale_after) {
    reader.problem("an alarm that has to fire all the time (`firing_is: ok`) needs a `stale_after`: how long it may be "
                   "silent");
  }
}

class AlarmProbe final : public Probe {
 public:
  explicit AlarmProbe(AlarmSpec spec) : monitor_(std::move(spec)) {}
  void start(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done) override {
    boost::asio::post(runtime.loop(), [this, alive = std::weak_ptr(alive_), at = run.now, done = std::move(done)] {
      if (alive.expired()) return;
      AlarmJudgement judgement = monitor_.judge(at);
      done({judgement.verdict, std::move(judgement.reason), std::move(judgement.values)});
    });
  }
  AlarmMonitor* alarm() override { return &monitor_; }

 private:
  AlarmMonitor monitor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::optional<AlarmSpec> read_alarm(Reader& reader) {
  const std::size_t problems_before = reader.problems().size();
  AlarmSpec spec;
  const auto source = read_source(reader);
  if (source) spec.source = *source;
  const Node* match = reader.required("match");
  spec.match = read_match(reader, "match");
  if (source && match != nullptr && match->is_map()) check_labels(reader, *source, *match, spec.match);
  spec.warning_when = read_match(reader, "warning_when");
  if (!spec.warning_when.empty() && spec.source == AlarmSource::event) {
    reader.problem(*reader.find("warning_when"), "an event says itself what it is: remove `warning_when`");
  }
  read_firing_is(reader, spec);
  if (!spec.warning_when.empty() && spec.firing_is != Verdict::failing) {
    reader.problem(*reader.find("warning_when"), "`warning_when` says which of those that fail only warn: remove it, "
                                                 "or `firing_is`");
  }
  read_stale_after(reader, spec);
  if (reader.problems().size() > problems_before) return std::nullopt;
  return spec;
}

std::unique_ptr<Probe> make_alarm(Reader& reader) {
  auto spec = read_alarm(reader);
  return spec ? std::make_unique<AlarmProbe>(std::move(*spec)) : nullptr;
}

}  // namespace yagura
