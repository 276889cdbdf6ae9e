#include "render_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "fields.hpp"

namespace yagura::cli {

namespace json = boost::json;

std::string time_and_ago(const json::value& object, std::string_view key, const Screen& screen) {
  auto at = moment(object, key);
  if (!at) return "-";
  return fmt::format("{} ({})", short_text(*at, screen.now), ago_text(at->at, screen.now));
}

std::string only_ago(const json::value& object, std::string_view key, const Screen& screen) {
  auto at = moment(object, key);
  return at ? ago_text(at->at, screen.now) : "-";
}

Cell state_cell(const std::string& state) {
  const Hue hue = hue_of(state);
  std::string shown = state;
  if (hue == Hue::red) {
    std::transform(shown.begin(), shown.end(), shown.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  }
  return {shown, hue};
}

std::string plural(std::int64_t count, std::string_view one, std::string_view more) {
  return fmt::format("{} {}", count, count == 1 ? one : more);
}

std::vector<Row> stop_rows(const json::array& stops, const Screen& screen) {
  std::vector<Row> rows;
  for (const json::value& stop : stops) {
    const json::value* services = member(stop, "services");
    const std::string of = services != nullptr && services->is_array()
                               ? joined(texts(stop, "services"))
                               : text(stop, "services") + " services";
    auto from = moment(stop, "from"), until = moment(stop, "until");
    std::string when;
    const std::string phase = text(stop, "phase");
    const bool over = phase == "cancelled" || phase == "completed";
    if (truth(stop, "now")) {
      when = until ? "now, until " + short_text(*until, screen.now) : "now";
    } else if (from) {
      when = fmt::format("{}, {} to {}", ago_text(from->at, screen.now),
                         short_text(*from, screen.now), until ? short_text(*until, from->at) : "-");
    }
    if (over) when = phase + "; " + when;
    if (truth(stop, "emergency")) when = "emergency; " + when;
    std::string below = text(stop, "text");
    std::vector<std::string> waiting;
    if (const json::value* banks = member(stop, "banks")) {
      for (const json::value& bank : list(*banks)) {
        const std::int64_t notice = number(bank, "notice");
        if (notice != 0) waiting.push_back(fmt::format("{} (notice {})", text(bank, "bank"), notice));
      }
    }
    if (!waiting.empty()) {
      below += fmt::format("{}still to be told: {}", below.empty() ? "" : "; ", joined(waiting));
    }
    const std::int64_t id = number(stop, "id");
    rows.push_back({{id == 0 ? text(stop, "name")
                     : text(stop, "name").empty() ? std::to_string(id)
                                                  : text(stop, "name") + " (one date)",
                     of, Cell(when, truth(stop, "now") ? Hue::yellow : Hue::plain)},
                    below});
  }
  return rows;
}

}  // namespace yagura::cli
