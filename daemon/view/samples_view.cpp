// How probes ran over time.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "text.hpp"
#include "view_parts.hpp"

namespace yagura {

using namespace view;

namespace {

// No more digits than are known.
double rounded(double value) {
  return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
}

json::object runs_object(const RunTally& runs) {
  json::object object{{"runs", runs.all()}};
  for (Verdict verdict : {Verdict::ok, Verdict::warning, Verdict::failing, Verdict::unknown}) {
    object[std::string(name_of(verdict))] = runs.of(verdict);
  }
  // Cut off: what failed once is not 100.
  const auto percent = runs.availability();
  object["availability_percent"] =
      percent ? json::value(std::floor(*percent * 1000) / 1000) : json::value(nullptr);
  return object;
}

json::object tally_object(const NamedTally& tally) {
  json::object object = runs_object(tally.runs);
  json::object values;
  for (const auto& [name, value] : tally.values) {
    values[one_line(name, longest_sampled_name)] = json::object{
        {"runs", value.runs}, {"mean", rounded(value.mean)}, {"max", rounded(value.max)}};
  }
  object["values"] = std::move(values);
  return object;
}

}  // namespace

std::string samples_json(const Zone& zone, const ComponentName& component, const History& history) {
  json::array probes;
  for (const auto& [name, probe] : history.probes) {
    json::array steps;
    for (const auto& [at, tally] : probe.steps) {
      json::object step{{"at", zone.format(at)}};
      for (auto& [key, value] : tally_object(tally))
        step[key] = std::move(value);
      steps.push_back(std::move(step));
    }
    probes.push_back(json::object{
        {"probe", name}, {"steps", std::move(steps)}, {"sum", tally_object(probe.sum)}});
  }
  return finished(json::object{{"component", component},
                               {"since", zone.format(history.since)},
                               {"until", zone.format(history.until)},
                               {"step", std::string(name_of(history.step))},
                               {"probes", std::move(probes)},
                               {"sum", runs_object(history.runs)}});
}

}  // namespace yagura
