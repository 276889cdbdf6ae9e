#include "document.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "text.hpp"
#include "yaml.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_files = 1000;

// The names that a pattern stands for, in the order of their bytes, whatever the locale.
struct Matches {
  std::vector<std::string> paths;
  bool is_pattern = false;
};
Matches expand(const std::string& folder, const std::string& pattern) {
  Matches matches;
  matches.is_pattern = pattern.find_first_of("*?[") != std::string::npos;
  std::string full;
  if (!pattern.starts_with('/') && !folder.empty()) {
    for (char c : folder) {  // the folder's own name is no pattern
      if (std::string_view("*?[]\\").find(c) != std::string_view::npos) full += '\\';
      full += c;
    }
    full += '/';
  }
  full += pattern;
  glob_t found{};
  if (glob(full.c_str(), 0, nullptr, &found) == 0) {
    matches.paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  std::sort(matches.paths.begin(), matches.paths.end());
  return matches;
}

// The same file, whatever way it is named: a pattern may match the configuration itself.
bool is_among(const std::string& file, const std::vector<std::string>& files) {
  return std::any_of(files.begin(), files.end(), [&](const std::string& other) {
    std::error_code error;
    return file == other || std::filesystem::equivalent(file, other, error);
  });
}

// One file's tree, with the whole load's bounds.
class Merger {
 public:
  Merger(ConfigurationDocument& document, Problems& problems)
      : document_(document), problems_(problems) {}

  YamlDocument read(const std::string& path, const Place& named_at, bool is_main) {
    auto text = read_small_file(path, limits_.bytes, is_main);
    if (!text) {
      const Place place = is_main ? Place{path, 1, 1} : named_at;
      problems_.push_back(
          {place, fmt::format("cannot read {}: {}", one_line(path), text.error().message), false});
      document_.broken.insert(path);
      return {};
    }
    document_.files.push_back(path);
    YamlDocument read = parse_yaml(*text, path, problems_, limits_);
    if (!read.complete) document_.broken.insert(path);
    limits_.bytes -= std::min(limits_.bytes, text->size());
    limits_.nodes -= std::min(limits_.nodes, read.nodes);
    return read;
  }

  // Moves the entries of an included file's root into the configuration's.
  void merge(Node&& included) {
    for (NodeEntry& entry : included.entries) {
      Node& key = entry.first;
      Node& value = entry.second;
      if (key.scalar == "include") {
        problem(key,
                "an included file cannot include further files: name them all in the configuration "
                "itself");
        continue;
      }
      auto found =
          std::find_if(document_.root.entries.begin(), document_.root.entries.end(),
                       [&](const auto& known) { return known.first.scalar == key.scalar; });
      if (found == document_.root.entries.end()) {
        document_.root.entries.push_back({std::move(key), std::move(value)});
      } else if (found->second.kind == Node::Kind::null) {
        found->second = std::move(value);
      } else if (found->second.is_map() && value.is_map()) {
        merge_section(key.scalar, found->second, std::move(value));
      } else if (value.kind != Node::Kind::null) {
        twice(key.scalar, key, found->first);
      }
    }
  }

 private:
  void merge_section(const std::string& section, Node& into, Node&& from) {
    std::map<std::string, const Node*> known;
    for (const auto& entry : into.entries)
      known.emplace(entry.first.scalar, &entry.first);
    std::vector<NodeEntry> added;
    for (auto& [key, value] : from.entries) {
      if (auto found = known.find(key.scalar); found != known.end()) {
        twice(section + "." + key.scalar, key, *found->second);
      } else {
        added.push_back({std::move(key), std::move(value)});
      }
    }
    std::move(added.begin(), added.end(), std::back_inserter(into.entries));
  }
  void problem(const Node& at, std::string message) {
    problems_.push_back({at.place, std::move(message), false});
  }
  void twice(const std::string& name, const Node& here, const Node& first) {
    problem(here, fmt::format("`{}` is given twice: first at {}", one_line(name, 100), first.place.text()));
  }

  ConfigurationDocument& document_;
  Problems& problems_;
  YamlLimits limits_;
};

}  // namespace

ConfigurationDocument read_document(const std::string& path, Problems& problems) {
  ConfigurationDocument document;
  Merger merger(document, problems);
  YamlDocument main = merger.read(path, {}, true);
  document.readable = !document.files.empty();
  document.complete = main.complete;
  document.root = std::move(main.root);

  std::vector<Node> patterns;
  if (const Node* include = document.root.find("include")) {
    if (include->is_list()) patterns = include->items;
    if (include->is_scalar()) patterns.push_back(*include);
    if (include->is_map())
      problems.push_back(
          {include->place, "`include` takes a pattern such as conf.d/*.yaml, or a list", false});
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  for (const Node& pattern : patterns) {
    if (!pattern.is_scalar()) {
      problems.push_back(
          {pattern.place, "each item of `include` must be a file's name or pattern", false});
      continue;
    }
    Matches matches = expand(folder, pattern.scalar);
    if (matches.paths.empty() && !matches.is_pattern) {
      problems.push_back(
          {pattern.place,
           fmt::format("there is no file `{}` to include", one_line(pattern.scalar, 200)), false});
    }
    for (const std::string& file : matches.paths) {
      if (is_among(file, document.files)) continue;
      if (document.files.size() >= most_files) {
        problems.push_back({pattern.place, fmt::format("more than {} files", most_files), false});
        return document;
      }
      YamlDocument included = merger.read(file, pattern.place, false);
      document.complete = document.complete && included.complete;
      if (included.root.is_map()) {
        merger.merge(std::move(included.root));
      } else if (included.complete && included.root.kind != Node::Kind::null) {
        problems.push_back(
            {included.root.place, "a configuration must be a mapping (key: value)", false});
      }
    }
  }
  return document;
}

}  // namespace yagura
