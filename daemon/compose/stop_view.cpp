#include "stop_view.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "japanese.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_services_in_subject = 2;

std::string in_short(const std::vector<std::string>& names, const Words& words) {
  if (names.empty()) return words["services.unnamed"];
  if (names.size() <= most_services_in_subject) return japanese::list(names);
  return fmt::format("{} {}", names.front(), words.counted("services.more", names.size() - 1));
}

void add_contacts(View& view, const Bank& bank, const Notice& notice, const std::string& unknown) {
  for (const Contact& contact : bank.contacts) {
    const bool written_to = notice.to.empty()
                                ? contact.for_stops
                                : std::any_of(notice.to.begin(), notice.to.end(), [&](const Recipient& to) {
                                    return to.mail == contact.mail;
                                  });
    if (!written_to || contact.name.empty()) continue;
    View name{unknown};
    name.set("CONTACT_NAME", one_line(contact.name, 200));
    view.add("CONTACT", std::move(name));
  }
}

// Announced in time or not: what is late is apologised for.
bool is_late(const Platform& platform, const Stop& stop, Instant now) {
  auto last = announce_by(platform, stop.from);
  return !last || now > *last + platform.mail.attempt_timeout;
}

}  // namespace

const Vocabulary& stop_vocabulary() {
  static const Vocabulary vocabulary{
      {"BANK", "STOP", "SERVICES", "DATE", "FROM", "UNTIL", "TEXT", "NOW"},
      {
          {"CONTACT", {{"CONTACT_NAME"}, {}}},
          {"SERVICE", {{"SERVICE_NAME"}, {}}},
          {"REGULAR", {}},
          {"RUNNING", {}},
          {"COMPLETED", {}},
          {"LATE", {}},
          {"TOLD", {}},
          {"MOVED", {{"MOVED_FROM", "MOVED_UNTIL"}, {}}},
          {"REASON", {{"REASON_TEXT"}, {}}},
      }};
  return vocabulary;
}

View stop_view(const Platform& platform, const State& state, const Notice& notice, const Words& words, Instant now) {
  static const Bank left;
  static const Stop gone;
  static const StopThread untold;
  auto bank_entry = platform.banks.find(notice.bank());
  const Bank& bank = bank_entry == platform.banks.end() ? left : bank_entry->second;
  auto stop_entry = state.stops.find(notice.stop);
  const Stop& stop = stop_entry == state.stops.end() ? gone : stop_entry->second;
  auto thread_entry = stop.banks.find(notice.bank());
  const StopThread& thread = thread_entry == stop.banks.end() ? untold : thread_entry->second;

  const std::string& unknown = words["unknown"];
  const auto time = [&](Instant at) { return japanese::time(at, platform.zone); };
  View view{unknown};
  const std::string name = one_line(bank.name, 200);
  view.set("BANK", name.empty() ? words["bank.unnamed"] : name);
  view.set("STOP", std::to_string(notice.stop));
  view.set("DATE", japanese::date(platform.zone.date_of(stop.from)));
  view.set("FROM", time(stop.from));
  view.set("UNTIL", time(stop.until));
  view.set("TEXT", many_lines(stop.text));
  view.set("NOW", time(now));
  add_contacts(view, bank, notice, unknown);
  std::vector<std::string> names;
  for (const ServiceName& id : stop.services) {
    auto service = platform.services.find(id);
    if (!bank.services.contains(id) || service == platform.services.end()) continue;
    names.push_back(one_line(service->second.name, 200));
  }
  view.set("SERVICES", in_short(names, words));
  for (const std::string& one : names) {
    View service{unknown};
    service.set("SERVICE_NAME", one);
    view.add("SERVICE", std::move(service));
  }
  view.show_if(!stop.regular.empty(), "REGULAR");
  view.show_if(stop.phase() == StopPhase::running, "RUNNING");
  view.show_if(stop.phase() == StopPhase::completed, "COMPLETED");
  view.show_if(!stop.emergency && is_late(platform, stop, now), "LATE");
  view.show_if(thread.told != Told::nothing, "TOLD");
  if (thread.told_from && thread.told_until && (*thread.told_from != stop.from || *thread.told_until != stop.until)) {
    View moved{unknown};
    moved.set("MOVED_FROM", time(*thread.told_from));
    moved.set("MOVED_UNTIL", time(*thread.told_until));
    view.add("MOVED", std::move(moved));
  }
  if (!stop.cancel_text.empty()) {
    View reason{unknown};
    reason.set("REASON_TEXT", many_lines(stop.cancel_text));
    view.add("REASON", std::move(reason));
  }
  return view;
}

}  // namespace yagura
