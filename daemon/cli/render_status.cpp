#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "fields.hpp"
#include "render.hpp"
#include "render_parts.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t late_ms = 60'000;  // from here on the probes' lateness is worth a line

// A job that has not run since it was configured is as it should be; any other probe runs at once.
bool is_quiet(const json::value& probe) {
  const std::string verdict = text(probe, "verdict");
  return verdict == "ok" || (verdict.empty() && text(probe, "kind") == "job");
}

bool is_well(const json::value& component) {
  const json::array& probes = list(component, "probes");
  return text(component, "state") == "ok" && std::all_of(probes.begin(), probes.end(), is_quiet);
}

// The first line says whether there is anything to do.
void summary(Sheet& sheet, const json::value& status, const Screen& screen) {
  const json::array& failures = list(status, "failures");
  const auto majors = std::count_if(failures.begin(), failures.end(), [](const json::value& one) {
    return text(one, "class") == "major";
  });
  const json::array& components = list(status, "components");
  const auto unwell = std::count_if(components.begin(), components.end(),
                                    [](const json::value& one) { return !is_well(one); });
  if (!failures.empty()) {
    const auto count = static_cast<std::int64_t>(failures.size());
    sheet.line(fmt::format("{} open{}.", plural(count, "failure is", "failures are"),
                           majors == 0 ? "" : fmt::format(", {} major", majors)),
               majors == 0 ? Hue::yellow : Hue::red);
  } else if (unwell != 0) {
    sheet.line(fmt::format("No failure is open; {} not well.",
                           plural(unwell, "component is", "components are")),
               Hue::yellow);
  } else {
    sheet.line("All is well.", Hue::green);
  }
  if (const std::string trouble = text(status, "record_trouble"); !trouble.empty()) {
    sheet.line("THE RECORD CANNOT BE WRITTEN: " + trouble, Hue::red);
    if (const std::int64_t orders = number(status, "unrecorded_orders"); orders > 0) {
      sheet.line(fmt::format("{} taken, and take effect when it can: do not repeat them.",
                             plural(orders, "order is", "orders are")),
                 Hue::red);
    }
  }
  if (moment(status, "cut_off_since")) {
    sheet.line("THIS MACHINE IS CUT OFF since " + time_and_ago(status, "cut_off_since", screen) +
                   ": nothing of self_check answers. What is watched over the network is not known to be well.",
               Hue::red);
  }
  if (moment(status, "probes_late_since")) {
    sheet.line("Probes run late since " + time_and_ago(status, "probes_late_since", screen) +
                   ": what fails may be found late. The machine is overloaded, or was stopped.",
               Hue::red);
  } else if (const std::int64_t late = number(status, "probe_lateness_ms"); late > late_ms) {
    sheet.line(fmt::format("Probes run late, by {}: the machine is overloaded, or targets hang.",
                           span_text(Duration{late})),
               Hue::red);
  }
}

void failures_part(Sheet& sheet, const json::value& status, const Screen& screen) {
  const json::array& failures = list(status, "failures");
  if (failures.empty()) return;
  sheet.heading("Failures", "yagura show N");
  std::vector<Row> rows;
  for (const json::value& one : failures) {
    const std::string id = text(one, "id");
    std::string note;
    if (const auto down = texts(one, "keeps_down"); !down.empty()) {
      note = "keeps down " + joined(down) + "; ";
    }
    const std::string phase = text(one, "phase"), by = text(one, "acknowledged_by");
    note += "owner " + text(one, "owner");
    note += by.empty() ? "" : ", acknowledged by " + by;
    if (phase == "recovered")
      note += fmt::format("; yagura confirm {} -m TEXT", id);
    else if (by.empty())
      note += fmt::format("; yagura ack {}", id);
    rows.push_back({{"#" + id, state_cell(text(one, "class")), phase,
                     only_ago(one, "opened_at", screen), text(one, "title")},
                    note});
  }
  sheet.rows(rows);
}

void services_part(Sheet& sheet, const json::value& status, const Screen& screen) {
  sheet.heading("Services");
  std::vector<Row> rows;
  for (const json::value& one : list(status, "services")) {
    const std::string state = text(one, "state");
    rows.push_back({{text(one, "id"), text(one, "name"), state_cell(state),
                     moment(one, "since") ? "since " + time_and_ago(one, "since", screen) : ""},
                    ""});
  }
  if (rows.empty()) sheet.line("none is configured", Hue::dim, 2);
  sheet.rows(rows);
}

