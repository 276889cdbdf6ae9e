// Where lines of a log come from: a file, or systemd's journal. Says nothing of what they mean.
// Reads from the place that the last call reached on, a bounded piece at a time, and names in words
// what was lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "instant.hpp"
#include "node.hpp"
#include "result.hpp"

namespace yagura {

struct LogLine {
  std::string text;  // raw bytes; of the journal without its date and host: "sshd[123]: Failed …"
  std::optional<Instant> at;  // known of the journal only
  std::size_t file = 0;       // of LogReading::files, where there are any
};

struct LogReading {
  std::vector<LogLine> lines;
  std::vector<std::string> files;  // the names of those that have lines; of a pattern only
  std::string position;      // for the next call
  std::uint64_t unread = 0;  // bytes of a file; of the journal 1 where there is more
  std::string note;          // what a person has to know; mostly empty
};

struct LogSource {
  std::string file;                // absolute, may be a pattern (log_files.hpp); empty: the journal
  std::string journal;             // its folder; empty: this machine's
  std::vector<std::string> units;  // of the journal: of these units; empty: of all
  std::vector<std::string>
      identifiers;  // likewise, as sshd; and what was written by such a program itself

  // The keys `path`, `journal` and, unless `identifiers` says what is looked for, `unit`. None: a
  // problem was reported.
  static std::optional<LogSource> read(Reader& reader, std::vector<std::string> identifiers = {});

  std::string name() const;  // for reasons: "/var/log/auth.log", "the journal"
  // What a position is of: that of another source is none.
  std::string identity() const;
  // `position` empty: from the end on. Runs on a helper, and waits for nothing but the disk; well
  // before `limit` it gives what it has.
  Result<LogReading> read_from(const std::string& position, Duration limit) const;
};

// Of the journal, for log_source.cpp.
Result<LogReading> read_journal(const LogSource& source, const std::string& cursor, Duration limit);

}  // namespace yagura
