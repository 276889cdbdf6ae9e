#include "duty.hpp"

#include <algorithm>

namespace yagura {

namespace {

constexpr std::chrono::days week{7};
constexpr std::size_t most_shifts = 1000;

// The handover of that week, counted from the roster's first: 0 is the beginning of the first person's first week.
Instant handover(const Platform& platform, const Roster& roster, std::int64_t number) {
  const Date day = roster.since + week * number;
  return platform.zone.to_instant(LocalTime{day.time_since_epoch()} + roster.handover);
}

std::int64_t week_of(const Platform& platform, const Roster& roster, Instant at) {
  const Date day = platform.zone.date_of(at);
  std::int64_t number = std::chrono::floor<std::chrono::duration<std::int64_t, std::ratio<7 * 86400>>>(day - roster.since).count();
  // The day of the handover belongs to the week before until the hour.
  while (at < handover(platform, roster, number)) --number;
  while (at >= handover(platform, roster, number + 1)) ++number;
  return number;
}

const PersonName& of_week(const Roster& roster, std::int64_t number) {
  const auto size = static_cast<std::int64_t>(roster.rotation.size());
  return roster.rotation[static_cast<std::size_t>(((number % size) + size) % size)];
}

const DutySwap* swap_at(const Platform& platform, const Roster& roster, const std::vector<DutySwap>& swaps, Instant at) {
  const DutySwap* found = nullptr;
  for (const DutySwap& swap : swaps) {
    if (swap.role != name_of(roster.role) || at < swap.from || at >= swap.until) continue;
    auto person = platform.people.find(swap.person);
    if (person == platform.people.end() || !person->second.roles.contains(roster.role)) continue;
    if (found == nullptr || swap.id > found->id) found = &swap;
  }
  return found;
}

}  // namespace

PersonName on_duty(const Platform& platform, const Roster& roster, const std::vector<DutySwap>& swaps, Instant at) {
  if (const DutySwap* swap = swap_at(platform, roster, swaps, at)) return swap->person;
  return of_week(roster, week_of(platform, roster, at));
}

std::vector<Shift> shifts(const Platform& platform, const Roster& roster, const std::vector<DutySwap>& swaps, Instant from,
                          Instant until) {
  // Who is on duty changes at these instants only.
  std::vector<Instant> edges;
  for (std::int64_t number = week_of(platform, roster, from); edges.size() < most_shifts; ++number) {
    edges.push_back(handover(platform, roster, number));
    if (edges.back() >= until) break;
  }
  const Instant first = edges.front(), last = edges.back();
  for (const DutySwap& swap : swaps) {
    for (Instant edge : {swap.from, swap.until}) {
      if (swap.role == name_of(roster.role) && edge > first && edge < last) edges.push_back(edge);
    }
  }
  std::sort(edges.begin(), edges.end());
  std::vector<Shift> found;
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    if (edges[i] == edges[i + 1] || edges[i] >= until) continue;
    const DutySwap* swap = swap_at(platform, roster, swaps, edges[i]);
    const SwapId id = swap == nullptr ? 0 : swap->id;
    PersonName person = on_duty(platform, roster, swaps, edges[i]);
    const bool goes_on = !found.empty() && found.back().person == person && found.back().swap == id &&
                         (id != 0 || roster.rotation.size() == 1);
    if (goes_on) {
      found.back().until = edges[i + 1];
    } else {
      found.push_back({std::move(person), edges[i], edges[i + 1], id});
    }
  }
  while (!found.empty() && found.front().until <= from) found.erase(found.begin());
  return found;
}

}  // namespace yagura
