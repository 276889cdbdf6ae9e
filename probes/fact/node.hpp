// A document (configuration, story) as a tree with places, independent of the library that reads
// it, and a reader that collects every problem instead of stopping at the first.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "instant.hpp"

namespace yagura {

// A file's name, once for all that stands in it.
class FileName {
 public:
  FileName() = default;
  FileName(std::string name) : name_(std::make_shared<const std::string>(std::move(name))) {}
  FileName(const char* name) : FileName(std::string(name)) {}
  const std::string& text() const;

 private:
  std::shared_ptr<const std::string> name_;
};

struct Place {
  FileName file;
  int line = 0;    // from 1
  int column = 0;  // from 1, in bytes
  std::string text() const;  // "FILE:LINE:COLUMN"
};

struct Problem {
  Place place;
  std::string message;
  bool warning = false;
  // "FILE:LINE:COLUMN: message"; warnings say "warning: " before the message.
  std::string text() const;
};
using Problems = std::vector<Problem>;

struct NodeEntry;

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  bool quoted = false;  // "10" in quotes is a string, never a number
  Place place;
  std::string scalar;
  std::vector<Node> items;
  std::vector<NodeEntry> entries;  // in the order written; keys are scalars

  const Node* find(std::string_view key) const;
  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_scalar() const { return kind == Kind::scalar; }
};

struct NodeEntry {
  Node first;   // the key
  Node second;  // its value
};

// Reads one mapping. Each getter marks its key as known; finish() reports the keys nobody asked for, with the
// nearest known one, or with all of them where none is near. A getter reports a wrong type or value itself and then gives nothing.
class Reader {
 public:
  // `what` names the mapping in messages: "component web-1". A node that is not a mapping is a problem.
  Reader(const Node& node, Problems& problems, std::string what);

  const Node& node() const { return node_; }
  const Node* find(std::string_view key);
  const Node* required(std::string_view key);  // reports its absence
  bool has(std::string_view key) { return find(key) != nullptr; }

  std::optional<std::string> text(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<double> number(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<Duration> duration(std::string_view key);
  std::vector<std::string> texts(std::string_view key);  // a scalar, or a list of scalars

  std::string text_or(std::string_view key, std::string_view otherwise);
  std::int64_t integer_or(std::string_view key, std::int64_t otherwise, std::int64_t least, std::int64_t most);
  bool boolean_or(std::string_view key, bool otherwise);
  Duration duration_or(std::string_view key, Duration otherwise);

  void problem(const Node& at, std::string message);
  void problem(std::string message) { problem(node_, std::move(message)); }
  void finish();
  Problems& problems() { return problems_; }
  const std::string& what() const { return what_; }

 private:
  const Node& node_;
  Problems& problems_;
  std::string what_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace yagura
