// How probes ran, as a table: a line for each step of time, a column for each measured value.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>

#include "fields.hpp"
#include "render.hpp"
#include "render_parts.hpp"
#include "text.hpp"
#include "wrap_lines.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t widest_name = 30, gap = 2, indent = 2;

double real(const json::value& object, std::string_view key) {
  const json::value* found = member(object, key);
  json::error_code error;
  const double value = found == nullptr ? 0 : found->to_number<double>(error);
  return error ? 0 : value;
}

// "0.01234", "200", "12.35k".
std::string short_number(double value) {
  static constexpr std::array<std::string_view, 6> units{"", "k", "M", "G", "T", "P"};
  std::size_t unit = 0;
  if (std::abs(value) >= 10'000) {
    for (; std::abs(value) >= 1'000 && unit + 1 < units.size(); ++unit)
      value /= 1'000;
  }
  return fmt::format("{:.4g}{}", value, units[unit]);
}

std::string percent_of(const json::value& tally) {
  const json::value* percent = member(tally, "availability_percent");
  if (percent == nullptr || percent->is_null()) return "-";
  const double value = real(tally, "availability_percent");
  return value == 100 ? "100" : fmt::format("{:.2f}", std::floor(value * 100) / 100);
}

std::string value_of(const json::value& tally, const std::string& name) {
  const json::value* values = member(tally, "values");
  const json::value* value = values == nullptr ? nullptr : member(*values, name);
  if (value == nullptr) return "-";
  return short_number(real(*value, "mean")) + " / " + short_number(real(*value, "max"));
}

struct Column {
  std::string title;
  std::vector<std::string> cells;  // of each line
  std::vector<Hue> hues;
  std::size_t width = 0;
  bool left = false;
};

// The lines of a table: each step, and the sum.
struct Lines {
  std::vector<const json::value*> tallies;
  std::vector<std::string> names;
};

template <class Text>
Column column(const Lines& lines, const std::string& title, Text text, Hue bad = Hue::plain) {
  Column made{cut_to_width(one_line(title, 200), widest_name), {}, {}, 0, false};
  made.width = display_width(made.title);
  for (const json::value* tally : lines.tallies) {
    made.cells.push_back(text(*tally));
    made.width = std::max(made.width, display_width(made.cells.back()));
    made.hues.push_back(made.cells.back() == "0" || made.cells.back() == "100" ||
                                made.cells.back() == "-"
                            ? Hue::plain
                            : bad);
  }
  return made;
}

void print(Sheet& sheet, const std::vector<Column>& columns) {
  std::vector<Row> rows;
  const auto padded = [](const Column& one, const std::string& text) {
    const std::size_t blanks = one.left ? 0 : one.width - std::min(one.width, display_width(text));
    return std::string(blanks, ' ') + text;
  };
  Row head;
  for (const Column& one : columns)
    head.cells.emplace_back(padded(one, one.title), Hue::dim);
  rows.push_back(std::move(head));
  for (std::size_t line = 0; line < columns.front().cells.size(); ++line) {
    Row row;
    for (const Column& one : columns)
      row.cells.emplace_back(padded(one, one.cells[line]), one.hues[line]);
    rows.push_back(std::move(row));
  }
  sheet.rows(rows, indent);
}

Lines lines_of(const json::value& probe, const std::string& step) {
  Lines lines;
  for (const json::value& one : list(probe, "steps")) {
    auto at = moment(one, "at");
    std::string name = "-";
    if (at && step == "5m") name = clock_text(*at).substr(0, 5);
    if (at && step == "1h") name = day_text(*at).substr(9) + " " + clock_text(*at).substr(0, 5);
    if (at && step == "1d") name = day_text(*at);
    lines.names.push_back(std::move(name));
    lines.tallies.push_back(&one);
  }
  if (const json::value* sum = member(probe, "sum")) {
    lines.names.emplace_back("all");
    lines.tallies.push_back(sum);
  }
  return lines;
}

// What was the same in all runs is said in a line, and has no column.
std::vector<std::string> changing_values(const json::value& probe, std::string& steady) {
  std::vector<std::string> names;
  const json::value* sum = member(probe, "sum");
  const json::value* values = sum == nullptr ? nullptr : member(*sum, "values");
  if (values == nullptr || !values->is_object()) return names;
  for (const auto& [key, value] : values->get_object()) {
    const std::string name(key);
    if (real(value, "mean") == real(value, "max")) {
      steady += fmt::format("{}{} {}", steady.empty() ? "" : ", ", one_line(name, 200),
                            short_number(real(value, "max")));
    } else {
      names.push_back(name);
    }
  }
  return names;
}

void print_probe(Sheet& sheet, const json::value& probe, const std::string& step,
                 const Screen& screen) {
  const Lines lines = lines_of(probe, step);
  if (lines.tallies.empty()) return;
  Column times = column(lines, "", [](const json::value&) { return std::string(); });
  times.cells = lines.names;
  times.left = true;
  for (const std::string& name : lines.names)
    times.width = std::max(times.width, display_width(name));
  std::vector<Column> columns{times};
  const auto counts = [&](const std::string& key, Hue bad) {
    return column(
        lines, key, [&](const json::value& tally) { return std::to_string(number(tally, key)); },
        bad);
  };
  columns.push_back(counts("runs", Hue::plain));
  columns.push_back(counts("failing", Hue::red));
  for (const char* key : {"warning", "unknown"}) {
    if (number(*lines.tallies.back(), key) != 0) columns.push_back(counts(key, Hue::yellow));
  }
  columns.push_back(column(lines, "avail %", percent_of, Hue::yellow));
  std::size_t used = indent;
  for (const Column& one : columns)
    used += one.width + gap;
  std::string steady;
  for (const std::string& name : changing_values(probe, steady)) {
    Column value =
        column(lines, name, [&](const json::value& tally) { return value_of(tally, name); });
    // As many as there is room for; the others below, with the times once more.
    if (used + value.width > screen.columns && columns.size() > 1) {
      print(sheet, columns);
      sheet.blank();
      columns = {times};
      used = indent + times.width + gap;
    }
    used += value.width + gap;
    columns.push_back(std::move(value));
  }
  print(sheet, columns);
  if (!steady.empty()) sheet.line("always: " + steady, Hue::plain, indent);
}

std::string span_of(const json::value& history) {
  auto since = moment(history, "since"), until = moment(history, "until");
  if (!since || !until) return "-";
  const auto minute = [](const Moment& at) { return clock_text(at).substr(0, 5); };
  const std::string day = day_text(*since), last = day_text(*until);
  return fmt::format("{} {} to {}{} ({})", day, minute(*since), last == day ? "" : last + " ",
                     minute(*until), offset_text(*until));
}

}  // namespace

std::string render_samples(const json::value& history, const Screen& screen) {
  Sheet sheet(screen);
  const std::string component = text(history, "component"), step = text(history, "step");
  const json::array& probes = list(history, "probes");
  const std::string span = span_of(history);
  if (probes.empty()) {
    sheet.line(fmt::format("Nothing is kept of {} from {}.", component, span));
    return sheet.take();
  }
  sheet.line(span + "; values: mean / max");
  for (const json::value& probe : probes) {
    sheet.heading(component + "/" + text(probe, "probe"));
    print_probe(sheet, probe, step, screen);
  }
  if (const json::value* sum = member(history, "sum"); sum != nullptr && probes.size() > 1) {
    sheet.blank();
    sheet.line(fmt::format("{}: {} % available ({} of all its probes)", component, percent_of(*sum),
                           plural(number(*sum, "runs"), "run", "runs")));
  }
  return sheet.take();
}

}  // namespace yagura::cli
