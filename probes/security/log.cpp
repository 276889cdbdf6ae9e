// kind: log - lines of a log file, or of systemd's journal, that are to be reported.
//
//   path: /var/log/app.log   Absolute; this or `journal` is required. Rotation and truncation are
//   followed. With * or ? in the file's name: all files that fit. journal: true systemd's journal
//   of this machine, or that in a folder. unit: [app.service]      Of the journal: what these units
//   said. Default: everything. report: ["ERROR"]        Regular expressions (RE2). A line with one
//   of them counts. Required. ignore: ["timed out"]    … unless it has one of these. Default: none.
//   within: 10m              Over which time lines are counted, by when they were read. Default:
//   10m. failing: ">= 1"          Levels on that count. Default: ">= 1", no warning. excerpt: true
//   Whether the reason quotes the last line that counted, at most 200 bytes.
//
// Patterns see the line as it would be shown: valid UTF-8, control characters made visible, at most
// 8 KiB. The place reached and the counts are kept over restarts; nothing else of the log is. With
// more to read than 4 MiB a run the probe is unknown until it has caught up, unless it is failing.
// Values: lines, read_lines, unread_bytes.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "kinds.hpp"
#include "resource/local_probe.hpp"
#include "resource/threshold.hpp"
#include "security/kept.hpp"
#include "security/log_source.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_patterns = 100;
constexpr std::size_t longest_excerpt = 200;
constexpr std::int64_t most_regex_memory = 1 << 20;  // of one pattern
constexpr int counted_in = 100;  // parts of `within`: as exact as it needs to be, and bounded

using Patterns = std::vector<std::unique_ptr<const RE2>>;

struct Keys {
  LogSource source;
  Patterns report, ignore;
  Duration within = 10min;
  std::optional<Threshold> levels;
  bool excerpt = true;
};

bool has_one(const Patterns& patterns, const std::string& line) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const auto& pattern) { return RE2::PartialMatch(line, *pattern); });
}

// How many lines were reported lately, and the last of them.
struct Counted {
  std::deque<std::pair<Instant, std::int64_t>> parts;  // oldest first
  std::string last;

  void forget_before(Instant from) {
    while (!parts.empty() && parts.front().first <= from)
      parts.pop_front();
    if (parts.empty()) last.clear();  // nothing of a line is kept longer than it counts
  }
  void add(Instant now, std::int64_t lines, Duration within) {
    if (lines == 0) return;
    if (!parts.empty() && now - parts.back().first < within / counted_in) {
      parts.back().second += lines;
    } else {
      parts.emplace_back(now, lines);
    }
  }
  std::int64_t sum() const {
    std::int64_t sum = 0;
    for (const auto& [at, lines] : parts)
      sum += lines;
    return sum;
  }
};

struct Answer {
  std::string kept;
  std::int64_t lines = 0;
  std::size_t read = 0;
  std::uint64_t unread = 0;
  std::string last, note;
};

