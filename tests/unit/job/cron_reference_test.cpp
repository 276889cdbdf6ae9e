// Cron against a second opinion: a plain scan, minute by minute over two years, of what the clock
// on the wall shows, in zones that move it in every way that there is. An expression is made from
// random parts together with what it means, so that nothing here reads one.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "cron.hpp"

using namespace yagura;

namespace {

using Random = std::mt19937;
constexpr std::int64_t minutes_of_day = 24 * 60;
const Instant scan_from{std::chrono::sys_days{std::chrono::year{2027} / 1 / 1}};
constexpr std::int64_t scan_minutes = (365 + 366) * minutes_of_day;

int pick(Random& random, int least, int most) {
  return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
}

// What the wall clock shows from each minute on, in minutes. It is moved at full half hours only.
std::vector<std::int64_t> wall_of(const Zone& zone) {
  std::vector<std::int64_t> wall;
  for (std::int64_t minute = 0; minute < scan_minutes; ++minute) {
    if (minute % 30 != 0) {
      wall.push_back(wall.back() + 1);
      continue;
    }
    const LocalTime local = zone.to_local(scan_from + std::chrono::minutes{minute});
    wall.push_back(std::chrono::floor<std::chrono::minutes>(local.time_since_epoch()).count());
  }
  return wall;
}

// A part of an expression, and whether it admits a value (of a day: a date).
template <typename Value>
struct Part {
  std::string text;
  std::function<bool(Value)> admits;
};

std::string in_any_case(std::string text, Random& random) {
  for (char& letter : text) {
    if (letter >= 'a' && letter <= 'z' && random() % 2 == 0) letter -= 'a' - 'A';
  }
  return text;
}

Part<int> plain_part(Random& random, int least, int most, const char* const* names = nullptr) {
  const int from = pick(random, least, most), until = pick(random, from, most);
  const int step = pick(random, 1, std::max(1, (most - least) / 2));
  const auto word = [&](int value) {
    return names != nullptr && random() % 2 == 0 ? in_any_case(names[value - least], random)
                                                 : std::to_string(value);
  };
  switch (pick(random, 0, 4)) {
    case 0:
      return {fmt::format("*/{}", step), [=](int value) { return (value - least) % step == 0; }};
    case 1:
      return {fmt::format("{}/{}", word(from), step),
              [=](int value) { return value >= from && (value - from) % step == 0; }};
    case 2:
      return {fmt::format("{}-{}", word(from), word(until)),
              [=](int value) { return value >= from && value <= until; }};
    case 3:
      return {fmt::format("{}-{}/{}", word(from), word(until), step), [=](int value) {
                return value >= from && value <= until && (value - from) % step == 0;
              }};
    default:
      return {word(from), [=](int value) { return value == from; }};
  }
}

int day_number(Date date) {
  return static_cast<int>(static_cast<unsigned>(civil(date).day()));
}
int month_number(Date date) {
  return static_cast<int>(static_cast<unsigned>(civil(date).month()));
}
int weekday_number(Date date) {
  return static_cast<int>(std::chrono::weekday{date}.c_encoding());
}

std::vector<Date> month_of(Date date) {
  std::vector<Date> days;
  Date day = date - std::chrono::days{day_number(date) - 1};
  for (; month_number(day) == month_number(date); day += std::chrono::days{1})
    days.push_back(day);
  return days;
}

bool is_nearest_weekday(Date date, int number) {
  const std::vector<Date> month = month_of(date);
  if (number > static_cast<int>(month.size())) return false;
  const auto is_at_work = [](Date day) {
    return weekday_number(day) >= 1 && weekday_number(day) <= 5;
  };
  // By distance; of two at one distance there is never a choice.
  for (int far = 0; far <= 2; ++far) {
    for (int other : {number - far, number + far}) {
      if (other < 1 || other > static_cast<int>(month.size())) continue;
      const Date day = month[static_cast<std::size_t>(other - 1)];
      if (is_at_work(day)) return day == date;
    }
  }
  return false;
}

Part<Date> day_of_month_part(Random& random) {
  const int number = pick(random, 1, 31), before = pick(random, 1, 30);
  switch (pick(random, 0, 7)) {
    case 0:
      return {in_any_case("l", random), [](Date date) { return date == month_of(date).back(); }};
    case 1:
      return {in_any_case(fmt::format("l-{}", before), random),
              [=](Date date) { return month_of(date).back() - date == std::chrono::days{before}; }};
    case 2:
      return {in_any_case("lw", random), [](Date date) {
                return is_nearest_weekday(date, static_cast<int>(month_of(date).size()));
              }};
    case 3:
      return {in_any_case(fmt::format("{}w", number), random),
              [=](Date date) { return is_nearest_weekday(date, number); }};
    default: {
      auto part = plain_part(random, 1, 31);
      return {part.text, [=](Date date) { return part.admits(day_number(date)); }};
    }
  }
}

Part<Date> day_of_week_part(Random& random) {
  static constexpr const char* names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  const int day = pick(random, 0, 6), which = pick(random, 1, 5);
  std::string word = std::to_string(day == 0 && random() % 2 == 0 ? 7 : day);
  if (random() % 2 == 0) word = in_any_case(names[day], random);
  // Which of its weekday in the month `date` is, from the first or from the last on.
  const auto rank = [](Date date, bool backwards) {
    int count = 0;
    for (Date other : month_of(date)) {
      if (weekday_number(other) == weekday_number(date) &&
          (backwards ? other >= date : other <= date)) {
        ++count;
      }
    }
    return count;
  };
  switch (pick(random, 0, 3)) {
    case 0:
      return {word + in_any_case("l", random),
              [=](Date date) { return weekday_number(date) == day && rank(date, true) == 1; }};
    case 1:
      return {fmt::format("{}#{}", word, which),
              [=](Date date) { return weekday_number(date) == day && rank(date, false) == which; }};
    default: {
      auto part = plain_part(random, 0, 6, names);
      return {part.text, [=](Date date) { return part.admits(weekday_number(date)); }};
    }
  }
}

// A field: now and then all that there is, else one to three parts.
template <typename Value, typename Make>
Part<Value> field_of(Random& random, int all_of_ten, const char* all, Make make) {
  if (pick(random, 1, 10) <= all_of_ten) return {all, [](Value) { return true; }};
  Part<Value> field = make();
  for (int more = pick(random, 0, 4); more >= 3; --more) {
    Part<Value> other = make();
    field = {field.text + "," + other.text,
             [=](Value value) { return field.admits(value) || other.admits(value); }};
  }
  return field;
}

struct Expression {
  std::string text;
  Part<int> minute, hour, month;
  Part<Date> day, weekday;

