// How the kernel writes what it counts: lines, words and whole numbers. Everything that is read
// here is taken as foreign text: nothing is assumed of its length or its end. Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace yagura {

// Takes the next line off the text, without its end; nothing once the text is used up.
inline std::optional<std::string_view> take_line(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
  return line;
}

// Takes the next word off the line, by spaces and tabs; empty at the line's end.
inline std::string_view take_word(std::string_view& line) {
  std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return line = {};
  line.remove_prefix(begin);
  std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

// The word as a number, all of it. Nothing for what is negative, too large, or no number.
inline std::optional<std::uint64_t> whole_number(std::string_view word) {
  std::uint64_t number = 0;
  const char* end = word.data() + word.size();
  auto [rest, error] = std::from_chars(word.data(), end, number);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return number;
}

}  // namespace yagura
