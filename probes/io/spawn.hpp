// Starts a program, never through a shell: own process group, no signal blocked or ignored, nothing
// on its input, its output and errors on one pipe or on one each, no other descriptor of ours.
// Child is what uses it.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "descriptor.hpp"
#include "result.hpp"
#include "run_as.hpp"

namespace yagura::io {

struct Program {
  std::vector<std::string> argv;  // argv[0]: an absolute path, or found in PATH
  std::map<std::string, std::string> extra_environment;
  bool own_environment_only = false;  // nothing of ours, only the extra one
  // Another user than ours, in that user's groups, with no capability of ours; argv[0] has to be a
  // path then.
  std::optional<RunAs> as;
  // What it writes to its standard error goes into a pipe of its own. Nobody has to read it: beyond
  // what the pipe holds it is lost.
  bool errors_apart = false;
};

// A program that was started, until somebody takes it over: else its group is killed, and its end
// waited for.
class Spawned {
 public:
  Spawned(pid_t pid, Descriptor its_output, Descriptor its_errors)
      : output(std::move(its_output)), errors(std::move(its_errors)), pid_(pid) {}
  ~Spawned();
  Spawned(Spawned&& other) noexcept
      : output(std::move(other.output)), errors(std::move(other.errors)), pid_(other.take()) {}
  Spawned& operator=(Spawned&&) = delete;
  // Its number, also of its process group. It is the caller's from now on.
  pid_t take() { return std::exchange(pid_, 0); }

  Descriptor output;  // What it writes; not blocking.
  Descriptor errors;  // Where they are apart; not blocking.

 private:
  pid_t pid_;
};

// Error: why the program could not be started, with its name. Waits until the program has begun,
// which on a dead mount may take for ever.
Result<Spawned> spawn(const Program& program);

}  // namespace yagura::io
