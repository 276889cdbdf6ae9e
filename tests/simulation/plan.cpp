#include "plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace yagura::sim {

std::string options_of(const Settings& settings) {
  std::string text =
      fmt::format("--seed {} --days {} --size {}", settings.seed, settings.days, settings.size);
  auto less = [&](bool on, const char* name) {
    if (!on) text += fmt::format(" --no-{}", name);
  };
  less(settings.disk, "disk");
  less(settings.relay, "relay");
  less(settings.crashes, "crashes");
  less(settings.time, "time");
  less(settings.reloads, "reloads");
  less(settings.people, "people");
  less(settings.stops, "stops");
  less(settings.inquiries, "inquiries");
  if (!settings.only.empty()) text += fmt::format(" --only {}", fmt::join(settings.only, ","));
  return text;
}

std::vector<Event> make_plan(const Settings& settings) {
  Random random(settings.seed, "plan");
  std::vector<Event> plan;
  const Duration length = 24h * settings.days;
  int number = 0;
  // How many in a day, and how much of that this seed has: nothing, some, or much.
  auto add = [&](EventKind kind, int a_day, bool wanted, bool always = false) {
    const int level = always ? 1 + random.below(2) : random.below(3);
    const int count = a_day * settings.days * level;
    for (int i = 0; i < count; ++i) {
      Event event{++number, random.between(1min, length), kind, random.next()};
      if (wanted && (settings.only.empty() || settings.only.contains(number)))
        plan.push_back(event);
    }
  };
  add(EventKind::target_turns, 6, true, true);
  add(EventKind::component_fails, 2, true, true);
  add(EventKind::all_is_well, 2, true, true);
  add(EventKind::person_acts, 15, settings.people, true);
  add(EventKind::relay_turns, 2, settings.relay);
  add(EventKind::disk_turns, 2, settings.disk);
  add(EventKind::crash, 3, settings.crashes);
  add(EventKind::stop, 1, settings.crashes);
  add(EventKind::restart, 1, settings.crashes);
  add(EventKind::wall_clock_moves, 1, settings.time);
  add(EventKind::reload, 1, settings.reloads);
  add(EventKind::look, 4, true, true);
  // Drawn apart, and seldom: the relay is away for days.
  if (Random rare(settings.seed, "days"); rare.one_in(4)) {
    const Event event{++number, rare.between(1min, length), EventKind::relay_goes, rare.next()};
    if (settings.relay && (settings.only.empty() || settings.only.contains(number)))
      plan.push_back(event);
  }
  Random stops(settings.seed, "stops");
  const int most = settings.days * 5 * stops.below(3);
  for (int i = 0; i < most; ++i) {
    const Event event{++number, stops.between(1min, length), EventKind::stops_turn, stops.next()};
    if (settings.stops && (settings.only.empty() || settings.only.contains(number)))
      plan.push_back(event);
  }
  Random inquiries(settings.seed, "inquiries");
  const int level = settings.days * inquiries.below(3);
  for (int i = 0; i < level * 20; ++i) {
    const EventKind kind = i % 2 == 0 ? EventKind::mail_comes : EventKind::desk_acts;
    const Event event{++number, inquiries.between(1min, length), kind, inquiries.next()};
    if (settings.inquiries && (settings.only.empty() || settings.only.contains(number)))
      plan.push_back(event);
  }
  std::stable_sort(plan.begin(), plan.end(),
                   [](const Event& a, const Event& b) { return a.at < b.at; });
  return plan;
}

Instant make_start(Random& random) {
  static const std::vector<std::string> days{
      "2026-03-07", "2026-03-28",
      "2026-10-24", "2026-10-31",  // the clocks change, in America and Europe
      "2028-02-27", "2026-12-27",
      "2027-12-30", "2026-04-28",  // leap day, the year's end, the golden week
      "2026-09-18"};
  if (random.one_in(3)) {
    return *parse_instant("2026-01-05T00:00:00Z") + std::chrono::hours(random.below(24 * 800)) +
           std::chrono::minutes(random.below(60));
  }
  return *parse_instant(random.pick(days) + "T00:00:00Z") +
         std::chrono::minutes(random.below(24 * 60));
}

}  // namespace yagura::sim
