#include "window.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace yagura;

namespace {

const Calendar calendar;
const Zone tokyo = *Zone::named("Asia/Tokyo");
const Zone berlin = *Zone::named("Europe/Berlin");
const Window::Context in_tokyo{tokyo, calendar};
const Window::Context in_berlin{berlin, calendar};

Window::Part part(std::vector<std::string> days, std::vector<std::string> hours) {
  Window::Part part{*parse_days(days), {}};
  for (const std::string& each : hours)
    part.hours.push_back(*parse_hours(each));
  return part;
}

const Window bank_mail{{part({"business"}, {"10:00-17:00"})}};
const Window always{{part({"all"}, {"00:00-24:00"})}};
const Window monday_night{{part({"mon"}, {"22:00-24:00"}), part({"tue"}, {"00:00-02:00"})}};

Instant at(const char* text) {
  return *parse_instant(text);
}

// "from/until", in the zone; "never".
std::string text_of(const std::optional<Interval>& interval, const Zone& zone) {
  return interval ? zone.format(interval->from) + "/" + zone.format(interval->until) : "never";
}
std::string text_of(const std::optional<Instant>& instant, const Zone& zone) {
  return instant ? zone.format(*instant) : "never";
}

}  // namespace

TEST_CASE("the bank mail window is half-open, on business days") {
  struct Row {
    const char* at;
    bool open;
    const char* opens;
  };
  const Row rows[] = {
      {"2026-12-28T09:59:59.999+09:00", false, "2026-12-28T10:00:00.000+09:00"},
      {"2026-12-28T10:00:00+09:00", true, "2026-12-28T10:00:00.000+09:00"},
      {"2026-12-28T16:59:59.999+09:00", true, "2026-12-28T16:59:59.999+09:00"},
      {"2026-12-28T17:00:00+09:00", false, "2027-01-04T10:00:00.000+09:00"},
      {"2026-09-18T17:00:00+09:00", false,
       "2026-09-24T10:00:00.000+09:00"},  // before five days off
      {"2027-03-20T12:00:00+09:00", false, "2027-03-23T10:00:00.000+09:00"},
      {"2026-12-28T01:00:00Z", true, "2026-12-28T10:00:00.000+09:00"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.at);
    CHECK(bank_mail.is_open(at(row.at), in_tokyo) == row.open);
    CHECK(text_of(bank_mail.next_open(at(row.at), in_tokyo), tokyo) == row.opens);
  }
}

TEST_CASE("the next interval may have begun, and ends later") {
  CHECK(text_of(bank_mail.next_interval(at("2026-12-28T16:58:30+09:00"), in_tokyo), tokyo) ==
        "2026-12-28T10:00:00.000+09:00/2026-12-28T17:00:00.000+09:00");
  CHECK(text_of(bank_mail.next_interval(at("2026-12-28T17:00:00+09:00"), in_tokyo), tokyo) ==
        "2027-01-04T10:00:00.000+09:00/2027-01-04T17:00:00.000+09:00");
  CHECK_FALSE(bank_mail.interval_at(at("2026-12-28T17:00:00+09:00"), in_tokyo));
}

TEST_CASE("a remnant that is too short waits for the next interval") {
  const auto opens = [&](const char* when, Duration at_least) {
    return text_of(bank_mail.next_open(at(when), at_least, in_tokyo), tokyo);
  };
  CHECK(opens("2026-12-28T16:59:50+09:00", 10s) == "2026-12-28T16:59:50.000+09:00");
  CHECK(opens("2026-12-28T16:59:50.001+09:00", 10s) == "2027-01-04T10:00:00.000+09:00");
  CHECK(opens("2026-12-28T12:00:00+09:00", 7h) == "2027-01-04T10:00:00.000+09:00");
  CHECK(opens("2026-12-28T12:00:00+09:00", 7h + 1ms) == "never");
  // A short interval is passed over, a longer one later the same day is taken.
  const Window halves{{part({"business"}, {"10:00-10:05", "13:00-17:00"})}};
  CHECK(text_of(halves.next_open(at("2027-01-04T00:00:00+09:00"), 1h, in_tokyo), tokyo) ==
        "2027-01-04T13:00:00.000+09:00");
}

