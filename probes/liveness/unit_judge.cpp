#include "liveness/unit_judge.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <utility>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_restarts = 1000;  // times that are remembered
constexpr std::uint64_t most_counted = 1'000'000;        // at one of them
constexpr std::int64_t latest_time = 7'258'118'400'000;  // the year 2200

// "03:12" of today, else with its date.
std::string clock(Instant at, const UnitTimes& times) {
  const std::string text = times.zone.format(at);
  const std::string time = text.substr(11, 5);
  return times.zone.date_of(at) == times.zone.date_of(times.wall) ? time
                                                                  : text.substr(0, 10) + " " + time;
}

std::string since(Instant at, const UnitTimes& times) {
  return at == Instant{} ? "" : " since " + clock(at, times);
}

std::string words(Duration span) {
  if (span >= 24h) return format_duration(std::chrono::floor<std::chrono::minutes>(span));
  return format_duration(std::chrono::floor<std::chrono::seconds>(span));
}

double seconds(Duration span) {
  return std::chrono::duration<double>(std::max(span, Duration{0})).count();
}

bool runs(const UnitFacts& facts) {
  return facts.active == "active" || facts.active == "reloading" || facts.active == "refreshing";
}
bool is_on_its_way(const UnitFacts& facts) {
  return facts.active == "activating" || facts.active == "deactivating";
}

// Of a unit that cannot be started as it is; nothing where it can.
std::optional<std::string> unusable(const UnitFacts& facts) {
  if (facts.load == "not-found")
    return fmt::format(
        "there is no unit {}: look at its name, and whether its package is installed", facts.name);
  if (facts.load == "masked")
    return fmt::format("{} is masked, so that nothing can start it: `systemctl unmask {}`",
                       facts.name, facts.name);
  if (facts.load == "bad-setting" || facts.load == "error") {
    return fmt::format(
        "the file of {} has an error ({}), so that nothing can start it: `systemctl status {}` "
        "says which",
        facts.name, facts.load, facts.name);
  }
  return std::nullopt;
}

// What systemd's own exit statuses mean, of those that people meet.
std::string_view meaning(std::int64_t status) {
  switch (status) {
    case 200:
      return "CHDIR, no such working directory";
    case 203:
      return "EXEC, the program cannot be executed";
    case 208:
      return "STDIN, no such input";
    case 209:
      return "STDOUT, no such output";
    case 216:
      return "GROUP, no such group";
    case 217:
      return "USER, no such user";
    case 226:
      return "NAMESPACE, a path of its sandbox is missing";
    default:
      return {};
  }
}

}  // namespace

std::string failure_words(const UnitFacts& facts) {
  if (facts.result == "exit-code" && facts.exit_code == CLD_EXITED && facts.exit_status != 0) {
    const auto meant = meaning(facts.exit_status);
    return fmt::format("exit-code {}{}{}", facts.exit_status, meant.empty() ? "" : "/", meant);
  }
  if ((facts.result == "signal" || facts.result == "core-dump") && facts.exit_status > 0) {
    const char* name =
        ::sigabbrev_np(static_cast<int>(std::min<std::int64_t>(facts.exit_status, 1000)));
    return fmt::format("{} {}{}", facts.result, facts.exit_status,
                       name == nullptr ? "" : fmt::format("/{}", name));
  }
  return facts.result.empty() || facts.result == "success" ? "systemd says no reason"
                                                           : facts.result;
}

void UnitJudge::remember(const std::string& kept, const UnitRules& rules, const UnitTimes& times) {
  std::istringstream text(kept);
  std::string unit;
  if (!(text >> unit) || unit != rules.unit) return;
  if (!rules.by_runs) return remember_restarts(text, times);
  std::int64_t first = 0, end = 0, success = 0;
  if (!(text >> first >> end >> success)) return;
  for (const std::int64_t time : {first, end, success}) {
    if (time < 0 || time > latest_time) return;
  }
  first_look_ = Instant{Duration{first}};
  last_end_ = Instant{Duration{end}};
  last_success_ = Instant{Duration{success}};
  std::getline(text >> std::ws, last_failure_);
  last_failure_ = one_line(last_failure_, 100);
}

