// docs/probes.md held against the table of kinds and against what each kind really asks for.
//
// The keys of a kind come out of the reader's own words about a key that nobody knows, "unknown key
// `x` in …; the keys are `a`, `b`": such a key is put into the section's example, and, as a mapping
// or a list of mappings, in the place of each key that is known.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "written.hpp"
#include "yaml.hpp"

using namespace yagura;

namespace {

using Keys = std::set<std::string>;

constexpr int deepest = 3;  // mappings within mappings
const std::string nobodys_key = "qqqqqqqqqqqqqqqq";

struct Section {
  std::string family;  // of the heading that it stands under
  std::string kind;
  std::vector<std::string> lines;
};

struct Reference {
  std::vector<Section> sections;
  std::string wrong;  // a heading that is no section's, one a line

  const Section* of(std::string_view kind) const {
    const auto found = std::find_if(sections.begin(), sections.end(),
                                    [&](const Section& one) { return one.kind == kind; });
    return found == sections.end() ? nullptr : &*found;
  }
};

// What stands in backticks.
std::vector<std::string> marked_words(std::string_view text) {
  std::vector<std::string> words;
  for (auto from = text.find('`'); from != text.npos; from = text.find('`')) {
    const auto to = text.find('`', from + 1);
    if (to == text.npos) break;
    words.emplace_back(text.substr(from + 1, to - from - 1));
    text.remove_prefix(to + 1);
  }
  return words;
}

Reference read_reference() {
  Reference reference;
  std::ifstream file(YAGURA_SOURCE "/docs/probes.md");
  std::string family;
  bool in_block = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) in_block = !in_block;
    if (!in_block && line.starts_with("# ")) {
      family = line.substr(2);
    } else if (!in_block && line.starts_with("## ")) {
      const auto words = marked_words(line);
      if (words.size() != 1 || line != "## `" + words[0] + "`") reference.wrong += line + "\n";
      reference.sections.push_back({family, words.empty() ? line : words[0], {}});
    } else if (!reference.sections.empty()) {
      reference.sections.back().lines.push_back(line);
    }
  }
  return reference;
}

// The text of the section's `yaml` blocks.
std::vector<std::string> examples_of(const Section& section) {
  std::vector<std::string> examples;
  bool in_example = false;
  for (const std::string& line : section.lines) {
    if (line == "```yaml") {
      in_example = true;
      examples.emplace_back();
    } else if (line.starts_with("```")) {
      in_example = false;
    } else if (in_example) {
      examples.back() += line + "\n";
    }
  }
  return examples;
}

// The keys of the section's table, in the order written.
std::vector<std::string> documented_keys(const Section& section) {
  std::vector<std::string> keys;
  bool in_table = false;
  for (const std::string& line : section.lines) {
    if (line.starts_with("| key | type, default |")) in_table = true;
    if (!line.starts_with('|')) in_table = false;
    if (!in_table || !line.starts_with("| `")) continue;
    const std::string cell = line.substr(2, line.find(" |", 2) - 2);
    for (std::string& key : marked_words(cell))
      keys.push_back(std::move(key));
  }
  return keys;
}

Node map_with_nobodys_key(Node map) {
  NodeEntry entry;
  entry.first.kind = entry.second.kind = Node::Kind::scalar;
  entry.first.scalar = nobodys_key;
  entry.second.scalar = "1";
  map.kind = Node::Kind::map;
  map.entries.push_back(std::move(entry));
  return map;
}

Node& child_of(Node& map, const std::string& key) {
  for (auto& entry : map.entries) {
    if (entry.first.scalar == key) return entry.second;
  }
  NodeEntry entry;
  entry.first.kind = Node::Kind::scalar;
  entry.first.scalar = key;
  map.entries.push_back(std::move(entry));
  return map.entries.back().second;
}

