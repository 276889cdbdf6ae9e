#include "options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "text.hpp"
#include "version.hpp"

namespace yagura::cli {
namespace {

std::string_view last_name(std::string_view names) {
  names.remove_prefix(names.rfind(',') == std::string_view::npos ? 0 : names.rfind(',') + 1);
  while (names.starts_with('-'))
    names.remove_prefix(1);
  return names;
}

Reading done(std::string text) {
  return {std::nullopt, exit_done, std::move(text)};
}

Reading wrong(const std::string& what, const CommandRow* row = nullptr) {
  if (row == nullptr)
    return {std::nullopt, exit_usage, what + "; `yagura help` lists the commands"};
  return {std::nullopt, exit_usage,
          fmt::format("{}\nusage: yagura {}{}{}\nmore:  yagura {} --help", what, row->name,
                      row->synopsis.empty() ? "" : " ", row->synopsis, row->name)};
}

Reading unknown_command(const std::string& word) {
  std::vector<std::string> known;
  for (const CommandRow& row : command_table()) {
    known.emplace_back(row.name.substr(0, row.name.find(' ')));
  }
  const std::string near = nearest(word, known);
  return wrong(fmt::format("there is no command `{}`{}", one_line(word, 100),
                           near.empty() ? "" : fmt::format("; did you mean `{}`?", near)));
}

bool is_group(std::string_view word) {
  return std::any_of(command_table().begin(), command_table().end(), [&](const CommandRow& row) {
    return row.name.size() > word.size() && row.name.starts_with(word) &&
           row.name[word.size()] == ' ';
  });
}

std::string members_of(std::string_view group) {
  std::string names;
  for (const CommandRow& row : command_table()) {
    if (row.name.starts_with(group) && row.name.size() > group.size() &&
        row.name[group.size()] == ' ') {
      names += fmt::format("{}`{}`", names.empty() ? "" : ", ", row.name.substr(group.size() + 1));
    }
  }
  return names;
}

// The places of the words that name the command: those that are no common option and not the
// value of one. At most two, the second only in a group ("notice show").
std::vector<std::size_t> command_places(const std::vector<std::string>& words) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (word == "--socket" || word == "--config") {
      ++at;
    } else if (word.starts_with('-') && word.size() > 1) {
      if (places.empty() && word != "--json" && !word.starts_with("--socket=") &&
          !word.starts_with("--config=")) {
        break;  // an option of the command before its name
      }
    } else {
      // Where the first word is a command by itself, too, the next may be what it takes.
      const bool alone = places.size() == 1 && command_named(words[places[0]]) != nullptr &&
                         command_named(words[places[0]] + " " + word) == nullptr;
      if (alone) break;
      places.push_back(at);
      if (places.size() == 2 || !is_group(words[places[0]])) break;
    }
  }
  return places;
}

bool asks_for(const std::vector<std::string>& words, std::string_view short_form,
              std::string_view long_form) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return word == short_form || word == long_form;
  });
}

Reading help_on(const std::vector<std::string>& words) {
  std::string name;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (words[at] == "--socket" || words[at] == "--config") {
      ++at;
    } else if (!words[at].starts_with('-')) {
      name += (name.empty() ? "" : " ") + words[at];
    }
  }
  if (name.empty()) return done(help_overview());
  if (const CommandRow* row = command_named(name)) return done(help_of(*row));
  std::string all;
  for (const CommandRow& row : command_table()) {
    if (row.name.starts_with(name + " ")) all += (all.empty() ? "" : "\n") + help_of(row);
  }
  return all.empty() ? unknown_command(name.substr(0, name.find(' '))) : done(std::move(all));
}

void add(CLI::App& app, const Taken& taken, Arguments& arguments) {
  const std::string name(last_name(taken.name));
  CLI::Option* option = nullptr;
  if (taken.value.empty() && taken.name.starts_with('-')) {
    option = app.add_flag_callback(std::string(taken.name),
                                   [&arguments, name] { arguments.values[name] = {"true"}; });
  } else if (taken.need == Taken::Need::repeated) {
    option = app.add_option_function<std::vector<std::string>>(
        std::string(taken.name), [&arguments, name](const std::vector<std::string>& given) {
          arguments.values[name] = given;
        });
    if (taken.name.starts_with('-')) {
      option->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    } else {
      option->required()->expected(1, 1000);
    }
  } else {
    option = app.add_option_function<std::string>(
        std::string(taken.name),
        [&arguments, name](const std::string& given) { arguments.values[name] = {given}; });
  }
  if (taken.need == Taken::Need::required) option->required();
}

