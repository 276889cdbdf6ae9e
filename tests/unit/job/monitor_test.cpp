#include "monitor.hpp"

#include <doctest/doctest.h>

using namespace yagura;

namespace {

using Event = JobPing::Event;

const Zone tokyo = *Zone::named("Asia/Tokyo");

// Weekdays, less the last days of December and the first of January.
JobCalendar bank_calendar() {
  return {tokyo, [](Date date) {
            const std::chrono::weekday weekday{date};
            const auto day = civil(date);
            const auto month = static_cast<unsigned>(day.month());
            const auto number = static_cast<unsigned>(day.day());
            return weekday != std::chrono::Saturday && weekday != std::chrono::Sunday &&
                   !(month == 12 && number > 28) && !(month == 1 && number < 4);
          }};
}

Instant at(const char* text) {
  return *parse_instant(std::string(text) + ":00+09:00");
}

std::string text_of(const std::optional<Instant>& instant) {
  return instant ? tokyo.format(*instant).substr(0, 19) : "never";
}

struct Bench {
  JobCalendar calendar = bank_calendar();
  JobMonitor monitor;
  explicit Bench(const JobSpec& spec, Instant from, JobState state = {})
      : monitor(spec, std::move(state)) {
    monitor.begin(from, calendar);
  }
  std::optional<Observation> ping(Event event, Instant now, std::string body = "",
                                  int exit_status = 0, std::string run_id = "") {
    return monitor.ping({event, exit_status, std::move(run_id), std::move(body)}, now, calendar);
  }
  std::optional<Observation> look(Instant now) { return monitor.look(now, calendar); }
  std::string deadline() const { return text_of(monitor.next_deadline()); }
  std::string expected() const { return text_of(monitor.state().expected); }
};

JobSpec nightly() {
  JobSpec spec;
  spec.schedule = *Cron::parse("0 2 * * *");
  spec.start_within = 15min;
  spec.max_duration = 2h;
  return spec;
}

JobSpec hourly() {
  JobSpec spec;
  spec.every = 1h;
  return spec;
}

void check(const std::optional<Observation>& observation, Verdict verdict,
           const std::string& reason) {
  REQUIRE(observation);
  CHECK(name_of(observation->verdict) == name_of(verdict));
  CHECK(observation->reason == reason);
}

}  // namespace

TEST_CASE("a run in time is quiet until it ends, then ok") {
  Bench job{nightly(), at("2026-12-22T12:00")};
  CHECK(job.expected() == "2026-12-23T02:00:00");
  CHECK(job.deadline() == "2026-12-23T02:15:00");
  CHECK_FALSE(job.ping(Event::start, at("2026-12-23T02:01")));
  CHECK(job.deadline() == "2026-12-23T04:01:00");
  CHECK_FALSE(job.look(at("2026-12-23T02:15")));
  CHECK_FALSE(job.ping(Event::log, at("2026-12-23T02:20"), "half way"));
  CHECK(job.monitor.state().last_output == "half way");
  const auto end = job.ping(Event::success, at("2026-12-23T03:13"));
  check(end, Verdict::ok, "succeeded after 1h12m");
  CHECK(end->values.at("duration_seconds") == 4320);
  CHECK(end->started == at("2026-12-23T03:13"));
  CHECK(end->ended == at("2026-12-23T03:13"));
  CHECK(job.deadline() == "2026-12-24T02:15:00");
  CHECK(job.monitor.state().last_duration == Duration{72min});
}

