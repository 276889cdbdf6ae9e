// The kind alarm: what it makes of what another system says, and of its silence.
#include <doctest/doctest.h>

#include "outside/alarm_monitor.hpp"

using namespace yagura;

namespace {

const Instant begin = *parse_instant("2026-12-28T10:00:00+09:00");

AlarmSpec alertmanager() {
  AlarmSpec spec;
  spec.source = AlarmSource::alertmanager;
  spec.match = {{"alertname", {"DiskFull", "DiskGone"}}, {"instance", {"web-1"}}};
  spec.stale_after = 5h;
  return spec;
}

AlarmSpec events() {
  AlarmSpec spec;
  spec.match = {{"key", {"backup"}}};
  return spec;
}

AlarmReport report(AlarmSource source, std::string id, Verdict says, AlarmLabels labels, std::string text = "") {
  return {source, id, id, std::move(labels), says, std::move(text), {}};
}
AlarmReport disk(Verdict says, std::string severity = "critical", std::string name = "DiskFull") {
  return report(AlarmSource::alertmanager, name, says, {{"alertname", name}, {"instance", "web-1"}, {"severity", severity}},
                "/ is 95% full");
}
AlarmReport event(Verdict says, std::string text = "") {
  return report(AlarmSource::event, "backup", says, {{"key", "backup"}}, std::move(text));
}

AlarmMonitor monitor(AlarmSpec spec) {
  AlarmMonitor made(std::move(spec));
  made.begin({}, begin);
  return made;
}

std::string said(const AlarmMonitor& monitor, Instant now) {
  const AlarmJudgement judgement = monitor.judge(now);
  return std::string(name_of(judgement.verdict)) + ": " + judgement.reason;
}

}  // namespace

TEST_CASE("an alarm that fires fails, and one that is resolved is well") {
  AlarmMonitor alarm = monitor(alertmanager());
  CHECK(said(alarm, begin) == "ok: no alarm was reported so far");
  REQUIRE(alarm.matches(disk(Verdict::failing)));
  alarm.take(disk(Verdict::failing), begin);
  CHECK(said(alarm, begin + 1s) == "failing: DiskFull: / is 95% full");
  CHECK(alarm.judge(begin).values.at("alarms_firing") == 1);
  alarm.take(disk(Verdict::failing, "critical", "DiskGone"), begin + 1s);
  CHECK(said(alarm, begin + 1s) == "failing: DiskGone: / is 95% full, and 1 more");
  alarm.take(disk(Verdict::ok, "critical", "DiskGone"), begin + 2s);
  CHECK(said(alarm, begin + 2s) == "failing: DiskFull: / is 95% full");
  alarm.take(disk(Verdict::ok), begin + 3s);
  CHECK(said(alarm, begin + 3s) == "ok: no alarm fires");
  CHECK(alarm.state().words.empty());
}

TEST_CASE("only what all labels match is of the component") {
  const AlarmMonitor alarm = monitor(alertmanager());
  AlarmReport other = disk(Verdict::failing);
  SUBCASE("another value") { other.labels["instance"] = "web-2"; }
  SUBCASE("no value") { other.labels.erase("instance"); }
  SUBCASE("another source") { other.source = AlarmSource::sns; }
  CHECK(!alarm.matches(other));
}

TEST_CASE("a label that is not there is empty") {
  CHECK(matches({{"severity", {""}}}, {{"alertname", "x"}}));
  CHECK(!matches({{"severity", {""}}}, {{"severity", "page"}}));
}

TEST_CASE("what warning_when matches only warns, and firing_is says what all of them are") {
  AlarmSpec spec = alertmanager();
  SUBCASE("by a label") {
    spec.warning_when = {{"severity", {"warning", "info"}}};
    AlarmMonitor alarm = monitor(spec);
    alarm.take(disk(Verdict::failing, "info"), begin);
    CHECK(alarm.judge(begin).verdict == Verdict::warning);
    alarm.take(disk(Verdict::failing, "critical", "DiskGone"), begin);
    CHECK(alarm.judge(begin).verdict == Verdict::failing);
  }
  SUBCASE("all") {
    spec.firing_is = Verdict::warning;
    AlarmMonitor alarm = monitor(spec);
    alarm.take(disk(Verdict::failing), begin);
    CHECK(alarm.judge(begin).verdict == Verdict::warning);
  }
}

TEST_CASE("an alarm that fires and is not said again in time is unknown, neither failing nor well") {
  AlarmMonitor alarm = monitor(alertmanager());
  alarm.take(disk(Verdict::failing), begin);
  CHECK(alarm.judge(begin + 5h - 1s).verdict == Verdict::failing);
  CHECK(said(alarm, begin + 5h) == "unknown: was firing, and was not said again for 5h: DiskFull: / is 95% full");
  alarm.take(disk(Verdict::failing), begin + 6h);
  CHECK(alarm.judge(begin + 10h).verdict == Verdict::failing);
  alarm.take(disk(Verdict::ok), begin + 10h);
  CHECK(alarm.judge(begin + 24h * 30).verdict == Verdict::ok);  // that all is well is not repeated
}

TEST_CASE("one that is stale does not hide one that fires, nor a warning one that is stale") {
  AlarmSpec spec = alertmanager();
  spec.warning_when = {{"severity", {"warning"}}};
  AlarmMonitor alarm = monitor(spec);
  alarm.take(disk(Verdict::failing), begin);
  alarm.take(disk(Verdict::failing, "critical", "DiskGone"), begin + 4h);
  CHECK(said(alarm, begin + 6h) == "failing: DiskGone: / is 95% full");
  alarm.take(disk(Verdict::failing, "warning", "DiskGone"), begin + 6h);
  CHECK(alarm.judge(begin + 6h).verdict == Verdict::unknown);
}