// "restarts", systemd's count, and TIME:COUNT of what was seen lately. The clock of the times below
// begins anew with the machine, so that they are kept as those of the wall.
void UnitJudge::remember_restarts(std::istream& text, const UnitTimes& times) {
  std::string word;
  std::uint64_t count = 0;
  if (!(text >> word >> count) || word != "restarts") return;
  last_restarts_ = count;
  resumed_ = true;
  std::int64_t seen = 0;
  char colon = 0;
  while (restarts_.size() < most_restarts && text >> seen >> colon >> count && colon == ':') {
    if (seen < 0 || seen > latest_time || count == 0 || count > most_counted) continue;
    const Instant at = std::min(Instant{Duration{seen}}, times.wall);
    restarts_.push_back({times.boot - (times.wall - at), at, count});
  }
}

std::string UnitJudge::keep(const UnitRules& rules) const {
  if (!rules.by_runs) {
    if (!rules.restarts || !last_restarts_) return {};
    std::string text = fmt::format("{} restarts {}", rules.unit, *last_restarts_);
    for (const Restarts& one : restarts_)
      text += fmt::format(" {}:{}", one.seen.time_since_epoch().count(), one.count);
    return text;
  }
  return fmt::format("{} {} {} {} {}", rules.unit, first_look_.time_since_epoch().count(),
                     last_end_.time_since_epoch().count(), last_success_.time_since_epoch().count(),
                     last_failure_);
}

Judgement UnitJudge::judge(const UnitAnswer& answer, const UnitRules& rules, const UnitTimes& times,
                           bool was_failing, MeasuredValues& values) {
  if (rules.by_runs) return judge_runs(answer, rules, times, values);
  Judgement judgement = judge_standing(answer.unit, rules, times);
  if (runs(answer.unit) && answer.unit.active_since != Instant{})
    values["active_seconds"] = seconds(times.wall - answer.unit.active_since);
  if (!rules.restarts) return judgement;
  return both(std::move(judgement), judge_restarts(answer.unit, rules, times, was_failing, values));
}

Judgement UnitJudge::judge_standing(const UnitFacts& facts, const UnitRules& rules,
                                    const UnitTimes& times) {
  const auto unusable_words = unusable(facts);
  if (!is_on_its_way(facts)) on_its_way_since_.reset();
  if (runs(facts)) {
    const std::string said = fmt::format("{} is {} ({}){}", facts.name, facts.active, facts.sub,
                                         since(facts.active_since, times));
    if (!unusable_words) return {Verdict::ok, said};
    // It runs as its file said before.
    return {Verdict::warning, said + ", and would not start again: " + *unusable_words};
  }
  if (is_on_its_way(facts)) {
    const bool starts = facts.active == "activating";
    const Duration from = starts ? facts.began_boot : facts.left_active_boot;
    Duration began = from > Duration{0} ? std::min(from, times.boot) : times.boot;
    began = std::min(began, on_its_way_since_.value_or(began));
    on_its_way_since_ = began;
    const Duration span = times.boot - began;
    const std::string said = fmt::format("{} has been {} ({}) for {}", facts.name,
                                         starts ? "starting" : "stopping", facts.sub, words(span));
    if (span <= rules.grace) return {Verdict::ok, said};
    return {Verdict::failing, fmt::format("{}, longer than {}: `systemctl status {}`", said,
                                          format_duration(rules.grace), facts.name)};
  }
  if (facts.active == "failed") {
    return {Verdict::failing,
            fmt::format("{} failed ({}){}{}", facts.name, failure_words(facts),
                        since(facts.ended, times), unusable_words ? "; " + *unusable_words : "")};
  }
  if (unusable_words) return {Verdict::failing, *unusable_words};
  if (facts.active == "inactive") {
    return {Verdict::failing,
            fmt::format("{} does not run ({}){}: `systemctl start {}`", facts.name, facts.sub,
                        since(facts.ended, times), facts.name)};
  }
  return {Verdict::unknown, fmt::format("{} is {} ({}), which this version does not know",
                                        facts.name, facts.active, facts.sub)};
}

Judgement UnitJudge::judge_restarts(const UnitFacts& facts, const UnitRules& rules,
                                    const UnitTimes& times, bool was_failing,
                                    MeasuredValues& values) {
  take_restarts(facts, rules, times);
  std::uint64_t count = 0;
  for (const Restarts& one : restarts_)
    count += one.count;
  values["restarts"] = static_cast<double>(count);
  Judgement judgement = rules.restarts->judge(
      {{Quantity::number, static_cast<double>(count),
        fmt::format("{} {} within {}", count, count == 1 ? "restart" : "restarts",
                    format_duration(rules.restarts_within))}},
      restarts_cause_.may_hold(was_failing));
  restarts_cause_.judged(judgement.verdict);
  return judgement;
}

