#include "each.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>

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

std::tuple<std::string, int, int> key_of(const Place& place) { return {place.file.text(), place.line, place.column}; }

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

const Node* field_of(const WrittenComponents::Item& item, std::string_view name) {
  return item.fields == nullptr ? nullptr : item.fields->find(name);
}

// Replaces `${each}` and `${each.FIELD}` by what an item has.
class Replacement {
 public:
  Replacement(const WrittenComponents::Item& item, Problems& problems) : item_(item), problems_(problems) {}

  // In all texts below.
  void in(Node& node) {
    if (node.is_scalar() && node.scalar.find(opening) != std::string::npos) in_text(node);
    for (Node& below : node.items) in(below);
    for (NodeEntry& below : node.entries) in(below.second);
  }

 private:
  void problem(const Node& at, std::string message) { problems_.push_back({at.place, std::move(message), false}); }

  void in_text(Node& node) {
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
        text += item_.name;
      } else if (const Node* found = field_of(item_, field.substr(1)); found != nullptr) {
        text += found->scalar;
        // A number that stands alone is one, whether or not YAML wants `"${each.port}"` in quotes.
        if (left.empty() && text == found->scalar) node.quoted = found->quoted;
      } else {
        return problem(node, fmt::format("`${{each{}}}`: the item `{}` of `each` has no such field{}", one_line(field, 100),
                                         one_line(item_.name, 100), fields_in_words()));
      }
      if (text.size() > most_text) return problem(node, "this text is too long once `${each}` is replaced in it");
    }
    text += left;
    node.scalar = std::move(text);
  }
  std::string fields_in_words() const {
    if (item_.fields == nullptr) return fmt::format("; write the item as {{name: {}, …}}", one_line(item_.name, 100));
    std::vector<std::string> names;
    for (const NodeEntry& field : item_.fields->entries) names.push_back(one_line(field.first.scalar, 100));
    std::sort(names.begin(), names.end());
    return fmt::format("; it has {}", fmt::join(names, ", "));
  }

  const WrittenComponents::Item& item_;
  Problems& problems_;
};

}  // namespace

// Reads the blocks, each once, into what is known of the components.
class WrittenComponents::Expansion {
 public:
  Expansion(ConfigurationDocument& document, Problems& problems, WrittenComponents& into)
      : document_(document), problems_(problems), into_(into) {}

  void run() {
    Node* components = section("components");
    if (components == nullptr) return;
    for (NodeEntry& entry : components->entries) {
      if (const Node* each = entry.second.find("each"); each != nullptr) {
        add_copies(entry, *each);
      } else {
        add({&entry.first, &entry.second, nullptr});
      }
    }
    if (groups_.empty()) return;
    const Node* services = section("services");
    for (const auto& [group, members] : groups_) {
      if (auto other = known_.find(group); other != known_.end()) twice(*members.key, other->second->place);
      if (const Node* service = services == nullptr ? nullptr : services->find(group); service != nullptr) {
        twice(*members.key, service->place);
      }
    }
    name_members();
  }

 private:
  struct Group {
    const Node* key = nullptr;
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
  void add(const WrittenComponents::One& one) {
    auto [first, is_new] = known_.try_emplace(one.name->scalar, one.name);
    if (!is_new) return twice(*one.name, first->second->place);
    into_.all_.push_back(one);
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
    if (path.is_relative()) path = std::filesystem::path(from->place.file.text()).parent_path() / path;
    const std::string name = path.string();
    if (auto read = into_.files_.find(name); read != into_.files_.end()) return &read->second;
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
    return &into_.files_.emplace(name, std::move(read.root)).first->second;
  }

  // With where its name is written.
  std::optional<std::pair<WrittenComponents::Item, const Node*>> read_item(const Node& node) {
    if (node.is_scalar()) return std::pair(WrittenComponents::Item{node.scalar, nullptr}, &node);
    for (const auto& [key, value] : node.entries) {
      if (!value.is_scalar()) {
        problem(value, fmt::format("the field `{}` of an item of `each` has to be a text or a number", one_line(key.scalar, 100)));
        return std::nullopt;
      }
    }
    const Node* name = node.find("name");
    if (name == nullptr) {
      problem(node, "an item of `each` is a name, or a mapping with `name` in it: {name: web-1, address: 10.0.1.21}");
      return std::nullopt;
    }
    return std::pair(WrittenComponents::Item{name->scalar, &node}, name);
  }

  void add_copies(const NodeEntry& entry, const Node& each) {
    const auto& [key, whole] = entry;
    const Node* list = list_of_items(each);
    if (list == nullptr) return;
    if (list->items.empty()) problem(each, "`each` is empty: write the names of the components");
    if (list->items.size() > most_components) return problem(*list, fmt::format("more than {} items", most_components));
    Node& block = into_.blocks_.emplace_back();
    block.kind = whole.kind;
    block.place = whole.place;
    std::copy_if(whole.entries.begin(), whole.entries.end(), std::back_inserter(block.entries),
                 [](const NodeEntry& one) { return one.first.scalar != "each"; });
    const std::size_t size = nodes_of(block) * list->items.size();
    if (size > most_nodes - nodes_) return problem(each, "this block, for each of so many, is more than a configuration may hold");
    nodes_ += size;
    add_places(block, into_.copied_);
    const bool named_by_key = key.scalar.find(opening) != std::string::npos;
    if (named_by_key) into_.copied_.insert(key_of(key.place));
    Group group{&key, {}};
    std::set<std::string> named;
    into_.all_.reserve(into_.all_.size() + list->items.size());
    for (const Node& node : list->items) {
      auto read = read_item(node);
      if (!read) continue;
      const WrittenComponents::Item& item = into_.items_.emplace_back(std::move(read->first));
      const Node* name = read->second;
      if (named_by_key) {
        Node& made = into_.names_.emplace_back(scalar_at(key, key.scalar));
        Replacement(item, problems_).in(made);
        name = &made;
      }
      if (!named_by_key && named.insert(name->scalar).second) group.members.push_back(name->scalar);
      add({name, &block, &item});
    }
    if (!named_by_key) groups_.emplace(key.scalar, std::move(group));
  }

  // A group stands for its members wherever components are listed.
  void name_members() {
    if (Node* services = section("services")) {
      for (NodeEntry& service : services->entries) name_members_in(service.second, "needs");
    }
    const auto in_component = [this](Node& block) {
      name_members_in(block, "depends_on");
      name_members_in(block, "needs_outside");
    };
    for (NodeEntry& component : section("components")->entries) in_component(component.second);
    for (Node& block : into_.blocks_) in_component(block);
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
    if (list.items.empty()) return;
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
  WrittenComponents& into_;
  std::map<std::string, Group> groups_;
  std::map<std::string_view, const Node*> known_;  // where each name stands first
  std::size_t nodes_ = 0;
};

WrittenComponents::WrittenComponents(ConfigurationDocument& document, Problems& problems) {
  if (document.root.is_map()) Expansion(document, problems, *this).run();
}

const Node& WrittenComponents::body(const One& one, Node& copy, Problems& problems) const {
  if (one.item == nullptr) return *one.block;
  copy = *one.block;
  Replacement(*one.item, problems).in(copy);
  return copy;
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
