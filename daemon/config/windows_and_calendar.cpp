// calendar, windows, maintenance: the days and hours that everything else is held to (C1, C2, C4).
#include <fmt/format.h>

#include "draft.hpp"
#include "yaml.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_windows = 100;
constexpr std::size_t most_parts = 100;
constexpr std::size_t longest_holidays_csv = std::size_t{1024} * 1024;
constexpr std::string_view office_hours = "10:00-17:00";

void read_holidays_csv(Reader& reader, CalendarSettings& settings) {
  const std::string path = path_of(reader, "holidays_csv");
  if (path.empty()) return;
  const Node& at = *reader.find("holidays_csv");
  if (!settings.japan) {
    return reader.problem(
        at,
        "`holidays: none` and a list of holidays contradict each other: write holidays: japan, "
        "where the list wins for its years, or remove `holidays_csv`");
  }
  auto bytes = read_small_file(path, longest_holidays_csv);
  if (!bytes)
    return reader.problem(at, fmt::format("cannot read {}: {}", path, bytes.error().message));
  auto holidays = parse_holidays_csv(*bytes);
  if (!holidays) return reader.problem(at, fmt::format("{}: {}", path, holidays.error().message));
  settings.published = std::move(*holidays);
}

void read_closed(Reader& reader, CalendarSettings& settings) {
  if (!reader.has("closed")) return;
  settings.closed.clear();
  for (const Node* item : scalars_of(reader, "closed", 400)) {
    if (auto days = parse_closed_days(item->scalar)) {
      settings.closed.push_back(*days);
    } else {
      reader.problem(*item, fmt::format("`closed`: {}", days.error().message));
    }
  }
}

// The items of a list whose mistakes are reported already.
std::vector<const Node*> written(Reader& reader, std::string_view key) {
  std::vector<const Node*> items;
  const Node* node = reader.find(key);
  if (node == nullptr) return items;
  if (node->is_scalar()) items.push_back(node);
  for (const Node& item : node->items) {
    if (item.is_scalar()) items.push_back(&item);
  }
  return items;
}

void check_coverage(Draft& draft) {
  const Calendar& calendar = draft.platform.calendar;
  const Date today = draft.platform.zone.date_of(draft.now);
  const Node& at = draft.section_key("calendar");
  draft.calendar_holds = calendar.covers(today);
  if (!draft.calendar_holds) {
    draft.problem(
        at,
        fmt::format("the holidays are known from {} to {}, and do not cover today, {}: correct the "
                    "machine's clock, or install a version that knows this year",
                    calendar.first_year(), calendar.last_year(), format_date(today)));
  } else if (!calendar.covers(today + std::chrono::days{366})) {
    draft.warning(
        at, fmt::format(
                "the holidays are known until the end of {} only: install a version that knows the "
                "next year before it begins",
                calendar.last_year()));
  }
}

// `days` (of maintenance: `every`) and `hours`.
Window::Part read_part(Reader& reader, std::string_view days_key) {
  Window::Part part;
  if (const Node* days = reader.required(days_key)) {
    std::vector<std::string> words;
    for (const Node* word : scalars_of(reader, days_key, 7))
      words.push_back(word->scalar);
    auto set = parse_days(words);
    if (set && !words.empty()) {
      part.days = *set;
    } else if (!words.empty() || days->is_list()) {
      reader.problem(*days,
                     words.empty()
                         ? fmt::format("`{}` is empty: write business, all, or weekdays such as "
                                       "[sat, sun]",
                                       days_key)
                         : fmt::format("`{}`: {}", days_key, set.error().message));
    }
  }
  reader.required("hours");
  for (const Node* item : scalars_of(reader, "hours", most_parts)) {
    if (auto hours = parse_hours(item->scalar)) {
      part.hours.push_back(*hours);
    } else {
      reader.problem(*item, fmt::format("`hours`: {}", hours.error().message));
    }
  }
  return part;
}

// `days` and `hours`, or a list of such.
Window read_window(Draft& draft, const std::string& name, const Node& node) {
  std::vector<Window::Part> parts;
  const auto read_one = [&](const Node& part) {
    Reader reader(part, draft.problems, fmt::format("window {}", name));
    parts.push_back(read_part(reader, "days"));
    reader.finish();
  };
  if (!node.is_list()) {
    read_one(node);
  } else if (node.items.size() > most_parts) {
    draft.problem(node.items[most_parts],
                  fmt::format("window {} has more than {} parts", name, most_parts));
  } else {
    for (const Node& part : node.items)
      read_one(part);
  }
  return Window(std::move(parts));
}

// Only where all that it is made of is right: else this would be said for the wrong reason.
void check_opens(Draft& draft, std::string_view what, const Window& window, const Node& at) {
  if (!draft.calendar_holds || window.next_open(draft.now, draft.platform.context())) return;
  draft.problem(
      at, fmt::format(
              "{} never opens, as far as the next 400 days tell: write days and hours that occur, "
              "or correct the calendar",
              what));
}

}  // namespace

