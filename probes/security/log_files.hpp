// What was written to several log files of one folder, whose names fit a pattern, since they were
// last read: as log_tail.hpp for each. Files come and go, as app-2026-11-28.log does: a new one is
// read from its start, one that was renamed or copied from the place reached in what it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"
#include "security/log_tail.hpp"

namespace yagura {

// Whether the last part of a path has `*` or `?` in it, and so stands for several files.
bool is_log_pattern(std::string_view path);

struct FilesRead {
  struct Part {
    std::string file;  // its name, without the folder
    std::vector<std::string> lines;
  };
  std::vector<Part> parts;  // that have lines, the one written last at the end
  std::string position;     // for the next call
  std::int64_t unread = 0;  // bytes of all of them
  std::string note;         // as of TailRead
};

// `pattern` as fnmatch(3) has it, in the last part of the path. Links, and what ends as compressed
// files do, are passed over; of more than `most` files those that were written last are read.
// `position` empty: from the ends on. The limits are of all of them together. Error, in words: no
// file fits, one cannot be read.
Result<FilesRead> read_log_files(const std::string& pattern, const std::string& position,
                                 const TailLimits& limits = {}, std::size_t most = 64);

}  // namespace yagura
