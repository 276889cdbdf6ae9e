// Starts a program, never through a shell: own process group, no signal blocked or ignored, nothing
// on its input, its output and errors on one pipe, no other descriptor of ours. Child is what uses
// it.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "result.hpp"
#include "run_as.hpp"

namespace yagura::io {

struct Spawned {
  pid_t pid = 0;    // Also the number of its process group.
  int output = -1;  // What it writes; not blocking; the caller closes it.
};

// Error: why the program could not be started, with its name. With `as`, it runs as that user, in
// that user's groups, with no capability of ours; argv[0] has to be a path then.
Result<Spawned> spawn(const std::vector<std::string>& argv,
                      const std::map<std::string, std::string>& extra_environment,
                      const RunAs* as = nullptr);

}  // namespace yagura::io
