// `yagura record`: the record read page by page, so that one of any length can be exported.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <functional>

#include "ask.hpp"
#include "commands.hpp"
#include "export.hpp"
#include "fields.hpp"
#include "render.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

// Calls `take` for every page that has rows, in order. Gives the exit status.
int each_page(const Arguments& given, const Terminal& terminal, const std::string& target,
              const std::function<void(const Answered&)>& take) {
  std::int64_t after = 0;
  while (true) {
    const Answered page = ask(given, terminal, fmt::format("{}&after={}", target, after));
    if (page.exit != exit_done) return page.exit;
    const json::array& rows = list(page.value);
    if (rows.empty()) return exit_done;
    const std::int64_t last = number(rows.back(), "id");
    if (last <= after) {
      complain(terminal,
               "the daemon's pages of the record do not go on; what is printed breaks off");
      return exit_refused;
    }
    after = last;
    take(page);
    if (!terminal.out) return exit_done;  // nobody reads any more: told at the end
  }
}

// The bytes of a text as they were recorded, not made safe: an export is for programs.
std::string exact(const json::value& row, std::string_view key) {
  const json::value* found = member(row, key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

RecordRow row_of(const json::value& value) {
  RecordRow row;
  row.id = number(value, "id");
  if (auto at = moment(value, "at")) row.at = at->at;
  row.what = exact(value, "what");
  row.failure = number(value, "failure");
  row.notice = number(value, "notice");
  row.who = exact(value, "who");
  row.subject = exact(value, "subject");
  row.payload = exact(value, "payload");
  row.digest = exact(value, "digest");
  row.chain = exact(value, "chain");
  row.erased = truth(value, "erased");
  return row;
}

int export_rows(const Arguments& given, const Terminal& terminal, const std::string& query) {
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
  return each_page(given, terminal, "/v1/record/raw" + query, [&](const Answered& page) {
    for (const json::value& row : list(page.value)) {
      terminal.out << export_row(format, *zone, row_of(row));
    }
  });
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
  const int exit = each_page(given, terminal, "/v1/record" + query, [&](const Answered& page) {
    const auto begin = page.body.find('[') + 1;
    terminal.out << (first ? "" : ",") << "\n"
                 << std::string_view(page.body).substr(begin, page.body.rfind(']') - begin);
    first = false;
  });
  terminal.out << "]\n";
  return exit;
}

}  // namespace

int record(const Arguments& given, const Terminal& terminal) {
  if (given.has("verify")) {
    for (const char* other : {"since", "until", "export"}) {
      if (given.has(other)) {
        return wrong_usage(given, terminal,
                           fmt::format("--verify walks the whole chain: it takes no --{}", other));
      }
    }
    return verify(given, terminal);
  }
  std::string query = "?";
  for (const char* key : {"since", "until"}) {
    if (!given.has(key)) continue;
    if (auto at = given.instant(key); !at) return wrong_usage(given, terminal, at.error().message);
    query += fmt::format("{}{}={}", query.size() == 1 ? "" : "&", key, escaped(given.text(key)));
  }
  if (given.has("export")) return export_rows(given, terminal, query);
  if (given.json) return print_json(given, terminal, query);
  std::string day;
  const int exit = each_page(given, terminal, "/v1/record" + query, [&](const Answered& page) {
    terminal.out << render_record(page.value, terminal.screen, day);
  });
  if (exit == exit_done && day.empty()) terminal.out << "Nothing is recorded there.\n";
  return exit;
}

}  // namespace yagura::cli
