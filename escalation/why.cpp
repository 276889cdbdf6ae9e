#include "why.hpp"

#include <fmt/format.h>

#include "rules.hpp"

namespace yagura {

namespace {

std::string name_of_state(NoticeState state) { return boost::describe::enum_to_string(state, ""); }

Why of_notice(const Notice& notice) {
  Why line;
  line.audience = notice.audience;
  line.kind = name_of(notice.kind);
  line.state = name_of_state(notice.state);
  line.notice = notice.id;
  line.rule = notice.reason;
  switch (notice.state) {
    case NoticeState::held:
      line.at = notice.not_before;
      line.rule += "; " + notice.hold;
      break;
    case NoticeState::due:
      line.at = notice.retry_at ? *notice.retry_at : notice.not_before;
      if (notice.in_flight) line.rule += "; is being handed over";
      if (!notice.last_error.empty()) line.rule += "; last attempt: " + notice.last_error;
      break;
    case NoticeState::sent:
      line.at = notice.sent_at;
      if (!notice.refused.empty()) line.rule += fmt::format("; {} refused for good", notice.refused.size());
      break;
    case NoticeState::merged: line.rule += fmt::format("; in one mail with notice {}", notice.into); break;
    case NoticeState::withdrawn:
    case NoticeState::undeliverable: break;
  }
  return line;
}

std::string audience_text(const Failure& failure, const ChainStep& step) {
  std::string text;
  for (const Audience& audience : step.to) {
    if (!text.empty()) text += ", ";
    switch (audience.kind) {
      case Audience::Kind::owner: text += name_of(failure.owner); break;
      case Audience::Kind::role: text += name_of(audience.role); break;
      case Audience::Kind::banks: text += "banks"; break;
    }
  }
  return text;
}

void steps_to_come(const Failure& failure, std::string_view chain, const std::vector<ChainStep>& steps,
                   const ChainProgress& progress, NoticeKind kind, std::vector<Why>& lines) {
  int index = -1;
  for (const ChainStep& step : steps) {
    ++index;
    if (progress.done.contains(index)) continue;
    Why line;
    line.audience = audience_text(failure, step);
    line.kind = name_of(kind);
    line.rule = step_name(chain, index, step);
    if (!failure.is_open()) {
      line.state = "dropped";
      line.rule += "; the failure was closed before";
    } else if (step.unless_acknowledged && failure.acknowledged) {
      line.state = "dropped";
      line.rule += "; acknowledged by " + failure.acknowledged->by;
    } else if (failure.recovered_at && failure.classification == FailureClass::incident) {
      line.state = "dropped";
      line.rule += "; recovered";
    } else {
      line.state = "owed";
      line.at = progress.base + step.after;
    }
    lines.push_back(std::move(line));
  }
}

Why of_bank(const Platform& platform, const Failure& failure, const BankName& bank) {
  Why line;
  line.audience = "bank:" + bank;
  line.state = "none";
  auto thread = failure.banks.find(bank);
  const Bank& spec = platform.banks.at(bank);
  if (thread == failure.banks.end()) {
    line.rule = failure.classification == FailureClass::major
                    ? "not affected: it has a contract for no service that this failure kept down"
                    : "not a major failure: an incident is never mailed to a bank";
    if (failure.proposed.contains(bank)) {
      line.rule = fmt::format("possibly affected only: named to the system lead, who can add it "
                              "(`yagura banks {} --add {} -m TEXT`)", failure.id, bank);
    } else if (failure.classification == FailureClass::undetermined) {
      line.rule = "the class is not decided yet";
    }
    return line;
  }
  Owed owed = owed_to(failure, thread->second, &spec);
  line.rule = owed.reason;
  if (owed.kind) {
    line.kind = name_of(*owed.kind);
    line.state = "owed";
    if (failure.bank_window.empty()) line.rule += "; the chain's step to the banks is not due yet";
  }
  if (spec.contacts.empty()) line.rule += "; it has no contact";
  return line;
}

}  // namespace

std::vector<Why> why(const Platform& platform, const State& state, const Failure& failure) {
  std::vector<Why> lines;
  std::set<std::string> under_way;
  for (const auto& [id, notice] : state.notices) {
    if (notice.failure != failure.id) continue;
    lines.push_back(of_notice(notice));
    if (notice.is_unsent()) under_way.insert(notice.audience);
  }
  const Escalation& rules = platform.escalation;
  steps_to_come(failure, "detected", rules.detected, failure.detected_chain, NoticeKind::failure_detected,
                lines);
  switch (failure.classification) {
    case FailureClass::undetermined: break;
    case FailureClass::incident:
      steps_to_come(failure, incident_chain_of(rules, failure).name, incident_chain_of(rules, failure).steps,
                    failure.incident_chain, NoticeKind::failure_escalated, lines);
      break;
    case FailureClass::major:
      steps_to_come(failure, "major", rules.major, failure.major_chain, NoticeKind::major_declared, lines);
      break;
  }
  for (const auto& [bank, spec] : platform.banks) {
    if (!under_way.contains("bank:" + bank)) lines.push_back(of_bank(platform, failure, bank));
  }
  return lines;
}

std::vector<Why> why(const Turn& turn, const Stop& stop) {
  std::vector<Why> lines;
  std::set<std::string> under_way;
  for (const auto& [id, notice] : turn.state().notices) {
    if (notice.stop != stop.id) continue;
    lines.push_back(of_notice(notice));
    if (notice.is_unsent()) under_way.insert(notice.audience);
  }
  for (const auto& [name, bank] : turn.platform.banks) {
    const std::string audience = "bank:" + name;
    if (under_way.contains(audience)) continue;
    const auto thread = stop.banks.find(name);
    Why line{audience, {}, "none", 0, {}, "not concerned: it has a contract for no service of the stop"};
    if (thread != stop.banks.end() && (concerns(stop, bank) || thread->second.told != Told::nothing)) {
      Owed owed = owed_to(turn, stop, thread->second, name);
      line.rule = owed.reason;
      if (owed.kind) {
        line.kind = name_of(*owed.kind);
        line.state = "owed";
      }
      if (turn.recipients(audience, NoticeKind::stop_planned).empty()) line.rule += "; it has no contact for stops";
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace yagura
