#include "wrap_lines.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::string_view never_first =
    "、。，．・：；？！」』）〕］｝〉》】〜ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ％,.:;?!)]}";
constexpr std::string_view never_last = "「『（〔［｛〈《【([{";
constexpr std::size_t longest_word_dropped = 16;
constexpr std::string_view ideographic_space = "　";

std::size_t character_length(std::string_view text) {
  auto first = static_cast<unsigned char>(text.front());
  std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(length, text.size());
}

std::string_view first_character(std::string_view text) {
  return text.substr(0, character_length(text));
}

std::string_view last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
    --at;
  return text.substr(at);
}

// ASCII, and the letters with accents of other Latin alphabets (U+00C0 to U+024F).
bool is_word(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  return character.size() == 1 ? character != " "
                               : character.size() == 2 && lead >= 0xC3 && lead <= 0xC9;
}

// Combining marks and variation selectors belong to the character before them.
bool joins_the_one_before(std::string_view character) {
  return character.size() > 1 && display_width(character) == 0;
}

// The smallest pieces that are not broken: words of ASCII, single wide characters with what may not
// be parted from them.
std::vector<std::string_view> pieces_of(std::string_view line) {
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < line.size();) {
    std::string_view character = first_character(line.substr(at));
    if (at > begin) {
      std::string_view before = last_character(line.substr(begin, at - begin));
      bool together = (is_word(before) && is_word(character)) || joins_the_one_before(character) ||
                      never_first.find(character) != std::string_view::npos ||
                      never_last.find(before) != std::string_view::npos;
      if (!together) {
        pieces.push_back(line.substr(begin, at - begin));
        begin = at;
      }
    }
    at += character.size();
  }
  if (begin < line.size()) pieces.push_back(line.substr(begin));
  return pieces;
}

std::string_view indentation_of(std::string_view line) {
  std::size_t length = 0;
  while (length < line.size()) {
    if (line[length] == ' ')
      ++length;
    else if (line.substr(length).starts_with(ideographic_space))
      length += ideographic_space.size();
    else
      break;
  }
  return line.substr(0, length);
}

// A piece wider than a line has to be broken after all.
std::string_view fitting_part(std::string_view piece, std::size_t columns) {
  std::size_t at = 0;
  std::size_t width = 0;
  while (at < piece.size()) {
    std::string_view character = first_character(piece.substr(at));
    width += display_width(character);
    if (width > columns && at > 0) break;
    at += character.size();
  }
  return piece.substr(0, at);
}

void wrap_line(std::string_view line, std::size_t columns, std::string& out) {
  std::string_view indent = indentation_of(line);
  std::string_view words = line.substr(indent.size());
  if (display_width(line) <= columns || words.starts_with("yagura ") || words.starts_with("$ ")) {
    out += line;
    return;
  }
  // What hangs under "・" or "- " begins where its words begin.
  std::string hang(indent);
  if (words.starts_with("・")) hang += ideographic_space;
  if (words.starts_with("- ")) hang += "  ";
  std::size_t room = columns > display_width(hang) + 10 ? columns - display_width(hang) : 10;
  out += indent;
  std::size_t used = 0;
  bool first_of_line = true;
  std::size_t room_here =
      columns > display_width(indent) + 10 ? columns - display_width(indent) : 10;
  const auto break_line = [&] {
    while (out.ends_with(' '))
      out.pop_back();
    out += '\n' + hang;
    used = 0;
    room_here = room;
    first_of_line = true;
  };
  for (std::string_view piece : pieces_of(words)) {
    if (used + display_width(piece) > room_here && !first_of_line) break_line();
    if (first_of_line && used == 0 && piece == " ") continue;
    while (display_width(piece) > room_here) {
      std::string_view part = fitting_part(piece, room_here);
      if (part.size() == piece.size()) break;
      out += part;
      piece.remove_prefix(part.size());
      break_line();
    }
    out += piece;
    used += display_width(piece);
    first_of_line = false;
  }
}

}  // namespace

std::string wrap_lines(std::string_view text, std::size_t columns) {
  std::string out;
  while (!text.empty()) {
    std::size_t newline = text.find('\n');
    wrap_line(text.substr(0, newline), columns, out);
    if (newline == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(newline + 1);
  }
  return out;
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  std::string_view part = fitting_part(text, columns - 1);
  const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  if (!part.empty() && in_word(part.back()) && in_word(text[part.size()])) {
    const std::size_t space = part.rfind(' ');
    if (space != std::string_view::npos && part.size() - space <= longest_word_dropped) part = part.substr(0, space);
  }
  while (part.ends_with(' ')) part.remove_suffix(1);
  return std::string(part) + "…";
}

}  // namespace yagura
