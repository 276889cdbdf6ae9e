// `config check` and `rehearse`: they need no daemon, only its code.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "commands.hpp"
#include "configuration.hpp"
#include "file_modes.hpp"
#include "rehearsal.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr const char* default_configuration = "/etc/yagura/yagura.yaml";

std::string as_json(const Problems& problems) {
  json::array all;
  for (const Problem& problem : problems) {
    all.push_back({{"file", problem.place.file.text()},
                   {"line", problem.place.line},
                   {"column", problem.place.column},
                   {"warning", problem.warning},
                   {"message", problem.message}});
  }
  return json::serialize(all) + "\n";
}

}  // namespace

int config_check(const Arguments& given, const Terminal& terminal) {
  std::string file = given.text("FILE");
  if (!file.empty() && !given.config.empty() && file != given.config) {
    return wrong_usage(given, terminal, "name one file only");
  }
  if (file.empty()) file = given.config.empty() ? default_configuration : given.config;
  Loaded loaded = load_configuration(file, terminal.screen.now);
  if (loaded.configuration) {
    const Problems modes = problems_of_modes(*loaded.configuration);
    loaded.problems.insert(loaded.problems.end(), modes.begin(), modes.end());
  }
  const bool bad = has_errors(loaded.problems);
  if (given.json) terminal.out << as_json(loaded.problems);
  std::size_t warnings = 0;
  for (const Problem& problem : loaded.problems) {
    warnings += problem.warning ? 1 : 0;
    if (!given.json) terminal.err << problem.text() << "\n";
  }
  if (given.json) return bad ? exit_usage : exit_done;
  if (bad) {
    const std::size_t errors = loaded.problems.size() - warnings;
    complain(terminal, fmt::format("{}: {} error{}: nothing of it would be taken over",
                                   one_line(file), errors, errors == 1 ? "" : "s"));
    return exit_usage;
  }
  const Platform& platform = *loaded.configuration->platform;
  const auto count = [](std::size_t number, const char* one, const char* more) {
    return fmt::format("{} {}", number, number == 1 ? one : more);
  };
  terminal.out << fmt::format(
      "{}: correct{}: {}, {} with {}, {}, {}\n", one_line(file),
      warnings == 0 ? "" : ", with " + count(warnings, "warning", "warnings"),
      count(platform.services.size(), "service", "services"),
      count(platform.components.size(), "component", "components"),
      count(loaded.configuration->probes.size(), "probe", "probes"),
      count(platform.banks.size(), "bank", "banks"),
      count(platform.people.size(), "person", "people"));
  return exit_done;
}

int rehearse_story(const Arguments& given, const Terminal& terminal) {
  std::uint64_t seed = 0;
  if (given.has("seed")) {
    const std::string text = given.text("seed");
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (error != std::errc{} || end != text.data() + text.size()) {
      return wrong_usage(given, terminal, "--seed has to be a whole number");
    }
  }
  auto played = yagura::rehearse(
      given.config.empty() ? default_configuration : given.config, given.text("STORY"), seed,
      given.json ? RehearsalForm::json : RehearsalForm::timeline, terminal.out);
  if (played) return exit_done;
  terminal.out.flush();
  terminal.err << many_lines(played.error().message, 1'000'000) << "\n";
  return exit_usage;
}

}  // namespace yagura::cli
