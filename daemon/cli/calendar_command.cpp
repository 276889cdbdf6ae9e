// `yagura calendar`: business days, windows and periods of notice, from the configuration or, where
// none is given, by Japan's law and the hours that INTERFACE.md sets as defaults.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <map>

#include "calendar.hpp"
#include "commands.hpp"
#include "configuration.hpp"
#include "sheet.hpp"
#include "text.hpp"
#include "times.hpp"
#include "window.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr const char* default_zone = "Asia/Tokyo";
constexpr std::string_view office_hours = "10:00-17:00";
constexpr std::chrono::days shown_by_default{30};
constexpr std::chrono::days looked_ahead{400};  // for a window's opening

struct Days {
  Zone zone;
  Calendar calendar;
  std::map<std::string, Window> windows;
  Window::Context context() const { return {zone, calendar}; }
};

std::optional<Days> days_of(const Arguments& given, const Terminal& terminal) {
  if (!given.config.empty()) {
    Loaded loaded = load_configuration(given.config, terminal.screen.now);
    if (loaded.configuration) {
      const Platform& platform = *loaded.configuration->platform;
      return Days{platform.zone, platform.calendar, platform.windows};
    }
    terminal.err << yagura::text(loaded.problems);
    return std::nullopt;
  }
  auto zone = Zone::named(default_zone);
  if (!zone) {
    complain(terminal, zone.error().message);
    return std::nullopt;
  }
  Window::Part part;
  part.days.kind = DaySet::Kind::business;
  part.hours = {*parse_hours(office_hours)};
  const Window window({part});
  return Days{*zone, Calendar(), {{"bank_mail", window}, {"response_hours", window}}};
}

int window_at(const Days& days, const Arguments& given, const Terminal& terminal) {
  const std::string name = given.text("window");
  auto found = days.windows.find(name);
  if (found == days.windows.end()) {
    std::string known;
    for (const auto& [other, window] : days.windows)
      known += (known.empty() ? "" : ", ") + other;
    return wrong_usage(
        given, terminal,
        fmt::format("there is no window `{}`; there are {}", one_line(name, 100), known));
  }
  Instant at = terminal.screen.now;
  if (given.has("at")) {
    auto asked = given.instant("at");
    if (!asked) return wrong_usage(given, terminal, asked.error().message);
    at = *asked;
  }
  const auto refuse = [&] {
    return wrong_usage(given, terminal,
                       fmt::format("the calendar knows the years {} to {} only",
                                   days.calendar.first_year(), days.calendar.last_year()));
  };
  if (!days.calendar.covers(days.zone.date_of(at))) return refuse();
  auto interval = days.windows.at(name).next_interval(at, days.context());
  // It may open in a year of which nothing is known.
  if (!interval && !days.calendar.covers(days.zone.date_of(at) + looked_ahead)) return refuse();
  const bool endless = interval && Window::is_endless(*interval, at, days.context());
  const bool open = interval && interval->from <= at;
  const Instant opens = interval ? std::max(interval->from, at) : at;
  if (given.json) {
    json::object answer{{"open", open}, {"opens_at", nullptr}, {"closes_at", nullptr}};
    if (interval) {
      answer["opens_at"] = days.zone.format(opens);
      if (!endless) answer["closes_at"] = days.zone.format(interval->until);
    }
    terminal.out << json::serialize(answer) << "\n";
    return exit_done;
  }
  if (!interval) {
    terminal.out << fmt::format("{} is closed, and does not open within 400 days\n", name);
    return exit_done;
  }
  // The day in full: what is asked for may be years away.
  const auto words = [&](Instant instant) {
    auto moment = read_moment(days.zone.format(instant));
    return fmt::format("{} {}", day_text(*moment), clock_text(*moment).substr(0, 5));
  };
  const std::string end = endless ? "and never closes" : "until " + words(interval->until);
  if (open) {
    terminal.out << fmt::format("{} is open then, {}\n", name, end);
  } else {
    terminal.out << fmt::format("{} is closed then; it opens {} ({} later), {}\n", name,
                                words(opens), span_text(opens - at), end);
  }
  return exit_done;
}

int notice_day(const Days& days, const Arguments& given, const Terminal& terminal) {
  auto day = given.date("business-days-before");
  if (!day) return wrong_usage(given, terminal, day.error().message);
  const std::string text = given.text("n");
  int count = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 0) {
    return wrong_usage(given, terminal, "-n has to be a number of business days, from 0");
  }
  auto found = days.calendar.business_days_before(*day, count);
  if (!found) return wrong_usage(given, terminal, found.error().message);
  if (given.json) {
    terminal.out << json::serialize(json::object{{"date", format_date(*found)}}) << "\n";
  } else {
    terminal.out << format_date(*found) << "\n";
  }
  return exit_done;
}

int table(const Days& days, const Arguments& given, const Terminal& terminal) {
  Date from = days.zone.date_of(terminal.screen.now);
  for (const char* key : {"from", "until"}) {
    if (!given.has(key)) continue;
    if (auto date = given.date(key); !date)
      return wrong_usage(given, terminal, date.error().message);
  }
  if (given.has("from")) from = *given.date("from");
  Date until = from + shown_by_default;
  if (given.has("until")) {
    until = *given.date("until");
    if (!given.has("from") && until < from) from = until - shown_by_default;
  }
  if (until < from) return wrong_usage(given, terminal, "--until lies before --from");
  for (Date edge : {from, until}) {
    if (auto known = days.calendar.day(edge); !known) {
      return wrong_usage(given, terminal, known.error().message);
    }
  }
  json::array all;
  std::vector<Row> rows;
  for (Date date = from; date <= until; date += std::chrono::days{1}) {
    const DayInfo info = *days.calendar.day(date);
    const std::string weekday = day_text(date).substr(0, 3);
    if (given.json) {
      json::object line{{"date", format_date(date)},
                        {"weekday", weekday},
                        {"business_day", info.business_day},
                        {"holiday", nullptr},
                        {"reason", info.reason}};
      if (info.holiday) line["holiday"] = *info.holiday;
      all.push_back(std::move(line));
    } else {
      // The reason names the holiday where that is what decides; at a weekend it does not.
      const bool unsaid = info.holiday && info.reason.find(*info.holiday) == std::string::npos;
      rows.push_back({{format_date(date), weekday,
                       info.business_day ? Cell("open", Hue::green) : Cell("closed", Hue::dim),
                       info.reason + (unsaid ? ", " + *info.holiday : "")},
                      ""});
    }
  }
  if (given.json) {
    terminal.out << json::serialize(all) << "\n";
    return exit_done;
  }
  Sheet sheet(terminal.screen);
  sheet.rows(rows, 0);
  terminal.out << sheet.take();
  return exit_done;
}

}  // namespace

int calendar(const Arguments& given, const Terminal& terminal) {
  const bool window = given.has("window"), before = given.has("business-days-before");
  if ((window && before) || ((window || before) && (given.has("from") || given.has("until")))) {
    return wrong_usage(given, terminal,
                       "ask one thing: days (--from, --until), a window (--window, --at), or "
                       "--business-days-before with -n");
  }
  if (given.has("at") && !window) return wrong_usage(given, terminal, "--at goes with --window");
  if (given.has("n") != before) {
    return wrong_usage(given, terminal, "--business-days-before and -n go together");
  }
  auto days = days_of(given, terminal);
  if (!days) return exit_usage;
  if (window) return window_at(*days, given, terminal);
  if (before) return notice_day(*days, given, terminal);
  return table(*days, given, terminal);
}

}  // namespace yagura::cli
