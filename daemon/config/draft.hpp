// A configuration while it is read, and what the readers of its sections have in common. Each
// section is read by a function of its own in a file of its own; what only the whole can tell is in
// checks.cpp. A reader reports every problem that it finds and goes on with what it has: nothing
// that is wrong gets out, because a configuration with an error is dropped as a whole.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "configuration.hpp"
#include "each.hpp"

namespace yagura {

// Names as they are written, with their places, whether or not what they name is right: so one
// mistake is reported once.
using Names = std::map<std::string, const Node*, std::less<>>;

// A reference from one name to another, and where it is written.
struct Reference {
  std::string to;
  Place at;
};
using References = std::map<std::string, std::vector<Reference>>;

struct Draft {
  Draft(const Node& document, Problems& found, Instant at)
      : problems(found), now(at), root(document, found, "the configuration") {}

  Problems& problems;
  const Instant now;
  Reader root;
  Configuration configuration;
  Platform platform;

  Names components, services, windows;
  References dependencies;                           // component -> component
  std::vector<Reference> outside;                    // what any component needs_outside
  References service_needs;                          // service -> service
  std::vector<Reference> component_needs;            // what any service names
  std::map<Role, Place> mailed;                      // where a role is mailed first
  std::map<Role, std::vector<Reference>> holders;    // the people of each role
  std::vector<std::pair<AlarmSource, Place>> alarm_sources;  // of the probes, and where each is written
  bool calendar_holds = false;                       // it can be asked about today

  void problem(const Node& at, std::string message) { problem(at.place, std::move(message)); }
  void problem(const Place& at, std::string message) { problems.push_back({at, std::move(message), false}); }
  void warning(const Node& at, std::string message) { warning(at.place, std::move(message)); }
  void warning(const Place& at, std::string message) { problems.push_back({at, std::move(message), true}); }
  void guard(std::string path, const Node& at, GuardedFile::Kind kind) {
    if (!path.empty()) configuration.guarded.push_back({std::move(path), at.place, kind});
  }
  // The node of a top-level key, or of the whole file: where what is not written is to be reported.
  const Node& section(std::string_view key) const;
  // The section's key, where the section is.
  const Node& section_key(std::string_view key) const;

  // "there is no component `databse`; did you mean `database`?"
  std::string unknown(std::string_view what, std::string_view name, const Names& known);
  std::set<std::string> absences;  // what unknown() has said

 private:
  int suggestions_left_ = 200;  // each compares with every known name
};

// In the order in which they are called.
void read_settings(Draft& draft);  // timezone, state, listen, heartbeat, retention, response_user
void read_calendar(Draft& draft);
void read_windows(Draft& draft);
void read_people(Draft& draft);
void read_components(Draft& draft, const WrittenComponents& written);
void read_incoming(Draft& draft);
void read_self_check(Draft& draft);
void read_services(Draft& draft);
void read_banks(Draft& draft);
void read_duty(Draft& draft);
void read_maintenance(Draft& draft);
void read_mail(Draft& draft);
void read_escalation(Draft& draft);  // and bank_notices
void read_inquiries(Draft& draft);
void check_whole(Draft& draft);

// A probe of a component: the keys common to all kinds, then those of its own.
struct ProbeDefaults {
  Duration interval = 1min;
  Duration timeout = 10s;
  Duration retry = 10s;
  int confirm = 2;
  std::optional<int> clear;   // as confirm
  bool interval_fits = true;  // with the timeout; else it is reported already
};
ProbeDefaults read_probe_defaults(Draft& draft);
std::optional<ProbeSpec> read_probe(Draft& draft, const std::string& component, const Node& node,
                                    const ProbeDefaults& defaults);
ResponseStep read_response_step(Draft& draft, const std::string& component, const Node& node);
// `listen.control` and its default; also called where nothing else is wanted.
std::string read_control_socket(Reader& listen);
std::string default_control_socket();
// `state` with its default; also called where nothing else is wanted.
std::string read_state_folder(Reader& root);

// The entries of a mapping from names; `what` says in the singular what they are: "component".
// Refuses names that are no identifiers, and more than `most`.
void check_name(Draft& draft, const Node& key, std::string_view what);
bool check_mapping(Draft& draft, const Node& section, std::string_view what);
void refuse_more(Draft& draft, const Node& key, std::string_view what, std::size_t most);
using Entries = std::vector<const NodeEntry*>;
Entries named_entries(Draft& draft, const Node* section, std::string_view what, std::size_t most);
Names names_in(Draft& draft, std::string_view section);
bool is_identifier(std::string_view text);

// A list; `what` is said of what it holds: "a list of relays (- url: …)". Nothing where the key is
// absent.
const std::vector<Node>* list_of(Reader& reader, std::string_view key, std::string_view what,
                                 std::size_t most);
// A text, or a list of texts, as nodes, so that each has its place.
std::vector<const Node*> scalars_of(Reader& reader, std::string_view key,
                                    std::size_t most = most_components);

// A text of people: one line, or many; not empty, and without control characters.
enum class Lines { one, many };
bool check_text(Reader& reader, const Node& at, std::string_view key, std::size_t limit,
                Lines lines = Lines::one);
// `language`, of all mail or of a bank's.
Language language_or(Reader& reader, Language otherwise);
std::string name_or(Reader& reader, std::string_view key, std::string_view otherwise);

Duration duration_within(Reader& reader, std::string_view key, Duration otherwise, Duration least,
                         Duration most);
// `run`: a program with its full path, then its arguments; empty where it is wrong.
std::vector<std::string> program_of(Draft& draft, Reader& reader);
// A path made absolute, relative to the file that names it; empty where the key is absent or wrong.
std::string path_of(Reader& reader, std::string_view key);
std::string absolute_path(const std::string& path, const std::string& written_in);
// Dates that the calendar is to cover.
std::set<Date> dates_of(Draft& draft, Reader& reader, std::string_view key);

template <class Value>
std::optional<Value> choice_of(Reader& reader, std::string_view key,
                               std::initializer_list<std::pair<std::string_view, Value>> choices) {
  const Node* node = reader.find(key);
  if (node == nullptr) return std::nullopt;
  std::string words;
  for (std::size_t index = 0; index < choices.size(); ++index) {
    const auto& [word, value] = choices.begin()[index];
    if (node->is_scalar() && node->scalar == word) return value;
    if (index > 0) words += index + 1 == choices.size() ? " or " : ", ";
    words += word;
  }
  reader.problem(*node, "`" + std::string(key) + "` must be " + words);
  return std::nullopt;
}

}  // namespace yagura
