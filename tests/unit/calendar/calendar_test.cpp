#include "calendar.hpp"

#include <doctest/doctest.h>

#include "text.hpp"

using namespace yagura;

namespace {

struct Row {
  Date date;
  bool business_day;
  const char* holiday;  // "": none
  const char* reason;
};

void check(const Calendar& calendar, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(format_date(row.date));
    const auto day = calendar.day(row.date);
    REQUIRE(day);
    CHECK(day->business_day == row.business_day);
    CHECK(day->holiday.value_or("") == row.holiday);
    CHECK(day->reason == row.reason);
    CHECK(calendar.is_business_day(row.date) == row.business_day);
  }
}

CalendarSettings with_closed(const char* text) {
  CalendarSettings settings;
  settings.closed.push_back(*parse_closed_days(text));
  return settings;
}

}  // namespace

TEST_CASE("the calendar by law knows why a day is no business day") {
  check(Calendar{}, {{date_of(2026, 12, 28), true, "", "business day"},
                     {date_of(2026, 12, 29), false, "", "closed 12-29..01-03"},
                     {date_of(2026, 12, 31), false, "", "closed 12-29..01-03"},
                     {date_of(2027, 1, 1), false, "元日", "national holiday 元日"},
                     {date_of(2027, 1, 2), false, "", "Saturday"},
                     {date_of(2027, 1, 3), false, "", "Sunday"},
                     {date_of(2027, 1, 4), true, "", "business day"},
                     {date_of(2026, 9, 22), false, "休日", "national holiday 休日"},
                     {date_of(2028, 1, 1), false, "元日", "Saturday"},
                     {date_of(2027, 3, 21), false, "春分の日", "Sunday"},
                     {date_of(2027, 3, 22), false, "休日", "national holiday 休日"},
                     {date_of(2029, 1, 3), false, "", "closed 12-29..01-03"}});
}

TEST_CASE("lists of the configuration win over the law, extra business days over all") {
  CalendarSettings settings = with_closed("12-29..01-03");
  settings.extra_holidays = {date_of(2027, 2, 12), date_of(2027, 2, 15), date_of(2027, 2, 13)};
  settings.extra_business_days = {date_of(2027, 2, 11), date_of(2027, 2, 14), date_of(2027, 2, 15),
                                  date_of(2026, 12, 30)};
  check(Calendar{settings}, {{date_of(2027, 2, 11), true, "建国記念の日", "extra business day"},
                             {date_of(2027, 2, 12), false, "", "extra holiday"},
                             {date_of(2027, 2, 13), false, "", "Saturday"},
                             {date_of(2027, 2, 14), true, "", "extra business day"},
                             {date_of(2027, 2, 15), true, "", "extra business day"},
                             {date_of(2026, 12, 30), true, "", "extra business day"}});
}

TEST_CASE("without Japan's holidays only weekends and the lists count") {
  CalendarSettings settings = with_closed("05-01");
  settings.japan = false;
  settings.published = Holidays{{date_of(2027, 1, 1), "元日"}};
  settings.extra_holidays = {date_of(2027, 12, 24)};
  check(Calendar{settings}, {{date_of(2027, 1, 1), true, "", "business day"},
                             {date_of(2027, 2, 11), true, "", "business day"},
                             {date_of(2026, 5, 1), false, "", "closed 05-01"},
                             {date_of(2027, 12, 24), false, "", "extra holiday"},
                             {date_of(2027, 12, 25), false, "", "Saturday"}});
}

TEST_CASE("the published list wins for every year from its first to its last, and only there") {
  CalendarSettings settings;
  settings.published = Holidays{{date_of(2026, 1, 1), "元日"}, {date_of(2027, 7, 20), "海の日"}};
  const Calendar calendar{settings};
  CHECK(calendar.last_published_year() == 2027);
  check(calendar, {{date_of(2025, 5, 5), false, "こどもの日", "national holiday こどもの日"},
                   {date_of(2026, 1, 1), false, "元日", "national holiday 元日"},
                   {date_of(2026, 5, 5), true, "", "business day"},
                   {date_of(2027, 7, 19), true, "", "business day"},
                   {date_of(2027, 7, 20), false, "海の日", "national holiday 海の日"},
                   {date_of(2027, 11, 23), true, "", "business day"},
                   {date_of(2028, 1, 10), false, "成人の日", "national holiday 成人の日"}});
  CHECK_FALSE(Calendar{}.last_published_year());
}

