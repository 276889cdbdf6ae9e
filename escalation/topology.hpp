// How components and services hang together: dependencies, needs, and what follows for a service from the
// states of its components (INTERFACE.md §2). Made from a platform, which stays as long; immutable.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "health.hpp"
#include "platform.hpp"

namespace yagura {

// How components look to whoever judges a service.
using ComponentLook = std::function<ComponentState(const ComponentName&)>;

class Topology {
 public:
  explicit Topology(const Platform& platform);

  // Everything that the component depends on, directly or further away, with the longest distance.
  const std::map<ComponentName, int>& dependencies(const ComponentName& component) const;
  bool depends_on(const ComponentName& component, const ComponentName& other) const {
    return dependencies(component).contains(other);
  }
  // The services that need the component: by their needs, other services' needs and dependencies.
  const std::set<ServiceName>& services_of(const ComponentName& component) const;
  // The components that the service needs, in the order written; dependencies not included.
  const std::vector<ComponentName>& components_of(const ServiceName& service) const;
  // The services that name the component among their needs, or those of a service that they need.
  const std::set<ServiceName>& needed_by(const ComponentName& component) const;
  // The service, and those that need it.
  const std::set<ServiceName>& built_on(const ServiceName& service) const;
  // What depends on the component, directly or further away.
  const std::set<ComponentName>& dependents(const ComponentName& component) const;
  // Of two components the one that is depended on has the lower place.
  std::size_t place(const ComponentName& component) const;

  // `reported` services count as down.
  ServiceState judge(const ServiceName& service, const ComponentLook& look,
                     const std::set<ServiceName>& reported = {}) const;

 private:
  struct Met {
    bool surely_not = false;  // even if every unknown one were well
    bool maybe_not = false;   // if every unknown one were down
    bool less = false;        // less than all of it is well
  };
  Met met(const Need& need, const ComponentLook& look, const std::set<ServiceName>& reported) const;
  Met met(const Service& service, const ComponentLook& look, const std::set<ServiceName>& reported) const;

  // Of a component what is not empty; sets that are alike are kept once: many components serve the same services.
  struct Place {
    std::size_t place = 0;
    const std::map<ComponentName, int>* dependencies = nullptr;
    const std::set<ComponentName>* dependents = nullptr;
    const std::set<ServiceName>* services_of = nullptr;
    const std::set<ServiceName>* needed_by = nullptr;
  };
  const Place& at(const ComponentName& component) const;

  const Platform& platform_;
  std::unordered_map<std::string_view, Place> places_;  // by the platform's own names
  std::set<std::map<ComponentName, int>> dependencies_;
  std::set<std::set<std::string>> sets_;
  std::map<ServiceName, std::vector<ComponentName>> components_of_;
  std::unordered_map<ServiceName, std::set<ServiceName>> built_on_;
};

}  // namespace yagura
