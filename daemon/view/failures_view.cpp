// Failures, and why their notices are as they are.
#include "view_parts.hpp"

namespace yagura {

namespace view {

json::object failure_object(const Look& look, const Failure& failure) {
  json::object object;
  object["id"] = failure.id;
  object["title"] = failure.title;
  object["class"] = name(failure.classification);
  object["class_reason"] = class_reason(failure);
  object["class_at"] = time_or_null(look, failure.class_at);
  object["phase"] = name(failure.phase());
  object["opened_at"] = time_or_null(look, failure.opened_at);
  object["recovered_at"] = time_or_null(look, failure.recovered_at);
  object["closed_at"] = time_or_null(look, failure.closed_at);
  object["closing"] = failure.is_open() ? json::value(nullptr) : json::value(name(failure.closing));
  object["joined_into"] = failure.joined_into == 0 ? json::value(nullptr) : json::value(failure.joined_into);
  object["relapses"] = failure.relapses.size();
  object["flapping"] = is_flapping(look.platform, failure);
  object["steady_since"] = time_or_null(look, failure.steady_since);
  object["cause"] = text_or_null(failure.cause);
  object["outside"] = is_caused_outside(look.platform, failure);
  object["components"] = keys_of(failure.members);
  object["services"] = keys_of(failure.kept_down);
  object["keeps_down"] = array_of(failure.keeps_down);
  object["owner"] = std::string(name_of(failure.owner));
  object["acknowledged_by"] =
      failure.acknowledged ? json::value(failure.acknowledged->by) : json::value(nullptr);
  object["acknowledged_at"] =
      failure.acknowledged ? time_or_null(look, failure.acknowledged->at) : json::value(nullptr);
  json::array banks;
  for (const auto& [bank, thread] : failure.banks) {
    if (thread.affected || thread.added || thread.told != Told::nothing) banks.emplace_back(bank);
  }
  object["banks"] = std::move(banks);
  object["from_desk"] = failure.from_desk;
  return object;
}

}  // namespace view

using namespace view;

std::string failures_json(const Look& look, bool all) {
  json::array list;
  for (const auto& [id, failure] : look.state.failures) {
    if (all || failure.is_open()) list.push_back(failure_object(look, failure));
  }
  return finished(list);
}

std::string failure_json(const Look& look, const Failure& failure, const std::vector<RecordLine>& timeline,
                         bool cut) {
  json::object object = failure_object(look, failure);
  json::array steps;
  for (const StepRun& step : failure.steps) {
    json::object line;
    line["component"] = step.component;
    line["step"] = step.step;
    line["manual"] = step.manual;
    line["what"] = step.what;
    line["started"] = time_or_null(look, step.started);
    line["deadline"] = time_or_null(look, step.deadline);
    line["ended"] = time_or_null(look, step.ended);
    line["result"] = name(step.result);
    line["output"] = step.output;
    line["by"] = text_or_null(step.by);
    steps.push_back(std::move(line));
  }
  object["steps"] = std::move(steps);
  json::array reports;
  for (const ProgressReport& report : failure.reports) {
    reports.push_back(json::object{{"at", time_or_null(look, report.at)},
                                   {"by", report.by},
                                   {"text", report.text},
                                   {"to_banks", report.to_banks}});
  }
  object["reports"] = std::move(reports);
  json::array threads;
  for (const auto& [bank, thread] : failure.banks) {
    threads.push_back(json::object{{"bank", bank},
                                   {"told", name(thread.told)},
                                   {"affected", thread.affected},
                                   {"added", thread.added},
                                   {"removed", thread.removed},
                                   {"mails", thread.mails}});
  }
  object["bank_threads"] = std::move(threads);
  json::array lines;
  for (const RecordLine& line : timeline) lines.push_back(record_object(look, line));
  object["timeline"] = std::move(lines);
  object["timeline_cut"] = cut;
  return finished(object);
}

std::string why_json(const Look& look, const std::vector<Why>& lines) {
  json::array list;
  for (const Why& line : lines) {
    list.push_back(json::object{{"audience", line.audience},
                                {"kind", text_or_null(line.kind)},
                                {"state", line.state},
                                {"notice", line.notice == 0 ? json::value(nullptr) : json::value(line.notice)},
                                {"at", time_or_null(look, line.at)},
                                {"rule", line.rule}});
  }
  return finished(list);
}

}  // namespace yagura
