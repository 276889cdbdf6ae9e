// Planned stops.
#include "view_parts.hpp"

namespace yagura {

namespace view {

namespace {

json::array banks_of_stop(const Look& look, const Stop& stop) {
  json::array list;
  for (const auto& [name, thread] : stop.banks) {
    json::object line;
    line["bank"] = name;
    line["told"] = boost::describe::enum_to_string(thread.told, "");
    line["version_told"] = thread.version_told;
    line["withdrawn_by"] = text_or_null(thread.withdrawn_by);
    line["undeliverable"] = thread.undeliverable;
    NoticeId unsent = 0;
    for (const auto& [id, notice] : look.state.notices) {
      if (notice.stop == stop.id && notice.bank() == name && notice.is_unsent()) unsent = id;
    }
    line["notice"] = unsent == 0 ? json::value(nullptr) : json::value(unsent);
    list.push_back(std::move(line));
  }
  return list;
}

json::object stop_object(const Look& look, const Stop& stop) {
  json::object line;
  line["id"] = stop.id;
  line["name"] = text_or_null(stop.regular);
  line["regular"] = !stop.regular.empty();
  line["services"] = stop.all_services ? json::value("all") : json::value(array_of(stop.services));
  line["from"] = time_or_null(look, stop.from);
  line["until"] = time_or_null(look, stop.until);
  line["now"] = stop.phase() == StopPhase::running;
  line["phase"] = boost::describe::enum_to_string(stop.phase(), "");
  line["text"] = text_or_null(stop.text);
  line["emergency"] = stop.emergency;
  line["by"] = stop.by;
  line["planned_at"] = time_or_null(look, stop.planned_at);
  line["announce_by"] = stop.regular.empty() ? time_or_null(look, announce_by(look.platform, stop.from)) : json::value(nullptr);
  line["cancelled_at"] = time_or_null(look, stop.cancelled_at);
  line["cancel_text"] = text_or_null(stop.cancel_text);
  line["banks"] = banks_of_stop(look, stop);
  return line;
}

}  // namespace

// The next of each regular one; of the others those to come, under way, and those that a bank is still owed a word of;
// or all that there ever were.
json::array stops_of(const Look& look, bool all) {
  json::array list;
  for (const Maintenance& maintenance : look.platform.maintenance) {
    auto interval = without_cancelled(look.platform, maintenance, look.state.stops)
                        .next_interval(look.now, look.platform.context());
    if (!interval) continue;
    json::object line;
    line["id"] = nullptr;
    line["name"] = maintenance.name;
    line["regular"] = true;
    line["services"] = maintenance.all_services ? json::value("all") : json::value(array_of(maintenance.services));
    line["from"] = time_or_null(look, interval->from);
    line["until"] = time_or_null(look, interval->until);
    line["now"] = interval->from <= look.now;
    line["phase"] = interval->from <= look.now ? "running" : "planned";
    list.push_back(std::move(line));
  }
  for (const auto& [id, stop] : look.state.stops) {
    if (all || !stop.settled) list.push_back(stop_object(look, stop));
  }
  return list;
}

}  // namespace view

using namespace view;

std::string stops_json(const Look& look, bool all) { return finished(stops_of(look, all)); }

}  // namespace yagura
