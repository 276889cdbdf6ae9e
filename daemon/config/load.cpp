#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "configuration.hpp"
#include "document.hpp"
#include "draft.hpp"
#include "each.hpp"
#include "text.hpp"
#include "yaml.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_problems = 1000;

// In the order of the files, then of the lines; what is printed cannot harm a terminal or a log.
void put_in_order(Problems& problems, const std::vector<std::string>& files) {
  const auto key = [&](const Problem& problem) {
    const auto file = std::find(files.begin(), files.end(), problem.place.file.text()) - files.begin();
    return std::tuple(file, problem.place.line, problem.place.column);
  };
  std::stable_sort(problems.begin(), problems.end(),
                   [&](const Problem& a, const Problem& b) { return key(a) < key(b); });
  if (problems.size() > most_problems) {
    const std::size_t more = problems.size() - most_problems;
    const bool error_lost = has_errors({problems.begin() + most_problems, problems.end()});
    Problem rest{problems[most_problems].place,
                 fmt::format("and {} more problems from here on", more), !error_lost};
    problems.resize(most_problems);
    problems.push_back(std::move(rest));
  }
  for (Problem& problem : problems) {
    problem.message = one_line(problem.message, 1000);
    problem.place.file = one_line(problem.place.file.text(), 4000);
  }
}

// Where a file broke off or could not be read, the others are judged all the same; but what is
// missing may stand in that file, and what it says itself may go on where it broke off.
void keep_what_is_sure(Problems& problems, std::size_t of_reading,
                       const ConfigurationDocument& document, const Draft& draft) {
  const auto is_unsure = [&](const Problem& problem) {
    return document.broken.contains(problem.place.file.text()) ||
           draft.absences.contains(problem.message) ||
           problem.message.starts_with("the configuration needs ");
  };
  problems.erase(std::remove_if(problems.begin() + static_cast<std::ptrdiff_t>(of_reading),
                                problems.end(), is_unsure),
                 problems.end());
}

// What stands under `listen:` at the beginning of a line, read by itself: the way to the socket
// where the file around it is no YAML.
std::string listen_section(std::string_view file) {
  std::string section;
  while (!file.empty()) {
    std::string_view line = file.substr(0, file.find('\n'));
    file.remove_prefix(std::min(file.size(), line.size() + 1));
    const bool begins = line.starts_with("listen:");
    if (section.empty() && !begins) continue;
    if (!begins && !line.empty() && line.find_first_of(" #\r") != 0) break;
    section.append(line).append("\n");
    if (section.size() > 10'000) break;
  }
  return section;
}

// `listen.control` of a tree, where it is there.
std::optional<Result<std::string>> control_socket_in(const Node& root) {
  const Node* listen = root.find("listen");
  if (listen == nullptr || !listen->is_map() || listen->find("control") == nullptr)
    return std::nullopt;
  Problems problems;
  Reader reader(*listen, problems, "listen");
  std::string socket = read_control_socket(reader);
  if (!has_errors(problems)) return Result<std::string>(std::move(socket));
  problems.front().message = one_line(problems.front().message);
  return Result<std::string>(failure_of(problems.front().text()));
}

}  // namespace

bool has_errors(const Problems& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& problem) { return !problem.warning; });
}

std::string text(const Problems& problems) {
  std::string lines;
  for (const Problem& problem : problems)
    lines += problem.text() + "\n";
  return lines;
}

Loaded load_configuration(const std::string& path, Instant now) {
  Loaded loaded;
  Problems& problems = loaded.problems;
  ConfigurationDocument document = read_document(path, problems);
  if (!document.readable) {
    put_in_order(problems, document.files);
    return loaded;
  }
  const WrittenComponents components(document, problems);
  const std::size_t of_reading = problems.size();
  Draft draft(document.root, problems, now);
  draft.root.find("include");
  if (document.root.is_map()) {
    read_settings(draft);
    read_calendar(draft);
    read_windows(draft);
    read_people(draft);
    read_components(draft, components);
    read_incoming(draft);
    read_self_check(draft);
    read_services(draft);
    read_banks(draft);
    read_duty(draft);
    read_maintenance(draft);
    read_mail(draft);
    read_escalation(draft);
    read_inquiries(draft);
    if (document.complete) check_whole(draft);
    draft.root.finish();
  }
  say_once(components.copied(), problems);
  if (!document.complete) keep_what_is_sure(problems, of_reading, document, draft);
  put_in_order(problems, document.files);
  if (has_errors(problems)) return loaded;
  draft.configuration.files = std::move(document.files);
  draft.configuration.platform = std::make_shared<const Platform>(std::move(draft.platform));
  loaded.configuration = std::move(draft.configuration);
  return loaded;
}

Result<std::string> control_socket_of(const std::string& path) {
  Problems problems;
  const ConfigurationDocument document = read_document(path, problems);
  if (!document.readable) return failure_of(one_line(problems.front().text()));
  if (auto socket = control_socket_in(document.root)) return std::move(*socket);
  if (document.complete) return default_control_socket();

  if (auto file = read_small_file(path, YamlLimits{}.bytes, false)) {
    Problems ignored;
    const YamlDocument listen = parse_yaml(listen_section(*file), path, ignored);
    if (auto socket = control_socket_in(listen.root)) return std::move(*socket);
  }
  return failure_of(fmt::format(
      "{} does not say where the control socket is (listen.control) as far as it can be "
      "read: repair it, or give --socket. {}",
      one_line(path), problems.empty() ? "" : one_line(problems.front().text())));
}

Result<StatePlace> state_place_of(const std::string& path) {
  Problems problems;
  const ConfigurationDocument document = read_document(path, problems);
  if (!document.complete || !document.root.is_map()) {
    return failure_of(
        fmt::format("{}: cannot be read to its end, so that where the record is (state) "
                    "is not sure: repair it. {}",
                    one_line(path), problems.empty() ? "" : one_line(problems.front().text())));
  }
  Reader root(document.root, problems, "the configuration");
  StatePlace place{read_state_folder(root), Zone()};
  if (has_errors(problems)) return failure_of(one_line(problems.front().text()));
  if (auto zone = Zone::named(root.text_or("timezone", "Asia/Tokyo"))) place.zone = *zone;
  return place;
}

}  // namespace yagura