std::string words_for(const CLI::App& app, const CLI::ParseError& error) {
  const auto left = app.remaining();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || left.empty()) {
    return one_line(error.what(), 500);
  }
  // The rest comes in the order of the line, or against it; an option is the likelier culprit.
  auto option = std::find_if(left.begin(), left.end(),
                             [](const std::string& word) { return word.starts_with('-'); });
  if (option == left.end()) return fmt::format("`{}` is too much", one_line(left.front(), 100));
  std::vector<std::string> known;
  for (const CLI::Option* one : app.get_options()) {
    for (const std::string& name : one->get_lnames())
      known.push_back("--" + name);
  }
  const std::string near = nearest(*option, known);
  return fmt::format("there is no option `{}`{}", one_line(*option, 100),
                     near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
}

Reading read_command(const CommandRow& row, std::vector<std::string> words, Arguments arguments) {
  if (asks_for(words, "-h", "--help")) return done(help_of(row));
  CLI::App app;
  app.set_help_flag();
  app.add_option("--socket", arguments.socket);
  app.add_option("--config", arguments.config);
  app.add_flag("--json", arguments.json);
  for (const Taken& taken : row.takes)
    add(app, taken, arguments);
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return wrong(words_for(app, error), &row);
  }
  return {std::move(arguments), exit_done, {}};
}

}  // namespace

const CommandRow* command_named(std::string_view name) {
  auto found = std::find_if(command_table().begin(), command_table().end(),
                            [&](const CommandRow& row) { return row.name == name; });
  return found == command_table().end() ? nullptr : &*found;
}

Reading read_options(const std::vector<std::string>& given) {
  // What stands after `--` is a program's, and nothing of it is ours to read.
  auto dashes = std::find(given.begin(), given.end(), "--");
  std::vector<std::string> words(given.begin(), dashes);
  Arguments arguments;
  if (dashes != given.end()) arguments.after_dashes.assign(dashes + 1, given.end());

  const std::vector<std::size_t> places = command_places(words);
  if (places.empty()) {
    if (asks_for(words, "-h", "--help")) return done(help_overview());
    if (asks_for(words, "-V", "--version")) return done(fmt::format("yagura {}\n", version));
    for (const std::string& word : words) {
      if (word.starts_with('-') && word != "--json" && !word.starts_with("--socket") &&
          !word.starts_with("--config")) {
        return wrong(
            fmt::format("`{}` stands before a command's name, where only --socket, "
                        "--config and --json may",
                        one_line(word, 100)));
      }
    }
    return wrong("a command is missing");
  }
  std::string name = words[places[0]];
  if (name == "help") {
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(places[0]));
    return help_on(words);
  }
  if (is_group(name) && (places.size() == 2 || command_named(name) == nullptr)) {
    if (asks_for(words, "-h", "--help") && places.size() < 2) return help_on({name});
    if (places.size() < 2)
      return wrong(fmt::format("`{}` wants one of {}", name, members_of(name)));
    name += " " + words[places[1]];
    if (command_named(name) == nullptr) {
      return wrong(fmt::format("there is no `{}`: `{}` wants one of {}", one_line(name, 100),
                               words[places[0]], members_of(words[places[0]])));
    }
  }
  const CommandRow* row = command_named(name);
  if (row == nullptr) return unknown_command(name);
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(*place));
  }
  arguments.command = name;
  if (!arguments.after_dashes.empty() && !row->takes_program) {
    return wrong(fmt::format("`{} {}` is too much", "--", one_line(arguments.after_dashes[0], 100)),
                 row);
  }
  return read_command(*row, std::move(words), std::move(arguments));
}

}  // namespace yagura::cli
