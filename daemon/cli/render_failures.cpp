#include <fmt/format.h>

#include <boost/json.hpp>

#include "fields.hpp"
#include "render.hpp"
#include "render_parts.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

void facts(Sheet& sheet, const json::value& failure, const Screen& screen) {
  std::vector<Row> rows;
  const auto fact = [&](const char* name, const std::string& value) {
    if (!value.empty() && value != "-") rows.push_back({{Cell(name, Hue::dim), value}, ""});
  };
  fact("class", fmt::format("{}: {}", text(failure, "class"), text(failure, "class_reason")));
  fact("cause", text(failure, "cause") + (truth(failure, "outside") ? ", outside the platform" : ""));
  fact("components", joined(texts(failure, "components")));
  fact("keeps down", joined(texts(failure, "keeps_down")));
  fact("kept down", joined(texts(failure, "services")));
  fact("owner", text(failure, "owner"));
  fact("reported", truth(failure, "from_desk") ? "by the inquiry desk" : "");
  fact("opened", time_and_ago(failure, "opened_at", screen));
  if (const std::string by = text(failure, "acknowledged_by"); !by.empty()) {
    fact("acknowledged",
         fmt::format("by {}, {}", by, time_and_ago(failure, "acknowledged_at", screen)));
  }
  fact("recovered", time_and_ago(failure, "recovered_at", screen));
  if (const std::int64_t relapses = number(failure, "relapses"); relapses > 0) {
    std::string often = plural(relapses, "time", "times");
    if (truth(failure, "flapping")) {
      often += text(failure, "steady_since").empty()
                   ? "; it flaps, and is held open"
                   : "; it flaps, and is held open though all is well since " + time_and_ago(failure, "steady_since", screen);
    }
    fact("relapsed", often);
  }
  if (moment(failure, "closed_at")) {
    std::string how = text(failure, "closing");
    if (const std::int64_t into = number(failure, "joined_into"); into != 0) {
      how += fmt::format(" into #{}", into);
    }
    fact("closed", fmt::format("{}, {}", time_and_ago(failure, "closed_at", screen), how));
  }
  fact("banks", joined(texts(failure, "banks")));
  sheet.rows(rows);
}

void steps(Sheet& sheet, const json::value& failure, const Screen& screen) {
  const json::array& all = list(failure, "steps");
  if (all.empty()) return;
  sheet.heading("Primary response");
  std::vector<Row> rows;
  for (const json::value& step : all) {
    const std::string result = text(step, "result"), by = text(step, "by");
    auto started = moment(step, "started"), deadline = moment(step, "deadline");
    std::string when = started ? clock_text(*started) : "-";
    std::string note;
    if (result == "running" && deadline) {
      note =
          fmt::format("until {} ({})", clock_text(*deadline), ago_text(deadline->at, screen.now));
      if (truth(step, "manual")) {
        note += fmt::format("; yagura respond {} --success|--failed", text(failure, "id"));
      }
    }
    if (!by.empty()) note = "by " + by;
    if (const std::string output = long_text(step, "output"); !output.empty()) {
      note += (note.empty() ? "" : "\n") + output;
    }
    rows.push_back({{when, fmt::format("{} {}", text(step, "component"), text(step, "step")),
                     Cell(result, hue_of(result)),
                     (truth(step, "manual") ? "by hand: " : "") + text(step, "what")},
                    note});
  }
  sheet.rows(rows);
}

void reports(Sheet& sheet, const json::value& failure, const Screen& screen) {
  const json::array& all = list(failure, "reports");
  if (all.empty()) return;
  sheet.heading("Progress reports");
  for (const json::value& report : all) {
    auto at = moment(report, "at");
    sheet.line(fmt::format("{}  {}{}", at ? short_text(*at, screen.now) : "-", text(report, "by"),
                           truth(report, "to_banks") ? ", for the banks" : ""),
               Hue::plain, 2);
    sheet.line(long_text(report, "text"), Hue::plain, 6);
  }
}

