// Text from outside made safe: valid UTF-8, bounded, with control characters made visible.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace yagura {

// One line that is safe in a terminal, a log and a mail: bytes that are not UTF-8 become U+FFFD;
// line breaks and tabs become a space; other control characters, escapes and bidirectional controls become
// their visible form (\x1b, \u202e). Cut at a character, with "…", when longer than `limit` bytes.
std::string one_line(std::string_view text, std::size_t limit = 500);

// The same for texts of people: line breaks (CRLF, CR, LF; given as LF) are kept.
std::string many_lines(std::string_view text, std::size_t limit = 10'000);

// The end of a safe text: its last characters, at most `limit` bytes of them.
std::string end_of(std::string_view text, std::size_t limit);

// ASCII letters made small, everything else as it is.
std::string lower(std::string_view text);

bool is_utf8(std::string_view text);

// How many columns of a terminal the text takes: East Asian wide characters two, combining ones none.
std::size_t display_width(std::string_view text);

// The known word nearest to `word` (edit distance at most a third of its length, at least 1), or "".
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace yagura