TEST_CASE("parts that touch or overlap are one interval, also over midnight") {
  const std::string night = "2026-12-28T22:00:00.000+09:00/2026-12-29T02:00:00.000+09:00";
  for (const char* when : {"2026-12-28T12:00:00+09:00", "2026-12-28T23:00:00+09:00",
                           "2026-12-29T00:00:00+09:00", "2026-12-29T01:59:59+09:00"}) {
    CAPTURE(when);
    CHECK(text_of(monday_night.next_interval(at(when), in_tokyo), tokyo) == night);
  }
  CHECK(text_of(monday_night.next_open(at("2026-12-28T23:30:00+09:00"), 2h + 30min, in_tokyo),
                tokyo) == "2026-12-28T23:30:00.000+09:00");
  const Window overlapping{{part({"all"}, {"12:00-13:00", "09:00-11:00", "10:30-12:00"}),
                            part({"mon"}, {"12:30-18:00"})}};
  CHECK(text_of(overlapping.next_interval(at("2026-12-28T00:00:00+09:00"), in_tokyo), tokyo) ==
        "2026-12-28T09:00:00.000+09:00/2026-12-28T18:00:00.000+09:00");
  CHECK(text_of(overlapping.next_interval(at("2026-12-29T00:00:00+09:00"), in_tokyo), tokyo) ==
        "2026-12-29T09:00:00.000+09:00/2026-12-29T13:00:00.000+09:00");
  // Two halves make a whole day, and whole days an interval.
  const Window weekend{
      {part({"sat", "sun"}, {"12:00-24:00", "00:00-12:00"}), part({"fri"}, {"18:00-24:00"})}};
  CHECK(text_of(weekend.interval_at(at("2026-12-27T03:00:00+09:00"), in_tokyo), tokyo) ==
        "2026-12-25T18:00:00.000+09:00/2026-12-28T00:00:00.000+09:00");
}

TEST_CASE("excepted dates are closed, and only these") {
  const Window maintenance{{part({"mon"}, {"22:00-24:00"})}, {date_of(2026, 12, 28)}};
  CHECK(text_of(maintenance.next_interval(at("2026-12-28T00:00:00+09:00"), in_tokyo), tokyo) ==
        "2027-01-04T22:00:00.000+09:00/2027-01-05T00:00:00.000+09:00");
}

TEST_CASE(
    "a window that is always open is open 400 days to either side, but not beyond the calendar") {
  const auto interval = always.interval_at(at("2026-12-28T12:00:00+09:00"), in_tokyo);
  REQUIRE(interval);
  CHECK(interval->from < at("2025-12-01T00:00:00+09:00"));
  CHECK(interval->until > at("2028-01-01T00:00:00+09:00"));
  CHECK(text_of(always.interval_at(at("2099-12-30T12:00:00+09:00"), in_tokyo).value().until,
                tokyo) == "2100-01-01T00:00:00.000+09:00");
  CHECK_FALSE(always.is_open(at("2100-01-01T00:00:00+09:00"), in_tokyo));
  CHECK_FALSE(always.is_open(at("1999-12-31T23:59:59+09:00"), in_tokyo));
  CHECK(text_of(bank_mail.next_interval(at("2099-12-28T17:00:00+09:00"), in_tokyo), tokyo) ==
        "never");
  CHECK(text_of(always.next_open(at("1999-12-31T12:00:00+09:00"), in_tokyo), tokyo) ==
        "2000-01-01T00:00:00.000+09:00");
}

TEST_CASE("a window without an open day within 400 days never opens") {
  CHECK_FALSE(Window{}.next_open(at("2026-12-28T12:00:00+09:00"), in_tokyo));
  const Window no_hours{{part({"all"}, {})}};
  CHECK_FALSE(no_hours.next_open(at("2026-12-28T12:00:00+09:00"), in_tokyo));
  CalendarSettings settings;
  settings.closed.push_back(*parse_closed_days("01-01..12-31"));
  const Calendar closed{settings};
  CHECK_FALSE(bank_mail.next_open(at("2026-12-28T12:00:00+09:00"), Window::Context{tokyo, closed}));
}

TEST_CASE("where clocks are put forward, hours that do not exist fall away") {
  // Berlin, 2026-03-29: 02:00 is 03:00.
  const Window within{{part({"all"}, {"02:00-03:00"})}};
  CHECK(text_of(within.next_interval(at("2026-03-28T12:00:00Z"), in_berlin), berlin) ==
        "2026-03-30T02:00:00.000+02:00/2026-03-30T03:00:00.000+02:00");
  const Window partly{{part({"all"}, {"02:30-03:30"})}};
  CHECK(text_of(partly.next_interval(at("2026-03-28T12:00:00Z"), in_berlin), berlin) ==
        "2026-03-29T03:00:00.000+02:00/2026-03-29T03:30:00.000+02:00");
  const Window around{{part({"all"}, {"01:00-02:00", "03:00-04:00"})}};
  CHECK(text_of(around.next_interval(at("2026-03-28T12:00:00Z"), in_berlin), berlin) ==
        "2026-03-29T01:00:00.000+01:00/2026-03-29T04:00:00.000+02:00");
}

TEST_CASE("where clocks are put back, the window spans the hour that comes twice") {
  // Berlin, 2026-10-25: 03:00 is 02:00 again.
  const Window night{{part({"sun"}, {"01:00-04:00"})}};
  const auto interval = night.next_interval(at("2026-10-24T12:00:00Z"), in_berlin);
  REQUIRE(interval);
  CHECK(interval->until - interval->from == 4h);
  CHECK(night.is_open(at("2026-10-25T01:30:00Z"), in_berlin));
}

