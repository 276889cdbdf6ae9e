#include "stop_view.hpp"

#include "bank_parts.hpp"
#include "text.hpp"

namespace yagura {
namespace {

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
          {"DESK", {{"DESK_TEXT"}, {}}},
          {"SIGNATURE", {{"SIGNATURE_TEXT"}, {}}},
          {"SERVICE", {{"SERVICE_NAME"}, {}}},
          {"REGULAR", {}},
          {"RUNNING", {}},
          {"COMPLETED", {}},
          {"EMERGENCY", {}},
          {"LATE", {}},
          {"TOLD", {}},
          {"MOVED", {{"MOVED_FROM", "MOVED_UNTIL"}, {}}},
          {"REASON", {{"REASON_TEXT"}, {}}},
      }};
  return vocabulary;
}

View stop_view(const Platform& platform, const State& state, const Notice& notice,
               const Words& words, Instant now) {
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
  const Phrases& phrases = words.phrases();
  const auto time = [&](Instant at) { return phrases.time(at, platform.zone); };
  View view{unknown};
  add_addressee(view, one_line(bank.name, 200), contact_names(bank, notice), words);
  view.set("STOP", std::to_string(notice.stop));
  view.set("DATE", phrases.date(platform.zone.date_of(stop.from)));
  view.set("FROM", time(stop.from));
  view.set("UNTIL", time(stop.until));
  view.set("TEXT", many_lines(stop.text));
  view.set("NOW", time(now));
  std::vector<std::string> names;
  for (const ServiceName& id : stop.services) {
    auto service = platform.services.find(id);
    if (!bank.services.contains(id) || service == platform.services.end()) continue;
    names.push_back(one_line(service->second.name, 200));
  }
  view.set("SERVICES", services_in_short(names, words));
  for (const std::string& one : names) {
    View service{unknown};
    service.set("SERVICE_NAME", one);
    view.add("SERVICE", std::move(service));
  }
  view.show_if(!stop.regular.empty(), "REGULAR");
  view.show_if(stop.phase() == StopPhase::running, "RUNNING");
  view.show_if(stop.phase() == StopPhase::completed, "COMPLETED");
  view.show_if(stop.emergency, "EMERGENCY");
  view.show_if(!stop.emergency && is_late(platform, stop, now), "LATE");
  view.show_if(thread.told != Told::nothing, "TOLD");
  if (thread.told_from && thread.told_until &&
      (*thread.told_from != stop.from || *thread.told_until != stop.until)) {
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
