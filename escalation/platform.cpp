#include "platform.hpp"

#include <algorithm>

namespace yagura {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::system_lead: return "system-lead";
    case Role::ap_ops: return "ap-ops";
    case Role::infra_ops: return "infra-ops";
    case Role::inquiry_desk: return "inquiry-desk";
    case Role::auditor: return "auditor";
  }
  return "";
}

std::optional<Role> role_named(std::string_view name) {
  for (Role role : all_roles) {
    if (name_of(role) == name) return role;
  }
  return std::nullopt;
}

const ProbeSpec* Component::probe(std::string_view wanted) const {
  auto found = std::find_if(probes.begin(), probes.end(),
                            [&](const ProbeSpec& spec) { return spec.name == wanted; });
  return found == probes.end() ? nullptr : &*found;
}

std::vector<const Person*> Platform::people_with(Role role) const {
  std::vector<const Person*> found;
  for (const auto& [id, person] : people) {
    if (person.roles.contains(role)) found.push_back(&person);
  }
  return found;
}

const Person* Platform::person_of_unix_user(std::string_view user) const {
  if (user.empty()) return nullptr;
  for (const auto& [id, person] : people) {
    if (person.unix_user == user) return &person;
  }
  return nullptr;
}

}  // namespace yagura
