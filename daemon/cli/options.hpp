// The command line: a table of commands, each a row of name, what it takes, its help and the
// function that carries it out (command_table.cpp), and the reading of what was given against it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "terminal.hpp"

namespace yagura::cli {

struct Taken {
  enum class Need { optional, required, repeated };
  // "N": one that is known by its place; "-m,--message", "--all": an option. What follows the
  // last comma, without dashes, is its name in Arguments.
  std::string_view name;
  std::string_view value;  // what stands for the value in the help; empty: a flag
  std::string_view help;
  Need need = Need::optional;
};

struct CommandRow {
  std::string_view name;      // "ack", "notice show"
  std::string_view synopsis;  // what stands after the name
  std::string_view who;       // who may; empty: anybody
  std::string_view summary;   // for the list of all commands: at most 50 columns
  std::string_view help;
  std::string_view examples;  // a line each
  std::vector<Taken> takes;
  int (*run)(const Arguments&, const Terminal&) = nullptr;
  bool takes_program = false;  // what follows `--` is a program's
};
const std::vector<CommandRow>& command_table();
const CommandRow* command_named(std::string_view name);

// Either a command to run, or a text to print with the exit status that it comes with.
struct Reading {
  std::optional<Arguments> arguments;
  int exit = 0;
  std::string text;  // of help and version; of a usage error: what is wrong
};
// Without the program's name.
Reading read_options(const std::vector<std::string>& words);

// Every command by its summary; one with all that it takes. Both fit 80 columns.
std::string help_overview();
std::string help_of(const CommandRow& row);

}  // namespace yagura::cli