TEST_CASE("an alarm that has to fire all the time fails when it is resolved, and is unknown when it is silent") {
  AlarmSpec spec = alertmanager();
  spec.firing_is = Verdict::ok;
  spec.stale_after = 10min;
  AlarmMonitor alarm = monitor(spec);
  CHECK(alarm.judge(begin + 9min).verdict == Verdict::ok);
  CHECK(said(alarm, begin + 10min) == "unknown: nothing was heard from alertmanager for 10m");
  alarm.take(disk(Verdict::failing), begin + 10min);
  CHECK(alarm.judge(begin + 19min).verdict == Verdict::ok);
  CHECK(alarm.judge(begin + 20min).verdict == Verdict::unknown);
  alarm.take(disk(Verdict::failing), begin + 20min);
  // Resolved, and remembered as such.
  AlarmReport resolved = disk(Verdict::ok);
  alarm.take(resolved, begin + 21min);
  CHECK(said(alarm, begin + 21min) == "failing: has to fire all the time, and does not: DiskFull: / is 95% full");
}

TEST_CASE("an event says itself what it is; with stale_after also silence does") {
  AlarmSpec spec = events();
  SUBCASE("without") {
    AlarmMonitor alarm = monitor(spec);
    alarm.take(event(Verdict::warning, "slow"), begin);
    CHECK(said(alarm, begin + 24h * 300) == "warning: backup: slow");
    alarm.take(event(Verdict::unknown), begin);
    CHECK(said(alarm, begin) == "unknown: backup");
    alarm.take(event(Verdict::ok, "12 GB"), begin);
    CHECK(said(alarm, begin) == "ok: backup: 12 GB");
  }
  SUBCASE("with") {
    spec.stale_after = 26h;
    AlarmMonitor alarm = monitor(spec);
    CHECK(alarm.judge(begin + 26h - 1s).verdict == Verdict::ok);
    CHECK(alarm.judge(begin + 26h).verdict == Verdict::unknown);
    alarm.take(event(Verdict::ok), begin + 30h);
    CHECK(alarm.judge(begin + 50h).verdict == Verdict::ok);
    CHECK(said(alarm, begin + 56h) == "unknown: nothing was heard from event for 1d2h");
  }
}

TEST_CASE("an older word that comes later changes nothing, and a clock that is ahead has not the last word for ever") {
  AlarmMonitor alarm = monitor(events());
  AlarmReport word = event(Verdict::ok);
  word.at = begin;
  alarm.take(word, begin + 1s);
  word = event(Verdict::failing);
  word.at = begin - 1s;
  alarm.take(word, begin + 2s);
  CHECK(alarm.judge(begin + 2s).verdict == Verdict::ok);
  word.at = begin + 24h;
  alarm.take(word, begin + 3s);
  CHECK(alarm.judge(begin + 3s).verdict == Verdict::failing);
  word = event(Verdict::ok);
  word.at = begin + 4s;
  alarm.take(word, begin + 4s);
  CHECK(alarm.judge(begin + 4s).verdict == Verdict::ok);
}

TEST_CASE("of more alarms than are kept those that are well go first, then those heard of the longest ago") {
  AlarmMonitor alarm = monitor(events());
  for (int i = 0; i < 300; ++i) {
    AlarmReport word = event(i % 2 == 0 ? Verdict::failing : Verdict::ok);
    word.id = "alarm " + std::to_string(i);
    alarm.take(word, begin + i * 1s);
  }
  CHECK(alarm.state().words.size() == AlarmMonitor::most_words);
  CHECK(alarm.state().words.contains("alarm 298"));
  CHECK(!alarm.state().words.contains("alarm 0"));
  for (const auto& [id, word] : alarm.state().words) CHECK((word.says == Verdict::failing || id == "alarm 299"));
}

TEST_CASE("what was kept goes on so far as it is still asked for") {
  AlarmMonitor before = monitor(alertmanager());
  before.take(disk(Verdict::failing), begin);
  before.take(disk(Verdict::failing, "critical", "DiskGone"), begin);
  AlarmSpec spec = alertmanager();
  SUBCASE("unchanged") {
    AlarmMonitor after(spec);
    after.begin(before.state(), begin + 1h);
    CHECK(after.state() == before.state());
  }
  SUBCASE("one alarm is not matched any more") {
    spec.match["alertname"] = {"DiskFull"};
    AlarmMonitor after(spec);
    after.begin(before.state(), begin + 1h);
    CHECK(said(after, begin + 1h) == "failing: DiskFull: / is 95% full");
  }
  SUBCASE("another source") {
    AlarmMonitor after(events());
    after.begin(before.state(), begin + 1h);
    CHECK(said(after, begin + 1h) == "ok: no alarm was reported so far");
    CHECK(after.state().begun == begin + 1h);
  }
}

TEST_CASE("a jump of the clock makes nothing stale") {
  AlarmMonitor alarm = monitor(alertmanager());
  alarm.take(disk(Verdict::failing), begin);
  alarm.clock_moved(24h);
  CHECK(alarm.judge(begin + 24h + 4h).verdict == Verdict::failing);
  CHECK(alarm.judge(begin + 24h + 5h).verdict == Verdict::unknown);
}
