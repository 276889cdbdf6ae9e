// Who is on duty, now and next, and the swaps that people agree on.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "render_parts.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

std::string when(const json::value& shift, std::string_view key) {
  auto at = moment(shift, key);
  return at ? fmt::format("{} {}", day_text(*at), clock_text(*at).substr(0, 5)) : "-";
}

std::string render_duty(const json::value& roles, const Screen& screen) {
  Sheet sheet(screen);
  for (const json::value& role : list(roles)) {
    sheet.heading(text(role, "role"));
    std::vector<Row> rows;
    bool first = true;
    for (const json::value& shift : list(role, "shifts")) {
      const std::string swap = text(shift, "swap");
      rows.push_back({{Cell(first ? "on duty" : "then", Hue::dim), Cell(text(shift, "name"), first ? Hue::bold : Hue::plain),
                       fmt::format("{} - {}", when(shift, "from"), when(shift, "until")),
                       swap.empty() ? "" : "swap " + swap},
                      ""});
      first = false;
    }
    if (rows.empty()) rows.push_back({{Cell("everybody", Hue::dim), joined(texts(role, "people"))}, ""});
    sheet.rows(rows);
    if (const std::string within = text(role, "escalate_within_role"); !within.empty()) {
      sheet.line(fmt::format("not acknowledged for {}: the others are mailed, too", within), Hue::dim, 2);
    }
  }
  return sheet.take();
}

}  // namespace

int duty(const Arguments& given, const Terminal& terminal) {
  std::string target = "/v1/duty";
  if (given.has("at")) {
    auto at = given.instant("at");
    if (!at) return wrong_usage(given, terminal, at.error().message);
    target += fmt::format("?at={}", at->time_since_epoch().count());
  }
  return ask_and_print(given, terminal, target, render_duty);
}

int duty_swap(const Arguments& given, const Terminal& terminal) {
  json::object order{{"order", "duty-swap"},
                     {"role", given.text("ROLE")},
                     {"person", given.text("PERSON")},
                     {"text", given.text("message")}};
  for (const char* name : {"from", "until"}) {
    auto at = given.instant(name);
    if (!at) return wrong_usage(given, terminal, at.error().message);
    order[name] = given.text(name);
  }
  return send_order(given, terminal, std::move(order));
}

int duty_cancel(const Arguments& given, const Terminal& terminal) {
  auto id = given.number("SWAP");
  if (!id) return wrong_usage(given, terminal, id.error().message);
  return send_order(given, terminal, {{"order", "duty-cancel"}, {"swap", *id}});
}

}  // namespace yagura::cli
