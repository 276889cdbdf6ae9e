// What only the whole configuration can tell: cycles, components that nobody needs, roles without
// people.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "draft.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_cycles = 20;
constexpr std::size_t most_names = 10;  // of one cycle, in a message

std::string words_of(const std::vector<std::string>& path, std::size_t first) {
  std::string words;
  for (std::size_t index = first; index < path.size(); ++index) {
    if (path.size() - first > most_names && index == first + most_names) {
      words += "… -> ";
      break;
    }
    words += path[index] + " -> ";
  }
  return words + path[first];
}

// Depth first, in the order of the names; without recursion, as a path can be as long as there are
// names. Each cycle is reported where its last reference closes it.
void report_cycles(Draft& draft, const References& graph, std::string_view what) {
  struct Open {
    const std::vector<Reference>* references;
    std::size_t next = 0;
  };
  std::set<std::string> done, open;
  std::size_t found = 0;
  for (const auto& [start, references] : graph) {
    if (done.contains(start)) continue;
    std::vector<std::string> path{start};
    std::vector<Open> stack{{&references}};
    open = {start};
    while (!stack.empty()) {
      if (stack.back().next == stack.back().references->size()) {
        done.insert(path.back());
        open.erase(path.back());
        path.pop_back();
        stack.pop_back();
        continue;
      }
      const Reference& reference = (*stack.back().references)[stack.back().next++];
      if (open.contains(reference.to)) {
        if (++found > most_cycles) return;
        const auto first = std::find(path.begin(), path.end(), reference.to) - path.begin();
        draft.problem(reference.at,
                      fmt::format("{} {} in a circle, {}: remove one of these", reference.to, what,
                                  words_of(path, static_cast<std::size_t>(first))));
      } else if (!done.contains(reference.to)) {
        const auto next = graph.find(reference.to);
        if (next == graph.end()) continue;
        path.push_back(reference.to);
        open.insert(reference.to);
        stack.push_back({&next->second});
      }
    }
  }
}

void warn_of_unneeded(Draft& draft) {
  std::set<std::string> needed;
  std::vector<std::string> left;
  for (const Reference& need : draft.component_needs)
    left.push_back(need.to);
  while (!left.empty()) {
    const std::string name = std::move(left.back());
    left.pop_back();
    if (!needed.insert(name).second) continue;
    if (const auto found = draft.dependencies.find(name); found != draft.dependencies.end()) {
      for (const Reference& reference : found->second)
        left.push_back(reference.to);
    }
  }
  constexpr std::size_t most_named = 5;
  std::vector<std::string> named;
  std::size_t unneeded = 0;
  const Node* first = nullptr;
  for (const auto& [name, node] : draft.components) {
    if (needed.contains(name)) continue;
    if (first == nullptr) first = node;
    if (++unneeded <= most_named) named.push_back(name);
  }
  if (unneeded == 0) return;
  const bool one = unneeded == 1;
  draft.warning(*first, fmt::format("no service needs component{} {}{}, directly or not: {} can never be {}",
                                    one ? "" : "s", fmt::join(named, ", "),
                                    unneeded > most_named ? fmt::format(" and {} more", unneeded - most_named) : "",
                                    one ? "its failure" : "their failures", one ? "a major one" : "major ones"));
}

void check_roles(Draft& draft) {
  std::set<Role> reported;
  for (const auto& [role, at] : draft.mailed) {
    if (draft.holders.contains(role) || !reported.insert(role).second) continue;
    draft.problem(
        at,
        fmt::format("nobody has the role `{}`, which is mailed here: give it to one of `people`",
                    name_of(role)));
  }
  if (!draft.holders.contains(Role::system_lead) && reported.insert(Role::system_lead).second) {
    draft.problem(draft.section_key("people"),
                  "nobody has the role `system-lead`, who is told of everything that asks for a "
                  "decision: give it to one "
                  "of `people`");
  }
  for (const auto& [role, people] : draft.holders) {
    if (people.size() != 1) continue;
    draft.warning(
        people.front().at,
        fmt::format("{} is the only one with the role `{}`: nobody is told when they are away",
                    people.front().to, name_of(role)));
  }
}

}  // namespace

void check_whole(Draft& draft) {
  report_cycles(draft, draft.dependencies, "depends on itself");
  report_cycles(draft, draft.service_needs, "needs itself");
  warn_of_unneeded(draft);
  check_roles(draft);
}

}  // namespace yagura
