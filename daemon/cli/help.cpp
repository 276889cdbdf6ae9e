// The texts of --help. They are laid out here rather than by the library that reads the options, so
// that a command's help reads like a page: what it does, what it takes, examples.
#include <fmt/format.h>

#include <algorithm>

#include "options.hpp"
#include "sheet.hpp"
#include "version.hpp"

namespace yagura::cli {
namespace {

const std::vector<Row>& common_options() {
  static const std::vector<Row> rows{
      {{"--socket PATH", "the daemon's control socket; also YAGURA_SOCKET"}, ""},
      {{"--config FILE", "the daemon's configuration: of it listen.control is read"}, ""},
      {{"--json", "one JSON document instead of text"}, ""},
      {{"-h, --help", "this text"}, ""}};
  return rows;
}

std::string names_of(const Taken& taken) {
  if (!taken.name.starts_with('-')) return std::string(taken.value);
  std::string names(taken.name);
  if (auto comma = names.find(','); comma != std::string::npos) names.insert(comma + 1, " ");
  if (!taken.value.empty()) names += " " + std::string(taken.value);
  return names;
}

struct Group {
  std::string_view title;
  std::vector<std::string_view> commands;
};
const std::vector<Group>& groups() {
  static const std::vector<Group> all{
      {"Looking",
       {"status", "failures", "show", "why", "notices", "notice show", "notice preview", "stops", "duty", "jobs", "probe",
        "samples", "record"}},
      {"Working on a failure", {"ack", "respond", "report", "escalate", "recover", "confirm", "open"}},
      {"For the system lead",
       {"classify", "banks", "notice hold", "notice release", "notice withdraw", "notice edit", "notice security", "stop plan",
        "stop change", "stop extend", "stop end", "stop cancel", "reload", "backup",
        "record archive", "record erase"}},
      {"Duty", {"duty swap", "duty cancel"}},
      {"Inquiries",
       {"inquiries", "inquiry show", "inquiry open", "inquiry reply", "inquiry close", "inquiry link",
        "inquiry receive"}},
      {"Jobs", {"job run", "job deliver"}},
      {"Without a daemon", {"config check", "calendar", "rehearse", "restore"}}};
  return all;
}

}  // namespace

std::string help_overview() {
  Sheet sheet(Screen{});
  sheet.line(
      fmt::format("yagura {} - the operators' command of the monitoring daemon yagurad", version));
  sheet.blank();
  sheet.line("usage: yagura [--socket PATH | --config FILE] [--json] COMMAND ...");
  for (const Group& group : groups()) {
    sheet.heading(group.title);
    std::vector<Row> rows;
    for (std::string_view name : group.commands) {
      if (const CommandRow* row = command_named(name)) {
        rows.push_back({{std::string(row->name), std::string(row->summary)}, ""});
      }
    }
    // One width for all groups.
    rows.push_back({{"notice withdraw ", ""}, ""});
    Sheet part(Screen{});
    part.rows(rows);
    std::string text = part.take();
    text.pop_back();
    sheet.append(text.substr(0, text.rfind('\n') + 1));
  }
  sheet.heading("Options, before or after the command's name");
  sheet.rows(common_options());
  sheet.rows({{{"--version", "     the version"}, ""}});
  sheet.blank();
  sheet.line(
      "`yagura COMMAND --help` says more of each, with examples. Exit status: 0 done, 1 "
      "refused, 2 wrong usage or configuration, 3 the daemon cannot be reached.");
  return sheet.take();
}

std::string help_of(const CommandRow& row) {
  Sheet sheet(Screen{});
  sheet.line(
      fmt::format("usage: yagura {}{}{}", row.name, row.synopsis.empty() ? "" : " ", row.synopsis));
  sheet.blank();
  sheet.line(row.help);
  if (!row.who.empty()) sheet.line(fmt::format("Who may: {}.", row.who));
  std::vector<Row> rows;
  for (const Taken& taken : row.takes)
    rows.push_back({{names_of(taken), std::string(taken.help)}, ""});
  rows.insert(rows.end(), common_options().begin(), common_options().end());
  sheet.heading("Takes");
  sheet.rows(rows);
  if (!row.examples.empty()) {
    sheet.heading("Examples");
    sheet.append(std::string(row.examples));
  }
  return sheet.take();
}

}  // namespace yagura::cli
