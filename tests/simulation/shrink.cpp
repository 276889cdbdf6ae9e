#include "shrink.hpp"

#include <algorithm>

namespace yagura::sim {

namespace {

constexpr int most_runs = 400;

std::vector<int> numbers_of(const Settings& settings) {
  std::vector<int> numbers;
  for (const Event& event : make_plan(settings))
    numbers.push_back(event.number);
  return numbers;
}

}  // namespace

Settings shrink(Settings settings, const Outcome& outcome, const std::string& folder) {
  settings.prints = false;
  int runs = 0;
  auto still = [&](const Settings& candidate) {
    if (++runs > most_runs) return false;
    const Outcome again = run(candidate, folder);
    return again.violated && again.violation.invariant == outcome.violation.invariant;
  };
  auto attempt = [&](auto change) {
    Settings candidate = settings;
    change(candidate);
    if (still(candidate)) settings = candidate;
  };
  attempt([](Settings& less) { less.disk = false; });
  attempt([](Settings& less) { less.relay = false; });
  attempt([](Settings& less) { less.time = false; });
  attempt([](Settings& less) { less.reloads = false; });
  attempt([](Settings& less) { less.crashes = false; });
  attempt([](Settings& less) { less.people = false; });
  attempt([](Settings& less) { less.stops = false; });
  for (int size = 0; size < settings.size; ++size) {
    const int before = settings.size;
    attempt([size](Settings& less) { less.size = size; });
    if (settings.size != before) break;
  }
  // Half of the events, a quarter, ... one.
  std::vector<int> events = numbers_of(settings);
  for (std::size_t piece = std::max<std::size_t>(1, events.size() / 2);
       piece > 0 && runs < most_runs; piece /= 2) {
    for (std::size_t from = 0; from < events.size() && runs < most_runs;) {
      std::vector<int> left = events;
      const auto begin = left.begin() + static_cast<std::ptrdiff_t>(from);
      left.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(piece, left.size() - from)));
      Settings candidate = settings;
      candidate.only = {left.begin(), left.end()};
      if (!left.empty() && still(candidate)) {
        settings = candidate;
        events = left;
      } else {
        from += piece;
      }
    }
  }
  return settings;
}

}  // namespace yagura::sim
