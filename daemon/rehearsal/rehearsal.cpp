#include "rehearsal.hpp"

#include <filesystem>

#include "simulation.hpp"
#include "timeline.hpp"

namespace yagura {
namespace {

// Problems of all kinds as one error, without the warnings: `config check` shows those.
tl::unexpected<Error> failed(const Problems& problems) {
  Problems errors;
  for (const Problem& problem : problems) {
    if (!problem.warning) errors.push_back(problem);
  }
  std::string message = text(errors);
  while (message.ends_with('\n'))
    message.pop_back();
  return failure_of(std::move(message));
}

Result<StagePtr> load_stage(const std::string& file, Instant now) {
  Loaded loaded = load_configuration(file, now);
  if (!loaded.configuration) return failed(loaded.problems);
  auto composer = Composer::load(loaded.configuration->mail.writing);
  if (!composer) return tl::unexpected(composer.error());
  return std::make_shared<const Stage>(
      Stage{std::move(*loaded.configuration), std::move(*composer)});
}

}  // namespace

Result<void> rehearse(const std::string& configuration_file, const std::string& story_file,
                      std::uint64_t seed, const RehearsalSink& sink) {
  Problems problems;
  const Story story = read_story(story_file, problems);
  if (has_errors(problems)) return failed(problems);
  auto stage = load_stage(configuration_file, story.from);
  if (!stage) return tl::unexpected(stage.error());
  std::vector<PlatformPtr> platforms{(*stage)->configuration.platform};
  std::map<std::string, Result<StagePtr>> reloads;
  for (const StoryEntry& entry : story.entries) {
    const auto* change = std::get_if<ConfigurationChange>(&entry.action);
    if (change == nullptr || reloads.contains(change->file)) continue;
    auto other = load_stage(change->file, entry.at);
    // One that is not there is a slip of the story; one with errors is a story about them.
    if (!other && !std::filesystem::exists(change->file)) return tl::unexpected(other.error());
    if (other) platforms.push_back((*other)->configuration.platform);
    reloads.emplace(change->file, std::move(other));
  }
  check_names(story, platforms, problems);
  if (has_errors(problems)) return failed(problems);
  return Simulation(story, *stage, std::move(reloads), seed, sink).run();
}

Result<void> rehearse(const std::string& configuration_file, const std::string& story_file,
                      std::uint64_t seed, RehearsalForm form, std::ostream& out) {
  Timeline timeline(out);
  return rehearse(configuration_file, story_file, seed,
                  [&](const RehearsalLine& line, const Platform& platform) {
                    switch (form) {
                      case RehearsalForm::json:
                        out << json_line(line, platform.zone) << '\n';
                        break;
                      case RehearsalForm::timeline:
                        timeline.show(line, platform);
                        break;
                    }
                  });
}

}  // namespace yagura
