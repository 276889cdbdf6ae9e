#include "bank_view.hpp"

#include <algorithm>

#include "bank_parts.hpp"
#include "mail_thread.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_reports = 30;

// Those that the failure kept down; where there are none, those that it touched.
void add_services(BankView& view, const Platform& platform, const std::set<ServiceName>& told,
                  const Failure& failure) {
  const auto add = [&](const ServiceName& id, Instant since) {
    auto service = platform.services.find(id);
    if (!told.contains(id) || service == platform.services.end()) return;
    view.services.push_back({one_line(service->second.name, 200), since});
  };
  for (const auto& [id, since] : failure.kept_down)
    add(id, since);
  view.possibly = view.services.empty();
  if (view.possibly) {
    for (const ServiceName& id : failure.touched)
      add(id, failure.opened_at);
  }
  std::stable_sort(view.services.begin(), view.services.end(),
                   [](const auto& a, const auto& b) { return a.since < b.since; });
  view.occurred_at = view.services.empty() ? failure.opened_at : view.services.front().since;
}

BankView::Status status_of(const std::set<ServiceName>& told, const Failure& failure, bool possibly) {
  if (failure.closed_at) return BankView::Status::confirmed;
  if (failure.recovered_at) return BankView::Status::recovered;
  bool down = std::any_of(failure.keeps_down.begin(), failure.keeps_down.end(),
                          [&](const ServiceName& id) { return told.contains(id); });
  return down || possibly ? BankView::Status::unavailable : BankView::Status::available;
}

// The lead's words that this notice brings: of the reports relayed to banks, from the first that it
// was not told. What a notice tells is settled at its hand-over; before that, it is all so far.
void add_reports(BankView& view, const Failure& failure, const BankThread& thread,
                 const Notice& notice) {
  int told = is_bank_first(notice.kind) ? 0 : thread.reports_told;
  int relayed = 0;
  for (const ProgressReport& report : failure.reports) {
    if (!report.to_banks || (notice.number > 0 && relayed >= notice.reports)) continue;
    if (relayed++ < told)
      view.reports_told = true;
    else
      view.reports.push_back({report.at, many_lines(report.text)});
  }
  if (view.reports.size() > most_reports) {
    view.reports_left_out = true;
    view.reports.erase(view.reports.begin(), view.reports.end() - most_reports);
  }
}

void add_window(BankView& view, const Platform& platform, const Failure& failure,
                const Notice& notice) {
  auto window =
      platform.windows.find(failure.bank_window.empty() ? "bank_mail" : failure.bank_window);
  if (window == platform.windows.end()) return;
  view.window = window->second;
  if (!is_bank_first(notice.kind)) return;
  view.late = platform.zone.date_of(view.occurred_at) != platform.zone.date_of(view.now) ||
              !window->second.is_open(view.occurred_at, platform.context());
}

}  // namespace

BankView bank_view(const Platform& platform, const State& state, const Notice& notice,
                   Instant now) {
  static const Bank left;
  static const Failure gone;
  static const BankThread untold;
  auto bank_entry = platform.banks.find(notice.bank());
  const Bank& bank = bank_entry == platform.banks.end() ? left : bank_entry->second;
  auto failure_entry = state.failures.find(notice.failure);
  const Failure& failure = failure_entry == state.failures.end() ? gone : failure_entry->second;
  auto thread_entry = failure.banks.find(notice.bank());
  const BankThread& thread = thread_entry == failure.banks.end() ? untold : thread_entry->second;

  BankView view;
  view.now = now;
  view.bank = one_line(bank.name, 200);
  view.contacts = contact_names(bank, notice);
  view.failure = notice.failure;
  view.number = notice.number > 0 ? notice.number : thread.mails + 1;
  const std::set<ServiceName> told_of = services_told(failure, bank);
  add_services(view, platform, told_of, failure);
  view.status = status_of(told_of, failure, view.possibly);
  view.recovered_at = failure.recovered_at ? failure.recovered_at : failure.closed_at;
  view.confirmed_at = failure.closed_at;
  view.relapsed_ever = !failure.relapses.empty();
  std::optional<Instant> relapse = notice.relapse;
  if (notice.number == 0) {
    for (const auto& [service, at] : failure.down_again) {
      if (told_of.contains(service)) relapse = std::max(relapse, std::optional(at));
    }
  }
  if (!is_bank_first(notice.kind) && relapse > thread.relapse_told) view.relapsed_at = relapse;
  for (const auto& [id, other] : state.failures) {
    if (id == failure.id || !other.is_open()) continue;
    view.down_by_another = view.down_by_another ||
                           std::any_of(other.keeps_down.begin(), other.keeps_down.end(),
                                       [&](const ServiceName& service) { return told_of.contains(service); });
  }
  view.outside = is_caused_outside(platform, failure);
  add_reports(view, failure, thread, notice);
  add_window(view, platform, failure, notice);
  for (const Notice* told : thread_before(state, notice)) {
    if (!view.told_at && told->audience == notice.audience) view.told_at = told->sent_at;
  }
  return view;
}