void components_part(Sheet& sheet, const json::value& status, const Screen& screen) {
  sheet.heading("Components");
  std::vector<Row> rows;
  std::vector<std::string> well;
  for (const json::value& component : list(status, "components")) {
    if (is_well(component)) {
      well.push_back(text(component, "id"));
      continue;
    }
    rows.push_back({{text(component, "id"), state_cell(text(component, "state")), "", ""}, ""});
    for (const json::value& probe : list(component, "probes")) {
      if (is_quiet(probe)) continue;
      const std::string verdict = text(probe, "verdict");
      rows.push_back(
          {{"  " + text(probe, "name"), verdict.empty() ? Cell("-") : state_cell(verdict),
            only_ago(probe, "since", screen), text(probe, "reason")},
           ""});
    }
  }
  sheet.rows(rows);
  if (!well.empty()) {
    sheet.line(fmt::format("ok ({}): {}", well.size(), joined(well)), Hue::plain, 2);
  }
}

void windows_part(Sheet& sheet, const json::value& status, const Screen& screen) {
  const json::value* windows = member(status, "windows");
  if (windows == nullptr || !windows->is_object() || windows->get_object().empty()) return;
  sheet.heading("Windows");
  std::vector<Row> rows;
  for (const auto& [key, window] : windows->get_object()) {
    auto opens = moment(window, "opens_at"), closes = moment(window, "closes_at");
    const bool open = truth(window, "open");
    std::string when = "never opens";
    if (open && closes) {
      when = fmt::format("until {} ({})", short_text(*closes, screen.now),
                         ago_text(closes->at, screen.now));
    } else if (open) {
      when = "never closes";
    } else if (opens) {
      when = fmt::format("opens {} ({})", ago_text(opens->at, screen.now),
                         short_text(*opens, screen.now));
    }
    rows.push_back({{text(json::value(key)),
                     Cell(open ? "open" : "closed", open ? Hue::green : Hue::plain), when},
                    ""});
  }
  sheet.rows(rows);
}

}  // namespace

std::string render_status(const json::value& status, const Screen& given) {
  Screen screen = given;
  auto now = moment(status, "now");
  if (now) screen.now = now->at;
  Sheet sheet(screen);
  if (now) {
    sheet.heading(fmt::format("{} {} {}", day_text(*now), clock_text(*now), offset_text(*now)),
                  "yagurad " + text(status, "version"));
  }
  summary(sheet, status, screen);
  failures_part(sheet, status, screen);
  services_part(sheet, status, screen);
  components_part(sheet, status, screen);
  if (const json::value* notices = member(status, "notices")) {
    const std::int64_t lost = number(*notices, "undeliverable");
    sheet.heading("Notices", "yagura notices");
    sheet.line(
        fmt::format("{} held, {} due, {} undeliverable{}", number(*notices, "held"),
                    number(*notices, "due"), lost, lost == 0 ? "" : " (yagura notices --failed)"),
        lost == 0 ? Hue::plain : Hue::red, 2);
  }
  if (const json::value* inquiries = member(status, "inquiries")) {
    const std::int64_t open = number(*inquiries, "open"), overdue = number(*inquiries, "overdue");
    if (open > 0) {
      sheet.heading("Inquiries", "yagura inquiries");
      sheet.line(fmt::format("{} open, {} waiting for an answer, {} overdue", open, number(*inquiries, "waiting"),
                             overdue),
                 overdue == 0 ? Hue::plain : Hue::red, 2);
    }
  }
  if (const json::array& unmatched = list(status, "unmatched_alarms"); !unmatched.empty()) {
    sheet.heading("Alarms that no component matches");
    std::vector<Row> rows;
    for (const json::value& one : unmatched) {
      rows.push_back({{text(one, "source"), text(one, "alarm"), state_cell(text(one, "says")), only_ago(one, "at", screen),
                       text(one, "text")},
                      ""});
    }
    sheet.rows(rows);
  }
  windows_part(sheet, status, screen);
  if (const auto rows = stop_rows(list(status, "stops"), screen); !rows.empty()) {
    sheet.heading("Planned stops");
    sheet.rows(rows);
  }
  return sheet.take();
}

std::string render_stops(const json::value& stops, const Screen& screen) {
  Sheet sheet(screen);
  const auto rows = stop_rows(list(stops), screen);
  if (rows.empty()) sheet.line("No stop is planned.");
  sheet.rows(rows, 0);
  return sheet.take();
}

}  // namespace yagura::cli
