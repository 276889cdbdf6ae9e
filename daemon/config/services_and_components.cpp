// services, components: what is watched, and what a failure of it means for those who use it.
#include <fmt/format.h>

#include <algorithm>

#include "draft.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_services = 500;
constexpr std::size_t most_probes = 100;
constexpr std::size_t most_steps = 20;
constexpr std::size_t most_self_check = 20;

struct NeedReader {
  Draft& draft;
  const std::string& service;

  std::vector<Need> read_list(const std::vector<Node>& nodes) {
    std::vector<Need> needs;
    std::set<std::string> names;
    for (const Node& node : nodes) {
      if (node.is_scalar()) {
        if (!names.insert(node.scalar).second) {
          draft.problem(node, fmt::format("`{}` is named twice in one list", node.scalar));
        }
        needs.push_back(read_name(node));
      } else {
        needs.push_back(read_alternative(node));
      }
    }
    return needs;
  }

 private:
  Need read_name(const Node& node) {
    Need need;
    need.name = node.scalar;
    const bool is_component = draft.components.contains(need.name);
    const bool is_service = draft.services.contains(need.name);
    if (is_component && is_service) {
      draft.problem(
          node, fmt::format(
                    "there is a component `{0}` and a service `{0}`: give one of them another name",
                    need.name));
    } else if (is_service) {
      need.kind = Need::Kind::service;
      draft.service_needs[service].push_back({need.name, node.place});
    } else if (is_component) {
      draft.component_needs.push_back({need.name, node.place});
    } else {
      Names known = draft.components;
      known.insert(draft.services.begin(), draft.services.end());
      draft.problem(node, draft.unknown("component or service", need.name, known));
    }
    return need;
  }
  Need read_alternative(const Node& node) {
    Need need;
    need.kind = Need::Kind::at_least;
    Reader reader(node, draft.problems, fmt::format("a need of service {}", service));
    if (!node.is_map()) return need;
    reader.required("at_least");
    const auto count = reader.integer("at_least", 1, most_components);
    reader.required("of");
    if (const auto* members =
            list_of(reader, "of", "a list of components and services", most_components)) {
      need.of = read_list(*members);
      if (members->empty()) {
        reader.problem(*reader.find("of"),
                       "`of` is empty: write the components or services of which some are needed");
      } else if (count && *count > static_cast<std::int64_t>(members->size())) {
        reader.problem(
            *reader.find("at_least"),
            fmt::format(
                "`at_least` is {}, and `of` has only {}: this can never be met; write at most {}",
                *count, members->size(), members->size()));
      }
    }
    need.at_least = static_cast<int>(count.value_or(1));
    reader.finish();
    return need;
  }
};

void read_owner(Draft& draft, Reader& reader, Component& component) {
  const Node* node = reader.required("owner");
  if (node == nullptr) return;
  const auto role = node->is_scalar() ? role_named(node->scalar) : std::nullopt;
  if (!role || *role == Role::inquiry_desk || *role == Role::auditor) {
    reader.problem(*node,
                   "`owner` must be ap-ops, infra-ops or system-lead: who repairs the component");
    return;
  }
  component.owner = *role;
  draft.mailed.emplace(*role, node->place);
}

void read_dependencies(Draft& draft, Reader& reader, Component& component) {
  std::set<std::string> seen;
  for (const Node* node : scalars_of(reader, "depends_on")) {
    if (!draft.components.contains(node->scalar)) {
      reader.problem(
          *node,
          draft.services.contains(node->scalar)
              ? fmt::format("`{}` is a service: a component depends on components", node->scalar)
              : draft.unknown("component", node->scalar, draft.components));
    } else if (!seen.insert(node->scalar).second) {
      reader.problem(*node, fmt::format("component `{}` is named twice", node->scalar));
    } else {
      component.depends_on.push_back(node->scalar);
      draft.dependencies[component.id].push_back({node->scalar, node->place});
    }
  }
}

// What lies outside is depended on as anything else is, and a failure that begins there is said to.
void read_outside(Draft& draft, Reader& reader, Component& component) {
  component.provider = reader.boolean_or("provider", false);
  for (const Node* node : scalars_of(reader, "needs_outside")) {
    if (!draft.components.contains(node->scalar)) {
      reader.problem(*node, draft.unknown("component", node->scalar, draft.components));
      continue;
    }
    if (std::find(component.depends_on.begin(), component.depends_on.end(), node->scalar) != component.depends_on.end()) {
      reader.problem(*node, fmt::format("component `{}` is named twice", node->scalar));
      continue;
    }
    component.depends_on.push_back(node->scalar);
    draft.dependencies[component.id].push_back({node->scalar, node->place});
    draft.outside.push_back({node->scalar, node->place});
  }
}

