#include <fmt/format.h>

#include <map>
#include <set>

#include "story.hpp"
#include "text.hpp"

namespace yagura {

void check_names(const Story& story, const std::vector<PlatformPtr>& platforms,
                 Problems& problems) {
  std::map<StoryName::Of, std::set<std::string>> known;
  for (const PlatformPtr& platform : platforms) {
    for (const auto& [id, component] : platform->components) {
      known[StoryName::Of::component].insert(id);
      for (const ProbeSpec& probe : component.probes) {
        known[StoryName::Of::probe].insert(id + "/" + probe.name);
        if (probe.is_job()) known[StoryName::Of::job].insert(id);
      }
    }
    for (const auto& [id, service] : platform->services)
      known[StoryName::Of::service].insert(id);
    for (const auto& [id, bank] : platform->banks)
      known[StoryName::Of::bank].insert(id);
    for (const auto& [id, person] : platform->people)
      known[StoryName::Of::person].insert(id);
  }
  const auto word_for = [](StoryName::Of of) -> std::string_view {
    switch (of) {
      case StoryName::Of::component:
        return "component";
      case StoryName::Of::probe:
        return "probe";
      case StoryName::Of::job:
        return "component with a job probe";
      case StoryName::Of::service:
        return "service";
      case StoryName::Of::bank:
        return "bank";
      case StoryName::Of::person:
        return "person";
    }
    return "";
  };
  for (const StoryName& name : story.names) {
    const auto& names = known[name.of];
    if (names.contains(name.name)) continue;
    const std::string close = nearest(name.name, {names.begin(), names.end()});
    problems.push_back(
        {name.place,
         fmt::format("the configuration has no {} `{}`{}", word_for(name.of),
                     one_line(name.name, 60),
                     close.empty() ? "" : fmt::format("; did you mean `{}`?", close)),
         false});
  }
}

}  // namespace yagura
