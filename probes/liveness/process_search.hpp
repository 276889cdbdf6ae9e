// A look at /proc for the processes that a probe asks for. Blocks, at worst for long (a process
// that is stuck in the kernel can hold its command line back), so it is called on a helper thread
// and touches nothing but its arguments.
#pragma once

#include <memory>
#include <string>

#include "liveness/process_use.hpp"
#include "result.hpp"

namespace re2 {
class RE2;
}

namespace yagura {

struct ProcessQuery {
  // One of these three.
  std::string program;
  std::shared_ptr<const re2::RE2> match;
  std::string pid_file;

  std::string user;         // a name or a number; empty: anybody's
  bool open_files = false;  // whether to count them
};

struct ProcessesFound {
  int count = 0;
  bool hidden = false;  // /proc does not show everybody's processes: there may be more
  ProcessesUse use;     // of those that count
  std::string lacking;  // of a pid file, where count is 0: why its process does not count
};

// `proc` is "/proc". Error: what could not be looked at.
Result<ProcessesFound> find_processes(const std::string& proc, const ProcessQuery& query);

}  // namespace yagura
