#include "monitor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "days.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_runs = 32;
constexpr std::size_t most_run_id_bytes = 64;
constexpr std::size_t most_output_bytes = 10'000;
constexpr std::size_t most_quoted_bytes = 200;
constexpr std::size_t most_ended_runs = 64;
constexpr Duration worth_saying = 1min;  // reported later than this
constexpr int most_missed = 1'000;       // more are not counted

// The last line that says anything, after a colon.
std::string quoted_last_line(const std::string& body) {
  const std::size_t last = body.find_last_not_of(" \t\r\n");
  if (last == std::string::npos) return "";
  const std::size_t before = body.find_last_of('\n', last);
  const std::size_t from = before == std::string::npos ? 0 : before + 1;
  return ": " + one_line(std::string_view(body).substr(from, last + 1 - from), most_quoted_bytes);
}

// "02:00", or "2026-12-28 02:00".
std::string clock_of(Instant time, bool with_date, const Zone& zone) {
  const LocalTime local = zone.to_local(time);
  const Date date = std::chrono::floor<std::chrono::days>(local);
  const auto minutes = std::chrono::floor<std::chrono::minutes>(local - date).count();
  return fmt::format("{}{:02}:{:02}", with_date ? format_date(date) + " " : "", minutes / 60,
                     minutes % 60);
}

// A length for people: no milliseconds in what took seconds.
std::string words_for(Duration length) {
  return format_duration(length < 1s ? length : std::chrono::floor<std::chrono::seconds>(length));
}

double seconds_of(Duration length) {
  return static_cast<double>(length.count()) / 1000;
}

