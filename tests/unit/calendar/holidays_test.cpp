#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "calendar.hpp"

using namespace yagura;

namespace {

Holidays published() {
  std::ifstream file(YAGURA_SOURCE "/tests/data/syukujitsu.csv", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto holidays = parse_holidays_csv(bytes);
  REQUIRE_MESSAGE(holidays, holidays.error().message);
  return *holidays;
}

std::string name_on(Date date) {
  const Holidays holidays = national_holidays(year_of(date));
  const auto found = holidays.find(date);
  return found == holidays.end() ? "" : found->second;
}

}  // namespace

TEST_CASE("the law gives the published days and names of 2000 to 2027") {
  Holidays by_law;
  for (int year = 2000; year <= 2027; ++year)
    by_law.merge(national_holidays(year));
  const Holidays list = published();
  CHECK(list.size() > 400);
  for (const auto& [date, name] : list) {
    const std::string day = format_date(date);
    CAPTURE(day);
    CHECK(by_law[date] == name);
  }
  for (const auto& [date, name] : by_law) {
    const std::string day = format_date(date);
    CAPTURE(day);
    CHECK(list.contains(date));
  }
}

TEST_CASE("days after the published ones follow from the law") {
  struct Row {
    Date date;
    const char* name;
  };
  const Row rows[] = {{date_of(2028, 1, 10), "成人の日"},
                      {date_of(2028, 2, 23), "天皇誕生日"},
                      {date_of(2029, 2, 11), "建国記念の日"},
                      {date_of(2029, 2, 12), "休日"},
                      {date_of(2030, 5, 6), "休日"},  // a Monday, of Sunday 5 May
                      {date_of(2031, 5, 6), "休日"},  // a Tuesday, of Sunday 4 May
                      {date_of(2032, 5, 6), ""},      // 3 May is a Monday
                      {date_of(2037, 5, 6), "休日"},  // a Wednesday, of Sunday 3 May
                      {date_of(2032, 9, 20), "敬老の日"},
                      {date_of(2032, 9, 21), "休日"},
                      {date_of(2032, 9, 22), "秋分の日"},
                      {date_of(2033, 9, 20), ""},
                      {date_of(2037, 9, 22), "休日"},
                      {date_of(2049, 9, 21), "休日"},
                      {date_of(2034, 1, 2), "休日"},
                      {date_of(2092, 3, 19), "春分の日"},
                      {date_of(2088, 3, 20), "春分の日"},
                      {date_of(2099, 12, 23), ""},
                      {date_of(2099, 11, 23), "勤労感謝の日"}};
  for (const Row& row : rows) {
    CAPTURE(format_date(row.date));
    CHECK(name_on(row.date) == row.name);
  }
}

// The days by the year's remainder of four, as tables of the ephemeris give them: another way to
// the same days.
TEST_CASE("equinoxes fall on the days of the ephemeris until 2099") {
  for (int year = 2000; year <= 2099; ++year) {
    CAPTURE(year);
    unsigned spring = 20;
    unsigned autumn = 23;
    switch (year % 4) {
      case 0:
        if (year >= 2092) spring = 19;
        if (year >= 2012) autumn = 22;
        break;
      case 1:
        if (year >= 2045) autumn = 22;
        break;
      case 2:
        if (year <= 2022) spring = 21;
        if (year >= 2078) autumn = 22;
        break;
      default:
        if (year <= 2055) spring = 21;
    }
    CHECK(name_on(date_of(year, 3, spring)) == "春分の日");
    CHECK(name_on(date_of(year, 9, autumn)) == "秋分の日");
  }
}

TEST_CASE(
    "of every year: a Sunday holiday has its substitute, and what lies between two holidays is "
    "one") {
  for (int year = 2007; year <= 2099; ++year) {
    const Holidays holidays = national_holidays(year);
    CAPTURE(year);
    CHECK(holidays.size() >= 15);
    CHECK(holidays.size() <= 22);
    for (const auto& [date, name] : holidays) {
      const std::string day = format_date(date);
      CAPTURE(day);
      const bool is_sunday = std::chrono::weekday{date} == std::chrono::Sunday;
      if (is_sunday) {
        CHECK(holidays.contains(date + std::chrono::days{1}));
      }
      if (name == "休日") CHECK_FALSE(is_sunday);
    }
  }
}

TEST_CASE("no holidays are known outside 2000 to 2099") {
  CHECK(national_holidays(1999).empty());
  CHECK(national_holidays(2100).empty());
}
