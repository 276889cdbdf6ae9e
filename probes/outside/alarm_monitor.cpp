#include "outside/alarm_monitor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text.hpp"

namespace yagura {
namespace {

// A sender whose clock is ahead by more would have the last word for as long.
constexpr Duration most_ahead = 5min;
constexpr std::size_t most_quoted = 300;

std::string words_for(Duration length) {
  return format_duration(std::chrono::floor<std::chrono::seconds>(length));
}

int gravity_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return 0;
    case Verdict::warning:
      return 1;
    case Verdict::unknown:
      return 2;
    case Verdict::failing:
      return 3;
  }
  return 0;
}

}  // namespace

std::string_view name_of(AlarmSource source) {
  switch (source) {
    case AlarmSource::alertmanager:
      return "alertmanager";
    case AlarmSource::event:
      return "event";
    case AlarmSource::sns:
      return "sns";
  }
  return "";
}

bool matches(const AlarmMatch& match, const AlarmLabels& labels) {
  return std::all_of(match.begin(), match.end(), [&](const auto& wanted) {
    const auto label = labels.find(wanted.first);
    // As in Prometheus: a label that is not there is empty.
    const std::string& value = label == labels.end() ? std::string() : label->second;
    return std::find(wanted.second.begin(), wanted.second.end(), value) != wanted.second.end();
  });
}

void AlarmMonitor::begin(AlarmState kept, Instant now) {
  state_ = std::move(kept);
  if (state_.source != name_of(spec_.source)) state_ = {std::string(name_of(spec_.source)), {}, now, {}};
  std::erase_if(state_.words, [&](const auto& word) { return !yagura::matches(spec_.match, word.second.labels); });
}

bool AlarmMonitor::matches(const AlarmReport& report) const {
  return report.source == spec_.source && yagura::matches(spec_.match, report.labels);
}

void AlarmMonitor::take(const AlarmReport& report, Instant now) {
  std::optional<Instant> at = report.at;
  if (at && *at > now + most_ahead) at = now;
  auto found = state_.words.find(report.id);
  if (found != state_.words.end() && at && found->second.at && *at < *found->second.at) return;
  state_.last_heard = now;
  // What is well need not be remembered, where nothing older can come after it and nobody asks for what it said.
  if (report.says == Verdict::ok && !at && spec_.source != AlarmSource::event && spec_.firing_is != Verdict::ok) {
    if (found != state_.words.end()) state_.words.erase(found);
    return;
  }
  if (found == state_.words.end()) {
    make_room();
    found = state_.words.emplace(report.id, AlarmWord{}).first;
    found->second.since = now;
  } else if (found->second.says != report.says) {
    found->second.since = now;
  }
  AlarmWord& word = found->second;
  word.name = report.name;
  word.labels = report.labels;
  word.says = report.says;
  word.text = report.text;
  word.at = at;
  word.heard = now;
}

// What is well goes first, then what was said the longest ago: where it goes on, it will be said again.
void AlarmMonitor::make_room() {
  while (state_.words.size() >= most_words) {
    state_.words.erase(std::min_element(state_.words.begin(), state_.words.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second.says != Verdict::ok, a.second.heard) <
             std::pair(b.second.says != Verdict::ok, b.second.heard);
    }));
  }
}

bool AlarmMonitor::has_to_be_heard() const {
  return spec_.stale_after && (spec_.source == AlarmSource::event || spec_.firing_is == Verdict::ok);
}

bool AlarmMonitor::is_stale(const AlarmWord& word, Instant now) const {
  return spec_.stale_after && now - word.heard >= *spec_.stale_after;
}

Verdict AlarmMonitor::verdict_of(const AlarmWord& word) const {
  if (word.says == Verdict::unknown || spec_.source == AlarmSource::event) return word.says;
  if (spec_.firing_is == Verdict::ok) return word.says == Verdict::ok ? Verdict::failing : Verdict::ok;
  if (word.says == Verdict::ok) return Verdict::ok;
  const bool warns = !spec_.warning_when.empty() && yagura::matches(spec_.warning_when, word.labels);
  return warns ? Verdict::warning : spec_.firing_is;
}

AlarmJudgement AlarmMonitor::judge(Instant now) const {
  AlarmJudgement judgement;
  const AlarmWord* worst = nullptr;
  bool worst_is_stale = false;
  int alike = 0, firing = 0;
  for (const auto& [id, word] : state_.words) {
    Verdict verdict = verdict_of(word);
    firing += word.says == Verdict::failing || word.says == Verdict::warning ? 1 : 0;
    // What has to be heard is judged below, all of it together.
    const bool stale = !has_to_be_heard() && verdict != Verdict::ok && is_stale(word, now);
    if (stale) verdict = Verdict::unknown;
    if (worst != nullptr && gravity_of(verdict) < gravity_of(judgement.verdict)) continue;
    alike = worst != nullptr && verdict == judgement.verdict ? alike + 1 : 0;
    // Of those alike the one that began last has most to say.
    if (alike > 0 && word.since < worst->since) continue;
    worst = &word;
    worst_is_stale = stale;
    judgement.verdict = verdict;
  }
  judgement.values["alarms_firing"] = firing;
  if (has_to_be_heard()) {
    const Duration silent = now - std::max(state_.begun, state_.last_heard.value_or(state_.begun));
    if (silent >= *spec_.stale_after) {
      judgement.verdict = Verdict::unknown;
      judgement.reason = fmt::format("nothing was heard from {} for {}", name_of(spec_.source), words_for(silent));
      return judgement;
    }
  }
  if (worst == nullptr) {
    judgement.reason = state_.last_heard ? "no alarm fires" : "no alarm was reported so far";
    return judgement;
  }
  std::string said = worst->text.empty() || worst->text == worst->name
                         ? worst->name
                         : fmt::format("{}: {}", worst->name, worst->text);
  said = one_line(said, most_quoted);
  if (alike > 0 && judgement.verdict != Verdict::ok) said += fmt::format(", and {} more", alike);
  if (worst_is_stale) {
    judgement.reason = fmt::format("was firing, and was not said again for {}: {}", words_for(now - worst->heard), said);
  } else if (spec_.firing_is == Verdict::ok && judgement.verdict == Verdict::failing) {
    judgement.reason = "has to fire all the time, and does not: " + said;
  } else if (spec_.source != AlarmSource::event && worst->says == Verdict::ok && judgement.verdict == Verdict::ok) {
    judgement.reason = "no alarm fires";
  } else {
    judgement.reason = said;
  }
  return judgement;
}

void AlarmMonitor::clock_moved(Duration by) {
  state_.begun += by;
  if (state_.last_heard) *state_.last_heard += by;
  for (auto& [id, word] : state_.words) {
    word.since += by;
    word.heard += by;
  }
}

}  // namespace yagura