TEST_CASE("a scheduled time that nothing answers within start_within is failing") {
  Bench job{nightly(), at("2026-12-22T12:00")};
  CHECK_FALSE(job.look(at("2026-12-23T02:14")));
  const auto missed = job.look(at("2026-12-23T02:15"));
  check(missed, Verdict::failing, "did not start within 15m of 02:00");
  CHECK(missed->scheduled == at("2026-12-23T02:00"));
  CHECK(missed->started == at("2026-12-23T02:15"));
  CHECK_FALSE(job.look(at("2026-12-23T02:15")));
  CHECK(job.monitor.state().verdict == Verdict::failing);
  CHECK(job.deadline() == "2026-12-24T02:15:00");
  // A late run turns it back by its success, not by its start.
  CHECK_FALSE(job.ping(Event::start, at("2026-12-23T05:00")));
  CHECK(job.monitor.state().verdict == Verdict::failing);
  check(job.ping(Event::success, at("2026-12-23T05:30")), Verdict::ok, "succeeded after 30m");
  CHECK(job.expected() == "2026-12-24T02:00:00");
}

TEST_CASE("what counts as an answer") {
  struct Row {
    const char* when;
    Event event;
    const char* expected;  // afterwards
  };
  const Row rows[] = {
      {"2026-12-23T02:00", Event::start, "2026-12-24T02:00:00"},
      {"2026-12-23T02:15", Event::start, "2026-12-24T02:00:00"},    // at the last moment
      {"2026-12-23T02:10", Event::success, "2026-12-24T02:00:00"},  // no start needed
      {"2026-12-23T02:10", Event::fail, "2026-12-24T02:00:00"},
      {"2026-12-23T02:10", Event::log, "2026-12-23T02:00:00"},
      {"2026-12-23T01:45", Event::start, "2026-12-24T02:00:00"},  // a little early
      {"2026-12-23T01:44", Event::start, "2026-12-23T02:00:00"},  // too early: another run
      {"2026-12-22T23:00", Event::success, "2026-12-23T02:00:00"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.when);
    Bench job{nightly(), at("2026-12-22T12:00")};
    job.ping(row.event, at(row.when));
    CHECK(job.expected() == row.expected);
  }
}

TEST_CASE("early is at most half the way from the time before") {
  JobSpec spec;
  spec.schedule = *Cron::parse("*/10 * * * *");
  spec.start_within = 9min;
  Bench job{spec, at("2026-12-22T12:01")};
  job.ping(Event::start, at("2026-12-22T12:04"));
  CHECK(job.expected() == "2026-12-22T12:10:00");
  job.ping(Event::start, at("2026-12-22T12:05"));
  CHECK(job.expected() == "2026-12-22T12:20:00");
}

TEST_CASE("the end of a run that has answered by its start answers no further time") {
  JobSpec spec = nightly();
  spec.schedule = *Cron::parse("0 * * * *");
  Bench job{spec, at("2026-12-22T12:01")};
  job.ping(Event::start, at("2026-12-22T13:00"));
  check(job.ping(Event::success, at("2026-12-22T13:59")), Verdict::ok, "succeeded after 59m");
  CHECK(job.expected() == "2026-12-22T14:00:00");
}

TEST_CASE(
    "a run that does not end within max_duration is failing, and its late success turns it back") {
  Bench job{nightly(), at("2026-12-22T12:00")};
  job.ping(Event::start, at("2026-12-23T02:05"));
  CHECK_FALSE(job.look(at("2026-12-23T04:04")));
  check(job.look(at("2026-12-23T04:05")), Verdict::failing,
        "has run for 2h and not ended: max_duration is 2h");
  CHECK_FALSE(job.look(at("2026-12-23T04:05")));
  CHECK(job.deadline() == "2026-12-24T02:15:00");
  check(job.ping(Event::success, at("2026-12-23T04:30")), Verdict::ok,
        "succeeded after 2h25m, longer than max_duration 2h");
  CHECK(job.monitor.state().overran.empty());
}

