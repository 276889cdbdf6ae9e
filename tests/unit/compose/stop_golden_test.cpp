// Every kind of mail on planned stops as a bank reads it, word for word:
// tests/data/mail/stop.*.txt.
#include "sample.hpp"

using namespace sample;

namespace {

Stop planned() {
  Stop stop;
  stop.id = 3;
  stop.services = {"member-site", "admin-console"};
  stop.from = at("2027-01-24 01:00");
  stop.until = at("2027-01-24 05:00");
  stop.text = "データベースの更新のため";
  stop.by = "sato";
  stop.planned_at = at("12-21 16:00");
  stop.banks["aozora"];
  return stop;
}

Stop told() {
  Stop stop = planned();
  StopThread& thread = stop.banks["aozora"];
  thread.told = Told::first;
  thread.version_told = 1;
  thread.told_from = stop.from;
  thread.told_until = stop.until;
  return stop;
}

Stop running(Stop stop) {
  stop.began_at = stop.from;
  return stop;
}

Stop over(Stop stop) {
  stop = running(std::move(stop));
  stop.ended_at = stop.until;
  return stop;
}

void check(const std::string& name, NoticeKind kind, Stop stop, const std::string& now) {
  Platform where = platform();
  State state = state_with({});
  const StopId id = stop.id;
  state.stops[id] = std::move(stop);
  Notice one = notice(where, kind, "bank:aozora", {.failure = 0, .number = 1});
  one.stop = id;
  check_golden(name, compose(where, state, one, now));
}

}  // namespace

TEST_CASE("mail to a bank: a planned stop") {
  check("stop.planned", NoticeKind::stop_planned, planned(), "12-22 10:00");
}

TEST_CASE("mail to a bank: a planned stop, told late and when it had begun") {
  check("stop.planned.late", NoticeKind::stop_planned, planned(), "2027-01-22 10:00");
  check("stop.planned.running", NoticeKind::stop_planned, running(planned()), "2027-01-24 10:00");
}

TEST_CASE("mail to a bank: an emergency stop, before and after the fact") {
  Stop stop = planned();
  stop.emergency = true;
  stop.text = "脆弱性への緊急対応のため";
  check("stop.emergency", NoticeKind::stop_emergency, stop, "2027-01-22 10:00");
  check("stop.emergency.completed", NoticeKind::stop_emergency, over(stop), "2027-01-25 10:00");
}

TEST_CASE("mail to a bank: a stop that was changed") {
  Stop stop = told();
  stop.version = 2;
  stop.until = at("2027-01-24 06:00");
  check("stop.changed", NoticeKind::stop_changed, stop, "2027-01-06 10:00");
  check("stop.extended", NoticeKind::stop_extended, running(stop), "2027-01-24 04:30");
}

TEST_CASE("mail to a bank: a stop that was cancelled, and one date of a regular one") {
  Stop stop = told();
  stop.cancelled_at = at("2027-01-06 10:00");
  stop.cancel_text = "作業を見送るため";
  check("stop.cancelled", NoticeKind::stop_cancelled, stop, "2027-01-06 10:00");
  Stop regular = planned();
  regular.regular = "weekly";
  regular.text.clear();
  regular.cancelled_at = at("2027-01-06 10:00");
  check("stop.cancelled.regular", NoticeKind::stop_cancelled, regular, "2027-01-06 10:00");
}

TEST_CASE("mail to a bank: the business day before") {
  check("stop.reminder", NoticeKind::stop_reminder, told(), "2027-01-22 10:00");
}

TEST_CASE("mail to a bank: a stop that is over, announced before or not") {
  check("stop.completed", NoticeKind::stop_completed, over(told()), "2027-01-25 10:00");
  check("stop.completed.untold", NoticeKind::stop_completed, over(planned()), "2027-01-25 10:00");
}
