#include "index.hpp"

namespace yagura {

FailureId end_of_joins(const State& state, FailureId id) {
  while (id != 0) {
    const Failure& failure = state.failures.at(id);
    if (failure.joined_into == 0) return id;
    id = failure.joined_into;
  }
  return id;
}

Index::Index(const Platform& platform, const State& state) {
  for (const auto& [id, failure] : state.failures) {
    follow_failure(failure);
    if (!failure.is_open()) continue;
    for (const auto& [component, since] : failure.members) failure_of.try_emplace(component, id);
  }
  for (const auto& [id, notice] : state.notices) {
    if (!notice.is_unsent()) continue;
    add_unsent(state, notice);
    if (notice.in_flight) in_flight.insert(id);
  }
  for (const auto& [id, inquiry] : state.inquiries) {
    if (inquiry.is_open()) open_inquiries.insert(id);
  }
  for (const auto& [name, component] : platform.components) {
    if (auto health = state.components.find(name); health != state.components.end()) {
      follow_component(component, health->second);
    }
  }
}

// All but the members, which may be many: they are added and taken out one by one.
void Index::follow_failure(const Failure& failure) {
  const FailureId id = failure.id;
  auto put = [id](std::set<FailureId>& ids, bool there) {
    if (there) {
      ids.insert(id);
    } else {
      ids.erase(id);
    }
  };
  put(open, failure.is_open());
  const bool is_unsettled = !failure.settled && failure.closing != Closing::joined;
  put(unsettled, is_unsettled);
  put(unsettled_closed, is_unsettled && !failure.is_open());
  const ComponentName cause = failure.is_open() ? failure.cause : "";
  auto known = cause_of.find(id);
  if (known == cause_of.end() ? !cause.empty() : known->second != cause) {
    if (known != cause_of.end()) {
      auto causes = by_cause.find(known->second);
      causes->second.erase(id);
      if (causes->second.empty()) by_cause.erase(causes);
      cause_of.erase(known);
    }
    if (!cause.empty()) {
      by_cause[cause].insert(id);
      cause_of[id] = cause;
    }
  }
  if (failure.is_open() && !failure.reported_services.empty()) {
    reported[id] = failure.reported_services;
  } else {
    reported.erase(id);
  }
}

void Index::follow_component(const Component& component, const ComponentHealth& health) {
  const ComponentState state = state_of(component, health);
  if (state == ComponentState::ok) {
    unwell.erase(component.id);
  } else {
    unwell[component.id] = state;
  }
  if (has_failing_probe(component, health, {}) && !failure_of.contains(component.id)) {
    loose.insert(component.id);
  } else {
    loose.erase(component.id);
  }
}

void Index::each_place_of(const State& state, const Notice& notice, bool there) {
  auto put = [&](auto& places, std::int64_t key) {
    if (key == 0) return;
    if (there) {
      places[key].insert(notice.id);
    } else if (auto found = places.find(key); found != places.end()) {
      found->second.erase(notice.id);
      if (found->second.empty()) places.erase(found);
    }
  };
  put(unsent_of_stop, notice.stop);
  put(unsent_of, end_of_joins(state, notice.failure));
  for (NoticeId carried : notice.carries) {
    put(unsent_of, end_of_joins(state, state.notices.at(carried).failure));
  }
}

void Index::add_unsent(const State& state, const Notice& notice) {
  each_place_of(state, notice, true);
}

void Index::remove_unsent(const State& state, const Notice& notice) {
  in_flight.erase(notice.id);
  each_place_of(state, notice, false);
}

}  // namespace yagura
