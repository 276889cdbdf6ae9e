// What each kind of a story's entries does to the simulated world.
#include <fmt/format.h>

#include <utility>

#include "simulation.hpp"
#include "text.hpp"

namespace yagura {
namespace {

// Of the errors of a configuration; `yagura config check` shows all.
constexpr std::size_t most_refused_text = 2'000;

// The changed names, for the record: "+ web-3, - web-2".
std::vector<std::string> changes_between(const Platform& before, const Platform& after) {
  std::vector<std::string> changes;
  const auto compare = [&changes](std::string_view what, const auto& old_map, const auto& new_map) {
    for (const auto& row : new_map) {
      if (!old_map.contains(row.first))
        changes.push_back(fmt::format("{} {} added", what, row.first));
    }
    for (const auto& row : old_map) {
      if (!new_map.contains(row.first))
        changes.push_back(fmt::format("{} {} gone", what, row.first));
    }
  };
  compare("component", before.components, after.components);
  compare("service", before.services, after.services);
  compare("bank", before.banks, after.banks);
  compare("person", before.people, after.people);
  return changes;
}

}  // namespace

void Simulation::play(const StoryEntry& entry) {
  RehearsalLine line;
  line.at = now_;
  line.what = "story";
  line.entry = entry.place.line;
  line.details["text"] = entry.words;
  say(std::move(line));
  std::visit([&](const auto& action) { play_action(entry, action); }, entry.action);
}

void Simulation::refuse(int entry, const std::string& reason) {
  RehearsalLine line;
  line.at = now_;
  line.what = "refused";
  line.entry = entry;
  line.details["reason"] = reason;
  say(std::move(line));
}

void Simulation::play_action(const StoryEntry& entry, const FindingChange& change) {
  const Platform& platform = *stage_->configuration.platform;
  auto component = platform.components.find(change.component);
  if (component == platform.components.end() ||
      (!change.probe.empty() && component->second.probe(change.probe) == nullptr)) {
    refuse(entry.place.line,
           fmt::format("the configuration in force has no {}{}{}", change.component,
                       change.probe.empty() ? "" : "/", change.probe));
    return;
  }
  for (const ProbeSpec& spec : component->second.probes) {
    if (!change.probe.empty() && spec.name != change.probe) continue;
    const ProbeId probe{change.component, spec.name};
    if (spec.is_job()) {
      take(jobs_.set_finding(probe, change.verdict, change.reason, now_));
    } else {
      said_[probe] = {change.verdict, change.reason};
      wake(probe);
    }
  }
}

void Simulation::play_action(const StoryEntry& entry, const StepExit& exit) {
  if (is_down()) return refuse(entry.place.line, "the daemon is down: it runs no response");
  for (const auto& [id, failure] : decider_->state().failures) {
    const StepRun* step = failure.is_open() ? failure.running_step() : nullptr;
    if (step == nullptr || step->component != exit.component || step->step != exit.step) continue;
    if (!step->manual) {
      happen(StepEnded{id, exit.component, exit.step,
                       exit.success ? StepResult::succeeded : StepResult::failed, ""});
      return;
    }
    // Somebody of the owner's ends a manual step.
    const auto people = stage_->configuration.platform->people_with(failure.owner);
    if (people.empty()) return refuse(entry.place.line, "nobody is there to end this manual step");
    order(entry, people.front()->id, Respond{id, exit.success, ""});
    return;
  }
  refuse(entry.place.line, fmt::format("step {} of the primary response of {} is not running",
                                       exit.step, exit.component));
}

void Simulation::play_action(const StoryEntry& entry, const PersonActs& acts) {
  Order given = acts.order;
  if (auto* edit = std::get_if<EditNotice>(&given)) {
    auto found = decider_->state().notices.find(edit->notice);
    if (found != decider_->state().notices.end()) {
      auto mail = stage_->composer.text(*stage_->configuration.platform, decider_->state(), found->second, now_);
      edit->subject_before = std::move(mail.subject);
      edit->body_before = std::move(mail.body);
    }
  }
  order(entry, acts.by, given);
}

void Simulation::order(const StoryEntry& entry, const PersonName& by, const Order& order) {
  if (is_down()) return refuse(entry.place.line, "the daemon cannot be reached: it is down");
  commands_[++last_command_] = entry.place.line;
  happen(Command{last_command_, by, order});
}

void Simulation::play_action(const StoryEntry&, const RelayChange& change) {
  relay_up_ = change.up;
}

void Simulation::play_action(const StoryEntry& entry, const Outage& outage) {
  if (is_down()) return refuse(entry.place.line, "the daemon is down already");
  up_again_at_ = now_ + outage.length;
  jobs_.daemon_ends(now_);
}

void Simulation::play_action(const StoryEntry& entry, const JobChange& change) {
  const Platform& platform = *stage_->configuration.platform;
  auto component = platform.components.find(change.component);
  const ProbeSpec* found = nullptr;
  if (component != platform.components.end()) {
    for (const ProbeSpec& spec : component->second.probes) {
      const bool wanted = change.probe.empty() ? found == nullptr : spec.name == change.probe;
      if (spec.is_job() && wanted) found = &spec;
    }
  }
  if (found == nullptr) {
    return refuse(entry.place.line,
                  fmt::format("the configuration in force has no job probe {}{}{}",
                              change.component, change.probe.empty() ? "" : "/", change.probe));
  }
  std::optional<JobPing::Event> event;
  switch (change.event) {
    case JobChange::Event::start:
      event = JobPing::Event::start;
      break;
    case JobChange::Event::success:
      event = JobPing::Event::success;
      break;
    case JobChange::Event::fail:
      event = JobPing::Event::fail;
      break;
    case JobChange::Event::none:
      break;
  }
  take(jobs_.tell({change.component, found->name}, event, now_));
}

void Simulation::play_action(const StoryEntry& entry, const ConfigurationChange& change) {
  const Result<StagePtr>& next = reloads_.at(change.file);
  if (!next) {
    std::string errors;
    for (char letter : next.error().message) {
      if (letter == '\n') errors += ';';
      errors += letter;
    }
    refuse(entry.place.line, "the configuration in force stays, as this one has errors: " +
                                 one_line(errors, most_refused_text));
    return;
  }
  const StagePtr before = std::exchange(stage_, *next);
  jobs_.set_configuration(stage_->configuration, now_);
  if (is_down()) return;  // It is read at the start.
  scheduler_.set_platform(stage_->configuration.platform, now_);
  happen(PlatformChanged{
      stage_->configuration.platform,
      changes_between(*before->configuration.platform, *stage_->configuration.platform)});
  wake_all();
}

}  // namespace yagura