void read_calendar(Draft& draft) {
  CalendarSettings settings;
  settings.closed = {*parse_closed_days("12-29..01-03")};
  if (const Node* section = draft.root.find("calendar")) {
    Reader reader(*section, draft.problems, "calendar");
    settings.japan =
        choice_of<bool>(reader, "holidays", {{"japan", true}, {"none", false}}).value_or(true);
    read_holidays_csv(reader, settings);
    read_closed(reader, settings);
    settings.extra_holidays = dates_of(draft, reader, "extra_holidays");
    settings.extra_business_days = dates_of(draft, reader, "extra_business_days");
    for (const Node* item : written(reader, "extra_business_days")) {
      const auto date = parse_date(item->scalar);
      if (!date || !settings.extra_holidays.contains(*date)) continue;
      draft.warning(
          *item,
          fmt::format(
              "{} is in `extra_holidays` too: it counts as a business day; remove one of the two",
              format_date(*date)));
    }
    reader.finish();
  }
  draft.platform.calendar = Calendar(std::move(settings));
  check_coverage(draft);
}

void read_windows(Draft& draft) {
  const Node* section = draft.root.find("windows");
  draft.windows = names_in(draft, "windows");
  for (const auto* entry : named_entries(draft, section, "window", most_windows)) {
    const auto& [name, node] = *entry;
    const std::size_t before = draft.problems.size();
    Window window = read_window(draft, name.scalar, node);
    if (draft.problems.size() == before) {
      check_opens(draft, fmt::format("window {}", name.scalar), window, name);
    }
    draft.platform.windows.emplace(name.scalar, std::move(window));
  }
  // Mail to banks and reminders are held to these two, named in a chain or not.
  for (std::string_view name : {"bank_mail", "response_hours"}) {
    draft.windows.emplace(name, nullptr);
    Window::Part part;
    part.days.kind = DaySet::Kind::business;
    part.hours = {*parse_hours(office_hours)};
    auto [found, missing] = draft.platform.windows.emplace(name, Window({part}));
    if (missing) {
      check_opens(draft, fmt::format("window {} (business days {})", name, office_hours),
                  found->second, draft.section_key(section == nullptr ? "calendar" : "windows"));
    }
  }
}

void read_maintenance(Draft& draft) {
  const auto* entries =
      list_of(draft.root, "maintenance",
              "a list of recurring stops (- {name: …, every: …, hours: …, services: …})", 100);
  if (entries == nullptr) return;
  Names names;
  for (const Node& node : *entries) {
    const std::size_t before = draft.problems.size();
    const Node* name = node.find("name");
    Maintenance entry;
    entry.name = name != nullptr && name->is_scalar() ? name->scalar : "";
    Reader reader(
        node, draft.problems,
        entry.name.empty() ? "an entry of maintenance" : fmt::format("maintenance {}", entry.name));
    if (const Node* written = reader.required("name");
        written != nullptr && check_text(reader, *written, "name", 100)) {
      if (auto [first, fresh] = names.emplace(entry.name, written); !fresh) {
        reader.problem(*written, fmt::format("maintenance `{}` is given twice: first at line {}",
                                          entry.name, first->second->place.line));
      }
    }
    Window::Part part = read_part(reader, "every");
    std::set<Date> except = dates_of(draft, reader, "except");
    const auto services = scalars_of(reader, "services");
    entry.all_services =
        !reader.has("services") || (services.size() == 1 && services.front()->scalar == "all" &&
                                    reader.find("services")->is_scalar());
    if (!entry.all_services) {
      if (services.empty() && reader.find("services")->is_list()) {
        reader.problem(*reader.find("services"),
                       "`services` is empty: write all, or the services that stop");
      }
      for (const Node* service : services) {
        if (!draft.services.contains(service->scalar)) {
          reader.problem(*service, draft.unknown("service", service->scalar, draft.services));
        }
        entry.services.insert(service->scalar);
      }
    }
    reader.finish();
    const DaySet every = part.days;
    entry.window = Window({std::move(part)}, std::move(except));
    if (draft.problems.size() == before) {
      check_opens(draft, fmt::format("maintenance {}", entry.name), entry.window, *name);
      for (const Node* item :
           draft.calendar_holds ? written(reader, "except") : std::vector<const Node*>{}) {
        const Date date = *parse_date(item->scalar);
        if (every.contains(date, draft.platform.calendar)) continue;
        draft.warning(*item,
                      fmt::format("maintenance {} does not happen on {} anyway: is the date right?",
                                  entry.name, format_date(date)));
      }
    }
    draft.platform.maintenance.push_back(std::move(entry));
  }
}

}  // namespace yagura