// What the reader says of a mapping's keys, as the probe is written; nothing where nobody reads the
// mapping as one with keys of its own.
std::optional<Keys> keys_said(const ProbeKind& kind, const Node& probe) {
  Problems problems;
  Reader reader(probe, problems, "the example");
  if (kind.make == nullptr) {
    (void)read_job(reader);
  } else {
    (void)kind.make(reader);
  }
  reader.finish();
  std::optional<Keys> keys;
  const std::string begins = "unknown key `" + nobodys_key + "`";
  for (const Problem& problem : problems) {
    if (!problem.message.starts_with(begins)) continue;
    if (!keys) keys.emplace();
    const auto from = problem.message.find("; the keys are ");
    if (from == std::string::npos) continue;
    for (std::string& key : marked_words(std::string_view(problem.message).substr(from)))
      keys->insert(std::move(key));
  }
  return keys;
}

// Collects what a kind asks for: `all` with the mappings, `leaves` without.
class KeySearch {
 public:
  explicit KeySearch(const ProbeKind& kind) : kind_(kind) {}

  void look(const Node& probe) { look_into(probe, {}); }
  Keys all, leaves;

 private:
  // The probe with `change` made to the mapping at `path`.
  static Node changed(Node probe, const std::vector<std::string>& path,
                      const std::function<void(Node&)>& change) {
    Node* at = &probe;
    for (const std::string& key : path)
      at = &child_of(*at, key);
    change(*at);
    return probe;
  }

  // True where there is a mapping at `path`, as it is in the probe, empty, or in a list.
  bool look_into(const Node& probe, const std::vector<std::string>& path) {
    const std::vector<std::function<void(Node&)>> ways{
        [](Node& node) { node = map_with_nobodys_key(node.is_map() ? node : Node{}); },
        [](Node& node) { node = map_with_nobodys_key({}); },
        [](Node& node) {
          Node list;
          list.kind = Node::Kind::list;
          list.items.push_back(map_with_nobodys_key(
              node.is_list() && !node.items.empty() && node.items[0].is_map() ? node.items[0]
                                                                              : Node{}));
          node = std::move(list);
        }};
    std::optional<Keys> keys;
    for (std::size_t way = 0; way < (path.empty() ? 1 : ways.size()); ++way) {
      if (auto said = keys_said(kind_, changed(probe, path, ways[way]))) {
        if (!keys) keys.emplace();
        keys->merge(*said);
      }
    }
    if (!keys) return false;
    for (const std::string& key : *keys) {
      if (path.empty() && key == "name") continue;  // common to all kinds; `process` looks at it
      std::vector<std::string> further = path;
      further.push_back(key);
      std::string name;
      for (const std::string& part : further)
        name += (name.empty() ? "" : ".") + part;
      all.insert(name);
      // That a level may be written as {when, for, clear} stands at the top, once for all.
      const bool is_level = key == "failing";
      if (is_level || further.size() >= deepest || !look_into(probe, further)) leaves.insert(name);
    }
    return true;
  }

  const ProbeKind& kind_;
};

// The probes of that kind in an example.
std::vector<Node> probes_in(const std::string& example, std::string_view kind) {
  Problems problems;
  const Node root = parse_yaml(example, "example", problems).root;
  std::vector<Node> found;
  for (const auto& component : root.entries) {
    const Node* probes = component.second.find("probes");
    if (probes == nullptr) continue;
    for (const Node& probe : probes->items) {
      const Node* named = probe.find("kind");
      if (named == nullptr || named->scalar != kind) continue;
      Node own = probe;
      std::erase_if(own.entries, [](const auto& entry) {
        static const Keys common{"kind",    "interval", "timeout", "retry",
                                 "confirm", "clear",    "impact"};
        return common.contains(entry.first.scalar);
      });
      found.push_back(std::move(own));
    }
  }
  return found;
}

std::string indented(const std::string& text) {
  std::stringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);)
    result += "  " + line + "\n";
  return result;
}

}  // namespace

