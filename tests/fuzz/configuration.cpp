// The configuration, whole: YAML, every section, every kind of probe.
#include "configuration.hpp"

#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  // What would be read besides, is this machine's.
  if (bytes.find("include") != std::string_view::npos) return;
  const Instant now{std::chrono::sys_days{std::chrono::year{2026} / 12 / 28}};
  const std::string path = file_with(bytes);
  Loaded loaded = load_configuration(path, now);
  require(loaded.configuration.has_value() || has_errors(loaded.problems), "a refusal has a reason");
  for (const Problem& problem : loaded.problems)
    require_safe(problem.text(), 6000);
  (void)control_socket_of(path);
  if (!loaded.configuration) return;
  require(!has_errors(loaded.problems), "what has errors is refused");
  const Configuration& configuration = *loaded.configuration;
  require(configuration.platform != nullptr, "a configuration has a platform");
  for (const auto& [id, setup] : configuration.probes) {
    require(setup.job.has_value() || setup.make() != nullptr, "every probe can be made");
    require(configuration.platform->components.contains(id.component), "a probe has a component");
  }
}
const Target target("configuration", run);

}  // namespace
}  // namespace yagura::fuzz
