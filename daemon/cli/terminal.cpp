#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "text.hpp"

namespace yagura::cli {
namespace {

constexpr std::size_t fewest_columns = 60;
constexpr std::size_t most_columns = 140;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

Screen screen_of_standard_output() {
  Screen screen;
  screen.now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  if (isatty(STDOUT_FILENO) == 0) return screen;
  const char* kind = std::getenv("TERM");
  screen.colour = !is_set("NO_COLOR") && kind != nullptr && std::string_view(kind) != "dumb";
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    screen.columns = std::clamp<std::size_t>(size.ws_col, fewest_columns, most_columns);
  }
  return screen;
}

void complain(const Terminal& terminal, std::string_view text) {
  terminal.err << "yagura: " << many_lines(text, 100'000) << "\n";
}

}  // namespace yagura::cli
