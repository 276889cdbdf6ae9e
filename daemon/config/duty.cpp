// duty: who of a role is mailed when (F7).
#include <fmt/format.h>

#include <algorithm>

#include "draft.hpp"
#include "yaml.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_in_rotation = 100;
constexpr std::array<std::string_view, 7> weekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

// "mon 09:00"
struct Handover {
  std::chrono::weekday day;
  std::chrono::minutes at;
};
std::optional<Handover> handover_of(std::string_view text) {
  const auto space = text.find(' ');
  const auto day = std::find(weekdays.begin(), weekdays.end(), text.substr(0, space));
  if (day == weekdays.end() || space == std::string_view::npos) return std::nullopt;
  const std::string_view clock = text.substr(space + 1);
  const auto digit = [&](std::size_t at) { return clock[at] >= '0' && clock[at] <= '9'; };
  if (clock.size() != 5 || clock[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return std::nullopt;
  const int hour = (clock[0] - '0') * 10 + clock[1] - '0', minute = (clock[3] - '0') * 10 + clock[4] - '0';
  if (hour > 23 || minute > 59) return std::nullopt;
  return Handover{std::chrono::weekday{static_cast<unsigned>(day - weekdays.begin())}, std::chrono::minutes{hour * 60 + minute}};
}

void read_rotation(Draft& draft, Reader& reader, Roster& roster) {
  const Node* rotation = reader.required("rotation");
  if (rotation == nullptr) return;
  for (const Node* word : scalars_of(reader, "rotation", most_in_rotation)) {
    auto person = draft.platform.people.find(word->scalar);
    if (person == draft.platform.people.end()) {
      reader.problem(*word, fmt::format("there is no person {}: the roster would have a hole", word->scalar));
    } else if (!person->second.roles.contains(roster.role)) {
      reader.problem(*word, fmt::format("{} does not have the role {}: the roster would have a hole", word->scalar,
                                        name_of(roster.role)));
    }
    roster.rotation.push_back(word->scalar);
  }
  if (rotation->is_list() && rotation->items.empty()) {
    reader.problem(*rotation, "`rotation` is empty: name the people in the order of their weeks");
  }
}

void read_handover(Draft& draft, Reader& reader, Roster& roster) {
  std::optional<Handover> handover;
  if (const Node* node = reader.required("handover")) {
    handover = node->is_scalar() ? handover_of(node->scalar) : std::nullopt;
    if (!handover) reader.problem(*node, "`handover` must be a weekday and a time: \"mon 09:00\"");
  }
  if (const Node* node = reader.required("since")) {
    auto date = node->is_scalar() ? parse_date(node->scalar) : failure_of("");
    if (!date) return reader.problem(*node, "`since` must be a date such as 2026-11-30: the first person's first week");
    roster.since = *date;
    if (*date > draft.platform.zone.date_of(draft.now)) {
      draft.warning(*node, fmt::format("the roster begins on {} only: until then it is counted backwards from there",
                                       format_date(*date)));
    }
    const std::chrono::weekday day{std::chrono::local_days{*date}};
    if (handover && day != handover->day) {
      reader.problem(*node, fmt::format("`since` contradicts `handover`: {} is a {}, and the duty is handed over on {}",
                                        format_date(*date), weekdays[day.c_encoding()],
                                        weekdays[handover->day.c_encoding()]));
    }
  }
  if (handover) roster.handover = handover->at;
}

}  // namespace

void read_duty(Draft& draft) {
  for (const auto* entry : named_entries(draft, draft.root.find("duty"), "roster", all_roles.size())) {
    const auto& [key, node] = *entry;
    const auto role = role_named(key.scalar);
    if (!role) {
      draft.problem(key, fmt::format("there is no role `{}` to make a roster of", key.scalar));
      continue;
    }
    Roster roster;
    roster.role = *role;
    Reader reader(node, draft.problems, fmt::format("duty of {}", key.scalar));
    read_rotation(draft, reader, roster);
    read_handover(draft, reader, roster);
    if (reader.has("escalate_within_role")) roster.escalate_within = reader.duration_or("escalate_within_role", Duration{0});
    if (roster.escalate_within && *roster.escalate_within < 1min) {
      reader.problem(*reader.find("escalate_within_role"), "`escalate_within_role` must be at least 1m");
    }
    reader.finish();
    draft.platform.duty.emplace(*role, std::move(roster));
  }
}

}  // namespace yagura