void drop_oldest(std::map<std::string, Instant>& runs) {
  while (runs.size() > most_runs) {
    runs.erase(std::min_element(runs.begin(), runs.end(),
                                [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
}

}  // namespace

// The first scheduled time after `after`; of `every`: counted on from the expected one.
std::optional<Instant> JobMonitor::time_after(Instant after, const JobCalendar& calendar) const {
  if (spec_.schedule)
    return spec_.schedule->next(after, calendar.zone, days_of(spec_.on, calendar));
  if (!spec_.every) return std::nullopt;
  const Instant from = state_.expected.value_or(after + *spec_.every);
  return from > after ? from : from + *spec_.every * ((after - from) / *spec_.every + 1);
}

// Whether a ping at `at` is near enough before the scheduled `time` to answer it.
bool JobMonitor::is_near(Instant time, Instant at, const JobCalendar& calendar) const {
  if (time - at > spec_.start_within) return false;
  const auto before = spec_.schedule->last(time - 1ms, calendar.zone, days_of(spec_.on, calendar));
  return !before || time - at <= (time - *before) / 2;
}

// A kept expectation may come from a schedule that has been changed since: what lies ahead is
// worked out anew, what is overdue stays if it is still asked for.
void JobMonitor::begin(Instant now, const JobCalendar& calendar) {
  const auto last_ping = std::max({state_.last_start, state_.last_success, state_.last_fail});
  const bool is_overdue = state_.expected && *state_.expected <= now;
  if (spec_.every) {
    const Instant latest = now + *spec_.every;
    if (last_ping && *last_ping <= now && *last_ping + *spec_.every > now) {
      state_.expected = *last_ping + *spec_.every;
    } else if (!is_overdue) {
      state_.expected = std::min(state_.expected.value_or(latest), latest);
    }
    return;
  }
  if (is_overdue && time_after(*state_.expected - 1ms, calendar) == state_.expected) return;
  auto coming = time_after(now, calendar);
  if (coming && last_ping && *last_ping <= now && is_near(*coming, *last_ping, calendar)) {
    coming = time_after(*coming, calendar);
  }
  state_.expected = coming;
}

std::optional<Instant> JobMonitor::next_run(Instant now, const JobCalendar& calendar) const {
  return time_after(now, calendar);
}

// When the expected time counts as missed. A run under way that may take longer than the period is
// judged by its own limit first.
std::optional<Instant> JobMonitor::start_deadline() const {
  if (!state_.expected) return std::nullopt;
  Instant deadline = *state_.expected + spec_.start_within;
  if (spec_.every && spec_.max_duration) {
    for (const auto& run : state_.running)
      deadline = std::max(deadline, run.second + *spec_.max_duration);
  }
  return deadline;
}

// The run that is the first to be too long, and when.
std::optional<std::pair<std::string, Instant>> JobMonitor::next_overrun() const {
  if (!spec_.max_duration || state_.running.empty()) return std::nullopt;
  const auto oldest =
      std::min_element(state_.running.begin(), state_.running.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return std::pair{oldest->first, oldest->second + *spec_.max_duration};
}

std::optional<Instant> JobMonitor::next_deadline() const {
  auto deadline = start_deadline();
  if (const auto overrun = next_overrun())
    deadline = std::min(deadline.value_or(overrun->second), overrun->second);
  if (const auto seldom = seldom_again()) deadline = std::min(deadline.value_or(*seldom), *seldom);
  return deadline;
}

void JobMonitor::note_start(Instant at) {
  if (!spec_.most) return;
  auto& starts = state_.starts;
  starts.insert(std::upper_bound(starts.begin(), starts.end(), at), at);
  const std::size_t kept = spec_.most->runs + 1;
  if (starts.size() > kept)
    starts.erase(starts.begin(), starts.end() - static_cast<std::ptrdiff_t>(kept));
}

std::size_t JobMonitor::recent_starts(Instant now) const {
  if (!spec_.most) return 0;
  const auto since =
      std::upper_bound(state_.starts.begin(), state_.starts.end(), now - spec_.most->within);
  return std::min(static_cast<std::size_t>(state_.starts.end() - since), spec_.most->runs + 1);
}

// In words, where more runs than `most` started within its time before `at`.
std::optional<std::string> JobMonitor::too_often(Instant at) const {
  if (!spec_.most || recent_starts(at) <= spec_.most->runs) return std::nullopt;
  return fmt::format("has started more than {} {} within {}", spec_.most->runs,
                     spec_.most->runs == 1 ? "time" : "times", format_duration(spec_.most->within));
}

// When what is failing as it came too often alone, has not any more.
std::optional<Instant> JobMonitor::seldom_again() const {
  if (!state_.too_often) return std::nullopt;
  const bool is_full = spec_.most && state_.starts.size() > spec_.most->runs;
  if (!is_full) return Instant{};  // the configuration allows more than it did
  return state_.starts[state_.starts.size() - spec_.most->runs - 1] + spec_.most->within;
}

JobMonitor::RunsSeen JobMonitor::runs_seen() const {
  if (!spec_.failing_runs) return {};
  const auto& [more_than, of] = *spec_.failing_runs;
  const std::string& all = state_.outcomes;  // of a larger `of` before, it may hold more
  RunsSeen seen;
  seen.known = std::min(all.size(), of);
  seen.failed = static_cast<std::size_t>(
      std::count(all.end() - static_cast<std::ptrdiff_t>(seen.known), all.end(), 'x'));
  seen.allowed = static_cast<std::size_t>(more_than * static_cast<double>(of) + 1e-9);
  return seen;
}

void JobMonitor::note_outcome(bool failed) {
  if (!spec_.failing_runs) return;
  state_.outcomes += failed ? 'x' : '.';
  if (state_.outcomes.size() > spec_.failing_runs->of)
    state_.outcomes.erase(0, state_.outcomes.size() - spec_.failing_runs->of);
}

bool JobMonitor::clock_moved(Duration by) {
  const bool has_interval = (spec_.every && state_.expected) || !state_.running.empty() ||
                            !state_.overran.empty() || !state_.starts.empty();
  if (spec_.every && state_.expected) *state_.expected += by;
  for (auto* runs : {&state_.running, &state_.overran}) {
    for (auto& [id, started] : *runs)
      started += by;
  }
  for (Instant& start : state_.starts)
    start += by;
  if (deaf_until_) *deaf_until_ += by;
  return has_interval;
}

std::optional<Observation> JobMonitor::look(Instant now, const JobCalendar& calendar) {
  const auto start = start_deadline();
  const auto overrun = next_overrun();
  // In the order of their times; of two at once the longer story, the run.
  if (overrun && overrun->second <= now && (!start || overrun->second <= *start)) {
    return judge_overrun(overrun->first, now);
  }
  if (start && *start <= now) return judge_missed(now, calendar);
  if (const auto seldom = seldom_again(); seldom && *seldom <= now) {
    return judged(Verdict::ok,
                  spec_.most
                      ? fmt::format("has not started more than {} {} within {} any more",
                                    spec_.most->runs, spec_.most->runs == 1 ? "time" : "times",
                                    format_duration(spec_.most->within))
                      : "succeeded",
                  now, now);
  }
  return std::nullopt;
}

std::optional<Observation> JobMonitor::ping(const JobPing& ping, Instant now,
                                            const JobCalendar& calendar) {
  const std::string run_id = ping.run_id.substr(0, most_run_id_bytes);
  const bool is_end = ping.event != JobPing::Event::start && ping.event != JobPing::Event::log;
  if (is_end && ping.ended_at) return late_end(ping, run_id, now, calendar);
  if (!ping.body.empty()) state_.last_output = end_of(ping.body, most_output_bytes);
  if (ping.event == JobPing::Event::log) return std::nullopt;
  if (ping.event == JobPing::Event::start) {
    std::optional<Observation> late;
    if (const auto deadline = start_deadline(); deadline && *deadline < now)
      late = judge_missed(now, calendar);
    answer(now, calendar);
    start_run(run_id, now);
    note_start(now);
    const auto often = too_often(now);
    if (late || !often || state_.verdict == Verdict::failing) return late;
    return judged(Verdict::failing, *often, now, now);
  }
  const bool was_started = state_.running.contains(run_id) || state_.overran.contains(run_id);
  if (!was_started) note_start(now);
  const Instant expected = state_.expected.value_or(now);
  // A run whose start was seen has answered its time by that.
  const bool answers = (spec_.every || !was_started) && answer(now, calendar);
  note_end(run_id);
  return judge_end(ping, end_run(run_id, now), answers ? expected : now, now, now);
}

// Judged as if it had been heard when it was, but told as of now.
std::optional<Observation> JobMonitor::late_end(const JobPing& ping, const std::string& run_id,
                                                Instant now, const JobCalendar& calendar) {
  const auto& told = state_.ended_runs;
  if (std::find(told.begin(), told.end(), run_id) != told.end()) return std::nullopt;
  note_end(run_id);
  const Instant ended = std::min(*ping.ended_at, now);
  const bool was_started = state_.running.contains(run_id) || state_.overran.contains(run_id);
  std::optional<Duration> took = end_run(run_id, ended);
  if (!was_started && ping.started_at && *ping.started_at <= ended) took = ended - *ping.started_at;
  const Instant began = ended - took.value_or(Duration{0});
  if (!was_started) note_start(began);
  if (spec_.every) {
    const Instant next = ended + *spec_.every;
    state_.expected = std::max(state_.expected.value_or(next), next);
  } else if (!was_started) {
    answer(began, calendar);
  }
  if (is_news(began, ended, calendar)) {
    if (!ping.body.empty()) state_.last_output = end_of(ping.body, most_output_bytes);
    return judge_end(ping, took, began, ended, now);
  }
  const bool failed = ping.event == JobPing::Event::fail || ping.exit_status != 0;
  auto& last = failed ? state_.last_fail : state_.last_success;
  last = std::max(last, std::optional(ended));
  note_outcome(failed || is_too_soon(ping, took));
  return std::nullopt;
}

// Whether a run that is reported later is the last word on the job: nothing that came after it is
// judged already, and what was missed since is what it answers.
bool JobMonitor::is_news(Instant began, Instant ended, const JobCalendar& calendar) const {
  if (state_.judged_until && ended < *state_.judged_until) return false;
  if (!state_.missed_until) return true;
  const Instant missed = *state_.missed_until;
  if (spec_.every) return ended + *spec_.every > missed;
  return began >= missed || ended >= missed + spec_.start_within ||
         (spec_.schedule && is_near(missed, began, calendar));
}

void JobMonitor::note_end(const std::string& run_id) {
  if (run_id.empty()) return;
  state_.ended_runs.push_back(run_id);
  if (state_.ended_runs.size() > most_ended_runs)
    state_.ended_runs.erase(state_.ended_runs.begin());
}

bool JobMonitor::is_too_soon(const JobPing& ping, std::optional<Duration> took) const {
  return ping.event == JobPing::Event::success && ping.exit_status == 0 && took &&
         spec_.min_duration && *took < *spec_.min_duration;
}

// True where this start (or end) is what the expected time asked for; then the next one is
// expected.
bool JobMonitor::answer(Instant now, const JobCalendar& calendar) {
  if (spec_.every) {
    state_.expected = now + *spec_.every;
    return true;
  }
  if (!state_.expected) return false;
  const Instant expected = *state_.expected;
  if (expected <= now) {
    state_.expected = time_after(now, calendar);
    return true;
  }
  if (!is_near(expected, now, calendar)) return false;
  state_.expected = time_after(expected, calendar);
  return true;
}

void JobMonitor::start_run(const std::string& run_id, Instant now) {
  state_.overran.erase(run_id);
  state_.running[run_id] = now;
  state_.last_start = now;
  drop_oldest(state_.running);
}

// How long the run took. None where its start was not seen, or lies in the future as the clock was
// put back.
std::optional<Duration> JobMonitor::end_run(const std::string& run_id, Instant now) {
  for (auto* runs : {&state_.running, &state_.overran}) {
    const auto found = runs->find(run_id);
    if (found == runs->end()) continue;
    const Duration took = now - found->second;
    runs->erase(found);
    if (took >= Duration{0}) return took;
    return std::nullopt;
  }
  return std::nullopt;
}

Observation JobMonitor::judge_end(const JobPing& ping, std::optional<Duration> took,
                                  Instant scheduled, Instant ended, Instant now) {
  const bool failed = ping.event == JobPing::Event::fail || ping.exit_status != 0;
  (failed ? state_.last_fail : state_.last_success) = ended;
  state_.judged_until = ended;
  if (!failed)
    state_.overran.clear();  // the job has moved on; what hung in between says so no more
  state_.last_duration = took;
  const std::string after = took ? " after " + words_for(*took) : "";
  const bool too_soon = is_too_soon(ping, took);
  Verdict verdict = failed || too_soon ? Verdict::failing : Verdict::ok;
  std::string reason = "succeeded" + after;
  if (failed) {
    reason = ping.exit_status != 0 ? fmt::format("failed with exit status {}", ping.exit_status)
                                   : "reported a failure";
    reason += after + quoted_last_line(ping.body);
  } else if (too_soon) {
    reason = fmt::format("ended{}, sooner than min_duration {}: it may have done no work", after,
                         format_duration(*spec_.min_duration));
  } else if (took && spec_.max_duration && *took > *spec_.max_duration) {
    reason += fmt::format(", longer than max_duration {}", format_duration(*spec_.max_duration));
  }
  note_outcome(verdict == Verdict::failing);
  const RunsSeen runs = runs_seen();
  if (spec_.failing_runs) {
    const auto& [more_than, of] = *spec_.failing_runs;
    const bool too_many = runs.failed > runs.allowed;
    if (too_many || verdict == Verdict::failing) {
      reason = fmt::format("{} of the last {} runs failed, {} than {:g}%; the last {}", runs.failed,
                           of, too_many ? "more" : "not more", more_than * 100, reason);
    }
    if (verdict == Verdict::failing) verdict = Verdict::warning;
    if (too_many) verdict = Verdict::failing;
  }
  const auto often = verdict == Verdict::failing ? std::nullopt : too_often(ended);
  if (often) {
    verdict = Verdict::failing;
    reason = *often + "; the last " + reason;
  }
  if (now - ended >= worth_saying)
    reason = fmt::format("reported {} late: {}", words_for(now - ended), reason);
  Observation observation = judged(verdict, std::move(reason), scheduled, now);
  state_.too_often = often.has_value();
  if (took) observation.values["duration_seconds"] = seconds_of(*took);
  if (ping.exit_status != 0) observation.values["exit_status"] = ping.exit_status;
  if (spec_.failing_runs) observation.values["failed_runs"] = static_cast<double>(runs.failed);
  return observation;
}

Observation JobMonitor::judge_overrun(const std::string& run_id, Instant now) {
  const auto started_run = state_.running.find(run_id);
  const Instant started = started_run->second;
  const Instant limit = started + *spec_.max_duration;
  const bool unheard = deaf_until_ && limit <= *deaf_until_;
  state_.judged_until = std::max(state_.judged_until, std::optional(started));
  state_.running.erase(started_run);
  // A run whose end may be lost must not lend its start to the end of a later one.
  if (!unheard) state_.overran[run_id] = started;
  drop_oldest(state_.overran);
  if (spec_.every) state_.expected = std::max(state_.expected.value_or(now), now + *spec_.every);
  const std::string most = format_duration(*spec_.max_duration);
  Observation observation =
      unheard ? judged(Verdict::unknown,
                       fmt::format("did not report its end within max_duration {}, while pings "
                                   "could not be taken: it "
                                   "may have ended, or run on",
                                   most),
                       limit, now)
              : judged(Verdict::failing,
                       fmt::format("has run for {} and not ended: max_duration is {}",
                                   words_for(now - started), most),
                       limit, now);
  observation.values["running_seconds"] = seconds_of(now - started);
  return observation;
}

// Every time whose start is late by now; the expected one is then the first that may still be
// answered.
JobMonitor::Missed JobMonitor::take_missed(Instant now, const JobCalendar& calendar) {
  const Instant latest = now - spec_.start_within;  // a time up to here is late
  Missed missed{*state_.expected, *state_.expected, 1};
  if (spec_.every) {
    const auto further = std::max<std::int64_t>(0, (latest - missed.first) / *spec_.every);
    missed.last += *spec_.every * further;
    missed.count += static_cast<int>(std::min<std::int64_t>(further, most_missed - 1));
  } else {
    while (missed.count < most_missed) {
      const auto next = time_after(missed.last, calendar);
      if (!next || *next > latest) break;
      missed.last = *next;
      ++missed.count;
    }
  }
  state_.expected = time_after(std::max(latest, missed.last), calendar);
  return missed;
}

Observation JobMonitor::judge_missed(Instant now, const JobCalendar& calendar) {
  const Missed missed = take_missed(now, calendar);
  state_.missed_until = missed.last;
  const Zone& zone = calendar.zone;
  const bool on_one_day = zone.date_of(missed.first) == zone.date_of(missed.last);
  const bool today = on_one_day && zone.date_of(missed.first) == zone.date_of(now);
  const std::string first = clock_of(missed.first, !today, zone);
  const std::string last = clock_of(missed.last, !on_one_day, zone);
  const std::string within = format_duration(spec_.start_within);
  const std::string times =
      fmt::format("{}{} times from {} to {}", missed.count == most_missed ? "at least " : "",
                  missed.count, first, last);
  const bool unheard = deaf_until_ && missed.last <= *deaf_until_;
  std::string reason;
  if (unheard) {
    reason = fmt::format(
        "no start was reported {}, while pings could not be taken: it may have run or not",
        missed.count == 1 ? "at " + first : times);
  } else if (missed.count == 1) {
    reason = fmt::format("did not start within {} of {}", within, first);
  } else {
    reason = fmt::format("did not start {}, within {} of each", times, within);
  }
  if (spec_.every) reason += fmt::format(" (every {})", format_duration(*spec_.every));
  if (!state_.running.empty() || !state_.overran.empty())
    reason += "; a run that started before has not ended";
  Observation observation =
      judged(unheard ? Verdict::unknown : Verdict::failing, std::move(reason), missed.first, now);
  observation.values["missed"] = missed.count;
  return observation;
}

// What is observed now becomes what the job is.
Observation JobMonitor::judged(Verdict verdict, std::string reason, Instant scheduled,
                               Instant now) {
  state_.verdict = verdict;
  state_.reason = reason;
  state_.too_often = false;
  Observation observation;
  observation.verdict = verdict;
  observation.reason = std::move(reason);
  observation.scheduled = scheduled;
  observation.started = now;
  observation.ended = now;
  return observation;
}

}  // namespace yagura