void UnitJudge::take_restarts(const UnitFacts& facts, const UnitRules& rules,
                              const UnitTimes& times) {
  // systemd counts from the last start by hand on; what it had counted when we first looked is old.
  std::uint64_t more = 0;
  if (last_restarts_ && facts.restarts != *last_restarts_)
    more = facts.restarts > *last_restarts_ ? facts.restarts - *last_restarts_ : facts.restarts;
  last_restarts_ = facts.restarts;
  Restarts seen{times.boot, times.wall, std::min(more, most_counted)};
  // While the daemon was away nobody saw when: none came later than the unit's last change.
  if (std::exchange(resumed_, false)) {
    const Instant last = std::max({facts.active_since, facts.began, facts.ended});
    if (last != Instant{} && last < times.wall)
      seen = {times.boot - (times.wall - last), last, seen.count};
  }
  if (seen.count > 0) restarts_.push_back(seen);
  std::erase_if(restarts_,
                [&](const Restarts& one) { return times.boot - one.at >= rules.restarts_within; });
  while (restarts_.size() > most_restarts)
    restarts_.pop_front();
}

// What ended since the run before. A start that a condition forbids is no run.
void UnitJudge::take_run(const UnitFacts& facts) {
  const bool stays =
      facts.active == "active" && facts.sub != "running";  // it ended, and counts as active
  const bool failed = facts.active == "failed";
  if (!stays && !failed && facts.active != "inactive") return;
  const Instant end = stays ? facts.active_since : facts.ended;
  if (end == Instant{} || facts.result == "exec-condition") return;
  if (end == last_end_) {
    // `systemctl reset-failed`: somebody knows of it. It is no success for that.
    if (!failed) last_failure_.clear();
    return;
  }
  last_end_ = end;
  last_failure_ = failed ? failure_words(facts) : "";
  if (!failed) last_success_ = end;
}

Judgement UnitJudge::judge_runs(const UnitAnswer& answer, const UnitRules& rules,
                                const UnitTimes& times, MeasuredValues& values) {
  if (first_look_ == Instant{}) first_look_ = times.wall;
  const UnitFacts& timer = answer.unit;
  const UnitFacts& job = answer.started ? *answer.started : answer.unit;
  if (answer.started) {
    if (auto wrong = unusable(timer)) return {Verdict::failing, *wrong};
    if (!runs(timer)) {
      return {
          Verdict::failing,
          fmt::format("{} is {}{}{}, and nothing starts {}: `systemctl start {}`", timer.name,
                      timer.active,
                      timer.active == "failed" ? fmt::format(" ({})", failure_words(timer)) : "",
                      since(timer.ended, times), job.name, timer.name)};
    }
  }
  take_run(job);
  if (auto wrong = unusable(job)) return {Verdict::failing, *wrong};

  std::string more;
  const bool under_way = is_on_its_way(job) || (runs(job) && job.sub == "running");
  if (under_way) more += "; it runs" + since(job.began, times);
  if (answer.started && answer.next > times.wall) more += "; next at " + clock(answer.next, times);
  const Instant counts = rules.any_result ? last_end_ : last_success_;
  if (counts != Instant{}) {
    values[rules.any_result ? "since_run_seconds" : "since_success_seconds"] =
        seconds(times.wall - counts);
  }
  if (!rules.any_result && !last_failure_.empty()) {
    return {Verdict::failing, fmt::format("{} failed ({}) at {}{}", job.name, last_failure_,
                                          clock(last_end_, times), more)};
  }
  const std::string_view ran = rules.any_result ? "run" : "run successfully";
  if (rules.ran_within) {
    // What ran before anybody looked, and before the machine was started, nobody knows.
    const Instant from = counts == Instant{} ? first_look_ : counts;
    if (times.wall - from > *rules.ran_within) {
      return {Verdict::failing,
              fmt::format("{} has not {} since {}{}, longer than {}{}", job.name, ran,
                          clock(from, times),
                          counts == Instant{} ? ", when it was first looked at" : "",
                          format_duration(*rules.ran_within), more)};
    }
  }
  if (counts == Instant{})
    return {Verdict::ok, fmt::format("{} has not {} yet{}", job.name, ran, more)};
  return {Verdict::ok,
          fmt::format("{} last {} at {}{}", job.name, rules.any_result ? "ended" : "succeeded",
                      clock(counts, times), more)};
}

}  // namespace yagura
