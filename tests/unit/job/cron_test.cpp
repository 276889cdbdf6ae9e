#include "cron.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace yagura;

namespace {

const Zone tokyo = *Zone::named("Asia/Tokyo");
const Zone berlin = *Zone::named("Europe/Berlin");
const Zone new_york = *Zone::named("America/New_York");
const Zone lord_howe = *Zone::named("Australia/Lord_Howe");

Instant at(const char* text) {
  return *parse_instant(text);
}

std::string text_of(const std::optional<Instant>& instant, const Zone& zone) {
  return instant ? zone.format(*instant).substr(0, 16) : "never";
}

std::string next(const char* schedule, const char* after, const Zone& zone = tokyo) {
  const auto cron = Cron::parse(schedule);
  REQUIRE_MESSAGE(cron, cron.error().message);
  return text_of(cron->next(at(after), zone), zone);
}

}  // namespace

TEST_CASE("the next time follows the five fields") {
  struct Row {
    const char* schedule;
    const char* after;
    const char* next;
  };
  const Row rows[] = {
      {"0 2 * * *", "2026-12-28T01:59:59.999+09:00", "2026-12-28T02:00"},
      {"0 2 * * *", "2026-12-28T02:00:00+09:00", "2026-12-29T02:00"},  // strictly after
      {"* * * * *", "2026-12-28T02:00:30+09:00", "2026-12-28T02:01"},
      {"*/15 * * * *", "2026-12-28T23:45:00+09:00", "2026-12-29T00:00"},
      {"5,35 9-17 * * *", "2026-12-28T17:35:00+09:00", "2026-12-29T09:05"},
      {"10-30/10 1 * * *", "2026-12-28T01:20:00+09:00", "2026-12-28T01:30"},
      {"0 0 1 * *", "2026-12-28T00:00:00+09:00", "2027-01-01T00:00"},
      {"0 0 31 * *", "2027-01-31T00:00:00+09:00", "2027-03-31T00:00"},
      {"0 0 29 2 *", "2026-01-01T00:00:00+09:00", "2028-02-29T00:00"},
      {"0 0 * 2-4/2 *", "2026-02-28T00:00:00+09:00", "2026-04-01T00:00"},
      {"0 0 * * 0", "2026-12-28T00:00:00+09:00", "2027-01-03T00:00"},
      {"0 0 * * 7", "2026-12-28T00:00:00+09:00", "2027-01-03T00:00"},
      {"0 0 * * 5-7", "2027-01-02T00:00:00+09:00", "2027-01-03T00:00"},
      {"0 0 * * mon-FRI", "2027-01-01T00:00:00+09:00", "2027-01-04T00:00"},
      {"0 0 * * fri-sun", "2027-01-02T00:00:00+09:00", "2027-01-03T00:00"},
      {"0 0 1 jan,Jul *", "2027-01-01T00:00:00+09:00", "2027-07-01T00:00"},
      // Both days restricted: either. One of them *: the other.
      {"0 0 13 * 5", "2026-12-28T00:00:00+09:00", "2027-01-01T00:00"},
      {"0 0 13 * 5", "2027-01-12T00:00:00+09:00", "2027-01-13T00:00"},
      {"0 0 13 * *", "2026-12-28T00:00:00+09:00", "2027-01-13T00:00"},
      // A stepped * restricts nothing in this sense: even days that are Fridays.
      {"0 0 */2 * 5", "2026-12-28T00:00:00+09:00", "2027-01-01T00:00"},
      {"0 0 */2 * 5", "2027-01-01T00:00:00+09:00", "2027-01-15T00:00"},
      // A value with a step: from it on.
      {"5/10 * * * *", "2026-12-28T01:55:00+09:00", "2026-12-28T02:05"},
      {"5/10 * * * *", "2026-12-28T02:05:00+09:00", "2026-12-28T02:15"},
      {"0 0 * * 5/1", "2027-01-02T00:00:00+09:00", "2027-01-08T00:00"},  // up to Saturday
      {"0 0 20/5,1 * ?", "2026-12-28T00:00:00+09:00", "2026-12-30T00:00"},
      // The last day, days before it, the last weekday of Monday to Friday.
      {"0 0 L * *", "2027-02-01T00:00:00+09:00", "2027-02-28T00:00"},
      {"0 0 l * *", "2028-02-01T00:00:00+09:00", "2028-02-29T00:00"},
      {"0 0 L-3 * *", "2027-02-01T00:00:00+09:00", "2027-02-25T00:00"},
      {"0 0 L-30 * *", "2027-01-01T00:00:00+09:00", "2027-03-01T00:00"},
      {"0 0 LW * *", "2027-01-01T00:00:00+09:00", "2027-01-29T00:00"},
      {"0 0 lw * *", "2027-02-01T00:00:00+09:00", "2027-02-26T00:00"},
      {"0 0 1,L * *", "2027-01-01T00:00:00+09:00", "2027-01-31T00:00"},
      // The nearest of Monday to Friday: Friday before a Saturday, Monday after a Sunday, but never
      // over the end of the month.
      {"0 0 15W * *", "2027-05-01T00:00:00+09:00", "2027-05-14T00:00"},
      {"0 0 15W * *", "2027-08-01T00:00:00+09:00", "2027-08-16T00:00"},
      {"0 0 15w * *", "2027-01-01T00:00:00+09:00", "2027-01-15T00:00"},
      {"0 0 1W * *", "2027-04-30T00:00:00+09:00", "2027-05-03T00:00"},
      {"0 0 31W * *", "2027-01-01T00:00:00+09:00", "2027-01-29T00:00"},
      {"0 0 31W * *", "2027-02-01T00:00:00+09:00", "2027-03-31T00:00"},
      // The last and the second of a weekday.
      {"0 0 * * 5L", "2027-01-01T00:00:00+09:00", "2027-01-29T00:00"},
      {"0 0 * * FRIL", "2027-02-01T00:00:00+09:00", "2027-02-26T00:00"},
      {"0 0 * * 7L", "2027-01-01T00:00:00+09:00", "2027-01-31T00:00"},
      {"0 0 * * MON#2", "2027-01-01T00:00:00+09:00", "2027-01-11T00:00"},
      {"0 0 * * 1#2,5#5", "2027-01-11T00:00:00+09:00", "2027-01-29T00:00"},
      {"0 0 * * 0#1", "2027-01-01T00:00:00+09:00", "2027-01-03T00:00"},
      // Both restricted: either, here too.
      {"0 0 L * mon#1", "2027-01-01T00:00:00+09:00", "2027-01-04T00:00"},
      {"0 0 L * mon#1", "2027-01-04T00:00:00+09:00", "2027-01-31T00:00"},
      {"0 0 ? * fri", "2027-01-01T00:00:00+09:00", "2027-01-08T00:00"},
      {"0 0 13 * ?", "2027-01-01T00:00:00+09:00", "2027-01-13T00:00"},
      {"@yearly", "2026-12-28T00:00:00+09:00", "2027-01-01T00:00"},
      {"@Annually", "2027-01-01T00:00:00+09:00", "2028-01-01T00:00"},
      {"@monthly", "2027-01-01T00:00:00+09:00", "2027-02-01T00:00"},
      {"@weekly", "2026-12-28T00:00:00+09:00", "2027-01-03T00:00"},
      {" @daily ", "2026-12-28T00:00:00+09:00", "2026-12-29T00:00"},
      {"@midnight", "2026-12-28T00:00:00+09:00", "2026-12-29T00:00"},
      {"@hourly", "2026-12-28T00:00:00+09:00", "2026-12-28T01:00"},
      {"  0\t2  *  * * ", "2026-12-28T03:00:00+09:00", "2026-12-29T02:00"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.schedule);
    CAPTURE(row.after);
    CHECK(next(row.schedule, row.after) == row.next);
  }
}

