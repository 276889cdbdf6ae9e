// Stories for rehearsals, with names that are checked against a platform.
#include "story.hpp"

#include "configuration.hpp"
#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

PlatformPtr platform() {
  const Instant now{std::chrono::sys_days{std::chrono::year{2026} / 12 / 28}};
  Loaded loaded = load_configuration(YAGURA_SOURCE "/tests/data/example.yaml", now);
  require(loaded.configuration.has_value(), "the example can be loaded");
  return loaded.configuration->platform;
}

void run(std::string_view bytes) {
  static const PlatformPtr known = platform();
  Problems problems;
  const Story story = read_story(file_with(bytes), problems);
  check_names(story, {known}, problems);
  for (const Problem& problem : problems)
    require_safe(problem.text(), 6000);
  if (has_errors(problems)) return;
  Instant before = story.from;
  for (const StoryEntry& entry : story.entries) {
    require(entry.at >= before && entry.at <= story.until, "entries come in order, within the story");
    require_safe(entry.words, 1000);
    before = entry.at;
  }
}
const Target target("story", run);

}  // namespace
}  // namespace yagura::fuzz