void bank_threads(Sheet& sheet, const json::value& failure) {
  const json::array& all = list(failure, "bank_threads");
  if (all.empty()) return;
  sheet.heading("Banks");
  std::vector<Row> rows;
  for (const json::value& thread : all) {
    std::vector<std::string> words;
    if (truth(thread, "affected")) words.emplace_back("affected");
    if (truth(thread, "added")) words.emplace_back("added by the lead");
    if (truth(thread, "removed")) words.emplace_back("removed by the lead");
    const std::string told = text(thread, "told");
    const std::string how = told == "nothing" ? "told nothing yet"
                            : told == "first" ? "told of the failure"
                            : told == "ended" ? "told how it ended"
                                              : told;
    rows.push_back({{text(thread, "bank"), how, plural(number(thread, "mails"), "mail", "mails"),
                     joined(words)},
                    ""});
  }
  sheet.rows(rows);
}

}  // namespace

std::string render_failures(const json::value& failures, const Screen& screen) {
  Sheet sheet(screen);
  std::vector<Row> rows;
  for (const json::value& one : list(failures)) {
    rows.push_back({{"#" + text(one, "id"), state_cell(text(one, "class")), text(one, "phase"),
                     only_ago(one, "opened_at", screen), text(one, "title")},
                    ""});
  }
  if (rows.empty())
    sheet.line("No failure is open; `yagura failures --all` lists those closed, too.");
  sheet.rows(rows, 0);
  return sheet.take();
}

std::string render_failure(const json::value& failure, const Screen& screen) {
  Sheet sheet(screen);
  const std::string classification = text(failure, "class");
  sheet.line(fmt::format("#{}  {}, {}", text(failure, "id"),
                         classification == "major" ? "MAJOR FAILURE" : classification,
                         text(failure, "phase")),
             classification == "major" ? Hue::red : Hue::bold);
  sheet.line(text(failure, "title"), Hue::bold);
  sheet.blank();
  facts(sheet, failure, screen);
  steps(sheet, failure, screen);
  reports(sheet, failure, screen);
  bank_threads(sheet, failure);
  const json::array& timeline = list(failure, "timeline");
  if (!timeline.empty()) sheet.heading("What happened", "yagura why " + text(failure, "id"));
  if (truth(failure, "timeline_cut")) {
    sheet.line(fmt::format("Only the last {} lines; what was before is in `yagura record --since {}`.",
                           timeline.size(), text(failure, "opened_at")),
               Hue::yellow, 2);
  }
  std::string day;
  std::vector<Row> rows;
  for (const json::value& row : timeline) {
    auto at = moment(row, "at");
    if (at && day_text(*at) != day) {
      sheet.rows(rows);
      rows.clear();
      day = day_text(*at);
      sheet.line(day, Hue::dim, 2);
    }
    rows.push_back({{at ? clock_text(*at) : "-", fact_words(row)}, ""});
  }
  sheet.rows(rows);
  return sheet.take();
}

std::string render_why(const json::value& lines, const Screen& screen) {
  Sheet sheet(screen);
  std::vector<Row> rows;
  for (const json::value& line : list(lines)) {
    const std::string state = text(line, "state"), notice = text(line, "notice");
    const std::string kind = text(line, "kind");
    auto at = moment(line, "at");
    std::string when;
    if (at) {
      const bool over = state == "sent";
      when = fmt::format("{}{}", over ? "" : "not before ", short_text(*at, screen.now));
    }
    rows.push_back(
        {{text(line, "audience"), kind.empty() ? "-" : kind, Cell(state, hue_of(state)), when},
         (notice.empty() ? "" : "notice " + notice + ": ") +
             with_short_times(text(line, "rule"), screen.now)});
  }
  if (rows.empty()) sheet.line("Nobody is owed anything.");
  sheet.rows(rows, 0);
  return sheet.take();
}

}  // namespace yagura::cli
