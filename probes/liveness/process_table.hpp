// What /proc says of processes: its texts taken apart, all pure, and one process read from it.
// Hostile texts are expected: a process names itself, and writes its own command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "result.hpp"

namespace yagura {

// The line in /proc/PID/stat.
struct ProcessStat {
  std::string comm;  // at most 15 bytes; any bytes
  char state = '?';
  int parent = 0;
  std::uint64_t used_ticks = 0;  // processor time of its own and the kernel's for it
  std::int64_t threads = 0;
  std::uint64_t started_ticks = 0;  // since the machine started
  std::uint64_t resident_pages = 0;

  bool is_dead() const { return state == 'Z' || state == 'X' || state == 'x'; }
};
std::optional<ProcessStat> parse_process_stat(std::string_view text);

// /proc/PID/cmdline as words: the arguments with a space between. Empty for kernel threads.
std::string command_line_words(std::string_view raw);
// The file name of the first argument: "puma" of "/usr/bin/puma\0-w\0".
std::string_view program_name(std::string_view raw);

// The effective user in /proc/PID/status.
std::optional<std::uint32_t> parse_effective_user(std::string_view status);
// When the machine started, in whole seconds since 1970, in /proc/stat.
std::optional<std::int64_t> parse_boot_time(std::string_view stat);
// The number on the first line of a pid file.
std::optional<int> parse_pid_file(std::string_view text);

// Whether a process that began at `started` cannot be the one that a file, last written at
// `written`, named. All in seconds since 1970. `volatile_file`: it lies in memory, and cannot be
// older than the machine's start.
bool is_recycled(std::int64_t started, std::int64_t written, std::int64_t boot, bool volatile_file);

}  // namespace yagura
