// Jobs, observations, and the record.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "fields.hpp"
#include "render.hpp"
#include "render_parts.hpp"
#include "text.hpp"

namespace yagura::cli {

namespace json = boost::json;

namespace {

// The last lines that a run wrote; all of it is in --json.
std::string last_lines_of(const json::value& job) {
  constexpr int most_lines = 3;
  std::string output = long_text(job, "last_output");
  output.erase(output.find_last_not_of(" \t\n") + 1);
  std::size_t from = output.size();
  for (int lines = 0; lines < most_lines && from != std::string::npos && from > 0; ++lines) {
    from = output.rfind('\n', from - 1);
  }
  if (from == std::string::npos) from = 0;
  if (from < output.size() && output[from] == '\n') ++from;
  std::string shown;
  std::string_view rest = std::string_view(output).substr(from);
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    shown += (shown.empty() ? "| " : "\n| ") + one_line(line, 200);
  }
  return shown;
}

// How the job stands to what `most` and `failing_runs` allow; empty where it has neither.
std::string limits_of(const json::value& job) {
  std::vector<std::string> words;
  if (const json::value* most = member(job, "most"); most != nullptr && most->is_object()) {
    const std::int64_t allowed = number(*most, "runs"), starts = number(*most, "starts");
    words.push_back(fmt::format("{} {} allowed within {}",
                                starts > allowed ? fmt::format("more than the {}", allowed)
                                                 : fmt::format("{} of {}", starts, allowed),
                                allowed == 1 ? "start" : "starts",
                                span_text(Duration{number(*most, "within_ms")})));
  }
  if (const json::value* runs = member(job, "failing_runs"); runs != nullptr && runs->is_object()) {
    words.push_back(fmt::format("{} of the last {} runs failed, {} allowed",
                                number(*runs, "failed"), number(*runs, "of"),
                                number(*runs, "allowed")));
  }
  return joined(words, "; ");
}

}  // namespace

std::string render_jobs(const json::value& jobs, const Screen& screen) {
  Sheet sheet(screen);
  std::vector<Row> rows;
  for (const json::value& job : list(jobs)) {
    const std::string verdict = text(job, "verdict"), reason = text(job, "reason");
    const std::int64_t running = number(job, "running");
    std::string last = "no run seen";
    auto success = moment(job, "last_success"), fail = moment(job, "last_fail");
    if (success && (!fail || fail->at <= success->at)) {
      last = "succeeded " + ago_text(success->at, screen.now);
    } else if (fail) {
      last = "failed " + ago_text(fail->at, screen.now);
    }
    if (const std::int64_t took = number(job, "last_duration_ms");
        took >= 1000 && (success || fail)) {
      last += " (" + span_text(Duration{took}) + ")";
    }
    std::string next;
    if (running > 0) {
      auto since = moment(job, "last_start");
      next = since ? "running for " + span_text(screen.now - since->at) : "running";
    } else if (auto at = moment(job, "next_run")) {
      next = "next " + short_text(*at, screen.now);
    }
    std::string note = verdict == "ok" ? "" : with_short_times(reason, screen.now);
    for (const std::string& more : {limits_of(job), last_lines_of(job)}) {
      if (!more.empty()) note += (note.empty() ? "" : "\n") + more;
    }
    rows.push_back(
        {{text(job, "component") + "/" + text(job, "probe"), state_cell(verdict), last, next},
         note});
  }
  if (rows.empty()) sheet.line("No job is configured.");
  sheet.rows(rows, 0);
  return sheet.take();
}

std::string render_observations(const json::value& observations, const Screen& screen) {
  Sheet sheet(screen);
  std::vector<Row> rows;
  for (const json::value& one : list(observations)) {
    std::string values;
    if (const json::value* all = member(one, "values"); all != nullptr && all->is_object()) {
      for (const auto& [key, value] : all->get_object()) {
        values +=
            fmt::format("{}{} {}", values.empty() ? "" : ", ", text(json::value(key)), text(value));
      }
    }
    auto started = moment(one, "started"), ended = moment(one, "ended");
    if (started && ended) {
      values += fmt::format("{}took {} ms", values.empty() ? "" : ", ",
                            (ended->at - started->at).count());
    }
    rows.push_back({{text(one, "component") + "/" + text(one, "probe"),
                     state_cell(text(one, "verdict")), text(one, "reason")},
                    values});
  }
  sheet.rows(rows, 0);
  return sheet.take();
}

std::string render_record(const json::value& rows, const Screen& screen, std::string& day) {
  Sheet sheet(screen);
  std::vector<Row> lines;
  for (const json::value& row : list(rows)) {
    auto at = moment(row, "at");
    if (at && day_text(*at) != day) {
      sheet.rows(lines, 0);
      lines.clear();
      if (!day.empty()) sheet.blank();
      day = day_text(*at);
      sheet.line(day, Hue::bold);
    }
    const std::string failure = text(row, "failure");
    lines.push_back({{fmt::format("{:>6}", text(row, "id")), at ? clock_text(*at) : "-",
                      Cell(text(row, "what"), Hue::dim),
                      (failure.empty() ? "" : "#" + failure + " ") + fact_words(row)},
                     ""});
  }
  sheet.rows(lines, 0);
  return sheet.take();
}

}  // namespace yagura::cli
