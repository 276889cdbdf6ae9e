#include "failure.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace yagura {

std::string class_reason(const Failure& failure) {
  const std::string& names = failure.class_detail;
  switch (failure.class_rule) {
    case ClassRule::under_judgement:
      if (failure.keeps_down.empty()) return "not decided yet";
      return fmt::format("keeps {} down; the primary response is being tried", fmt::join(failure.keeps_down, ", "));
    case ClassRule::keeps_no_service_down: return "keeps no service down";
    case ClassRule::back_after_response:
      return fmt::format("{} back after the primary response ({})",
                         failure.kept_down.size() == 1 ? "the service is" : "the services are", names);
    case ClassRule::back_by_itself:
      return fmt::format("{} went on again by itself", names.empty() ? "the service" : names);
    case ClassRule::no_response_configured:
      return fmt::format("keeps {} down, and no primary response is configured", names);
    case ClassRule::no_step_left:
      return fmt::format("keeps {} down, and no step of the primary response is left", names);
    case ClassRule::time_is_up:
      return fmt::format("keeps {} down for longer than undetermined_at_most", names);
    case ClassRule::system_lead:
      return fmt::format("decided by {}: {}", failure.class_by, names);
  }
  return "";
}

IncidentChain incident_chain_of(const Escalation& rules, const Failure& failure) {
  if (failure.security) return {"security", rules.security};
  return {"incident", rules.incident};
}

bool is_flapping(const Platform& platform, const Failure& failure) {
  const auto& rule = platform.escalation.flapping;
  if (!rule || !failure.is_open()) return false;
  const std::size_t relapses = (static_cast<std::size_t>(rule->turns) + 1) / 2;
  if (failure.relapses.size() < relapses) return false;
  return failure.relapses.back() - failure.relapses[failure.relapses.size() - relapses] <= rule->within;
}

bool is_caused_outside(const Platform& platform, const Failure& failure) {
  auto cause = platform.components.find(failure.cause);
  return cause != platform.components.end() && cause->second.provider;
}

std::set<ServiceName> services_told(const Failure& failure, const Bank& bank) {
  std::set<ServiceName> all = failure.touched;
  all.insert(failure.reported_services.begin(), failure.reported_services.end());
  for (const auto& [service, since] : failure.kept_down) all.insert(service);
  std::set<ServiceName> own;
  std::set_intersection(all.begin(), all.end(), bank.services.begin(), bank.services.end(), std::inserter(own, own.end()));
  auto thread = failure.banks.find(bank.id);
  return own.empty() && thread != failure.banks.end() && thread->second.added ? all : own;
}

}  // namespace yagura
