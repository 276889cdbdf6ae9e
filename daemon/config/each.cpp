#include "each.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "draft.hpp"
#include "text.hpp"
#include "yaml.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_nodes = 4'000'000;   // of all copies
constexpr std::size_t most_text = 64 * 1024;    // of one scalar, after replacing
constexpr std::string_view opening = "${each";

std::size_t nodes_of(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += nodes_of(item);
  for (const NodeEntry& entry : node.entries) count += 1 + nodes_of(entry.second);
  return count;
}

std::tuple<std::string, int, int> key_of(const Place& place) { return {place.file, place.line, place.column}; }

void add_places(const Node& node, CopiedPlaces& places) {
  places.insert(key_of(node.place));
  for (const Node& item : node.items) add_places(item, places);
  for (const NodeEntry& entry : node.entries) {
    places.insert(key_of(entry.first.place));
    add_places(entry.second, places);
  }
}

Node scalar_at(const Node& place, std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.place = place.place;
  node.scalar = std::move(text);
  return node;
}

// One item of `each`: its name, and what else `${each.FIELD}` may name.
struct Item {
  std::string name;
  std::map<std::string, Node> fields;
};

class Expansion {
 public:
  Expansion(ConfigurationDocument& document, Problems& problems) : document_(document), problems_(problems) {}

  CopiedPlaces run() {
    Node* components = section("components");
    if (components == nullptr) return {};
    const bool any = std::any_of(components->entries.begin(), components->entries.end(),
                                 [](const NodeEntry& entry) { return entry.second.find("each") != nullptr; });
    if (!any) return {};
    std::vector<NodeEntry> entries;
    std::map<std::string, Place> known;
    const auto add = [&](NodeEntry entry) {
      auto [first, is_new] = known.try_emplace(entry.first.scalar, entry.first.place);
      if (!is_new) return twice(entry.first, first->second);
      entries.push_back(std::move(entry));
    };
    for (NodeEntry& entry : components->entries) {
      if (entry.second.find("each") == nullptr) {
        add(std::move(entry));
      } else {
        for (NodeEntry& copy : copies_of(entry)) add(std::move(copy));
      }
    }
    components->entries = std::move(entries);
    for (const auto& [group, members] : groups_) {
      if (auto other = known.find(group); other != known.end()) twice(members.key, other->second);
      if (Node* services = section("services"); services != nullptr && services->find(group) != nullptr) {
        twice(members.key, services->find(group)->place);
      }
    }
    name_members();
    return std::move(copied_);
  }

 private:
  struct Group {
    Node key;
    std::vector<std::string> members;
  };

  Node* section(std::string_view name) {
    for (NodeEntry& entry : document_.root.entries) {
      if (entry.first.scalar == name && entry.second.is_map()) return &entry.second;
    }
    return nullptr;
  }
  void problem(const Node& at, std::string message) { problems_.push_back({at.place, std::move(message), false}); }
  void twice(const Node& name, const Place& first) {
    problem(name, fmt::format("`{}` is given twice: first at {}", one_line(name.scalar, 100), first.text()));
  }

  // The items of `each`, which stand here or in a file of their own.
  const Node* list_of_items(const Node& each) {
    if (each.is_list()) return &each;
    const Node* from = each.is_map() && each.entries.size() == 1 ? each.find("from") : nullptr;
    if (from == nullptr || !from->is_scalar()) {
      problem(each, "`each` takes a list of names, of {name: …, address: …}, or {from: FILE} with such a list in it");
      return nullptr;
    }
    std::filesystem::path path(from->scalar);
    if (path.is_relative()) path = std::filesystem::path(from->place.file).parent_path() / path;
    const std::string name = path.string();
    if (auto read = files_.find(name); read != files_.end()) return &read->second;
    auto text = read_small_file(name, YamlLimits{}.bytes);
    if (!text) {
      problem(*from, fmt::format("cannot read {}: {}", one_line(name, 200), text.error().message));
      return nullptr;
    }
    if (std::find(document_.files.begin(), document_.files.end(), name) == document_.files.end()) {
      document_.files.push_back(name);
    }
    YamlDocument read = parse_yaml(*text, name, problems_);
    if (!read.complete) {
      document_.broken.insert(name);
      document_.complete = false;
    } else if (!read.root.is_list()) {
      problem(read.root, "a file that `each` takes its items from holds a list: a line `- web-1` for each");
    }
    if (!read.complete || !read.root.is_list()) return nullptr;
    return &files_.emplace(name, std::move(read.root)).first->second;
  }

  std::optional<Item> read_item(const Node& node) {
    Item item;
    if (node.is_scalar()) {
      item.name = node.scalar;
      return item;
    }
    for (const auto& [key, value] : node.entries) {
      if (!value.is_scalar()) {
        problem(value, fmt::format("the field `{}` of an item of `each` has to be a text or a number", one_line(key.scalar, 100)));
        return std::nullopt;
      }
      item.fields.emplace(key.scalar, value);
    }
    auto name = item.fields.find("name");
    if (name == item.fields.end()) {
      problem(node, "an item of `each` is a name, or a mapping with `name` in it: {name: web-1, address: 10.0.1.21}");
      return std::nullopt;
    }
    item.name = name->second.scalar;
    return item;
  }

