// Where the command prints to, and what can be shown there. Tests give streams of their own.
#pragma once

#include <cstddef>
#include <ostream>
#include <string_view>

#include "instant.hpp"

namespace yagura::cli {

struct Screen {
  std::size_t columns = 80;
  bool colour = false;  // on a terminal only, and not with NO_COLOR
  Instant now{};        // what "12m ago" counts from
};

struct Terminal {
  std::ostream& out;
  std::ostream& err;
  Screen screen;
};

constexpr int exit_done = 0;
constexpr int exit_refused = 1;
constexpr int exit_usage = 2;
constexpr int exit_unreachable = 3;

// The program's own standard output.
Screen screen_of_standard_output();
// `yagura: ` and the text, made safe for a terminal, with a line break.
void complain(const Terminal& terminal, std::string_view text);

}  // namespace yagura::cli