TEST_CASE(
    "the reference of the probes has a section for each kind, in the table's order, and no "
    "others") {
  const Reference reference = read_reference();
  CHECK_MESSAGE(reference.wrong == "", "a section of docs/probes.md is headed ## `kind`");
  std::string sections, kinds;
  for (const Section& section : reference.sections)
    sections += section.family + ": " + section.kind + "\n";
  for (const ProbeKind& kind : probe_kinds()) {
    std::string family(name_of(kind.family));
    family[0] = static_cast<char>(family[0] - 'a' + 'A');
    kinds += family + ": " + std::string(kind.name) + "\n";
    CHECK_MESSAGE(reference.of(kind.name) != nullptr, "docs/probes.md has no section ## `",
                  kind.name, "`");
  }
  for (const Section& section : reference.sections) {
    CHECK_MESSAGE(probe_kind(section.kind) != nullptr, "docs/probes.md has a section of `",
                  section.kind, "`, and there is no such kind");
  }
  CHECK(sections == kinds);
}

TEST_CASE("every kind says in a line what it asks") {
  for (const ProbeKind& kind : probe_kinds()) {
    CAPTURE(kind.name);
    CHECK(!kind.summary.empty());
    CHECK(kind.summary.size() <= 48);
  }
}

TEST_CASE("the examples of the reference of the probes are configurations without a problem") {
  for (const Section& section : read_reference().sections) {
    CAPTURE(section.kind);
    const auto examples = examples_of(section);
    CHECK_MESSAGE(examples.size() == 1, "the section ## `", section.kind, "` has one yaml block");
    if (examples.size() != 1) continue;
    CHECK_MESSAGE(!probes_in(examples[0], section.kind).empty(), "the example of ## `",
                  section.kind, "` has no probe of that kind");
    const std::string component = examples[0].substr(0, examples[0].find(':'));
    CHECK(said_of(with({"services:\n  site: {name: サイト, needs: [\"" + component + "\"]}",
                        "components:\n" + indented(examples[0]), "listen: {http: 127.0.0.1:9640}",
                        "incoming: {alertmanager: {token_file: a}, event: {token_file: e}, "
                        "sns: {token_file: s, topics: [\"arn:aws:sns:ap-northeast-1:123456789012:alarms\"]}}"})) == "");
  }
}

TEST_CASE("the reference of the probes has the keys that each kind asks for, and no others") {
  for (const Section& section : read_reference().sections) {
    const ProbeKind* kind = probe_kind(section.kind);
    if (kind == nullptr) continue;  // said above
    KeySearch search(*kind);
    for (const std::string& example : examples_of(section)) {
      for (const Node& probe : probes_in(example, section.kind))
        search.look(probe);
    }
    const std::vector<std::string> documented = documented_keys(section);
    for (const std::string& key : search.leaves) {
      const auto times = std::count(documented.begin(), documented.end(), key);
      CHECK_MESSAGE(times > 0, "`", key, "` is a key of `", section.kind,
                    "`, and its section does not have it");
      CHECK_MESSAGE(times <= 1, "`", key, "` stands ", times, " times in the table of ## `",
                    section.kind, "`");
    }
    for (const std::string& key : documented) {
      CHECK_MESSAGE(search.all.contains(key), "the section ## `", section.kind, "` has a key `",
                    key, "` that the kind does not ask for");
    }
  }
}

TEST_CASE("the reference of the probes says what each kind measures") {
  for (const Section& section : read_reference().sections) {
    const auto line = std::find_if(section.lines.begin(), section.lines.end(),
                                   [](const auto& one) { return one.starts_with("Values: "); });
    CHECK_MESSAGE(
        (line != section.lines.end() && (*line == "Values: none." || !marked_words(*line).empty())),
        "the section ## `", section.kind, "` has no line \"Values: `a`, `b`\"");
  }
}
