// A configuration as one tree: the file and those that it includes, merged.
//
// `include: conf.d/*.yaml` names further files, relative to the file; in the order of their names.
// They may not include others. What is a mapping at the top (components, people, windows, …) is
// merged by key; a key defined twice is an error naming both places.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "node.hpp"

namespace yagura {

struct ConfigurationDocument {
  Node root;
  std::vector<std::string> files;  // read, in order; the first is the configuration itself
  bool complete = false;           // every file was read to its end
  std::set<std::string> broken;    // those that were not, or not at all
  bool readable = false;           // the configuration itself could be read at all
};

ConfigurationDocument read_document(const std::string& path, Problems& problems);

}  // namespace yagura
