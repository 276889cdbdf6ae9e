// From one state to the next: what a transaction may change.
#include <algorithm>
#include <boost/json.hpp>

#include "referee.hpp"

namespace yagura::sim {

namespace {

std::map<std::string, std::string> details_of(const RecordEntry& fact) {
  std::map<std::string, std::string> details;
  const auto payload = boost::json::parse(fact.payload);
  for (const auto& entry : payload.as_object()) {
    details[std::string(entry.key())] = std::string(entry.value().as_string());
  }
  return details;
}

FailureClass class_named(const std::string& name) {
  return name == "major"      ? FailureClass::major
         : name == "incident" ? FailureClass::incident
                              : FailureClass::undetermined;
}

const ChainProgress& progress_of(const Failure& failure, const std::string& chain) {
  return chain == "detected"   ? failure.detected_chain
         : chain == "incident" ? failure.incident_chain
                               : failure.major_chain;
}

}  // namespace

void Referee::judge(const Change& change) {
  for (const auto& [id, failure] : change.failures) {
    auto before = failures_.find(id);
    judge_failure(change, before == failures_.end() ? nullptr : &before->second, failure);
  }
  for (const auto& [id, notice] : change.notices) {
    auto before = notices_.find(id);
    judge_notice(change, before == notices_.end() ? nullptr : &before->second, notice);
  }
  for (const RecordEntry& fact : change.facts)
    judge_fact(change, fact);
}

void Referee::judge_failure(const Change& change, const Failure* before, const Failure& after) {
  const std::string name = fmt::format("failure {}", after.id);
  auto has_fact = [&](const std::string& what) {
    return std::any_of(change.facts.begin(), change.facts.end(), [&](const RecordEntry& fact) {
      return fact.failure == after.id && fact.what == what;
    });
  };
  if (class_reason(after).empty()) violate("every class has its reason", name);
  judge_classes(change, before, after);
  if (before == nullptr) {
    ++counts.failures;
    if (!has_fact("failure.opened")) violate("every failure is opened by a fact", name);
    return;
  }
  if (!before->is_open()) {
    if (before->closed_at != after.closed_at || before->closing != after.closing)
      violate("closed is closed", name);
    if (before->classification != after.classification)
      violate("what is closed keeps its class", name);
  }
  if (before->opened_at != after.opened_at) violate("a failure opens once", name);
  if (before->recovered_at && !after.recovered_at && !has_fact("failure.relapsed")) {
    violate("recovered goes back by a relapse only", name);
  }
  if (before->acknowledged && !after.acknowledged) violate("an acknowledgement stays", name);
  if (after.reports.size() < before->reports.size()) violate("a report stays", name);
  if (after.relapses.size() < before->relapses.size()) violate("a relapse stays", name);
  for (const auto& [service, since] : before->kept_down) {
    if (!after.kept_down.contains(service)) violate("what was kept down stays known", name);
  }
  for (const auto& [bank, thread] : before->banks) {
    auto found = after.banks.find(bank);
    if (found == after.banks.end()) {
      violate("what a bank was told stays known", name + " " + bank);
      continue;
    }
    const bool anew =
        thread.corrected || found->second.corrected || after.classification == FailureClass::major;
    if (thread.told == Told::first && found->second.told == Told::nothing && !anew) {
      violate("a bank that was told stays told", name + " " + bank);
    }
    if (thread.told == Told::ended && found->second.told != Told::ended && !thread.corrected) {
      violate("a bank that was told the end hears no more", name + " " + bank);
    }
  }
}

void Referee::judge_classes(const Change& change, const Failure* before, const Failure& after) {
  FailureClass now = before == nullptr ? FailureClass::undetermined : before->classification;
  bool joined = false;
  for (const RecordEntry& fact : change.facts) {
    if (fact.what == "failure.joined" && details_of(fact).at("into") == std::to_string(after.id))
      joined = true;
    if (fact.what != "failure.classified" || fact.failure != after.id) continue;
    const FailureClass next = class_named(details_of(fact).at("class"));
    const bool by_lead = fact.who != "daemon";
    bool may = false;
    switch (now) {
      case FailureClass::undetermined:
        may = next != FailureClass::undetermined;
        break;
      case FailureClass::incident:
        may = next == FailureClass::undetermined || by_lead || joined;
        break;
      case FailureClass::major:
        may = by_lead || (joined && next == FailureClass::major);
        break;
    }
    if (!may) {
      violate("the class moves along its table",
              fmt::format("failure {}: {}", after.id, fact.payload));
    }
    now = next;
  }
  if (now != after.classification) {
    violate("every class is decided by a fact", fmt::format("failure {}", after.id));
  }
}

void Referee::judge_notice(const Change& change, const Notice* before, const Notice& after) {
  const std::string name = fmt::format("notice {}", after.id);
  if (after.reason.empty()) violate("every notice has its reason", name);
  if (after.state == NoticeState::held && after.hold.empty())
    violate("every hold has its reason", name);
  if (is_bank(after.kind) && after.window.empty()) violate("a bank's notice has its window", name);
  if (before == nullptr) {
    ++counts.decided;
    return;
  }
  if (!before->is_unsent() && before->state != after.state)
    violate("what has ended stays so", name);
  if (before->message_id != after.message_id) violate("a notice has one Message-ID", name);
  if (before->rendered && (!after.rendered || before->subject != after.subject))
    violate("a notice has one mail", name);
  if (after.accepted.size() < before->accepted.size()) violate("who has it has it", name);
  // What waits for an interval moves along with the clock, in the turn that sees it.
  const bool jumped =
      std::any_of(change.facts.begin(), change.facts.end(),
                  [](const RecordEntry& fact) { return fact.what == "clock.jumped"; });
  if (after.attempts > before->attempts) {
    if (before->in_flight && after.attempts > before->attempts + 1)
      violate("one attempt at a time", name);
    if (!jumped && before->retry_at && world_.wall() < *before->retry_at)
      violate("a retry comes not before its time", name);
    const bool dropped = after.unless_acknowledged && after.carries.empty() && !before->frozen &&
                         after.failure != 0 && failures_.contains(after.failure) &&
                         failures_.at(after.failure).acknowledged;
    if (dropped) violate("an acknowledgement drops what it has to", name);
  }
  if (after.retry_at && after.retry_at != before->retry_at && !before->retry_at) {
    const Duration wait = *after.retry_at - world_.wall();
    const Duration least = std::chrono::seconds(std::min(shape_.retry_first, shape_.retry_most));
    if (wait < least || wait > std::chrono::seconds(shape_.retry_most)) {
      violate("the time between tries keeps its limits",
              fmt::format("{}: {}", name, format_duration(wait)));
    }
  }
}

void Referee::judge_fact(const Change& change, const RecordEntry& fact) {
  const auto details = details_of(fact);
  if (fact.what == "failure.closed" || fact.what == "failure.joined") {
    if (++ends_[fact.failure] > 1)
      violate("a failure ends once", fmt::format("failure {}", fact.failure));
  }
  if (fact.what == "bank.added") added_.insert({fact.failure, details.at("bank")});
  if (fact.what == "failure.opened" && fact.who == "daemon" && in_maintenance(fact.at)) {
    violate("nothing opens during a stop of everything", fact.payload);
  }
  if (fact.what == "notice.queued") {
    judge_chain(change, fact, details);
    const auto kind = notice_kind_named(details.at("kind"));
    auto failure = change.failures.find(fact.failure);
    const Failure* of = failure != change.failures.end()   ? &failure->second
                        : failures_.contains(fact.failure) ? &failures_.at(fact.failure)
                                                           : nullptr;
    if (kind && is_bank(*kind) && *kind != NoticeKind::bank_corrected &&
        (of == nullptr || of->classification != FailureClass::major)) {
      violate("no incident is mailed to a bank", fact.payload);
    }
  }
}

// "chain major, step 2, after 10m, unless acknowledged"
void Referee::judge_chain(const Change& change, const RecordEntry& fact,
                          const std::map<std::string, std::string>& details) {
  const std::string& reason = details.at("reason");
  if (!reason.starts_with("chain ")) return;
  // Another takes the place of one whose recipients changed; by a reload, or at a start with a
  // changed configuration.
  for (const RecordEntry& one : change.facts) {
    if (one.what == "notice.withdrawn" && one.failure == fact.failure &&
        details_of(one).at("audience") == details.at("audience")) {
      return;
    }
  }
  const std::string chain = reason.substr(6, reason.find(',') - 6);
  const int index = std::atoi(reason.c_str() + reason.find("step ") + 5) - 1;
  auto before = failures_.find(fact.failure);
  if (before == failures_.end()) return;
  // The state after the turn is not in failures_ yet, and the one of the turn has the step done.
  const ChainProgress& progress = progress_of(before->second, chain);
  const Escalation& rules = engine_ == nullptr ? Escalation{} : engine_->platform().escalation;
  const std::vector<ChainStep>& steps = chain == "detected"   ? rules.detected
                                        : chain == "incident" ? rules.incident
                                                              : rules.major;
  auto after = engine_ == nullptr ? nullptr : &engine_->state().failures.at(fact.failure);
  if (after == nullptr || static_cast<std::size_t>(index) >= steps.size()) return;
  const ChainProgress& next = progress_of(*after, chain);
  const std::string name = fmt::format("failure {}: {}", fact.failure, reason);
  if (next.base == progress.base && progress.done.contains(index))
    violate("no chain step is taken twice", name);
  const Instant due = next.base + steps[static_cast<std::size_t>(index)].after;
  if (fact.at < due && after->is_open()) violate("no chain step is early", name);
  const bool acknowledged =
      before->second.acknowledged && before->second.acknowledged->at < fact.at;
  if (acknowledged && reason.find("unless acknowledged") != std::string::npos) {
    violate("an acknowledgement drops what it has to", name);
  }
}

bool Referee::in_maintenance(Instant at) const {
  return shape_.maintenance && shape_.maintenance_of.empty() &&
         shape_.is_open({shape_.maintenance_hours.from, shape_.maintenance_hours.until, {"mon"}},
                        at, zone_);
}

}  // namespace yagura::sim
