// `yagura record`: the record read page by page, so that one of any length can be exported.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <functional>

#include "archive_file.hpp"
#include "ask.hpp"
#include "backup.hpp"
#include "chain.hpp"
#include "commands.hpp"
#include "export.hpp"
#include "fields.hpp"
#include "record_row.hpp"
#include "render.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

// What a part of the record has at its end: of what it is one, and how many rows it should have.
RecordRow end_of_part(const json::object& filters, std::int64_t rows, std::int64_t first,
                      std::int64_t last, Instant now) {
  json::object part = filters;
  part["rows"] = rows;
  part["first"] = first;
  part["last"] = last;
  RecordRow row;
  row.at = now;
  row.what = end_of_part_name;
  row.payload = json::serialize(part);
  row.digest = sha256_hex(row.payload);
  return row;
}

int export_rows(const Arguments& given, const Terminal& terminal, const std::string& query,
                const json::object& filters) {
  const std::string form = given.text("export");
  if (form != "csv" && form != "jsonl") {
    return wrong_usage(given, terminal, "--export: write csv or jsonl");
  }
  if (given.json && form == "csv") {
    return wrong_usage(given, terminal, "--json contradicts --export csv: leave one of them out");
  }
  const ExportFormat format = form == "csv" ? ExportFormat::csv : ExportFormat::jsonl;
  const Answered status = ask(given, terminal, "/v1/status");
  if (status.exit != exit_done) return status.exit;
  auto zone = Zone::named(text(status.value, "timezone"));
  if (!zone) zone = Zone();
  terminal.out << export_header(format);
  std::int64_t rows = 0, first = 0, last = 0;
  const int exit = each_page(given, terminal, "/v1/record/raw" + query, 0, [&](const Answered& page) {
    for (const json::value& row : list(page.value)) {
      terminal.out << export_row(format, *zone, record_row_of(row));
      last = number(row, "id");
      if (rows++ == 0) first = last;
    }
    return true;
  });
  if (exit == exit_done && !filters.empty()) {
    const Instant now = moment(status.value, "now") ? moment(status.value, "now")->at : Instant{};
    terminal.out << export_row(format, *zone, end_of_part(filters, rows, first, last, now));
  }
  return exit;
}

// A backup is a database; all else has to be rows.
int verify_file(const Arguments& given, const Terminal& terminal) {
  const std::string file = given.text("FILE");
  auto backup = is_database(file);
  if (!backup) return complain(terminal, backup.error().message), exit_refused;
  json::object said{{"file", file}};
  std::string broken;
  if (*backup) {
    auto copy = check_copy(file);
    if (!copy) return complain(terminal, copy.error().message), exit_refused;
    said["last"] = copy->head.id;
    said["chain"] = copy->head.chain;
    if (copy->broken) broken = fmt::format("row {}: {}", copy->broken->row, copy->broken->why);
  } else {
    auto checked = check_archive(file);
    if (!checked) return complain(terminal, checked.error().message), exit_refused;
    said["rows"] = checked->rows;
    said["first"] = checked->first;
    said["last"] = checked->last;
    said["chain"] = checked->chain;
    said["sha256"] = checked->digest;
    said["linked"] = checked->linked;
    said["whole"] = checked->whole;
    broken = checked->broken;
  }
  said["intact"] = broken.empty();
  if (given.json) terminal.out << json::serialize(said) << "\n";
  if (!broken.empty()) {
    complain(terminal, fmt::format("{} does not fit: {}", file, broken));
    return exit_refused;
  }
  if (given.json) return exit_done;
  if (*backup) {
    terminal.out << fmt::format("{}: the chain is whole up to row {}\n", one_line(file),
                                number(json::value(said), "last"));
    return exit_done;
  }
  const json::value value(said);
  terminal.out << fmt::format(
      "{}: {} rows, from {} to {}; every payload is the one recorded, and {} rows follow the one "
      "before{}\nSHA-256 of the file: {}\nchain of the last row: {}\n",
      one_line(file), number(value, "rows"), number(value, "first"), number(value, "last"),
      number(value, "linked"), truth(value, "whole") ? "" : "; the file does not say where it ends",
      text(value, "sha256"), text(value, "chain"));
  return exit_done;
}

int verify(const Arguments& given, const Terminal& terminal) {
  const Answered answered = ask(given, terminal, "/v1/record/verify");
  if (answered.exit != exit_done) return answered.exit;
  if (given.json) terminal.out << answered.body;
  if (truth(answered.value, "intact")) {
    if (!given.json) terminal.out << "The chain is whole: every row fits the one before it.\n";
    return exit_done;
  }
  complain(terminal, fmt::format("the chain is broken at row {}: {}; keep the file as it is, and "
                                 "compare with an export or a copy",
                                 number(answered.value, "row"), text(answered.value, "why")));
  return exit_refused;
}

// One array of all pages.
int print_json(const Arguments& given, const Terminal& terminal, const std::string& query) {
  bool first = true;
  terminal.out << "[";
  const int exit = each_page(given, terminal, "/v1/record" + query, 0, [&](const Answered& page) {
    const auto begin = page.body.find('[') + 1;
    terminal.out << (first ? "" : ",") << "\n"
                 << std::string_view(page.body).substr(begin, page.body.rfind(']') - begin);
    first = false;
    return true;
  });
  terminal.out << "]\n";
  return exit;
}

}  // namespace

int record(const Arguments& given, const Terminal& terminal) {
  if (given.has("verify")) {
    for (const char* other : {"since", "until", "failure", "who", "what", "export"}) {
      if (given.has(other)) {
        return wrong_usage(given, terminal,
                           fmt::format("--verify walks the whole chain: it takes no --{}", other));
      }
    }
    return given.has("FILE") ? verify_file(given, terminal) : verify(given, terminal);
  }
  if (given.has("FILE")) {
    const std::string word = given.text("FILE");
    const bool option = word == "verify" || word == "export";
    return wrong_usage(given, terminal, option ? fmt::format("say `yagura record --{}`", word) : "only --verify takes a FILE");
  }
  std::string query = "?";
  json::object filters;
  for (const char* key : {"since", "until", "failure", "who", "what"}) {
    if (!given.has(key)) continue;
    const bool time = std::string_view(key) == "since" || std::string_view(key) == "until";
    if (time) {
      if (auto at = given.instant(key); !at) return wrong_usage(given, terminal, at.error().message);
    }
    std::string value = given.text(key);
    if (std::string_view(key) == "failure") {
      auto number = given.number(key);
      if (!number) return wrong_usage(given, terminal, number.error().message);
      value = std::to_string(*number);
    }
    if (value.empty()) return wrong_usage(given, terminal, fmt::format("--{}: empty", key));
    query += fmt::format("{}{}={}", query.size() == 1 ? "" : "&", key, escaped(value));
    filters[key] = value;
  }
  if (given.has("export")) return export_rows(given, terminal, query, filters);
  if (given.json) return print_json(given, terminal, query);
  std::string day;
  const int exit = each_page(given, terminal, "/v1/record" + query, 0, [&](const Answered& page) {
    terminal.out << render_record(page.value, terminal.screen, day);
    return true;
  });
  if (exit == exit_done && day.empty()) terminal.out << "Nothing is recorded there.\n";
  return exit;
}

}  // namespace yagura::cli
