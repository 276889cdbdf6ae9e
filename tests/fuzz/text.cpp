// What comes from outside made safe to show: the gate of everything else.
#include "text.hpp"

#include <algorithm>

#include "fuzz.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  const std::size_t limit = take_choice(bytes, 64);
  for (std::size_t most : {limit, std::size_t{500}, std::size_t{10'000}}) {
    const std::string line = one_line(bytes, most);
    require_safe(line, most);
    require(one_line(line, most) == line, "one_line leaves alone what is safe");
    const std::string lines = many_lines(bytes, most);
    require_safe(lines, most, Breaks::kept);
    require(many_lines(lines, most) == lines, "many_lines leaves alone what is safe");
    require(display_width(line) <= line.size(), "no character is wider than its bytes are many");
  }
  const std::vector<std::string> known{"interval", "timeout", std::string(bytes.substr(0, 20))};
  const std::string near = nearest(bytes.substr(0, 200), known);
  require(near.empty() || std::find(known.begin(), known.end(), near) != known.end(),
          "the nearest word is one of those known");
}
const Target target("text", run);

}  // namespace
}  // namespace yagura::fuzz
