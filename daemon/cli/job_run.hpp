// `yagura job run`: a program run as a job, with its output passed through and its end reported.
// Here is the running; telling the daemon is a few lines around it (job_run.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"
#include "instant.hpp"
#include "terminal.hpp"

namespace yagura::cli {

// For how long whoever waits for the job waits for its reports. A daemon that is away is found out
// at once; then only the pauses count, in which one that is started anew may come back.
struct ReportLimits {
  Duration start = 2s;
  Duration end = 5s;  // of all tries together
  int tries_of_end = 3;
  Duration between_tries = 500ms;
};
// The command `job run`, which has the limits above.
int job_run(const Arguments& given, const Terminal& terminal, const ReportLimits& limits);

// The last bytes of what went through it.
class Tail {
 public:
  explicit Tail(std::size_t limit) : limit_(limit) {}
  void add(std::string_view bytes);
  // Safe text of at most the limit, beginning at a whole character.
  std::string text() const;

 private:
  std::size_t limit_;
  std::string bytes_;
};

struct Ended {
  int exit = 0;  // the program's; 128 + N where signal N ended it; 126 or 127: not started
  std::string not_started;  // why
};

// Runs the program with our standard input. What it writes goes to `out` and `err`, and into the
// tail. TERM, INT, HUP, QUIT, USR1 and USR2 that come to us go on to it; those that a terminal
// sends go to both of us anyway. Output that its children still hold open is waited for
// `linger` after its end.
Ended run_program(const std::vector<std::string>& command, int out, int err, Tail& tail,
                  Duration linger = 5s);

}  // namespace yagura::cli
