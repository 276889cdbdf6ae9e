// The Act on National Holidays (国民の祝日に関する法律, 昭和23年法律第178号) as it stood in each
// year from 2000 on, with the acts that moved days in 2019 to 2021. Names are those of the
// published list.
#include "calendar.hpp"

namespace yagura {
namespace {

constexpr int always = last_holiday_year;

// Article 2: a day named by the law. `week` 0: `day` is the day of the month; else the week-th
// Monday.
struct Rule {
  int first_year;
  int last_year;
  unsigned month;
  unsigned day;
  unsigned week;
  const char* name;
};

constexpr Rule rules[] = {
    {2000, always, 1, 1, 0, "元日"},
    {2000, always, 1, 0, 2, "成人の日"},
    {2000, always, 2, 11, 0, "建国記念の日"},
    {2020, always, 2, 23, 0, "天皇誕生日"},
    {2000, 2006, 4, 29, 0, "みどりの日"},
    {2007, always, 4, 29, 0, "昭和の日"},
    {2000, always, 5, 3, 0, "憲法記念日"},
    {2007, always, 5, 4, 0, "みどりの日"},
    {2000, always, 5, 5, 0, "こどもの日"},
    {2000, 2002, 7, 20, 0, "海の日"},
    {2003, 2019, 7, 0, 3, "海の日"},
    {2022, always, 7, 0, 3, "海の日"},
    {2016, 2019, 8, 11, 0, "山の日"},
    {2022, always, 8, 11, 0, "山の日"},
    {2000, 2002, 9, 15, 0, "敬老の日"},
    {2003, always, 9, 0, 3, "敬老の日"},
    {2000, 2018, 10, 0, 2, "体育の日"},
    // The published list shows both names of the year in which the new one was already decided.
    {2019, 2019, 10, 0, 2, "体育の日（スポーツの日）"},
    {2022, always, 10, 0, 2, "スポーツの日"},
    {2000, always, 11, 3, 0, "文化の日"},
    {2000, always, 11, 23, 0, "勤労感謝の日"},
    {2000, 2018, 12, 23, 0, "天皇誕生日"},
    // Accession and enthronement: holidays that count as named ones (平成30年法律第99号).
    {2019, 2019, 5, 1, 0, "休日（祝日扱い）"},
    {2019, 2019, 10, 22, 0, "休日（祝日扱い）"},
    // Moved for the Olympic Games, and once more when these were put off.
    {2020, 2020, 7, 23, 0, "海の日"},
    {2020, 2020, 7, 24, 0, "スポーツの日"},
    {2020, 2020, 8, 10, 0, "山の日"},
    {2021, 2021, 7, 22, 0, "海の日"},
    {2021, 2021, 7, 23, 0, "スポーツの日"},
    {2021, 2021, 8, 8, 0, "山の日"},
    // The equinoxes are computed: day 0 and week 0.
    {2000, always, 3, 0, 0, "春分の日"},
    {2000, always, 9, 0, 0, "秋分の日"},
};

// The usual approximation for 1980 to 2099: the equinox of 1980 in days of the month, Japanese
// time, plus the excess of the tropical year over 365 days for each year, less the leap days. In
// millionths of a day: exact.
unsigned equinox(int year, unsigned month) {
  const long years = year - 1980;
  const long in_1980 = month == 3 ? 20'843'100 : 23'248'800;
  return static_cast<unsigned>((in_1980 + 242'194 * years) / 1'000'000 - years / 4);
}

Date date_by(const Rule& rule, int year) {
  if (rule.week == 0) {
    return date_of(year, rule.month, rule.day == 0 ? equinox(year, rule.month) : rule.day);
  }
  const std::chrono::weekday first{date_of(year, rule.month, 1)};
  const unsigned to_monday = (8 - first.c_encoding()) % 7;
  return date_of(year, rule.month, 1 + to_monday + 7 * (rule.week - 1));
}

bool is_sunday(Date date) {
  return std::chrono::weekday{date} == std::chrono::Sunday;
}

// Article 3, paragraph 2: of a named day on a Sunday. Until 2006 the day after, if that was free;
// since 2007 the next day that is not a named one, which may be as late as a Wednesday.
void add_substitutes(const Holidays& named, int year, Holidays& all) {
  for (const auto& entry : named) {
    if (!is_sunday(entry.first)) continue;
    Date day = entry.first + std::chrono::days{1};
    while (year >= 2007 && named.contains(day))
      day += std::chrono::days{1};
    all.try_emplace(day, "休日");
  }
}

// Article 3, paragraph 3: a day between two named days. Until 2006 not a Sunday.
void add_citizens_days(const Holidays& named, int year, Holidays& all) {
  for (const auto& entry : named) {
    const Date day = entry.first + std::chrono::days{1};
    if (!named.contains(day + std::chrono::days{1})) continue;
    if (year < 2007 && is_sunday(day)) continue;
    all.try_emplace(day, "休日");
  }
}

}  // namespace

Holidays national_holidays(int year) {
  if (year < first_holiday_year || year > last_holiday_year) return {};
  Holidays named;
  for (const Rule& rule : rules) {
    if (rule.first_year <= year && year <= rule.last_year)
      named.emplace(date_by(rule, year), rule.name);
  }
  Holidays all = named;
  add_substitutes(named, year, all);
  add_citizens_days(named, year, all);
  return all;
}

}  // namespace yagura
