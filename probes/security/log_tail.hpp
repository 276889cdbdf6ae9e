// What was written to a log file since it was last read, through rotation and truncation. The place
// reached is known by the bytes around it, not by the file's number, which file systems give again:
// so one way serves a file that was renamed and made anew, one that was copied and truncated, and a
// restart of the daemon in between. Reads and keeps nothing else; every call is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"

namespace yagura {

struct TailPosition {
  std::int64_t offset = 0;   // behind the last line that was read whole
  std::uint64_t inode = 0;   // tells two empty files apart
  std::uint64_t head = 0;    // hash of the file's first bytes, at most 512 and none beyond `offset`
  std::uint64_t before = 0;  // hash of the bytes before `offset`, at most 512
  bool within_line = false;  // `offset` is in a line that was too long; its rest is passed over

  std::string text() const;  // "1234 77 1f… 2a… 0"
  static std::optional<TailPosition> parse(std::string_view text);
};

struct TailLimits {
  std::size_t bytes = 4 * 1024 * 1024;  // of one call
  std::size_t lines = 50'000;           // likewise
  std::size_t line = 8192;              // of a line as it is given; the rest of it is passed over
};

struct TailRead {
  std::vector<std::string> lines;  // raw bytes, without the line break; empty ones are left out
  TailPosition position;
  std::size_t bytes = 0;    // that were read of the limit's
  std::int64_t unread = 0;  // bytes that a next call has to read
  // What a person has to know: that lines were lost, or where reading begins. Mostly empty.
  std::string note;
};

// From `from` on; without, from the file's end on, with a note that says so. What was still unread
// when the file was rotated is read first, from the file beside it, NAME.something, that has the
// bytes of the place reached. Error, in words: there is no such file, it cannot be read, it is no
// file. Waits for nothing but the disk.
Result<TailRead> read_tail(const std::string& path, const std::optional<TailPosition>& from,
                           const TailLimits& limits = {});

// Whether the file has the place reached, or is one that was empty then.
bool log_continues(const std::string& path, const TailPosition& position);

}  // namespace yagura
