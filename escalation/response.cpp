// The primary response (一次対応): its steps in order, the cause's first, each followed by fresh probe runs.
#include <algorithm>

#include "rules.hpp"
#include "text.hpp"

namespace yagura {

namespace {

// The components whose steps are tried: the cause, then the others that keep the services down.
std::vector<ComponentName> responders(const Turn& turn, const Failure& failure) {
  std::vector<ComponentName> found;
  if (failure.members.contains(failure.cause)) found.push_back(failure.cause);
  const std::size_t first = found.size();
  for (const auto& [name, since] : failure.members) {
    if (name == failure.cause) continue;
    if (effective_state(turn, name) != ComponentState::down) continue;
    const std::set<ServiceName>& services = turn.topology.services_of(name);
    bool needed = std::any_of(failure.keeps_down.begin(), failure.keeps_down.end(),
                              [&](const ServiceName& service) { return services.contains(service); });
    if (needed) found.push_back(name);
  }
  std::sort(found.begin() + static_cast<std::ptrdiff_t>(first), found.end(),
            [&](const ComponentName& a, const ComponentName& b) {
              return turn.topology.place(a) < turn.topology.place(b);
            });
  return found;
}

const std::vector<ResponseStep>& steps_of(const Turn& turn, const ComponentName& name) {
  static const std::vector<ResponseStep> none;
  auto found = turn.platform.components.find(name);
  return found == turn.platform.components.end() ? none : found->second.primary_response;
}

// After a relapse, and wherever an incident is judged again, the procedure is followed again.
bool was_run(const Failure& failure, const ComponentName& component, int step) {
  auto begin = failure.steps.begin() + std::min<std::ptrdiff_t>(failure.steps_judged, std::ssize(failure.steps));
  return std::any_of(begin, failure.steps.end(), [&](const StepRun& run) {
    return run.component == component && run.step == step;
  });
}

}  // namespace

bool has_response(const Turn& turn, const Failure& failure) {
  if (!failure.steps.empty()) return true;
  for (const ComponentName& name : responders(turn, failure)) {
    if (!steps_of(turn, name).empty()) return true;
  }
  return false;
}

bool start_next_step(Turn& turn, FailureId id, bool& waits) {
  waits = false;
  for (const ComponentName& name : responders(turn, turn.failure(id))) {
    int number = 0;
    for (const ResponseStep& step : steps_of(turn, name)) {
      ++number;
      if (was_run(turn.failure(id), name, number)) continue;
      if (!step.manual && is_quiet(turn, name)) {
        waits = true;
        return false;
      }
      StepRun run;
      run.component = name;
      run.step = number;
      run.manual = step.manual;
      run.what = step.text;
      for (const std::string& word : step.run) run.what += (run.what.empty() ? "" : " ") + word;
      run.started = turn.now;
      run.deadline = turn.now + step.limit;
      turn.fact("response.started", id,
                {{"component", name}, {"step", std::to_string(number)}, {"what", run.what},
                 {"manual", step.manual ? "true" : "false"}, {"until", turn.time(run.deadline)}});
      turn.edit(id).steps.push_back(run);
      if (!step.manual) turn.effect(StartStep{id, name, number, step.run, step.limit});
      turn.wake_at(run.deadline);
      return true;
    }
  }
  return false;
}

void end_step(Turn& turn, FailureId id, StepResult result, std::string output, std::string by) {
  Failure& failure = turn.edit(id);
  StepRun& step = failure.steps.back();
  step.result = result;
  step.ended = turn.now;
  step.output = many_lines(output, 10'000);
  step.by = by;
  failure.settling = true;
  turn.fact("response.ended", id,
            {{"component", step.component}, {"step", std::to_string(step.step)},
             {"result", boost::describe::enum_to_string(result, "")},
             {"output", one_line(output, 500)}},
            by.empty() ? "daemon" : by);
  turn.effect(RunProbes{probes_of(turn, failure)});
}

void settle_response(Turn& turn, FailureId id) {
  const Failure& failure = turn.failure(id);
  if (const StepRun* step = failure.running_step()) {
    if (turn.now < step->deadline) {
      turn.wake_at(step->deadline);
      return;
    }
    if (!step->manual) turn.effect(StopStep{id, step->component, step->step});
    end_step(turn, id, StepResult::timed_out, "", "");
  }
  if (!failure.settling) return;
  Instant since = failure.steps.empty() || !failure.steps.back().ended ? failure.failing_since
                                                                       : *failure.steps.back().ended;
  if (turn.live.restarted_at) since = std::max(since, *turn.live.restarted_at);
  if (ran_afresh(turn, failure, since)) turn.edit(id).settling = false;
}

}  // namespace yagura
