#include "ops_view.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text.hpp"
#include "wrap_lines.hpp"

namespace yagura::ops {
namespace {

constexpr std::size_t most_checks_shown = 30;

constexpr std::size_t most_in_subject = 60;  // columns of the title

std::string title_of(const Source& source, const Failure& failure) {
  if (!failure.title.empty()) return one_line(failure.title);
  if (!failure.cause.empty()) return failure.cause;
  std::string services = source.services(failure.reported_services);
  return services.empty() ? source.words["no-title"] : services;
}

// The rule's words, and the names that it speaks of, or the lead's words.
std::string class_reason_in_words(const Source& source, const Failure& failure) {
  std::string text = source.words.of(failure.class_rule);
  if (failure.class_rule == ClassRule::system_lead && !failure.class_by.empty()) {
    text = source.words.phrases().aside(text, source.person(failure.class_by));
  }
  if (failure.class_detail.empty()) return text;
  // These two speak of words or of a command, not of services.
  if (failure.class_rule == ClassRule::system_lead ||
      failure.class_rule == ClassRule::back_after_response) {
    return fmt::format("{}: {}", text, one_line(failure.class_detail));
  }
  std::vector<std::string> names;
  for (const std::string& name : split_names(failure.class_detail)) {
    names.push_back(one_line(source.service(name)));
  }
  return source.words.phrases().aside(text, source.words.phrases().list(names));
}

View probe_view(const Source& source, const std::string& name, const ProbeHealth& health) {
  View probe = source.view();
  probe.set("PROBE_NAME", name);
  probe.set("VERDICT", source.words.of(health.verdict));
  bool has_time = health.since != Instant{};
  probe.set("PROBE_SINCE", has_time ? source.time(health.since) : "");
  const std::string& reason =
      health.reason.empty() && health.last ? health.last->reason : health.reason;
  if (!reason.empty()) {
    View one = source.view();
    one.set("PROBE_REASON", one_line(reason));
    probe.add("PROBE_REASONS", std::move(one));
  }
  if (health.last && !health.last->values.empty()) {
    std::vector<std::string> values;
    for (const auto& [key, value] : health.last->values)
      values.push_back(fmt::format("{}={:g}", key, value));
    View one = source.view();
    one.set("VALUES", fmt::format("{}", fmt::join(values, ", ")));
    probe.add("MEASURED", std::move(one));
  }
  return probe;
}

void add_members(View& view, const Source& source, const Failure& failure) {
  // The cause first, then the others in the order in which they came.
  std::vector<std::pair<Instant, ComponentName>> members;
  for (const auto& [name, since] : failure.members) {
    members.emplace_back(name == failure.cause ? Instant{} : since, name);
  }
  std::sort(members.begin(), members.end());
  for (std::size_t i = 0; i < members.size() && i < most_members; ++i) {
    const ComponentName& name = members[i].second;
    View member = source.view();
    member.set("COMPONENT", name);
    member.set("MEMBER_SINCE", source.time(failure.members.at(name)));
    auto component = source.platform.components.find(name);
    member.set("COMPONENT_OWNER", component == source.platform.components.end()
                                      ? ""
                                      : source.words.of(component->second.owner));
    member.show_if(name == failure.cause, "IS_CAUSE");
    if (auto health = source.state.components.find(name); health != source.state.components.end()) {
      for (const auto& [probe, of_probe] : health->second.probes) {
        if (of_probe.verdict == Verdict::ok && !failure.recovered_at) continue;
        member.add("PROBE", probe_view(source, probe, of_probe));
      }
    }
    view.add("MEMBER", std::move(member));
  }
  if (members.size() > most_members) {
    View more = source.view();
    more.set("MORE_COUNT", std::to_string(members.size() - most_members));
    view.add("MORE_MEMBERS", std::move(more));
  }
}

void add_services(View& view, const Source& source, const Failure& failure) {
  if (!failure.keeps_down.empty()) {
    View down = source.view();
    down.set("SERVICES_DOWN", source.services(failure.keeps_down));
    view.add("DOWN", std::move(down));
  }
  std::vector<std::pair<Instant, ServiceName>> kept;
  for (const auto& [id, since] : failure.kept_down)
    kept.emplace_back(since, id);
  std::sort(kept.begin(), kept.end());
  for (const auto& [since, id] : kept) {
    View service = source.view();
    service.set("SERVICE_NAME", source.service(id));
    service.set("SERVICE_SINCE", source.time(since));
    service.show_if(failure.keeps_down.contains(id), "STILL_DOWN");
    view.add("KEPT_DOWN", std::move(service));
  }
}

void add_steps(View& view, const Source& source, const Failure& failure) {
  std::size_t first = failure.steps.size() > most_steps ? failure.steps.size() - most_steps : 0;
  for (std::size_t i = first; i < failure.steps.size(); ++i) {
    const StepRun& run = failure.steps[i];
    View step = source.view();
    step.set("STEP_COMPONENT", run.component);
    step.set("STEP_NUMBER", std::to_string(run.step));
    step.set("STEP_WHAT", one_line(run.what));
    step.set("STEP_RESULT", source.words.of(run.result));
    step.set("STEP_STARTED", source.time(run.started));
    step.show_if(run.manual, "STEP_MANUAL");
    if (!run.output.empty()) {
      View output = source.view();
      output.set("STEP_OUTPUT", one_line(run.output, 300));
      step.add("STEP_OUTPUTS", std::move(output));
    }
    view.add("STEP", std::move(step));
  }
  if (const StepRun* run = failure.running_step(); run != nullptr && run->manual) {
    View manual = source.view();
    manual.set("MANUAL_WHAT", one_line(run->what));
    manual.set("MANUAL_UNTIL", source.time(run->deadline));
    view.add("MANUAL_RUNNING", std::move(manual));
  }
}

View report_view(const Source& source, const ProgressReport& report) {
  View view = source.view();
  view.set("REPORT_BY", source.person(report.by));
  view.set("REPORT_AT", source.time(report.at));
  view.set("REPORT_TEXT", many_lines(report.text));
  view.show_if(report.to_banks, "REPORT_TO_BANKS");
  return view;
}

// The one that a failure.progress is about: named in the details, else the last before the notice
// was made.
const ProgressReport* report_told(const Source& source, const Failure& failure) {
  if (auto found = source.notice.details.find("report"); found != source.notice.details.end()) {
    for (std::size_t i = 0; i < failure.reports.size(); ++i) {
      if (found->second == std::to_string(i + 1)) return &failure.reports[i];
    }
  }
  const ProgressReport* last = nullptr;
  for (const ProgressReport& report : failure.reports) {
    if (report.at <= source.notice.created_at) last = &report;
  }
  return last;
}

void add_reports(View& view, const Source& source, const Failure& failure) {
  if (const ProgressReport* told = report_told(source, failure)) {
    view.add("THIS_REPORT", report_view(source, *told));
  }
  std::size_t first =
      failure.reports.size() > most_reports ? failure.reports.size() - most_reports : 0;
  for (std::size_t i = first; i < failure.reports.size(); ++i) {
    view.add("REPORT", report_view(source, failure.reports[i]));
  }
}

// What the probes said when the recovery was confirmed.
void add_checked(View& view, const Source& source, const Failure& failure) {
  if (failure.checked.empty()) return;
  View all = source.view();
  std::size_t shown = 0;
  for (const CheckedProbe& one : failure.checked) {
    if (++shown > most_checks_shown) continue;
    View check = source.view();
    check.set("CHECK_PROBE", one_line(one.component + "/" + one.probe));
    check.set("CHECK_VERDICT", source.words.of(one.verdict));
    check.set("CHECK_AT", source.time(one.at));
    if (!one.reason.empty()) {
      View reason = source.view();
      reason.set("CHECK_REASON_TEXT", one_line(one.reason, 200));
      check.add("CHECK_REASON", std::move(reason));
    }
    all.add("CHECK", std::move(check));
  }
  if (shown > most_checks_shown) {
    View more = source.view();
    more.set("CHECKS_MORE", std::to_string(shown - most_checks_shown));
    all.add("CHECKS_LEFT_OUT", std::move(more));
  }
  view.add("CHECKS", std::move(all));
}

void add_phase(View& view, const Source& source, const Failure& failure) {
  if (failure.acknowledged) {
    View one = source.view();
    one.set("ACK_BY", source.person(failure.acknowledged->by));
    one.set("ACK_AT", source.time(failure.acknowledged->at));
    if (!failure.acknowledged->text.empty()) {
      View text = source.view();
      text.set("ACK_TEXT", many_lines(failure.acknowledged->text));
      one.add("ACK_WORDS", std::move(text));
    }
    view.add("ACKNOWLEDGED", std::move(one));
  }
  if (!failure.relapses.empty()) {
    View one = source.view();
    one.set("RELAPSE_COUNT", std::to_string(failure.relapses.size()));
    one.set("RELAPSE_AT", source.time(failure.relapses.back()));
    view.add("RELAPSED", std::move(one));
  }
  if (failure.recovered_at) {
    View one = source.view();
    one.set("RECOVERED_AT", source.time(*failure.recovered_at));
    one.set("RECOVERED_AFTER",
            source.words.phrases().length(*failure.recovered_at - failure.opened_at));
    view.add("RECOVERED", std::move(one));
  }
  if (failure.closed_at) {
    View one = source.view();
    one.set("CLOSED_AT", source.time(*failure.closed_at));
    if (!failure.confirmed_by.empty() || failure.closing == Closing::confirmed) {
      View by = source.view();
      by.set("CONFIRMED_BY", source.person(failure.confirmed_by));
      by.set("CONFIRMED_TEXT", many_lines(failure.confirmation));
      add_checked(by, source, failure);
      one.add("CONFIRMED", std::move(by));
    }
    one.show_if(failure.closing == Closing::automatic, "CLOSED_BY_ITSELF");
    view.add("CLOSED", std::move(one));
  }
  bool ongoing = !failure.recovered_at && !failure.closed_at;
  view.show_if(ongoing, "ONGOING");
  view.show_if(ongoing && !failure.acknowledged, "UNACKNOWLEDGED");
  view.show_if(failure.recovered_at && !failure.closed_at, "UNCONFIRMED");
}

}  // namespace

View failure_view(const Source& source, const Failure& failure) {
  const Words& words = source.words;
  View view = source.view();
  view.set("ID", std::to_string(failure.id));
  view.set("TITLE", title_of(source, failure));
  view.set("SHORT_TITLE", cut_to_width(title_of(source, failure), most_in_subject));
  view.set("CLASS", words.of(failure.classification));
  view.set("CLASS_REASON", class_reason_in_words(source, failure));
  view.set("PHASE", words.of(failure.phase()));
  view.set("OPENED_AT", source.time(failure.opened_at));
  view.set("ELAPSED", source.words.phrases().length(source.now - failure.opened_at));
  view.set("OWNER", words.of(failure.owner));
  view.show_if(source.now - failure.opened_at >= 1s, "AGED");
  view.show_if(failure.classification == FailureClass::major, "MAJOR");
  view.show_if(failure.classification == FailureClass::incident, "INCIDENT");
  view.show_if(failure.classification == FailureClass::undetermined, "UNDETERMINED");
  if (!failure.reported_by.empty()) {
    View reported = source.view();
    reported.set("REPORTED_BY", source.person(failure.reported_by));
    reported.set("REPORTED_TEXT", many_lines(failure.report_text));
    reported.show_if(failure.from_desk, "FROM_DESK");
    if (!failure.reported_services.empty()) {
      View services = source.view();
      services.set("REPORTED_NAMES", source.services(failure.reported_services));
      reported.add("REPORTED_SERVICES", std::move(services));
    }
    view.add("REPORTED", std::move(reported));
  }
  if (is_flapping(source.platform, failure)) {
    View flapping = source.view();
    flapping.set("STEADY_FOR", source.words.phrases().length(source.platform.escalation.flapping->within));
    view.add("FLAPPING", std::move(flapping));
  }
  if (is_caused_outside(source.platform, failure)) {
    View outside = source.view();
    outside.set("OUTSIDE_CAUSE", failure.cause);
    view.add("OUTSIDE", std::move(outside));
  }
  view.show_if(failure.awaits_recover, "AWAITS_RECOVER");
  add_members(view, source, failure);
  add_services(view, source, failure);
  add_steps(view, source, failure);
  add_phase(view, source, failure);
  add_reports(view, source, failure);
  add_chain(view, source, failure);
  add_banks(view, source, failure);
  return view;
}

const Vocabulary& failure_vocabulary() {
  static const Vocabulary report{{"REPORT_BY", "REPORT_AT", "REPORT_TEXT"},
                                 {{"REPORT_TO_BANKS", {}}}};
  static const Vocabulary probe{
      {"PROBE_NAME", "VERDICT", "PROBE_SINCE"},
      {{"PROBE_REASONS", {{"PROBE_REASON"}, {}}}, {"MEASURED", {{"VALUES"}, {}}}}};
  static const Vocabulary vocabulary{
      {"ID", "TITLE", "SHORT_TITLE", "CLASS", "CLASS_REASON", "PHASE", "OPENED_AT", "ELAPSED",
       "OWNER"},
      {
          {"AGED", {}},
          {"MAJOR", {}},
          {"INCIDENT", {}},
          {"UNDETERMINED", {}},
          {"REPORTED",
           {{"REPORTED_BY", "REPORTED_TEXT"},
            {{"FROM_DESK", {}}, {"REPORTED_SERVICES", {{"REPORTED_NAMES"}, {}}}}}},
          {"AWAITS_RECOVER", {}},
          {"MEMBER",
           {{"COMPONENT", "COMPONENT_OWNER", "MEMBER_SINCE"},
            {{"IS_CAUSE", {}}, {"PROBE", probe}}}},
          {"MORE_MEMBERS", {{"MORE_COUNT"}, {}}},
          {"DOWN", {{"SERVICES_DOWN"}, {}}},
          {"KEPT_DOWN", {{"SERVICE_NAME", "SERVICE_SINCE"}, {{"STILL_DOWN", {}}}}},
          {"STEP",
           {{"STEP_COMPONENT", "STEP_NUMBER", "STEP_WHAT", "STEP_RESULT", "STEP_STARTED"},
            {{"STEP_MANUAL", {}}, {"STEP_OUTPUTS", {{"STEP_OUTPUT"}, {}}}}}},
          {"MANUAL_RUNNING", {{"MANUAL_WHAT", "MANUAL_UNTIL"}, {}}},
          {"ACKNOWLEDGED", {{"ACK_BY", "ACK_AT"}, {{"ACK_WORDS", {{"ACK_TEXT"}, {}}}}}},
          {"OUTSIDE", {{"OUTSIDE_CAUSE"}, {}}},
          {"FLAPPING", {{"STEADY_FOR"}, {}}},
          {"RELAPSED", {{"RELAPSE_COUNT", "RELAPSE_AT"}, {}}},
          {"RECOVERED", {{"RECOVERED_AT", "RECOVERED_AFTER"}, {}}},
          {"CLOSED",
           {{"CLOSED_AT"},
            {{"CONFIRMED",
              {{"CONFIRMED_BY", "CONFIRMED_TEXT"},
               {{"CHECKS",
                 {{},
                  {{"CHECK", {{"CHECK_PROBE", "CHECK_VERDICT", "CHECK_AT"}, {{"CHECK_REASON", {{"CHECK_REASON_TEXT"}, {}}}}}},
                   {"CHECKS_LEFT_OUT", {{"CHECKS_MORE"}, {}}}}}}}}}, {"CLOSED_BY_ITSELF", {}}}}},
          {"ONGOING", {}},
          {"UNACKNOWLEDGED", {}},
          {"UNCONFIRMED", {}},
          {"THIS_REPORT", report},
          {"REPORT", report},
          {"CHAIN", {{"CHAIN_TO", "CHAIN_WHEN", "CHAIN_STATE"}, {}}},
          {"BANK", {{"BANK_NAME", "BANK_STATE"}, {}}},
          {"MORE_BANKS", {{"MORE_BANKS_COUNT"}, {}}},
          {"PROPOSED", {{"PROPOSED_BANKS"}, {}}},
          {"ANY_HELD", {}},
          {"HELD",
           {{"HELD_NOTICE", "HELD_WHAT", "HELD_WHY"}, {{"HELD_TIME", {{"HELD_UNTIL"}, {}}}}}},
      }};
  return vocabulary;
}

}  // namespace yagura::ops
