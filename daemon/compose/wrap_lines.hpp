// Breaks long lines of a mail for reading: at a display width, since kana and kanji take two
// columns, and by the usual rules of Japanese setting (no 、。」 at the beginning of a line, no
// 「（ at its end).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace yagura {

// A continued line keeps the indentation of its line. Words of ASCII (commands, addresses, names)
// are broken only where one alone is too long. A line that begins with "yagura " or "$ " is a
// command to copy: it is never broken.
std::string wrap_lines(std::string_view text, std::size_t columns);

// One line cut to `columns`, with "…"; before a word of ASCII rather than within it.
std::string cut_to_width(std::string_view text, std::size_t columns);

}  // namespace yagura