TEST_CASE("a midnight that does not exist does not part what touches it") {
  const Zone beirut = *Zone::named("Asia/Beirut");  // 2026-03-29 begins at 01:00
  const Window around{{part({"all"}, {"23:00-24:00", "00:00-02:00"})}};
  CHECK(text_of(around.next_interval(at("2026-03-28T21:30:00Z"), {beirut, calendar}), beirut) ==
        "2026-03-28T23:00:00.000+02:00/2026-03-29T02:00:00.000+03:00");
}

TEST_CASE("random windows agree with a look at every minute") {
  std::mt19937 random{20261228};
  const auto between = [&](int least, int most) {
    return std::uniform_int_distribution<int>{least, most}(random);
  };
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    std::vector<Window::Part> parts;
    const int count = between(1, 3);
    for (int each = 0; each < count; ++each) {
      Window::Part made{*parse_days({"all"}), {}};
      made.days.kind = DaySet::Kind::weekdays;
      for (bool& weekday : made.days.weekdays)
        weekday = between(0, 1) == 1;
      const int from = between(0, 22);
      const int until = between(from + 1, 24);
      made.hours.push_back({std::chrono::hours{from}, std::chrono::hours{until}});
      parts.push_back(made);
    }
    const Window window{parts};
    // A week with a change of the clocks, in steps of half an hour.
    const Instant begin = at("2026-03-26T00:00:00Z") + std::chrono::hours{between(0, 47)};
    const auto is_open = [&](Instant when) {
      const LocalTime local = berlin.to_local(when);
      const Date date = std::chrono::floor<std::chrono::days>(local);
      for (const auto& each : parts) {
        const auto clock = local - date;
        if (each.days.contains(date, calendar) && each.hours[0].from <= clock &&
            clock < each.hours[0].until)
          return true;
      }
      return false;
    };
    std::optional<Instant> opens;
    for (Instant when = begin; when < begin + 24h * 9 && !opens; when += 30min) {
      REQUIRE(window.is_open(when, in_berlin) == is_open(when));
      if (is_open(when)) opens = when;
    }
    if (!opens) continue;
    REQUIRE(window.next_open(begin, in_berlin) == opens);
    const auto interval = window.next_interval(begin, in_berlin);
    REQUIRE(interval->from <= *opens);
    if (interval->until - interval->from > 24h * 8) continue;
    Instant closes = *opens;
    while (is_open(closes))
      closes += 30min;
    REQUIRE(interval->until == closes);
    Instant from = *opens;
    while (is_open(from - 30min))
      from -= 30min;
    REQUIRE(interval->from == from);
  }
}

TEST_CASE("hours are read and written") {
  CHECK(format_hours(*parse_hours("10:00-17:00")) == "10:00-17:00");
  CHECK(format_hours(*parse_hours("00:00-24:00")) == "00:00-24:00");
  struct Row {
    const char* text;
    const char* words;
  };
  const Row rows[] = {
      {"22:00-02:00", "write two entries, 22:00-24:00 and, on the day after, 00:00-02:00"},
      {"10:00-10:00", "the end must come after the beginning"},
      {"24:00-24:00", "the end must come after the beginning"},
      {"24:00-02:00", "the end must come after the beginning"},
      {"10:00-24:01", "write them as 10:00-17:00"},
      {"10:00", "write them as 10:00-17:00"},
      {"10-17", "write them as 10:00-17:00"},
      {"9:00-17:00", "write them as 10:00-17:00"},
      {"10:00-17:60", "write them as 10:00-17:00"},
      {"10:00 - 17:00", "write them as 10:00-17:00"},
      {"", "write them as 10:00-17:00"}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto hours = parse_hours(row.text);
    REQUIRE_FALSE(hours);
    INFO(hours.error().message);
    CHECK(hours.error().message.find(row.words) != std::string::npos);
  }
}

TEST_CASE("days are business, all or weekdays") {
  CHECK(parse_days({"business"})->kind == DaySet::Kind::business);
  CHECK(parse_days({"all"})->kind == DaySet::Kind::all);
  const auto weekend = parse_days({"sat", "sun"});
  REQUIRE(weekend);
  CHECK(weekend->contains(date_of(2026, 12, 26), calendar));
  CHECK(weekend->contains(date_of(2026, 12, 27), calendar));
  CHECK_FALSE(weekend->contains(date_of(2026, 12, 28), calendar));
  struct Row {
    std::vector<std::string> words;
    const char* message;
  };
  const Row rows[] = {{{}, "no days"},
                      {{"Monday"}, "did you mean `mon`?"},
                      {{"buisness"}, "did you mean `business`?"},
                      {{"mon", "all"}, "`all` stands alone"},
                      {{"business", "sat"}, "`business` stands alone"},
                      {{"holiday"}, "write business, all, or weekdays"},
                      {{"mon-fri"}, "write business, all, or weekdays"}};
  for (const Row& row : rows) {
    const auto days = parse_days(row.words);
    REQUIRE_FALSE(days);
    INFO(days.error().message);
    CHECK(days.error().message.find(row.message) != std::string::npos);
  }
}