  explicit Expression(Random& random) {
    static constexpr const char* months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                             "jul", "aug", "sep", "oct", "nov", "dec"};
    minute = field_of<int>(random, 2, "*", [&] { return plain_part(random, 0, 59); });
    // Early hours, as that is when clocks are moved.
    hour = field_of<int>(random, 3, "*",
                         [&] { return plain_part(random, 0, random() % 2 == 0 ? 23 : 3); });
    day = field_of<Date>(random, 4, random() % 2 == 0 ? "*" : "?",
                         [&] { return day_of_month_part(random); });
    month = field_of<int>(random, 7, "*", [&] { return plain_part(random, 1, 12, months); });
    weekday = field_of<Date>(random, 4, random() % 2 == 0 ? "*" : "?",
                             [&] { return day_of_week_part(random); });
    text =
        fmt::format("{} {} {} {} {}", minute.text, hour.text, day.text, month.text, weekday.text);
  }

  bool admits_day(Date date) const {
    const auto restricts = [](const std::string& field) {
      return field[0] != '*' && field[0] != '?';
    };
    const bool either = restricts(day.text) && restricts(weekday.text);
    const bool by_day = day.admits(date), by_weekday = weekday.admits(date);
    return month.admits(month_number(date)) &&
           (either ? by_day || by_weekday : by_day && by_weekday);
  }
};

