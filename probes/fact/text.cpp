#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>

namespace yagura {
namespace {

constexpr char32_t broken = 0xFFFD;

// Takes one character off the front; `broken` (and one byte) where the bytes are not UTF-8 (RFC 3629).
char32_t take_character(std::string_view& text, bool& valid) {
  valid = true;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  unsigned char first = byte(0);
  std::size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3
                       : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  char32_t character = length == 1 ? first : length == 2 ? first & 0x1FU : length == 3 ? first & 0x0FU : first & 0x07U;
  bool good = length != 0 && text.size() >= length;
  for (std::size_t at = 1; good && at < length; ++at) {
    good = (byte(at) & 0xC0) == 0x80;
    character = (character << 6) | (byte(at) & 0x3FU);
  }
  good = good && !(length == 3 && (character < 0x800 || (character >= 0xD800 && character < 0xE000))) &&
         !(length == 4 && (character < 0x10000 || character > 0x10FFFF));
  if (!good) {
    valid = false;
    text.remove_prefix(1);
    return broken;
  }
  text.remove_prefix(length);
  return character;
}

bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF ||
         (c >= 0xE0000 && c <= 0xE007F);
}

std::string clean(std::string_view text, std::size_t limit, bool keep_lines) {
  static constexpr std::string_view ellipsis = "…";
  std::string result;
  std::size_t last_fit = 0;  // where to cut if the ellipsis is needed
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view before = rest;
    bool valid = true;
    char32_t c = take_character(rest, valid);
    std::string piece;
    if (c == '\r' && keep_lines) {
      if (!rest.empty() && rest.front() == '\n') rest.remove_prefix(1);
      piece = "\n";
    } else if (c == '\n' || c == '\t' || c == '\r') {
      piece = c == '\n' && keep_lines ? "\n" : " ";
    } else if (!valid) {
      piece = "\xEF\xBF\xBD";
    } else if (is_hidden(c)) {
      piece = c < 0x100 ? fmt::format("\\x{:02x}", static_cast<std::uint32_t>(c))
                        : fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
    } else {
      piece = before.substr(0, before.size() - rest.size());
    }
    if (result.size() + ellipsis.size() <= limit) last_fit = result.size();
    if (result.size() + piece.size() > limit) {
      result.resize(last_fit);
      return result.append(limit >= ellipsis.size() ? ellipsis : "");
    }
    result += piece;
  }
  return result;
}

}  // namespace

std::string one_line(std::string_view text, std::size_t limit) { return clean(text, limit, false); }
std::string many_lines(std::string_view text, std::size_t limit) { return clean(text, limit, true); }

std::string end_of(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  std::size_t from = text.size() - limit;
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
  return std::string(text.substr(from));
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool is_utf8(std::string_view text) {
  bool valid = true;
  while (valid && !text.empty()) take_character(text, valid);
  return valid;
}

std::size_t display_width(std::string_view text) {
  struct Range {
    char32_t first, last;
  };
  static constexpr std::array<Range, 13> wide{{{0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0x33FF},
      {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xA000, 0xA4CF}, {0xA960, 0xA97F}, {0xAC00, 0xD7A3},
      {0xF900, 0xFAFF}, {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x3FFFD}}};
  static constexpr std::array<Range, 6> none{{{0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF},
      {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
  const auto in = [](const auto& ranges, char32_t c) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [c](Range range) { return c >= range.first && c <= range.last; });
  };
  std::size_t width = 0;
  bool valid = true;
  while (!text.empty()) {
    char32_t c = take_character(text, valid);
    if (c < 0x20 || in(none, c)) continue;
    width += in(wide, c) ? 2 : 1;
  }
  return width;
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  const auto distance = [&](std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= other.size(); ++j) {
        std::size_t change = diagonal + (word[i - 1] == other[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
      }
    }
    return row.back();
  };
  if (word.size() > 100) return {};
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string found;
  for (const std::string& candidate : known) {
    if (auto d = distance(candidate); d < best) {
      best = d;
      found = candidate;
    }
  }
  return found;
}

}  // namespace yagura