TEST_CASE("a wrong schedule is refused with the field and what it takes") {
  struct Row {
    const char* schedule;
    const char* words;
  };
  const Row rows[] = {
      {"", "write five fields"},
      {"0 2 * *", "write five fields"},
      {"0 2 * * * *", "write five fields"},
      {"@dayly", "or one of @yearly, @monthly, @weekly, @daily and @hourly"},
      {"@daily *", "write five fields"},
      {"@reboot", "is no time at which a run could be awaited: write how often"},
      {"60 2 * * *", "\"60\" as minute: no such value; it takes 0 to 59"},
      {"0 24 * * *", "\"24\" as hour: no such value; it takes 0 to 23"},
      {"0 2 0 * *", "\"0\" as day of month: no such value; it takes 1 to 31"},
      {"0 2 32 * *", "day of month"},
      {"0 2 * 13 *", "\"13\" as month"},
      {"0 2 * mon *", "\"mon\" as month"},
      {"0 2 * * 8", "\"8\" as day of week: no such value; it takes 0 to 7"},
      {"0 2 * * funday", "day of week"},
      {"-1 2 * * *", "minute"},
      {"1- 2 * * *", "no such value"},
      {"1,,2 2 * * *", "no such value"},
      {"30-10 2 * * *", "the range runs backwards"},
      {"*/0 2 * * *", "the step is wrong"},
      {"*/x 2 * * *", "the step is wrong"},
      {"*/60 2 * * *", "the step is wrong"},
      {"5/ 2 * * *", "the step is wrong"},
      {"l 2 * * *", "\"l\" as minute: no such value"},
      {"? 2 * * *", "\"?\" as minute: no such value"},
      {"0 2 * ? *", "\"?\" as month: no such value; it takes 1 to 12 or jan to dec"},
      {"0 2 ?,3 * *", "\"?\" as day of month: no such value"},
      {"0 2 ?/2 * *", "\"?/2\" as day of month: no such value"},
      {"0 2 L-0 * *", "L- needs a number from 1 to 30"},
      {"0 2 L-31 * *", "L- needs a number from 1 to 30; it takes 1 to 31, as *, 5, 1,15, 1-5, "},
      {"0 2 W * *", "W needs one day before it"},
      {"0 2 32W * *", "W needs one day before it"},
      {"0 2 1-5W * *", "W needs one day before it"},
      {"0 2 L/2 * *", "\"L/2\" as day of month: no such value"},
      {"0 2 * * L", "L needs one day before it; it takes 0 to 7 or sun to sat"},
      {"0 2 * * mon-friL", "L needs one day before it"},
      {"0 2 * * mon#0", "# stands between one day and 1 to 5"},
      {"0 2 * * 8#1", "# stands between one day and 1 to 5"},
      {"0 2 * * #1", "# stands between one day and 1 to 5"},
      {"0 2 * * 15W", "\"15W\" as day of week: no such value"},
      {"0 2 mon#1 * *", "\"mon#1\" as day of month: no such value"},
      {"0 0 31W feb,apr *", "never comes"},
      {"0 0 L-30 feb,apr *", "never comes"},
      {"0 0 30 2 *", "never comes"},
      {"0 0 31 4,6,9,11 *", "never comes"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.schedule);
    const auto cron = Cron::parse(row.schedule);
    REQUIRE_FALSE(cron);
    INFO(cron.error().message);
    CHECK(cron.error().message.find(row.words) != std::string::npos);
  }
  CHECK_FALSE(Cron::parse(std::string(100'000, '*')));
  CHECK(Cron::parse("0 0 30 2 mon"));  // Mondays in February come
}

TEST_CASE("a local time that does not exist runs at the change, once") {
  // Berlin, 2026-03-29: 02:00 is 03:00.
  CHECK(next("30 2 * * *", "2026-03-28T12:00:00Z", berlin) == "2026-03-29T03:00");
  CHECK(next("30 2 * * *", "2026-03-29T01:00:00Z", berlin) == "2026-03-30T02:30");
  CHECK(next("*/20 2-3 * * *", "2026-03-29T01:00:00Z", berlin) == "2026-03-29T03:20");
  // New York, 2027-03-14: 02:00 is 03:00.
  CHECK(next("0 2 * * *", "2027-03-14T06:00:00Z", new_york) == "2027-03-14T03:00");
  CHECK(next("0 2 * * *", "2027-03-14T07:00:00Z", new_york) == "2027-03-15T02:00");
  // Lord Howe, 2026-10-04: 02:00 is 02:30.
  CHECK(next("10 2 * * *", "2026-10-03T15:00:00Z", lord_howe) == "2026-10-04T02:30");
  CHECK(next("40 2 * * *", "2026-10-03T15:00:00Z", lord_howe) == "2026-10-04T02:40");
  CHECK(next("10,30 2 * * *", "2026-10-03T15:30:00Z", lord_howe) == "2026-10-05T02:10");
}

TEST_CASE("a local time that comes twice runs once") {
  // Berlin, 2026-10-25: 03:00 is 02:00 again, at 01:00Z.
  const auto cron = *Cron::parse("30 2 * * *");
  CHECK(cron.next(at("2026-10-24T12:00:00Z"), berlin) == at("2026-10-25T00:30:00Z"));
  CHECK(cron.next(at("2026-10-25T00:30:00Z"), berlin) == at("2026-10-26T01:30:00Z"));
  CHECK(cron.next(at("2026-10-25T01:10:00Z"), berlin) == at("2026-10-26T01:30:00Z"));
  CHECK(cron.last(at("2026-10-25T01:10:00Z"), berlin) == at("2026-10-25T00:30:00Z"));
  CHECK(cron.last(at("2026-10-25T00:29:00Z"), berlin) == at("2026-10-24T00:30:00Z"));
  // New York, 2026-11-01: 02:00 is 01:00 again, at 06:00Z.
  const auto at_one = *Cron::parse("30 1 * * *");
  CHECK(at_one.next(at("2026-11-01T05:00:00Z"), new_york) == at("2026-11-01T05:30:00Z"));
  CHECK(at_one.next(at("2026-11-01T05:30:00Z"), new_york) == at("2026-11-02T06:30:00Z"));
  CHECK(at_one.last(at("2026-11-01T06:45:00Z"), new_york) == at("2026-11-01T05:30:00Z"));
  // Lord Howe, 2027-04-04: 02:00 is 01:30 again, at 15:00Z the day before.
  const auto before_two = *Cron::parse("15,45 1 * * *");
  CHECK(before_two.next(at("2027-04-03T14:30:00Z"), lord_howe) == at("2027-04-03T14:45:00Z"));
  CHECK(before_two.next(at("2027-04-03T14:45:00Z"), lord_howe) == at("2027-04-04T14:45:00Z"));
}

TEST_CASE("days that the filter does not admit are passed over; none within five years is none") {
  const auto cron = *Cron::parse("0 2 * * *");
  const auto first_of_year = [](Date date) {
    return civil(date).month() == std::chrono::January && civil(date).day() == std::chrono::day{1};
  };
  CHECK(text_of(cron.next(at("2026-12-28T12:00:00+09:00"), tokyo, first_of_year), tokyo) ==
        "2027-01-01T02:00");
  CHECK(text_of(cron.last(at("2026-12-28T12:00:00+09:00"), tokyo, first_of_year), tokyo) ==
        "2026-01-01T02:00");
  const auto never = [](Date) { return false; };
  CHECK_FALSE(cron.next(at("2026-12-28T12:00:00+09:00"), tokyo, never));
  CHECK_FALSE(cron.last(at("2026-12-28T12:00:00+09:00"), tokyo, never));
}

TEST_CASE("the last time is at or before, and the one whose next is later") {
  CHECK(text_of(Cron::parse("0 2 * * *")->last(at("2026-12-28T02:00:00+09:00"), tokyo), tokyo) ==
        "2026-12-28T02:00");
  std::mt19937 random{7};
  for (const char* schedule :
       {"*/7 * * * *", "30 2 * * *", "0 0 13 * 5", "15 1-3 * * sun", "0 12 29 2 *"}) {
    const auto cron = *Cron::parse(schedule);
    for (int round = 0; round < 100; ++round) {
      const Instant when = at("2026-10-20T00:00:00Z") + std::chrono::minutes{random() % 14'400};
      const auto last = cron.last(when, berlin);
      const auto coming = cron.next(when, berlin);
      CAPTURE(schedule);
      CAPTURE(berlin.format(when));
      REQUIRE(last);
      REQUIRE(coming);
      CHECK(*last <= when);
      CHECK(*coming > when);
      CHECK(cron.next(*last, berlin) == coming);
      CHECK(cron.last(*coming - 1ms, berlin) == last);
    }
  }
}