  std::vector<NodeEntry> copies_of(const NodeEntry& entry) {
    const auto& [key, block] = entry;
    std::vector<NodeEntry> copies;
    const Node* list = list_of_items(*block.find("each"));
    if (list == nullptr) return copies;
    if (list->items.empty()) problem(*block.find("each"), "`each` is empty: write the names of the components");
    if (list->items.size() > most_components) {
      problem(*list, fmt::format("more than {} items", most_components));
      return copies;
    }
    Node pattern = block;
    std::erase_if(pattern.entries, [](const NodeEntry& one) { return one.first.scalar == "each"; });
    const std::size_t size = nodes_of(pattern) * list->items.size();
    if (size > most_nodes - nodes_) {
      problem(*block.find("each"), "this block, for each of so many, is more than a configuration may hold");
      return copies;
    }
    nodes_ += size;
    add_places(block, copied_);
    copied_.erase(key_of(list->place));
    const bool named_by_key = key.scalar.find(opening) != std::string::npos;
    Group group{key, {}};
    std::set<std::string> named;
    for (const Node& node : list->items) {
      auto item = read_item(node);
      if (!item) continue;
      NodeEntry copy;
      copy.first = scalar_at(named_by_key ? key : node, named_by_key ? key.scalar : item->name);
      if (named_by_key) replace(copy.first, *item);
      copy.second = pattern;
      replace(copy.second, *item);
      if (named.insert(copy.first.scalar).second) group.members.push_back(copy.first.scalar);
      copies.push_back(std::move(copy));
    }
    if (!named_by_key) groups_.emplace(key.scalar, std::move(group));
    return copies;
  }

  // `${each}` and `${each.FIELD}` in all texts below.
  void replace(Node& node, const Item& item) {
    if (node.is_scalar() && node.scalar.find(opening) != std::string::npos) replace_in(node, item);
    for (Node& below : node.items) replace(below, item);
    for (NodeEntry& below : node.entries) replace(below.second, item);
  }
  void replace_in(Node& node, const Item& item) {
    std::string text;
    std::string_view left = node.scalar;
    for (auto at = left.find(opening); at != std::string_view::npos; at = left.find(opening)) {
      text += left.substr(0, at);
      left.remove_prefix(at + opening.size());
      const auto end = left.find('}');
      const std::string_view field = left.substr(0, end);
      if (end == std::string_view::npos || (!field.empty() && field[0] != '.')) {
        text += opening;  // `${eachother}` is none of ours.
        continue;
      }
      left.remove_prefix(end + 1);
      if (field.empty()) {
        text += item.name;
      } else if (auto found = item.fields.find(std::string(field.substr(1))); found != item.fields.end()) {
        text += found->second.scalar;
        // A number that stands alone is one, whether or not YAML wants `"${each.port}"` in quotes.
        if (left.empty() && text == found->second.scalar) node.quoted = found->second.quoted;
      } else {
        return problem(node, fmt::format("`${{each{}}}`: the item `{}` of `each` has no such field{}", one_line(field, 100),
                                         one_line(item.name, 100), fields_in_words(item)));
      }
      if (text.size() > most_text) return problem(node, "this text is too long once `${each}` is replaced in it");
    }
    node.scalar = text + std::string(left);
  }
  static std::string fields_in_words(const Item& item) {
    if (item.fields.empty()) return fmt::format("; write the item as {{name: {}, …}}", one_line(item.name, 100));
    std::string words;
    for (const auto& [name, value] : item.fields) words += (words.empty() ? "; it has " : ", ") + one_line(name, 100);
    return words;
  }

  // A group stands for its members wherever components are listed.
  void name_members() {
    if (Node* services = section("services")) {
      for (NodeEntry& service : services->entries) name_members_in(service.second, "needs");
    }
    for (NodeEntry& component : section("components")->entries) {
      name_members_in(component.second, "depends_on");
      name_members_in(component.second, "needs_outside");
    }
  }
  void name_members_in(Node& block, std::string_view key) {
    for (NodeEntry& entry : block.entries) {
      if (entry.first.scalar == key) name_members_in_list(entry.second);
    }
  }
  void name_members_in_list(Node& list) {
    if (list.is_scalar() && groups_.contains(list.scalar)) {
      Node only = list;
      list = {};
      list.kind = Node::Kind::list;
      list.place = only.place;
      list.items.push_back(std::move(only));
    }
    std::vector<Node> items;
    for (Node& item : list.items) {
      auto group = item.is_scalar() ? groups_.find(item.scalar) : groups_.end();
      if (group != groups_.end()) {
        for (const std::string& member : group->second.members) items.push_back(scalar_at(item, member));
        continue;
      }
      name_members_in(item, "of");
      items.push_back(std::move(item));
    }
    list.items = std::move(items);
  }

  ConfigurationDocument& document_;
  Problems& problems_;
  std::map<std::string, Node> files_;  // lists of items, by path
  std::map<std::string, Group> groups_;
  std::size_t nodes_ = 0;
  CopiedPlaces copied_;
};

}  // namespace

CopiedPlaces expand_each(ConfigurationDocument& document, Problems& problems) {
  if (!document.root.is_map()) return {};
  return Expansion(document, problems).run();
}

void say_once(const CopiedPlaces& copied, Problems& problems) {
  if (copied.empty()) return;
  CopiedPlaces said;
  const auto is_repeated = [&](const Problem& problem) {
    const auto key = key_of(problem.place);
    return copied.contains(key) && !said.insert(key).second;
  };
  problems.erase(std::remove_if(problems.begin(), problems.end(), is_repeated), problems.end());
}

}  // namespace yagura
