// Text laid out for a terminal: headings, aligned rows, hanging indentation. Widths are those on
// the screen, kana and kanji counted as two. Colours only where the screen has them; what they say
// stands in the words, too.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "terminal.hpp"

namespace yagura::cli {

enum class Hue { plain, bold, dim, red, yellow, green };

struct Cell {
  Cell(std::string words, Hue colour = Hue::plain)  // NOLINT: rows read as lists of texts
      : text(std::move(words)), hue(colour) {}
  Cell(const char* words) : text(words) {}
  std::string text;  // one safe line
  Hue hue = Hue::plain;
};

struct Row {
  std::vector<Cell> cells;
  std::string note;  // stands below, indented; may have several lines
};

class Sheet {
 public:
  explicit Sheet(const Screen& screen) : screen_(screen) {}

  // A blank line before it, but at the top. The note stands after it.
  void heading(std::string_view text, std::string_view note = "");
  // Broken at the edge; continued lines are indented as the first.
  void line(std::string_view text, Hue hue = Hue::plain, std::size_t indent = 0);
  void blank();
  void append(std::string_view ready) { text_ += ready; }  // lines laid out already
  // Columns as wide as their widest cell, but for the last, which is broken at the edge.
  void rows(const std::vector<Row>& rows, std::size_t indent = 2);

  std::string take() { return std::move(text_); }

 private:
  std::string paint(std::string_view text, Hue hue) const;

  Screen screen_;
  std::string text_;
};

// Of a class, phase, state or verdict, as the daemon names it.
Hue hue_of(std::string_view state);

}  // namespace yagura::cli