// A run comes with the first minute at which the clock shows its time, or something later.
std::vector<Instant> runs_of(const Expression& expression, const std::vector<std::int64_t>& wall) {
  std::vector<bool> days, times;
  const std::int64_t first_day = wall.front() / minutes_of_day - 1;
  for (std::int64_t day = first_day; day <= wall.back() / minutes_of_day + 1; ++day)
    days.push_back(expression.admits_day(Date{std::chrono::days{day}}));
  for (int minute = 0; minute < minutes_of_day; ++minute)
    times.push_back(expression.hour.admits(minute / 60) && expression.minute.admits(minute % 60));
  std::vector<Instant> runs;
  std::int64_t shown = wall.front() - 1;
  for (std::size_t minute = 0; minute < wall.size(); ++minute) {
    bool runs_now = false;
    for (; shown < wall[minute]; ++shown) {
      const std::int64_t now = shown + 1;
      runs_now |= days[static_cast<std::size_t>(now / minutes_of_day - first_day)] &&
                  times[static_cast<std::size_t>(now % minutes_of_day)];
    }
    if (runs_now) runs.push_back(scan_from + std::chrono::minutes{minute});
  }
  return runs;
}

// Instants to ask at: any, and around those at which the clock is moved.
std::vector<Instant> questions(Random& random, const std::vector<std::int64_t>& wall) {
  std::vector<std::int64_t> minutes;
  for (int round = 0; round < 60; ++round)
    minutes.push_back(pick(random, 0, static_cast<int>(scan_minutes - 1)));
  for (std::size_t at = 1; at < wall.size(); ++at) {
    if (wall[at] == wall[at - 1] + 1) continue;
    for (int round = 0; round < 20; ++round)
      minutes.push_back(static_cast<std::int64_t>(at) + pick(random, -150, 150));
    for (int away : {-1, 0, 1})
      minutes.push_back(static_cast<std::int64_t>(at) + away);
  }
  std::vector<Instant> instants;
  for (std::int64_t minute : minutes) {
    instants.push_back(scan_from + std::chrono::minutes{minute} +
                       std::chrono::seconds{random() % 3 == 0 ? random() % 60 : 0});
  }
  return instants;
}

}  // namespace

TEST_CASE("the next and the last run are those of a scan minute by minute") {
  const int expressions = std::getenv("YAGURA_LONG") != nullptr ? 1000 : 8;
  Random random{20270328};
  int compared = 0, refused = 0;
  // An hour in March and October; in the other half of the year; half an hour; none; back from
  // midnight to the day before.
  for (const char* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                           "America/Santiago", "Asia/Tokyo", "Asia/Beirut"}) {
    const Zone zone = *Zone::named(name);
    const auto wall = wall_of(zone);
    for (int round = 0; round < expressions; ++round) {
      const Expression expression(random);
      CAPTURE(name);
      CAPTURE(expression.text);
      const auto runs = runs_of(expression, wall);
      const auto cron = Cron::parse(expression.text);
      if (!cron) {  // the 30th of February
        CHECK(cron.error().message.find("never comes") != std::string::npos);
        CHECK(runs.empty());
        ++refused;
        continue;
      }
      for (const Instant when : questions(random, wall)) {
        const auto coming = std::upper_bound(runs.begin(), runs.end(), when);
        INFO(zone.format(when));
        if (coming != runs.end()) REQUIRE(cron->next(when, zone) == *coming);
        if (coming != runs.begin()) REQUIRE(cron->last(when, zone) == *(coming - 1));
        ++compared;
      }
    }
  }
  CHECK(compared > 3'000);
  CHECK(refused < compared / 1000);
}
