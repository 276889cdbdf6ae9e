// YAML as a tree of nodes with places. The only part that knows yaml-cpp.
//
// What is read may be hostile or broken: size, depth and the number of nodes are bounded (aliases
// count as what they stand for, so that a bomb of them is refused), and everything that YAML allows
// but that a configuration has no use for is refused in words: tags, several documents, keys that
// are not texts, a key given twice.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "node.hpp"
#include "result.hpp"

namespace yagura {

struct YamlLimits {
  std::size_t bytes = std::size_t{4} * 1024 * 1024;
  int depth = 64;
  std::size_t nodes = 500'000;
};

struct YamlDocument {
  Node root;              // null where there is nothing; what came before a syntax error is kept
  bool complete = false;  // read to its end
  std::size_t nodes = 0;  // how many were made, aliases expanded
};

// `file` names the text in places. Problems are appended; a document with problems is still given
// as far as it goes.
YamlDocument parse_yaml(std::string_view text, const FileName& file, Problems& problems,
                        const YamlLimits& limits = {});

// Whole, at most `limit` bytes. Error: what is wrong, without the path. `wait` admits pipes (`<(…)`
// of a shell), which can keep the reader waiting; without it regular files only.
Result<std::string> read_small_file(const std::string& path, std::size_t limit, bool wait = false);

}  // namespace yagura