void read_probes(Draft& draft, Reader& reader, Component& component,
                 const ProbeDefaults& defaults) {
  const auto* nodes = list_of(reader, "probes", "a list of probes (- {kind: …, …})", most_probes);
  if (nodes == nullptr) return;
  for (const Node& node : *nodes) {
    auto spec = read_probe(draft, component.id, node, defaults);
    if (!spec) continue;
    if (component.probe(spec->name) != nullptr) {
      const Node* name = node.find("name");
      draft.problem(name == nullptr ? node : *name,
                    fmt::format("component {} has two probes `{}`: give one another name (name: …)",
                                component.id, spec->name));
    }
    component.probes.push_back(std::move(*spec));
  }
}

}  // namespace

void read_components(Draft& draft, const WrittenComponents& written) {
  // Both, so that what is read first can name what is read later.
  for (const WrittenComponents::One& one : written.all()) draft.components.emplace(one.name->scalar, one.name);
  draft.services = names_in(draft, "services");
  const ProbeDefaults defaults = read_probe_defaults(draft);
  if (const Node* section = draft.root.find("components")) check_mapping(draft, *section, "component");
  Node copy;
  for (const WrittenComponents::One& one : written.all()) {
    if (draft.platform.components.size() >= most_components) {
      refuse_more(draft, *one.name, "component", most_components);
      break;
    }
    check_name(draft, *one.name, "component");
    const Node& node = written.body(one, copy, draft.problems);
    Component component;
    component.id = one.name->scalar;
    Reader reader(node, draft.problems, fmt::format("component {}", component.id));
    read_owner(draft, reader, component);
    read_dependencies(draft, reader, component);
    read_outside(draft, reader, component);
    read_probes(draft, reader, component, defaults);
    if (const auto* steps = list_of(
            reader, "primary_response",
            "a list of steps (- {run: […], timeout: …} or - {manual: …, within: …})", most_steps)) {
      for (const Node& step : *steps) {
        component.primary_response.push_back(read_response_step(draft, component.id, step));
      }
    }
    reader.finish();
    draft.platform.components.emplace(component.id, std::move(component));
  }
  for (const Reference& one : draft.outside) {
    auto named = draft.platform.components.find(one.to);
    if (named == draft.platform.components.end() || named->second.provider) continue;
    draft.problem(one.at, fmt::format("`{0}` is a part of the platform: write `depends_on`; or, if it lies outside, "
                                       "`provider: true` in component {0}", one.to));
  }
}

void read_self_check(Draft& draft) {
  for (const Node* node : scalars_of(draft.root, "self_check", most_self_check)) {
    auto component = draft.platform.components.find(node->scalar);
    if (component == draft.platform.components.end()) {
      draft.problem(*node, draft.unknown("component", node->scalar, draft.components));
      continue;
    }
    const auto& probes = component->second.probes;
    if (std::none_of(probes.begin(), probes.end(), [](const ProbeSpec& probe) { return probe.remote; })) {
      draft.problem(*node, fmt::format("component {} has no probe that goes over the network (`ping`, `tcp`, `http`): it "
                                       "cannot tell whether this machine is cut off", node->scalar));
    } else if (!draft.platform.self_check.insert(node->scalar).second) {
      draft.problem(*node, fmt::format("component `{}` is named twice", node->scalar));
    }
  }
}

void read_services(Draft& draft) {
  for (const auto* entry :
       named_entries(draft, draft.root.find("services"), "service", most_services)) {
    const auto& [key, node] = *entry;
    Service service;
    service.id = key.scalar;
    if (service.id == "all")
      draft.problem(key, "a service cannot be named `all`: that word means every service");
    Reader reader(node, draft.problems, fmt::format("service {}", service.id));
    service.name = name_or(reader, "name", service.id);
    reader.required("needs");
    if (const auto* needs = list_of(
            reader, "needs", "a list of components and services, or of {at_least: k, of: […]}",
            most_components)) {
      if (needs->empty()) {
        reader.problem(*reader.find("needs"),
                       "`needs` is empty: write the components that the service cannot do without");
      }
      service.needs = NeedReader{draft, service.id}.read_list(*needs);
    }
    reader.finish();
    draft.platform.services.emplace(service.id, std::move(service));
  }
}

ResponseStep read_response_step(Draft& draft, const std::string& component, const Node& node) {
  ResponseStep step;
  Reader reader(node, draft.problems,
                fmt::format("a primary response step of component {}", component));
  if (!node.is_map()) return step;
  if (node.find("run") != nullptr && node.find("manual") != nullptr) {
    reader.problem(
        "a step either runs a program (`run`) or is done by a person (`manual`), not both: write "
        "two steps");
    return step;
  }
  if (const Node* text = reader.find("manual")) {
    step.manual = true;
    if (check_text(reader, *text, "manual", 2000, Lines::many)) step.text = text->scalar;
    step.limit = duration_within(reader, "within", 10min, 1s, 24h);
  } else if (reader.find("run") != nullptr) {
    step.run = program_of(draft, reader);
    step.limit = duration_within(reader, "timeout", 1min, 1s, 24h);
  } else {
    reader.problem(
        fmt::format("{} needs `run` (a program) or `manual` (what a person does)", reader.what()));
  }
  reader.finish();
  return step;
}

}  // namespace yagura