TEST_CASE("a success sooner than min_duration is failing") {
  JobSpec spec = nightly();
  spec.min_duration = 1min;
  Bench job{spec, at("2026-12-22T12:00")};
  job.ping(Event::start, at("2026-12-23T02:00"));
  check(job.ping(Event::success, at("2026-12-23T02:00") + 3s), Verdict::failing,
        "ended after 3s, sooner than min_duration 1m: it may have done no work");
  job.ping(Event::start, at("2026-12-23T02:10"));
  check(job.ping(Event::success, at("2026-12-23T02:11")), Verdict::ok, "succeeded after 1m");
  // Without a start nobody knows how long it took.
  check(job.ping(Event::success, at("2026-12-23T02:12")), Verdict::ok, "succeeded");
  CHECK_FALSE(job.monitor.state().last_duration);
  // Nor where the clock was put back in between.
  job.ping(Event::start, at("2026-12-23T02:30"));
  check(job.ping(Event::success, at("2026-12-23T02:20")), Verdict::ok, "succeeded");
}

TEST_CASE("a failure is told with its exit status and the last line of its output") {
  struct Row {
    Event event;
    int exit_status;
    const char* body;
    const char* reason;
  };
  const Row rows[] = {
      {Event::fail, 3, "reading\nno space left\n\n",
       "failed with exit status 3 after 5m: no space left"},
      {Event::success, 3, "", "failed with exit status 3 after 5m"},
      {Event::fail, 0, "DB \x1b[31mgone", "reported a failure after 5m: DB \\x1b[31mgone"},
      {Event::fail, 0, " \n\t\n", "reported a failure after 5m"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    Bench job{nightly(), at("2026-12-22T12:00")};
    job.ping(Event::start, at("2026-12-23T02:00"));
    const auto end = job.ping(row.event, at("2026-12-23T02:05"), row.body, row.exit_status);
    check(end, Verdict::failing, row.reason);
    CHECK(end->values.count("exit_status") == (row.exit_status != 0 ? 1 : 0));
    CHECK(job.monitor.state().last_fail == at("2026-12-23T02:05"));
    check(job.ping(Event::success, at("2026-12-23T02:30")), Verdict::ok, "succeeded");
  }
}

TEST_CASE("of the output the last 10,000 bytes are kept, in whole characters") {
  Bench job{nightly(), at("2026-12-22T12:00")};
  const auto kept_of = [&job](const std::string& body) {
    const auto end = job.ping(Event::fail, at("2026-12-23T02:05"), body);
    CHECK(end->reason.size() < 300);
    return job.monitor.state().last_output;
  };
  CHECK(kept_of(std::string(10'000, 'x')).size() == 10'000);
  std::string body;
  for (int line = 0; line < 4000; ++line)
    body += "行 " + std::to_string(line) + "\n";
  CHECK(kept_of(body).size() > 9'990);
  CHECK(kept_of(body).ends_with("行 3999\n"));
  std::string unbroken;
  for (int count = 0; count < 6000; ++count)
    unbroken += "長";
  CHECK(kept_of(unbroken).starts_with("長"));
  CHECK(kept_of(unbroken).size() == 9'999);
}

TEST_CASE("several times missed in a gap are one observation that says how many") {
  Bench job{nightly(), at("2026-12-22T12:00")};
  const auto missed = job.look(at("2026-12-25T02:10"));
  check(missed, Verdict::failing,
        "did not start 2 times from 2026-12-23 02:00 to 2026-12-24 02:00, within 15m of each");
  CHECK(missed->values.at("missed") == 2);
  CHECK(job.expected() == "2026-12-25T02:00:00");  // may still be answered
  CHECK_FALSE(job.look(at("2026-12-25T02:10")));
  check(job.look(at("2026-12-25T02:15")), Verdict::failing, "did not start within 15m of 02:00");
}

TEST_CASE("a very long gap is counted within bounds") {
  JobSpec spec = nightly();
  spec.schedule = *Cron::parse("* * * * *");
  Bench job{spec, at("2026-12-22T12:00")};
  const auto missed = job.look(at("2026-12-29T12:00"));
  REQUIRE(missed);
  CHECK(missed->reason.starts_with("did not start at least 1000 times"));
  CHECK(job.expected() == "2026-12-29T11:46:00");
  Bench by_period{hourly(), at("2026-01-01T00:00")};
  check(by_period.look(at("2026-12-29T12:00")), Verdict::failing,
        "did not start at least 1000 times from 2026-01-01 01:00 to 2026-12-29 11:00, within 5m of "
        "each (every 1h)");
  CHECK(by_period.expected() == "2026-12-29T12:00:00");
}

TEST_CASE("a start answers every time that has come") {
  JobSpec spec = nightly();
  spec.schedule = *Cron::parse("*/5 * * * *");
  Bench job{spec, at("2026-12-22T12:01")};
  CHECK_FALSE(job.ping(Event::start, at("2026-12-22T12:12")));
  CHECK(job.expected() == "2026-12-22T12:15:00");
}

TEST_CASE("a start that comes too late is told, even before anybody looked") {
  Bench job{nightly(), at("2026-12-22T12:00")};
  check(job.ping(Event::start, at("2026-12-23T02:20")), Verdict::failing,
        "did not start within 15m of 02:00");
  CHECK(job.monitor.state().running.size() == 1);
  CHECK(job.expected() == "2026-12-24T02:00:00");
}

TEST_CASE("the days are those of `on`") {
  struct Row {
    JobSpec::On on;
    const char* from;
    std::vector<const char*> times;
  };
  using On = JobSpec::On;
  const Row rows[] = {
      {On::any, "2026-12-25T12:00", {"2026-12-26T02:00:00", "2026-12-27T02:00:00"}},
      {On::business,
       "2026-12-25T12:00",
       {"2026-12-28T02:00:00", "2027-01-04T02:00:00", "2027-01-05T02:00:00"}},
      {On::holidays,
       "2026-12-25T12:00",
       {"2026-12-26T02:00:00", "2026-12-27T02:00:00", "2026-12-29T02:00:00"}},
      {On::first_business_day,
       "2026-12-25T12:00",
       {"2027-01-04T02:00:00", "2027-02-01T02:00:00", "2027-03-01T02:00:00"}},
      {On::last_business_day,
       "2026-12-25T12:00",
       {"2026-12-28T02:00:00", "2027-01-29T02:00:00", "2027-02-26T02:00:00"}},
  };
  for (const Row& row : rows) {
    CAPTURE(static_cast<int>(row.on));
    JobSpec spec = nightly();
    spec.on = row.on;
    Bench job{spec, at(row.from)};
    Instant now = at(row.from);
    for (const char* time : row.times) {
      const auto next = job.monitor.next_run(now, job.calendar);
      CHECK(text_of(next) == time);
      now = *next;
    }
    CHECK(job.expected() == row.times.front());
  }
}

TEST_CASE("a schedule that its days never meet expects nothing") {
  JobSpec spec = nightly();
  spec.schedule = *Cron::parse("0 2 * * sat");
  spec.on = JobSpec::On::business;
  Bench job{spec, at("2026-12-22T12:00")};
  CHECK(job.deadline() == "never");
  CHECK_FALSE(job.monitor.next_run(at("2026-12-22T12:00"), job.calendar));
  CHECK_FALSE(job.look(at("2030-12-22T12:00")));
  check(job.ping(Event::success, at("2026-12-22T13:00")), Verdict::ok, "succeeded");
}

TEST_CASE("with every, the next is expected a period after the last end") {
  Bench job{hourly(), at("2026-12-22T12:00")};
  CHECK(job.deadline() == "2026-12-22T13:05:00");
  check(job.ping(Event::success, at("2026-12-22T12:30")), Verdict::ok, "succeeded");
  CHECK(job.deadline() == "2026-12-22T13:35:00");
  job.ping(Event::start, at("2026-12-22T13:30"));
  CHECK(job.deadline() == "2026-12-22T14:35:00");
  check(job.ping(Event::fail, at("2026-12-22T13:40")), Verdict::failing,
        "reported a failure after 10m");
  CHECK(job.deadline() == "2026-12-22T14:45:00");
  CHECK_FALSE(job.ping(Event::log, at("2026-12-22T14:00")));
  check(job.look(at("2026-12-22T14:45")), Verdict::failing,
        "did not start within 5m of 14:40 (every 1h)");
  CHECK(job.deadline() == "2026-12-22T15:45:00");
  check(job.look(at("2026-12-22T17:44")), Verdict::failing,
        "did not start 2 times from 15:40 to 16:40, within 5m of each (every 1h)");
  CHECK(job.expected() == "2026-12-22T17:40:00");
  CHECK(text_of(job.monitor.next_run(at("2026-12-22T17:42"), job.calendar)) ==
        "2026-12-22T18:40:00");
}

TEST_CASE("with every, a run that may be longer than the period is judged by its own limit") {
  JobSpec spec = hourly();
  spec.max_duration = 3h;
  Bench job{spec, at("2026-12-22T12:00")};
  job.ping(Event::start, at("2026-12-22T12:10"));
  CHECK(job.deadline() == "2026-12-22T15:10:00");
  CHECK_FALSE(job.look(at("2026-12-22T15:09")));
  check(job.look(at("2026-12-22T15:10")), Verdict::failing,
        "has run for 3h and not ended: max_duration is 3h");
  CHECK_FALSE(job.look(at("2026-12-22T15:10")));
  CHECK(job.deadline() == "2026-12-22T16:15:00");
  check(job.look(at("2026-12-22T16:15")), Verdict::failing,
        "did not start within 5m of 16:10 (every 1h); a run that started before has not ended");
}

TEST_CASE(
    "a jump of the wall clock moves what goes by intervals, and nothing that goes by the time of "
    "day") {
  JobSpec spec = hourly();
  spec.max_duration = 30min;
  Bench bench(spec, at("2026-12-21T10:00"));
  bench.ping(Event::start, at("2026-12-21T10:10"));
  CHECK(bench.monitor.clock_moved(2h));
  CHECK(bench.expected() == "2026-12-21T13:10:00");
  CHECK_FALSE(bench.look(at("2026-12-21T12:11")));
  const auto ended = bench.ping(Event::success, at("2026-12-21T12:20"));
  REQUIRE(ended);
  CHECK(ended->values.at("duration_seconds") == 600);
  CHECK(bench.monitor.clock_moved(-2h));
  CHECK(bench.deadline() == "2026-12-21T11:25:00");
  // Too long it is by its own time, wherever the clock goes.
  bench.ping(Event::start, at("2026-12-21T10:30"));
  CHECK(bench.monitor.clock_moved(-2h));
  CHECK_FALSE(bench.look(at("2026-12-21T08:59")));
  const auto overran = bench.look(at("2026-12-21T09:00"));
  REQUIRE(overran);
  CHECK(overran->verdict == Verdict::failing);

  Bench scheduled(nightly(), at("2026-12-21T10:00"));
  const std::string before = scheduled.expected();
  CHECK_FALSE(scheduled.monitor.clock_moved(2h));
  CHECK(scheduled.expected() == before);
}

TEST_CASE("parallel runs are timed each by its own start") {
  JobSpec spec = nightly();
  spec.max_duration = 1h;
  Bench job{spec, at("2026-12-22T12:00")};
  job.ping(Event::start, at("2026-12-23T02:00"), "", 0, "a");
  job.ping(Event::start, at("2026-12-23T02:10"), "", 0, "b");
  check(job.ping(Event::success, at("2026-12-23T02:30"), "", 0, "b"), Verdict::ok,
        "succeeded after 20m");
  check(job.look(at("2026-12-23T03:00")), Verdict::failing,
        "has run for 1h and not ended: max_duration is 1h");
  check(job.ping(Event::success, at("2026-12-23T03:10"), "", 0, "a"), Verdict::ok,
        "succeeded after 1h10m, longer than max_duration 1h");
  check(job.ping(Event::success, at("2026-12-23T03:20"), "", 0, "unknown"), Verdict::ok,
        "succeeded");
}

TEST_CASE("more starts than `most` allows are failing, until there are fewer again") {
  JobSpec spec = hourly();
  spec.most = JobSpec::Most{2, 1h};
  Bench job{spec, at("2026-12-22T12:00")};
  CHECK_FALSE(job.ping(Event::start, at("2026-12-22T12:10"), "", 0, "a"));
  CHECK_FALSE(job.ping(Event::start, at("2026-12-22T12:20"), "", 0, "b"));
  check(job.ping(Event::success, at("2026-12-22T12:25"), "", 0, "a"), Verdict::ok,
        "succeeded after 15m");
  check(job.ping(Event::start, at("2026-12-22T12:30"), "", 0, "c"), Verdict::failing,
        "has started more than 2 times within 1h");
  check(job.ping(Event::success, at("2026-12-22T12:31"), "", 0, "b"), Verdict::failing,
        "has started more than 2 times within 1h; the last succeeded after 11m");
  // An end whose start was not seen is a start too.
  check(job.ping(Event::success, at("2026-12-22T12:40"), "", 0, "d"), Verdict::failing,
        "has started more than 2 times within 1h; the last succeeded");
  CHECK(job.monitor.state().starts.size() == 3);
  CHECK(job.deadline() == "2026-12-22T13:20:00");
  CHECK_FALSE(job.look(at("2026-12-22T13:19")));
  Bench restarted{spec, at("2026-12-22T13:19"), job.monitor.state()};
  check(restarted.look(at("2026-12-22T13:20")), Verdict::ok,
        "has not started more than 2 times within 1h any more");
  CHECK(restarted.deadline() == "2026-12-22T13:45:00");
}

TEST_CASE("how a job stands to `most` and `failing_runs` can be asked") {
  JobSpec spec = hourly();
  CHECK(Bench(spec, at("2026-12-22T12:00")).monitor.recent_starts(at("2026-12-22T12:00")) == 0);
  spec.most = JobSpec::Most{2, 1h};
  spec.failing_runs = JobSpec::FailingRuns{0.29, 100};
  Bench job{spec, at("2026-12-22T12:00")};
  for (const char* time : {"2026-12-22T12:10", "2026-12-22T12:20", "2026-12-22T12:30"})
    job.ping(Event::fail, at(time));
  job.ping(Event::success, at("2026-12-22T12:40"));
  const auto starts = [&](const char* time) { return job.monitor.recent_starts(at(time)); };
  CHECK(starts("2026-12-22T12:40") == 3);  // four; more than one too many are not counted
  CHECK(starts("2026-12-22T13:20") == 2);
  CHECK(starts("2026-12-22T13:40") == 0);
  CHECK(job.monitor.runs_seen().failed == 3);
  CHECK(job.monitor.runs_seen().known == 4);
  CHECK(job.monitor.runs_seen().allowed == 29);
  // Of fewer runs than were kept only the last count.
  spec.failing_runs = JobSpec::FailingRuns{0.5, 2};
  const Bench fewer{spec, at("2026-12-22T12:41"), job.monitor.state()};
  CHECK(fewer.monitor.runs_seen().failed == 1);
  CHECK(fewer.monitor.runs_seen().known == 2);
  CHECK(fewer.monitor.runs_seen().allowed == 1);
}

TEST_CASE("a failure is not turned back as the job runs less often again") {
  JobSpec spec = hourly();
  spec.most = JobSpec::Most{1, 10min};
  Bench job{spec, at("2026-12-22T12:00")};
  job.ping(Event::start, at("2026-12-22T12:10"));
  check(job.ping(Event::fail, at("2026-12-22T12:11")), Verdict::failing,
        "reported a failure after 1m");
  CHECK_FALSE(job.ping(Event::start, at("2026-12-22T12:12")));
  check(job.ping(Event::fail, at("2026-12-22T12:13")), Verdict::failing,
        "reported a failure after 1m");
  CHECK_FALSE(job.look(at("2026-12-22T12:40")));
  CHECK(job.monitor.state().verdict == Verdict::failing);
}

TEST_CASE("`most` goes by the steady clock, and by what the configuration says now") {
  JobSpec spec = hourly();
  spec.most = JobSpec::Most{1, 10min};
  Bench job{spec, at("2026-12-22T12:00")};
  job.ping(Event::success, at("2026-12-22T12:10"));
  CHECK(job.monitor.clock_moved(1h));
  check(job.ping(Event::success, at("2026-12-22T13:12")), Verdict::failing,
        "has started more than 1 time within 10m; the last succeeded");
  JobSpec more = spec;
  more.most->runs = 5;
  Bench relaxed{more, at("2026-12-22T13:13"), job.monitor.state()};
  check(relaxed.look(at("2026-12-22T13:13")), Verdict::ok,
        "has not started more than 5 times within 10m any more");
}

TEST_CASE(
    "with failing_runs a failed run is a warning, and too many of the last ones are failing") {
  JobSpec spec = hourly();
  spec.failing_runs = JobSpec::FailingRuns{0.2, 10};
  Bench job{spec, at("2026-12-22T12:00")};
  Instant now = at("2026-12-22T12:00");
  const auto end = [&](Event event) { return job.ping(event, now += 1min, "", 0); };
  check(end(Event::fail), Verdict::warning,
        "1 of the last 10 runs failed, not more than 20%; the last reported a failure");
  check(end(Event::success), Verdict::ok, "succeeded");
  check(end(Event::fail), Verdict::warning,
        "2 of the last 10 runs failed, not more than 20%; the last reported a failure");
  const auto third = end(Event::fail);
  check(third, Verdict::failing,
        "3 of the last 10 runs failed, more than 20%; the last reported a failure");
  CHECK(third->values.at("failed_runs") == 3);
  for (int run = 0; run < 6; ++run) {
    check(end(Event::success), Verdict::failing,
          "3 of the last 10 runs failed, more than 20%; the last succeeded");
  }
  Bench restarted{spec, now, job.monitor.state()};
  check(restarted.ping(Event::success, now + 1min), Verdict::ok, "succeeded");
  CHECK(restarted.monitor.state().outcomes == ".xx.......");
}

TEST_CASE("at most 32 runs are remembered, with bounded names") {
  Bench job{nightly(), at("2026-12-22T12:00")};
  for (int run = 0; run < 40; ++run) {
    job.ping(Event::start, at("2026-12-23T02:00") + std::chrono::seconds{run}, "", 0,
             std::to_string(run) + std::string(1000, 'x'));
  }
  CHECK(job.monitor.state().running.size() == 32);
  CHECK(job.monitor.state().running.begin()->first.size() == 64);
  for (const auto& run : job.monitor.state().running)
    CHECK(run.second >= at("2026-12-23T02:00") + 8s);
  // All of them overrun, one observation each.
  int count = 0;
  while (job.look(at("2026-12-23T06:00")))
    ++count;
  CHECK(count == 32);
  CHECK(job.monitor.state().overran.size() == 32);
}

TEST_CASE("the longest overdue is told first") {
  Bench job{nightly(), at("2026-12-22T12:00")};
  job.ping(Event::start, at("2026-12-23T01:00"));
  const Instant later = at("2026-12-23T04:00");
  check(job.look(later), Verdict::failing,
        "did not start within 15m of 02:00; a run that started before has not ended");
  check(job.look(later), Verdict::failing, "has run for 3h and not ended: max_duration is 2h");
  CHECK_FALSE(job.look(later));
}

TEST_CASE(
    "what fell due while pings could not be taken is unknown, what falls due later is judged") {
  Bench before{nightly(), at("2026-12-22T12:00")};
  before.ping(Event::start, at("2026-12-23T01:59"));
  Bench job{nightly(), at("2026-12-25T02:05"), before.monitor.state()};
  job.monitor.heard_nothing(at("2026-12-25T02:05"));
  const Instant now = at("2026-12-25T02:05");
  check(job.look(now), Verdict::unknown,
        "did not report its end within max_duration 2h, while pings could not be taken: it may "
        "have ended, or run on");
  check(job.look(now), Verdict::unknown,
        "no start was reported at 2026-12-24 02:00, while pings could not be taken: it may have "
        "run or not");
  CHECK_FALSE(job.look(now));
  check(job.ping(Event::success, at("2026-12-25T03:00")), Verdict::ok, "succeeded");
  check(job.look(at("2026-12-26T02:15")), Verdict::failing, "did not start within 15m of 02:00");
}

TEST_CASE("beginning again keeps what is expected, unless the schedule no longer asks for it") {
  struct Row {
    const char* name;
    std::optional<const char*> ping;  // a start, under the old schedule
    JobSpec spec;
    const char* again;
    const char* expected;
  };
  JobSpec at_three = nightly();
  at_three.schedule = *Cron::parse("0 3 * * *");
  JobSpec monthly = nightly();
  monthly.schedule = *Cron::parse("0 2 1 * *");
  const Row rows[] = {
      {"the same, ahead", {}, nightly(), "2026-12-22T20:00", "2026-12-23T02:00:00"},
      {"the same, overdue", {}, nightly(), "2026-12-25T12:00", "2026-12-23T02:00:00"},
      {"the same, answered early", "2026-12-23T01:55", nightly(), "2026-12-23T01:57",
       "2026-12-24T02:00:00"},
      {"moved to later the same day", {}, at_three, "2026-12-23T02:05", "2026-12-23T03:00:00"},
      {"less often", {}, monthly, "2026-12-22T20:00", "2027-01-01T02:00:00"},
      {"now by period", {}, hourly(), "2026-12-22T20:00", "2026-12-22T21:00:00"},
      {"now by period, after a ping", "2026-12-22T19:30", hourly(), "2026-12-22T20:00",
       "2026-12-22T20:30:00"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Bench before{nightly(), at("2026-12-22T12:00")};
    if (row.ping) before.ping(Event::start, at(*row.ping));
    Bench again{row.spec, at(row.again), before.monitor.state()};
    CHECK(again.expected() == row.expected);
  }
  Bench monthly_before{monthly, at("2026-12-22T12:00")};
  Bench daily{nightly(), at("2026-12-22T12:30"), monthly_before.monitor.state()};
  CHECK(daily.expected() == "2026-12-23T02:00:00");
  // With `every` unchanged, a restart neither forgets nor repeats a miss.
  Bench hours{hourly(), at("2026-12-22T12:00")};
  CHECK(hours.look(at("2026-12-22T13:05")));
  Bench restarted{hourly(), at("2026-12-22T13:10"), hours.monitor.state()};
  CHECK(restarted.expected() == "2026-12-22T14:00:00");
  Bench overdue{hourly(), at("2026-12-22T14:30"), hours.monitor.state()};
  CHECK(overdue.expected() == "2026-12-22T14:00:00");
}

TEST_CASE("the same pings give the same state and observations") {
  const auto run = [] {
    Bench job{nightly(), at("2026-12-22T12:00")};
    job.ping(Event::start, at("2026-12-23T02:00"), "", 0, "r");
    job.ping(Event::fail, at("2026-12-23T02:09"), "out of disk", 2, "r");
    job.look(at("2026-12-25T00:00"));
    return job.monitor.state();
  };
  CHECK(run() == run());
}
