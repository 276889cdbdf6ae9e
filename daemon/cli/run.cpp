#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cli.hpp"
#include "commands.hpp"
#include "options.hpp"

namespace yagura {

namespace cli {

int wrong_usage(const Arguments& given, const Terminal& terminal, std::string_view what) {
  complain(terminal, fmt::format("{}\nmore: yagura {} --help", what, given.command));
  return exit_usage;
}

}  // namespace cli

int run_command(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const cli::Terminal terminal{std::cout, std::cerr, cli::screen_of_standard_output()};
  int exit = cli::exit_done;
  try {
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    cli::Reading reading = cli::read_options(words);
    if (reading.arguments) {
      const cli::CommandRow* row = cli::command_named(reading.arguments->command);
      exit = row->run(*reading.arguments, terminal);
    } else {
      exit = reading.exit;
      if (exit == cli::exit_done) {
        terminal.out << reading.text;
      } else {
        cli::complain(terminal, reading.text);
      }
    }
  } catch (const std::exception& error) {
    cli::complain(terminal, fmt::format("unexpected: {}", error.what()));
    exit = cli::exit_refused;
  }
  // An export that did not fit on its disk must not look like a whole one.
  terminal.out.flush();
  if (!terminal.out && exit == cli::exit_done) {
    cli::complain(terminal, "standard output cannot be written: what came out is not all");
    exit = cli::exit_refused;
  }
  return exit;
}

}  // namespace yagura
