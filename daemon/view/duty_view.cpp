// Who is on duty.
#include "duty.hpp"
#include "view_parts.hpp"

namespace yagura {

using namespace view;

namespace {

constexpr Duration looked_ahead = 21 * 24h;

json::object shift_object(const Look& look, const Shift& shift) {
  auto person = look.platform.people.find(shift.person);
  return {{"person", shift.person},
          {"name", person == look.platform.people.end() ? shift.person : person->second.name},
          {"from", time_or_null(look, shift.from)},
          {"until", time_or_null(look, shift.until)},
          {"swap", shift.swap == 0 ? json::value(nullptr) : json::value(shift.swap)}};
}

}  // namespace

std::string duty_json(const Look& look, Instant at) {
  json::array list;
  for (Role role : all_roles) {
    const auto people = look.platform.people_with(role);
    if (people.empty()) continue;
    json::object line{{"role", std::string(name_of(role))}, {"at", time_or_null(look, at)}};
    json::array all;
    for (const Person* person : people) all.emplace_back(person->id);
    line["people"] = std::move(all);
    json::array shifts_of;
    auto roster = look.platform.duty.find(role);
    if (roster != look.platform.duty.end()) {
      for (const Shift& shift : shifts(look.platform, roster->second, look.state.core.swaps, at, at + looked_ahead)) {
        shifts_of.push_back(shift_object(look, shift));
      }
      if (roster->second.escalate_within) {
        line["escalate_within_role"] = format_duration(*roster->second.escalate_within);
      }
    }
    line["shifts"] = std::move(shifts_of);
    list.push_back(std::move(line));
  }
  return finished(list);
}

}  // namespace yagura