const Vocabulary& bank_vocabulary() {
  static const Vocabulary vocabulary{
      {"BANK", "FAILURE", "NUMBER", "ORDINAL", "SERVICES", "OCCURRED_AT", "NOW"},
      {
          {"CONTACT", {{"CONTACT_NAME"}, {}}},
          {"DESK", {{"DESK_TEXT"}, {}}},
          {"SIGNATURE", {{"SIGNATURE_TEXT"}, {}}},
          {"SERVICE", {{"SERVICE_NAME"}, {{"SINCE", {{"SINCE_AT"}, {}}}}}},
          {"POSSIBLY", {}},
          {"UNAVAILABLE", {}},
          {"AVAILABLE", {}},
          {"DOWN_BY_ANOTHER", {}},
          {"OUTSIDE", {}},
          {"RECOVERED", {{"RECOVERED_AT"}, {{"DOWNTIME", {{"DOWNTIME_LENGTH"}, {}}}}}},
          {"CONFIRMED", {{"CONFIRMED_AT"}, {}}},
          {"RELAPSED", {{"RELAPSED_AT"}, {}}},
          {"REPORTS", {{}, {{"REPORT", {{"REPORT_AT", "REPORT_TEXT"}, {}}}, {"LEFT_OUT", {}}}}},
          {"REPORTS_TOLD", {}},
          {"LATE", {}},
          {"WINDOW", {{"WINDOW_HOURS"}, {}}},
          {"TOLD", {{"TOLD_AT"}, {}}},
      }};
  return vocabulary;
}

View to_view(const BankView& bank, const Zone& zone, const Words& words) {
  const std::string& unknown = words["unknown"];
  const Phrases& phrases = words.phrases();
  const auto time = [&](Instant at) { return phrases.time(at, zone); };
  View view{unknown};
  add_addressee(view, bank.bank, bank.contacts, words);
  view.set("FAILURE", std::to_string(bank.failure));
  view.set("NUMBER", std::to_string(bank.number));
  view.set("ORDINAL", phrases.ordinal(bank.number));
  std::vector<std::string> names;
  for (const auto& service : bank.services)
    names.push_back(service.name);
  view.set("SERVICES", services_in_short(names, words));
  view.set("OCCURRED_AT", time(bank.occurred_at));
  view.set("NOW", time(bank.now));
  for (const auto& one : bank.services) {
    View service{unknown};
    service.set("SERVICE_NAME", one.name);
    if (bank.services.front().since != bank.services.back().since) {
      View since{unknown};
      since.set("SINCE_AT", time(one.since));
      service.add("SINCE", std::move(since));
    }
    view.add("SERVICE", std::move(service));
  }
  view.show_if(bank.possibly, "POSSIBLY");
  view.show_if(bank.status == BankView::Status::unavailable, "UNAVAILABLE");
  view.show_if(bank.status == BankView::Status::available, "AVAILABLE");
  view.show_if(bank.down_by_another, "DOWN_BY_ANOTHER");
  view.show_if(bank.outside, "OUTSIDE");
  bool is_back =
      bank.status == BankView::Status::recovered || bank.status == BankView::Status::confirmed;
  if (is_back && bank.recovered_at) {
    View recovered{unknown};
    recovered.set("RECOVERED_AT", time(*bank.recovered_at));
    if (!bank.relapsed_ever && !bank.possibly && *bank.recovered_at > bank.occurred_at) {
      View downtime{unknown};
      downtime.set("DOWNTIME_LENGTH", phrases.length(*bank.recovered_at - bank.occurred_at));
      recovered.add("DOWNTIME", std::move(downtime));
    }
    view.add("RECOVERED", std::move(recovered));
  }
  if (bank.confirmed_at) {
    View confirmed{unknown};
    confirmed.set("CONFIRMED_AT", time(*bank.confirmed_at));
    view.add("CONFIRMED", std::move(confirmed));
  }
  if (bank.relapsed_at) {
    View relapsed{unknown};
    relapsed.set("RELAPSED_AT", time(*bank.relapsed_at));
    view.add("RELAPSED", std::move(relapsed));
  }
  if (!bank.reports.empty()) {
    View reports{unknown};
    for (const auto& one : bank.reports) {
      View report{unknown};
      report.set("REPORT_AT", time(one.at));
      report.set("REPORT_TEXT", one.text);
      reports.add("REPORT", std::move(report));
    }
    reports.show_if(bank.reports_left_out, "LEFT_OUT");
    view.add("REPORTS", std::move(reports));
  }
  view.show_if(bank.reports_told, "REPORTS_TOLD");
  view.show_if(bank.late, "LATE");
  if (std::string hours = phrases.hours(bank.window); !hours.empty()) {
    View window{unknown};
    window.set("WINDOW_HOURS", hours);
    view.add("WINDOW", std::move(window));
  }
  if (bank.told_at) {
    View told{unknown};
    told.set("TOLD_AT", time(*bank.told_at));
    view.add("TOLD", std::move(told));
  }
  return view;
}

}  // namespace yagura
