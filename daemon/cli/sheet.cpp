#include "sheet.hpp"

#include <algorithm>

#include "text.hpp"
#include "wrap_lines.hpp"

namespace yagura::cli {
namespace {

constexpr std::size_t widest_column = 30;
constexpr std::size_t gap = 2;
constexpr std::size_t narrowest_text = 12;
constexpr std::size_t note_indent = 4;

std::vector<std::string> lines_of(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  const std::string wrapped = wrap_lines(text, columns);
  for (std::size_t begin = 0; begin <= wrapped.size();) {
    const std::size_t end = std::min(wrapped.find('\n', begin), wrapped.size());
    lines.push_back(wrapped.substr(begin, end - begin));
    begin = end + 1;
  }
  while (lines.size() > 1 && lines.back().empty())
    lines.pop_back();
  return lines;
}

std::size_t room(std::size_t columns, std::size_t indent) {
  return std::max(narrowest_text, columns > indent ? columns - indent : 0);
}

}  // namespace

std::string Sheet::paint(std::string_view text, Hue hue) const {
  if (!screen_.colour || text.empty()) return std::string(text);
  std::string_view code;
  switch (hue) {
    case Hue::plain:
      return std::string(text);
    case Hue::bold:
      code = "1";
      break;
    case Hue::dim:
      code = "2";
      break;
    case Hue::red:
      code = "1;31";
      break;
    case Hue::yellow:
      code = "33";
      break;
    case Hue::green:
      code = "32";
      break;
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

void Sheet::heading(std::string_view text, std::string_view note) {
  if (!text_.empty()) text_ += "\n";
  text_ += paint(text, Hue::bold);
  if (!note.empty()) text_ += "  " + paint(note, Hue::dim);
  text_ += "\n";
}

void Sheet::line(std::string_view text, Hue hue, std::size_t indent) {
  for (const std::string& one : lines_of(text, room(screen_.columns, indent))) {
    if (!one.empty()) text_ += std::string(indent, ' ') + paint(one, hue);
    text_ += "\n";
  }
}

void Sheet::blank() {
  text_ += "\n";
}

void Sheet::rows(const std::vector<Row>& rows, std::size_t indent) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    if (widths.size() < row.cells.size()) widths.resize(row.cells.size());
    for (std::size_t at = 0; at < row.cells.size(); ++at) {
      widths[at] = std::max(widths[at], std::min(widest_column, display_width(row.cells[at].text)));
    }
  }
  for (const Row& row : rows) {
    std::string head(indent, ' ');
    std::size_t column = indent;
    // What was only padded is not written, so that no line ends in blanks.
    std::size_t padding = 0;
    for (std::size_t at = 0; at < row.cells.size(); ++at) {
      const Cell& cell = row.cells[at];
      if (at + 1 == widths.size()) {
        const std::size_t least = std::min(narrowest_text, display_width(cell.text));
        if (!cell.text.empty() && column + least > screen_.columns) {
          // No place is left beside the other columns.
          column = indent + note_indent;
          head += "\n" + std::string(column, ' ');
          padding = 0;
        }
        const auto lines = lines_of(cell.text, room(screen_.columns, column));
        for (std::size_t i = 0; i < lines.size() && !cell.text.empty(); ++i) {
          head += i == 0 ? std::string(padding, ' ') : "\n" + std::string(column, ' ');
          head += paint(lines[i], cell.hue);
        }
        break;
      }
      if (widths[at] == 0) continue;  // nobody has anything here
      const std::string text = cut_to_width(cell.text, widest_column);
      if (!text.empty()) {
        head += std::string(padding, ' ') + paint(text, cell.hue);
        padding = 0;
      }
      padding += widths[at] - std::min(widths[at], display_width(text)) + gap;
      column += widths[at] + gap;
    }
    text_ += head + "\n";
    if (!row.note.empty()) line(row.note, Hue::plain, indent + note_indent);
  }
}

Hue hue_of(std::string_view state) {
  for (std::string_view bad : {"major", "down", "failing", "undeliverable"}) {
    if (state == bad) return Hue::red;
  }
  for (std::string_view doubtful : {"undetermined", "incident", "degraded", "warning", "unknown",
                                    "held", "timed_out", "failed", "owed"}) {
    if (state == doubtful) return Hue::yellow;
  }
  for (std::string_view good : {"ok", "up", "closed", "sent", "succeeded"}) {
    if (state == good) return Hue::green;
  }
  return Hue::plain;
}

}  // namespace yagura::cli
