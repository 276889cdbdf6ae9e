// Ends of runs that are reported later than they were.
#include <doctest/doctest.h>

#include "monitor.hpp"

using namespace yagura;

namespace {

using Event = JobPing::Event;

const Zone tokyo = *Zone::named("Asia/Tokyo");

Instant at(const char* text) {
  return *parse_instant(std::string(text) + ":00+09:00");
}

JobSpec nightly() {
  JobSpec spec;
  spec.schedule = *Cron::parse("0 2 * * *");
  spec.start_within = 15min;
  spec.max_duration = 2h;
  return spec;
}

struct Bench {
  JobCalendar calendar{tokyo, {}};
  JobMonitor monitor;
  explicit Bench(JobState state = {}, const char* now = "2026-12-22T12:00")
      : monitor(nightly(), std::move(state)) {
    monitor.begin(at(now), calendar);
  }
  std::optional<Observation> live(Event event, const char* now, const std::string& run_id = "") {
    return monitor.ping({event, 0, run_id, ""}, at(now), calendar);
  }
  std::optional<Observation> late(Event event, const char* started, const char* ended,
                                  const char* now, const char* run_id = "late") {
    JobPing ping{event, 0, run_id, "its output"};
    ping.ended_at = at(ended);
    if (*started != 0) ping.started_at = at(started);
    return monitor.ping(ping, at(now), calendar);
  }
  void look(const char* now) { REQUIRE(monitor.look(at(now), calendar)); }
  std::string verdict() const { return std::string(name_of(monitor.state().verdict)); }
  std::string expected() const { return tokyo.format(*monitor.state().expected).substr(0, 16); }
};

std::string reason_of(const std::optional<Observation>& observation) {
  return observation ? observation->reason : "none";
}

}  // namespace

TEST_CASE("a run that is reported later takes back that it was missed") {
  Bench job;
  job.look("2026-12-23T02:15");
  CHECK(job.verdict() == "failing");
  const auto told =
      job.late(Event::success, "2026-12-23T02:00", "2026-12-23T02:10", "2026-12-23T03:00");
  CHECK(reason_of(told) == "reported 50m late: succeeded after 10m");
  CHECK(told->ended == at("2026-12-23T03:00"));
  CHECK(told->values.at("duration_seconds") == 600);
  CHECK(job.verdict() == "ok");
  CHECK(job.monitor.state().last_success == at("2026-12-23T02:10"));
  CHECK(job.monitor.state().last_output == "its output");
  CHECK(job.expected() == "2026-12-24T02:00");
}

TEST_CASE("what is reported later answers its time before anybody has judged that") {
  Bench job;
  CHECK(job.late(Event::success, "2026-12-23T01:55", "2026-12-23T02:01", "2026-12-23T02:02"));
  CHECK(job.expected() == "2026-12-24T02:00");
  // Of a run whose start was heard only the end comes later.
  CHECK_FALSE(job.live(Event::start, "2026-12-24T02:00", "a"));
  CHECK(reason_of(job.late(Event::fail, "", "2026-12-24T02:30", "2026-12-24T02:50", "a")) ==
        "reported 20m late: reported a failure after 30m: its output");
  CHECK(job.monitor.state().running.empty());
}

TEST_CASE("what is older than what is known changes no verdict") {
  struct Row {
    const char* name;
    void (*before)(Bench&);
    Event event;
    const char* verdict;
  };
  const Row rows[] = {
      {"a newer failure", [](Bench& job) { job.live(Event::fail, "2026-12-23T02:50"); },
       Event::success, "failing"},
      {"a newer success", [](Bench& job) { job.live(Event::success, "2026-12-23T02:50"); },
       Event::fail, "ok"},
      {"a later time that was missed", [](Bench& job) { job.look("2026-12-24T02:15"); },
       Event::success, "failing"},
      {"a later run that hangs",
       [](Bench& job) {
         job.live(Event::start, "2026-12-23T02:40", "hangs");
         job.look("2026-12-23T04:40");
       },
       Event::success, "failing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Bench job;
    row.before(job);
    CHECK(job.verdict() == row.verdict);
    CHECK_FALSE(job.late(row.event, "2026-12-23T02:00", "2026-12-23T02:10", "2026-12-24T03:00"));
    CHECK(job.verdict() == row.verdict);
    CHECK(job.monitor.state().last_output.empty());
  }
}

TEST_CASE("several that are reported later are judged in the order of their times") {
  Bench job;
  job.look("2026-12-24T02:15");  // both missed
  CHECK_FALSE(
      job.late(Event::success, "2026-12-23T02:00", "2026-12-23T02:10", "2026-12-24T03:00", "1"));
  CHECK(job.verdict() == "failing");
  CHECK(job.late(Event::success, "2026-12-24T02:00", "2026-12-24T02:10", "2026-12-24T03:00", "2"));
  CHECK(job.verdict() == "ok");
  CHECK_FALSE(
      job.late(Event::fail, "2026-12-23T12:00", "2026-12-23T12:10", "2026-12-24T03:01", "3"));
  CHECK(job.verdict() == "ok");
  CHECK(job.monitor.state().last_fail == at("2026-12-23T12:10"));
  CHECK(job.monitor.state().last_success == at("2026-12-24T02:10"));
}

TEST_CASE("an end that is told twice counts once, also over a restart") {
  Bench job;
  CHECK(job.live(Event::fail, "2026-12-23T02:10", "a"));
  CHECK_FALSE(
      job.late(Event::success, "2026-12-23T02:00", "2026-12-23T02:11", "2026-12-23T02:11", "a"));
  CHECK(job.late(Event::success, "2026-12-23T02:20", "2026-12-23T02:30", "2026-12-23T02:31", "b"));
  Bench again(job.monitor.state(), "2026-12-23T03:00");
  CHECK_FALSE(
      again.late(Event::fail, "2026-12-23T02:20", "2026-12-23T02:30", "2026-12-23T03:01", "b"));
  CHECK(again.verdict() == "ok");
  for (int run = 0; run < 200; ++run)
    again.live(Event::success, "2026-12-23T04:00", std::to_string(run));
  CHECK(again.monitor.state().ended_runs.size() == 64);
}

TEST_CASE("with every, what is reported later puts the next off by its own time") {
  JobSpec spec;
  spec.every = 1h;
  const JobCalendar calendar{tokyo, {}};
  JobMonitor monitor(spec, {});
  monitor.begin(at("2026-12-22T12:00"), calendar);
  REQUIRE(monitor.look(at("2026-12-22T13:05"), calendar));
  JobPing ping{Event::success, 0, "a", ""};
  ping.ended_at = at("2026-12-22T12:30");
  CHECK(monitor.ping(ping, at("2026-12-22T13:10"), calendar));
  CHECK(monitor.state().verdict == Verdict::ok);
  CHECK(tokyo.format(*monitor.state().expected).substr(0, 16) == "2026-12-22T14:00");
  ping.run_id = "b";
  ping.ended_at = at("2026-12-22T13:08");
  CHECK(monitor.ping(ping, at("2026-12-22T13:10"), calendar));
  CHECK(tokyo.format(*monitor.state().expected).substr(0, 16) == "2026-12-22T14:08");
}