Result<Answer> look(const Keys& keys, const std::string& kept, Duration limit) {
  const Instant now = wall_now();
  const auto before = read_kept_log(kept, keys.source);
  LogNote note = LogNote::kept_in(before);
  Counted counted;
  for (const auto& part : kept_list(before, "counts")) {
    const auto* pair = part.if_array();
    if (pair == nullptr || pair->size() != 2 || !pair->at(0).is_int64() || !pair->at(1).is_int64())
      continue;
    // A clock that was set back must not make them count for longer.
    const Instant at = std::min(Instant{Duration{pair->at(0).get_int64()}}, now);
    if (counted.parts.size() <= counted_in)
      counted.parts.emplace_back(
          at, std::clamp<std::int64_t>(pair->at(1).get_int64(), 0, 1'000'000'000));
  }
  counted.last = one_line(kept_text(before, "last"), longest_excerpt);

  auto reading = keys.source.read_from(kept_text(before, "position"), limit);
  if (!reading) return tl::unexpected(reading.error());
  std::int64_t matched = 0;
  for (const LogLine& raw : reading->lines) {
    const std::string line = one_line(raw.text, 8192);
    if (!has_one(keys.report, line) || has_one(keys.ignore, line)) continue;
    ++matched;
    if (!keys.excerpt) continue;
    const std::string file =
        reading->files.empty() ? "" : one_line(reading->files[raw.file], 100) + ": ";
    counted.last = one_line(file + line, longest_excerpt);
  }
  counted.add(now, matched, keys.within);
  counted.forget_before(now - keys.within);
  note.take(*reading, now);

  Answer answer;
  answer.lines = counted.sum();
  answer.read = reading->lines.size();
  answer.unread = reading->unread;
  answer.last = counted.last;
  answer.note = unread_words(keys.source, *reading) + note.words(now, keys.within);
  auto object = begin_kept_log(keys.source, reading->position);
  boost::json::array counts;
  for (const auto& [at, lines] : counted.parts)
    counts.push_back(boost::json::array{at.time_since_epoch().count(), lines});
  object["counts"] = std::move(counts);
  object["last"] = counted.last;
  note.keep(object);
  answer.kept = boost::json::serialize(object);
  return answer;
}

class LogProbe final : public LocalProbe<Answer> {
 public:
  explicit LogProbe(std::shared_ptr<const Keys> keys)
      : LocalProbe("a look at " + keys->source.name()), keys_(std::move(keys)) {}

 protected:
  std::function<Result<Answer>()> question(const ProbeRun& run) override {
    if (kept_.empty() && run.kept != nullptr) kept_ = *run.kept;
    return [keys = keys_, kept = kept_, limit = run.timeout] { return look(*keys, kept, limit); };
  }

  Finding judge(const Answer& answer, const ProbeRun& run) override {
    Finding finding;
    if (answer.kept != kept_) finding.keep = answer.kept;
    kept_ = answer.kept;
    const std::string words =
        fmt::format("{} {} within {}", answer.lines, answer.lines == 1 ? "line" : "lines",
                    format_duration(keys_->within));
    Judgement judgement = keys_->levels->judge(
        {{Quantity::number, static_cast<double>(answer.lines), words}}, run.was_failing);
    // What was not read yet was not looked at.
    if (answer.unread > 0 && judgement.verdict != Verdict::failing)
      judgement.verdict = Verdict::unknown;
    finding.verdict = judgement.verdict;
    finding.reason = fmt::format("{} of {}", judgement.reason, keys_->source.name()) + answer.note;
    if (!answer.last.empty()) finding.reason += "; last: " + answer.last;
    finding.reason = one_line(finding.reason);
    finding.values["lines"] = static_cast<double>(answer.lines);
    finding.values["read_lines"] = static_cast<double>(answer.read);
    if (!keys_->source.file.empty())
      finding.values["unread_bytes"] = static_cast<double>(answer.unread);
    return finding;
  }

 private:
  std::shared_ptr<const Keys> keys_;
  std::string kept_;
};

bool read_patterns(Reader& reader, std::string_view key, Patterns& into) {
  const Node* node = reader.find(key);
  if (node == nullptr) return true;
  const auto texts = reader.texts(key);
  const auto refuse = [&](std::string message) {
    reader.problem(*node, std::move(message));
    return false;
  };
  if (texts.empty()) return false;
  if (texts.size() > most_patterns)
    return refuse(fmt::format("`{}` has at most {} patterns", key, most_patterns));
  for (const std::string& text : texts) {
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(most_regex_memory);
    auto pattern = std::make_unique<const RE2>(text, options);
    if (!pattern->ok()) {
      return refuse(fmt::format("`{}`: {} is no regular expression (RE2): {}", key,
                                one_line(text, 60), one_line(pattern->error(), 200)));
    }
    if (RE2::PartialMatch("", *pattern))
      return refuse(
          fmt::format("`{}`: {} fits every line, even an empty one", key, one_line(text, 60)));
    into.push_back(std::move(pattern));
  }
  return true;
}

}  // namespace

std::unique_ptr<Probe> make_log(Reader& reader) {
  auto keys = std::make_shared<Keys>();
  auto source = LogSource::read(reader);
  bool well = source.has_value();
  if (source) keys->source = std::move(*source);
  well = reader.required("report") != nullptr && well;
  well = read_patterns(reader, "report", keys->report) && well;
  well = read_patterns(reader, "ignore", keys->ignore) && well;
  const auto within = reader.duration("within");
  well = well && (within || !reader.has("within"));
  if (within && (*within < 1min || *within > 24h * 7)) {
    reader.problem(*reader.find("within"), "`within` must be between 1m and 7d");
    well = false;
  }
  keys->within = within.value_or(keys->within);
  keys->levels = Threshold::read(reader, {{Quantity::number, true, "lines", ">= 5"}}, ">= 1", "");
  const auto excerpt = reader.boolean("excerpt");
  well = well && keys->levels && (excerpt || !reader.has("excerpt"));
  keys->excerpt = excerpt.value_or(true);
  if (!well) return nullptr;
  return std::make_unique<LogProbe>(std::move(keys));
}

}  // namespace yagura
