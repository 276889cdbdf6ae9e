// Files of rows: exports as JSON lines, and the archives of whole months. They are looked at by
// themselves, years later and without a daemon: that every payload is the one recorded, that rows
// follow each other, and that nothing is missing at the end.
#pragma once

#include <cstdint>
#include <string>

#include "result.hpp"
#include "store.hpp"

namespace yagura {

// The name of the last line of a file that holds a part of the record; its row number is 0. Its
// payload says which part: the filters, or the month, and `rows`, `first`, `last`; of an archive
// also `before` and `chain`, the chain of the row before the first and of the last.
inline constexpr const char* end_of_part_name = "export.part";

struct ArchiveCheck {
  std::int64_t rows = 0, first = 0, last = 0;
  std::int64_t linked = 0;  // rows whose link to the row before could be computed, and holds
  bool whole = false;       // the last line is there, and its counts hold
  std::string chain;        // of the last row
  std::string digest;       // SHA-256 of the file, hex
  std::string broken;       // what does not fit first, with its row; empty: all fits
};

// Error: cannot be read, or holds something else than rows.
Result<ArchiveCheck> check_archive(const std::string& file);

// Whether the file is an SQLite database, as backups are. Error: cannot be read.
Result<bool> is_database(const std::string& file);

}  // namespace yagura
