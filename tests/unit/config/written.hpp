// Configurations written to a folder of their own, which goes away with the test. In a text the
// mark « stands before the place at which a problem is expected, and is taken out before the text
// is read.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "configuration.hpp"

namespace yagura {

class WrittenFolder {
 public:
  WrittenFolder();
  ~WrittenFolder();
  WrittenFolder(const WrittenFolder&) = delete;
  WrittenFolder& operator=(const WrittenFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view text) const;  // its path
  // The problems of the file, one a line, with the folder's path taken out.
  std::string problems(const std::string& name) const;
  std::string problems(const Loaded& loaded) const;

 private:
  std::string path_;
};

// 2026-12-01T10:00+09:00, a Tuesday.
Instant december();

// A configuration without a problem, with the sections given in place of its own, or after them; an
// empty text takes a section away.
std::string with(const std::vector<std::string>& sections);

// The text without its mark, and the mark's "LINE:COLUMN".
std::pair<std::string, std::string> marked(std::string text);

// What loading the text says, as problems(); the file is named c.yaml.
std::string said_of(std::string_view text);

// Loads `with(sections)`, one of which has a mark, and gives what is said, less the
// "c.yaml:LINE:COLUMN: " where that is the mark's. Right is thus the message alone, without a line
// break.
std::string said_at_mark(const std::vector<std::string>& sections);

}  // namespace yagura
