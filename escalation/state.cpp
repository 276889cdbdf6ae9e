#include "state.hpp"

#include <algorithm>

namespace yagura {

std::vector<const Notice*> notices_of(const State& state, const std::set<FailureId>& failures) {
  std::vector<const Notice*> found;
  if (state.notices_by_failure.empty()) {
    for (const auto& [id, notice] : state.notices) {
      if (failures.contains(notice.failure)) found.push_back(&notice);
    }
    return found;
  }
  for (FailureId failure : failures) {
    auto of = state.notices_by_failure.find(failure);
    if (of == state.notices_by_failure.end()) continue;
    for (NoticeId id : of->second) found.push_back(&state.notices.at(id));
  }
  std::sort(found.begin(), found.end(), [](const Notice* a, const Notice* b) { return a->id < b->id; });
  return found;
}

}  // namespace yagura
