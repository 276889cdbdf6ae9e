#include "topology.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace yagura {

namespace {

void collect_dependencies(const Platform& platform, const ComponentName& from, int distance,
                          std::map<ComponentName, int>& into) {
  auto found = platform.components.find(from);
  if (found == platform.components.end()) return;
  for (const ComponentName& next : found->second.depends_on) {
    auto [known, fresh] = into.try_emplace(next, distance);
    if (!fresh && known->second >= distance) continue;
    known->second = distance;
    collect_dependencies(platform, next, distance + 1, into);
  }
}

void collect_components(const Platform& platform, const std::vector<Need>& needs,
                        std::vector<ComponentName>& into, std::set<ComponentName>& met) {
  for (const Need& need : needs) {
    switch (need.kind) {
      case Need::Kind::component:
        if (met.insert(need.name).second) into.push_back(need.name);
        break;
      case Need::Kind::service:
        if (auto found = platform.services.find(need.name); found != platform.services.end()) {
          collect_components(platform, found->second.needs, into, met);
        }
        break;
      case Need::Kind::at_least:
        collect_components(platform, need.of, into, met);
        break;
    }
  }
}

void collect_services(const Platform& platform, const std::vector<Need>& needs, std::set<ServiceName>& into) {
  for (const Need& need : needs) {
    if (need.kind == Need::Kind::at_least) collect_services(platform, need.of, into);
    if (need.kind != Need::Kind::service || !into.insert(need.name).second) continue;
    if (auto found = platform.services.find(need.name); found != platform.services.end()) {
      collect_services(platform, found->second.needs, into);
    }
  }
}

}  // namespace

Topology::Topology(const Platform& platform) : platform_(platform) {
  std::map<std::string_view, std::set<ComponentName>> dependents;
  std::map<std::string_view, std::set<ServiceName>> services_of, needed_by;
  std::vector<std::pair<std::size_t, std::string_view>> order;  // with the number of its dependencies
  for (const auto& [name, component] : platform.components) {
    Place& place = places_[name];
    std::map<ComponentName, int> found;
    collect_dependencies(platform, name, 1, found);
    order.emplace_back(found.size(), name);
    if (found.empty()) continue;
    place.dependencies = &*dependencies_.insert(std::move(found)).first;
    for (const auto& [dependency, distance] : *place.dependencies) dependents[dependency].insert(name);
  }
  for (const auto& [name, service] : platform.services) {
    std::set<ServiceName> services{name};
    collect_services(platform, service.needs, services);
    for (const ServiceName& needed : services) built_on_[needed].insert(name);
    std::vector<ComponentName>& components = components_of_[name];
    std::set<ComponentName> met;
    collect_components(platform, service.needs, components, met);
    for (const ComponentName& component : components) {
      needed_by[component].insert(name);
      services_of[component].insert(name);
      for (const auto& [dependency, distance] : dependencies(component)) {
        services_of[dependency].insert(name);
      }
    }
  }
  const auto keep = [this](std::map<std::string_view, std::set<std::string>>& sets, const std::set<std::string>* Place::*where) {
    for (auto& [name, set] : sets) {
      if (auto place = places_.find(name); place != places_.end()) place->second.*where = &*sets_.insert(std::move(set)).first;
    }
  };
  keep(dependents, &Place::dependents);
  keep(services_of, &Place::services_of);
  keep(needed_by, &Place::needed_by);
  // Who depends on another has at least its dependencies and that other one.
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < order.size(); ++i) places_.at(order[i].second).place = i;
}

const Topology::Place& Topology::at(const ComponentName& component) const {
  static const Place none{std::numeric_limits<std::size_t>::max()};
  auto found = places_.find(component);
  return found == places_.end() ? none : found->second;
}

namespace {

template <class Known>
const Known& or_none(const Known* known) {
  static const Known none;
  return known == nullptr ? none : *known;
}

}  // namespace

const std::set<ServiceName>& Topology::needed_by(const ComponentName& component) const {
  return or_none(at(component).needed_by);
}

const std::set<ComponentName>& Topology::dependents(const ComponentName& component) const {
  return or_none(at(component).dependents);
}

std::size_t Topology::place(const ComponentName& component) const { return at(component).place; }

const std::map<ComponentName, int>& Topology::dependencies(const ComponentName& component) const {
  return or_none(at(component).dependencies);
}

const std::set<ServiceName>& Topology::services_of(const ComponentName& component) const {
  return or_none(at(component).services_of);
}

const std::set<ServiceName>& Topology::built_on(const ServiceName& service) const {
  static const std::set<ServiceName> none;
  auto found = built_on_.find(service);
  return found == built_on_.end() ? none : found->second;
}

const std::vector<ComponentName>& Topology::components_of(const ServiceName& service) const {
  static const std::vector<ComponentName> none;
  auto found = components_of_.find(service);
  return found == components_of_.end() ? none : found->second;
}

Topology::Met Topology::met(const Need& need, const ComponentLook& look,
                            const std::set<ServiceName>& reported) const {
  switch (need.kind) {
    case Need::Kind::component:
      switch (look(need.name)) {
        case ComponentState::ok: return {};
        case ComponentState::degraded: return {false, false, true};
        case ComponentState::unknown: return {false, true, true};
        case ComponentState::down: return {true, true, true};
      }
      return {};
    case Need::Kind::service: {
      auto found = platform_.services.find(need.name);
      if (found == platform_.services.end()) return {};
      return met(found->second, look, reported);
    }
    case Need::Kind::at_least: {
      int best = 0, worst = 0;
      bool less = false;
      for (const Need& one : need.of) {
        Met judged = met(one, look, reported);
        if (!judged.surely_not) ++best;
        if (!judged.maybe_not) ++worst;
        less = less || judged.less;
      }
      return {best < need.at_least, worst < need.at_least, less};
    }
  }
  return {};
}

Topology::Met Topology::met(const Service& service, const ComponentLook& look,
                            const std::set<ServiceName>& reported) const {
  if (reported.contains(service.id)) return {true, true, true};
  Met whole;
  for (const Need& need : service.needs) {
    if (whole.surely_not && whole.maybe_not && whole.less) break;  // It cannot get worse.
    Met one = met(need, look, reported);
    whole.surely_not = whole.surely_not || one.surely_not;
    whole.maybe_not = whole.maybe_not || one.maybe_not;
    whole.less = whole.less || one.less;
  }
  return whole;
}

ServiceState Topology::judge(const ServiceName& service, const ComponentLook& look,
                             const std::set<ServiceName>& reported) const {
  auto found = platform_.services.find(service);
  if (found == platform_.services.end()) return ServiceState::up;
  Met judged = met(found->second, look, reported);
  if (judged.surely_not) return ServiceState::down;
  if (judged.maybe_not) return ServiceState::unknown;
  if (judged.less) return ServiceState::degraded;
  return ServiceState::up;
}

}  // namespace yagura
