#include <fmt/format.h>

#include <boost/json.hpp>

#include "fields.hpp"
#include "render.hpp"
#include "render_parts.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

// When it went, or is to go.
std::string when_of(const json::value& notice, const Screen& screen) {
  const std::string state = text(notice, "state");
  if (auto sent = moment(notice, "sent_at")) return short_text(*sent, screen.now);
  if (state == "merged") return "with " + text(notice, "into");
  if (state != "held" && state != "due") return "";
  if (auto retry = moment(notice, "retry_at")) return "again " + short_text(*retry, screen.now);
  auto from = moment(notice, "not_before");
  return from && from->at > screen.now ? short_text(*from, screen.now) : "";
}

void trouble(const json::value& notice, std::string& note) {
  if (const std::string error = text(notice, "last_error"); !error.empty()) {
    note += fmt::format("\nattempt {}: {}", text(notice, "attempts"), error);
  }
  if (const auto refused = texts(notice, "refused"); !refused.empty()) {
    note += "\nrefused for good: " + joined(refused, "; ");
  }
}

}  // namespace

std::string render_notices(const json::value& notices, const Screen& screen) {
  Sheet sheet(screen);
  std::vector<Row> rows;
  for (const json::value& one : list(notices)) {
    const std::string state = text(one, "state"), hold = text(one, "hold");
    const std::string failure = text(one, "failure");
    std::string note = text(one, "subject");
    const std::string reason = text(one, "reason");
    if (!reason.empty()) {
      note += "\n" + with_short_times(reason + (hold.empty() ? "" : "; " + hold), screen.now);
    }
    trouble(one, note);
    rows.push_back(
        {{text(one, "id"), state_cell(state), when_of(one, screen), text(one, "audience"),
          text(one, "kind"), failure.empty() ? "" : "#" + failure},
         note});
  }
  if (rows.empty()) sheet.line("No such notice; `yagura notices --all` lists those sent, too.");
  sheet.rows(rows, 0);
  return sheet.take();
}

std::string render_notice(const json::value& notice, const json::value& history,
                          const Screen& screen) {
  Sheet sheet(screen);
  const std::string state = text(notice, "state");
  sheet.line(fmt::format("Notice {}: {} to {}, {}", text(notice, "id"), text(notice, "kind"),
                         text(notice, "audience"), state),
             hue_of(state) == Hue::red ? Hue::red : Hue::bold);
  sheet.blank();
  std::vector<Row> rows;
  const auto fact = [&](const char* name, const std::string& value) {
    if (!value.empty() && value != "-") rows.push_back({{Cell(name, Hue::dim), value}, ""});
  };
  const std::string failure = text(notice, "failure"), into = text(notice, "into");
  fact("failure", failure.empty() ? "" : "#" + failure);
  fact("reason", text(notice, "reason"));
  fact("held", with_short_times(text(notice, "hold"), screen.now));
  fact("to", joined(texts(notice, "to")));
  fact("refused", joined(texts(notice, "refused"), "; "));
  fact("made", time_and_ago(notice, "created_at", screen));
  if (state == "held" || state == "due") {
    fact("not before", time_and_ago(notice, "not_before", screen));
    fact("next try", time_and_ago(notice, "retry_at", screen));
  }
  fact("sent", time_and_ago(notice, "sent_at", screen));
  fact("merged", into.empty() ? "" : "in the mail of notice " + into);
  fact("carries", joined(texts(notice, "carries")));
  if (number(notice, "attempts") > 0) fact("attempts", text(notice, "attempts"));
  fact("last error", text(notice, "last_error"));
  fact("Message-ID", text(notice, "message_id"));
  sheet.rows(rows);
  if (!list(history).empty()) {
    sheet.heading("What happened to it");
    std::vector<Row> lines;
    for (const json::value& row : list(history)) {
      auto at = moment(row, "at");
      lines.push_back({{at ? fmt::format("{} {}", day_text(*at).substr(4), clock_text(*at)) : "-",
                        fact_words(row)},
                       ""});
    }
    sheet.rows(lines);
  }
  sheet.heading(state == "sent" || state == "merged" ? "The mail" : "The mail as it would go now");
  sheet.line("Subject: " + text(notice, "subject"), Hue::plain, 2);
  sheet.blank();
  sheet.line(long_text(notice, "body"), Hue::plain, 2);
  return sheet.take();
}

}  // namespace yagura::cli