TEST_CASE("business days are counted from the date itself, which is day 0") {
  const Calendar calendar;
  struct Case {
    Date date;
    int n;
    Date before;
    Date after;
  };
  const Case cases[] = {
      {date_of(2027, 1, 4), 0, date_of(2027, 1, 4), date_of(2027, 1, 4)},
      {date_of(2027, 1, 2), 0, date_of(2027, 1, 2), date_of(2027, 1, 2)},
      {date_of(2027, 1, 4), 1, date_of(2026, 12, 28), date_of(2027, 1, 5)},
      {date_of(2027, 1, 4), 5, date_of(2026, 12, 22), date_of(2027, 1, 12)},
      {date_of(2026, 9, 23), 1, date_of(2026, 9, 18), date_of(2026, 9, 24)},
      {date_of(2027, 1, 2), 1, date_of(2026, 12, 28), date_of(2027, 1, 4)},
  };
  for (const Case& each : cases) {
    CAPTURE(format_date(each.date));
    CAPTURE(each.n);
    CHECK(calendar.business_days_before(each.date, each.n).value() == each.before);
    CHECK(calendar.business_days_after(each.date, each.n).value() == each.after);
  }
  CHECK_FALSE(calendar.business_days_before(date_of(2027, 1, 4), -1));
  CHECK_FALSE(calendar.business_days_after(date_of(2027, 1, 4), -1));
}

TEST_CASE("outside 2000 to 2099 the calendar refuses") {
  const Calendar calendar;
  CHECK(calendar.day(date_of(2000, 1, 1)));
  CHECK(calendar.day(date_of(2099, 12, 31)));
  CHECK(calendar.day(date_of(1999, 12, 31)).error().message ==
        "1999-12-31 lies outside the calendar, which knows the years 2000 to 2099");
  CHECK_FALSE(calendar.day(date_of(2100, 1, 1)));
  CHECK_FALSE(calendar.is_business_day(date_of(2100, 1, 4)));
  CHECK_FALSE(calendar.is_business_day(date_of(1999, 12, 1)));
  CHECK_FALSE(calendar.business_days_before(date_of(2000, 1, 5), 5));
  CHECK_FALSE(calendar.business_days_after(date_of(2099, 12, 25), 5));
  CHECK_FALSE(calendar.business_days_before(date_of(2100, 1, 1), 0));
}

TEST_CASE("closed days are a day or a range, also across the year's end") {
  CHECK(format_closed_days(*parse_closed_days("12-29..01-03")) == "12-29..01-03");
  CHECK(format_closed_days(*parse_closed_days("08-13..08-15")) == "08-13..08-15");
  CHECK(format_closed_days(*parse_closed_days("05-01")) == "05-01");
  CHECK(parse_closed_days("02-29"));
  for (const char* text : {"", "12-29..", "..01-03", "1-3", "13-01", "02-30", "12-29-01-03",
                           "12-29...01-03", "aa-bb"}) {
    CAPTURE(text);
    const auto days = parse_closed_days(text);
    REQUIRE_FALSE(days);
    CHECK(days.error().message.find("write it as 05-01 or 12-29..01-03") != std::string::npos);
  }
  check(Calendar{with_closed("08-13..08-14")},
        {{date_of(2026, 8, 12), true, "", "business day"},
         {date_of(2026, 8, 13), false, "", "closed 08-13..08-14"},
         {date_of(2026, 8, 14), false, "", "closed 08-13..08-14"},
         {date_of(2026, 8, 17), true, "", "business day"},
         {date_of(2026, 12, 29), true, "", "business day"}});
}
