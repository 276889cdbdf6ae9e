// From one state to the next: what a transaction may change.
#include <algorithm>
#include <boost/json.hpp>

#include "referee.hpp"

namespace yagura::sim {

std::map<std::string, std::string> details_of(const RecordEntry& fact) {
  std::map<std::string, std::string> details;
  const auto payload = boost::json::parse(fact.payload);
  for (const auto& entry : payload.as_object()) {
    details[std::string(entry.key())] = std::string(entry.value().as_string());
  }
  return details;
}

namespace {

Phase phase_of(const Failure& failure) {
  if (failure.closed_at) return Phase::closed;
  if (failure.recovered_at) return Phase::recovered;
  if (failure.acknowledged) return Phase::acknowledged;
  const bool runs = std::any_of(failure.steps.begin(), failure.steps.end(),
                                [](const StepRun& step) { return !step.ended; });
  return runs || failure.settling ? Phase::responding : Phase::detected;
}

FailureClass class_named(const std::string& name) {
  return name == "major"      ? FailureClass::major
         : name == "incident" ? FailureClass::incident
                              : FailureClass::undetermined;
}

// What may come to be owed of a failure that is over.
bool is_owed_after_closing(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::bank_security:
    case NoticeKind::bank_occurred_and_recovered:
    case NoticeKind::bank_recovered:
    case NoticeKind::bank_corrected:
    case NoticeKind::delivery_failed:
    case NoticeKind::lead_attention:
    // Of planned stops, which are none of a failure's.
    case NoticeKind::stop_emergency:
    case NoticeKind::stop_cancelled:
    case NoticeKind::stop_changed:
    case NoticeKind::stop_extended:
    case NoticeKind::stop_planned:
    case NoticeKind::stop_reminder:
    case NoticeKind::stop_completed:
    // Nor are inquiries.
    case NoticeKind::inquiry_reminder:
    case NoticeKind::inquiry_received:
    case NoticeKind::inquiry_update:
    case NoticeKind::inquiry_reply:
      return true;
    case NoticeKind::bank_first:
    case NoticeKind::bank_progress:
    case NoticeKind::major_declared:
    case NoticeKind::failure_escalated:
    case NoticeKind::monitoring_blind:
    case NoticeKind::failure_detected:
    case NoticeKind::failure_reminder:
    case NoticeKind::failure_recovered:
    case NoticeKind::failure_confirmed:
    case NoticeKind::failure_progress:
    case NoticeKind::failure_acknowledged:
      return false;
  }
  return false;
}

const ChainProgress& progress_of(const Failure& failure, const std::string& chain) {
  return chain == "detected"   ? failure.detected_chain
         : chain == "incident" ? failure.incident_chain
                               : failure.major_chain;
}

}  // namespace

void Referee::judge(const Change& change) {
  // First: what is stopped in this turn counts for the rest of it.
  for (const auto& [id, stop] : change.stops) {
    auto before = stops_.find(id);
    std::optional<Stop> seen;
    if (before != stops_.end()) seen = before->second;
    stops_[id] = stop;
    judge_stop(change, seen ? &*seen : nullptr, stop);
  }
  for (const auto& [id, failure] : change.failures) {
    auto before = failures_.find(id);
    judge_failure(change, before == failures_.end() ? nullptr : &before->second, failure);
  }
  for (const auto& [id, notice] : change.notices) {
    auto before = notices_.find(id);
    judge_notice(change, before == notices_.end() ? nullptr : &before->second, notice);
  }
  for (const auto& [id, inquiry] : change.inquiries) {
    auto before = inquiries_.find(id);
    judge_inquiry(change, before == inquiries_.end() ? nullptr : &before->second, inquiry);
  }
  judge_replies_about(change);
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
  judge_kept_down(change, before, after);
  judge_quiet(change, before, after);
  judge_classes(change, before, after);
  judge_phase(change, before, after);
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

// Closed, recovered, acknowledged, responding, detected: the first that holds. It goes on in this
// order; back only from recovered, by a relapse, and from responding, where a step is over.
void Referee::judge_phase(const Change& change, const Failure* before, const Failure& after) {
  const std::string name = fmt::format("failure {}", after.id);
  const Phase was = before == nullptr ? Phase::detected : phase_of(*before), is = phase_of(after);
  if (is != after.phase()) violate("the phase is the first that holds", name);
  auto has_fact = [&](const std::string& what) {
    return std::any_of(change.facts.begin(), change.facts.end(), [&](const RecordEntry& fact) {
      return fact.failure == after.id && fact.what == what;
    });
  };
  const bool joined_by_another =
      std::any_of(change.facts.begin(), change.facts.end(), [&](const RecordEntry& fact) {
        return fact.what == "failure.joined" &&
               details_of(fact).at("into") == std::to_string(after.id);
      });
  bool may = false;
  switch (was) {
    case Phase::detected:
    case Phase::responding:
      may = true;
      break;
    case Phase::acknowledged:
      may = is >= Phase::acknowledged;
      break;
    case Phase::recovered:
      may = is >= Phase::recovered || has_fact("failure.relapsed");
      break;
    case Phase::closed:
      may = is == Phase::closed;
      break;
  }
  if (was != is) {
    switch (is) {
      case Phase::detected:
      case Phase::responding:
        break;
      case Phase::acknowledged:
        may = may && (before == nullptr || before->acknowledged ||
                      has_fact("failure.acknowledged") || joined_by_another);
        break;
      case Phase::recovered:
        may = may && has_fact("failure.recovered");
        break;
      case Phase::closed:
        may = may &&
              (after.closing == Closing::joined ? has_fact("failure.joined")
                                                : has_fact("failure.closed") && after.recovered_at);
        break;
    }
  }
  if (!may) {
    violate("the phase moves along its table",
            fmt::format("{}: from {} to {}", name, boost::describe::enum_to_string(was, ""),
                        boost::describe::enum_to_string(is, "")));
  }
  if (after.recovered_at && (before == nullptr || before->recovered_at != after.recovered_at)) {
    // The change may have waited for the disk.
    const Duration waited =
        std::clamp(world_.wall() - *after.recovered_at, Duration{0}, Duration{1h});
    recovered_clock_[after.id] = world_.clock() - waited;
  }
  if (was == Phase::closed || is != Phase::closed) return;
  if (after.closing == Closing::automatic) {
    // By the steady clock, from which the wall clock may have moved by a minute unseen; where the
    // daemon was away in between, by the wall clock.
    const Duration needed = std::chrono::minutes(shape_.auto_close);
    const bool by_wall = after.recovered_at && world_.wall() >= *after.recovered_at + needed;
    const auto since = recovered_clock_.find(after.id);
    const bool by_steady =
        since != recovered_clock_.end() && world_.clock() - since->second >= needed - 1min;
    const bool ran_since = since != recovered_clock_.end() && started_at_ <= since->second;
    const bool in_time = ran_since ? by_steady : by_wall || by_steady;
    if (after.classification != FailureClass::incident)
      violate("a major failure never closes by itself", name);
    if (!in_time) violate("nothing closes by itself before its time", name);
  }
}

void Referee::judge_classes(const Change& change, const Failure* before, const Failure& after) {
  FailureClass now = before == nullptr ? FailureClass::undetermined : before->classification;
  bool joined = false;
  for (const RecordEntry& fact : change.facts) {
    if (fact.what == "failure.joined" && details_of(fact).at("into") == std::to_string(after.id)) {
      joined = true;
      lowered_at_[after.id] = world_.clock();  // What is said of the one is now of the other.
    }
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
    if (next == FailureClass::incident) lowered_at_[after.id] = world_.clock();
    now = next;
  }
  if (now != after.classification) {
    violate("every class is decided by a fact", fmt::format("failure {}", after.id));
  }
}

// What decides which banks are affected: that a service was down because of the failure, outside
// its planned stops.
void Referee::judge_kept_down(const Change& change, const Failure* before, const Failure& after) {
  for (const auto& [service, since] : after.kept_down) {
    if (before != nullptr && before->kept_down.contains(service)) continue;
    const bool known = std::any_of(
        change.failures.begin(), change.failures.end(), [&, &of = service](const auto& other) {
          return other.second.joined_into != 0 && other.second.kept_down.contains(of);
        });
    if (known) continue;  // It may have come with one that joined.
    const std::string what = fmt::format("failure {}: {}", after.id, service);
    if (is_stopped(service)) violate("a planned stop gives no class and touches no bank", what);
    if (engine_ == nullptr) continue;
    std::set<std::string> bad(after.reported_services.begin(), after.reported_services.end());
    for (const auto& [component, joined] : after.members) {
      auto health = engine_->state().components.find(component);
      const Shape::Component* shape = shape_.component(component);
      if (health == engine_->state().components.end() || shape == nullptr) continue;
      for (const Shape::Probe& probe : shape->probes) {
        auto seen = health->second.probes.find(probe.name);
        if (probe.impact == "down" && seen != health->second.probes.end() && seen->second.failing)
          bad.insert(component);
      }
    }
    if (!shape_.is_down(service, bad))
      violate("only a service that is down counts as kept down", what);
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
  if (is_answer(after.kind) && before->to != after.to) judge_new_asker(*before);
  if (after.attempts > before->attempts) {
    handed_over_at_[after.id] = world_.clock();
    if (is_bank(after.kind)) judge_recipients(after);
    if (is_stop(after.kind)) judge_stop_notice(after);
    if (after.inquiry != 0) judge_inquiry_hand_over(change, *before, after);
    if (before->in_flight && after.attempts > before->attempts + 1)
      violate("one attempt at a time", name);
    int in_flight = 0;
    for (const auto& [id, notice] : notices_) {
      auto changed = change.notices.find(id);
      in_flight += (changed == change.notices.end() ? notice : changed->second).in_flight ? 1 : 0;
    }
    for (const auto& [id, notice] : change.notices)
      in_flight += notice.in_flight && !notices_.contains(id) ? 1 : 0;
    if (in_flight > shape_.parallel)
      violate("no more attempts than mail.parallel", fmt::format("{}: {}", name, in_flight));
    // One further off than any is of a clock that was set back. What had become due, and waited
    // for a free place only, stays due.
    const bool waits =
        before->retry_at && world_.wall() < *before->retry_at &&
        *before->retry_at - world_.wall() <= std::chrono::seconds(shape_.retry_most) &&
        !retry_was_due_.contains(after.id);
    retry_was_due_.erase(after.id);
    if (!jumped && waits) violate("a retry comes not before its time", name);
    const bool dropped = after.unless_acknowledged && after.carries.empty() && !before->frozen &&
                         !after.frozen && after.failure != 0 && failures_.contains(after.failure) &&
                         failures_.at(after.failure).acknowledged;
    if (dropped) violate("an acknowledgement drops what it has to", name);
    const FailureId of = root(after.failure);
    auto failure = change.failures.find(of);
    const bool known = failure != change.failures.end() || failures_.contains(of);
    const Failure* now = failure != change.failures.end() ? &failure->second
                         : known                          ? &failures_.at(of)
                                                          : nullptr;
    if (now != nullptr && !now->is_open() && after.carries.empty() && !before->frozen &&
        !after.frozen) {
      const bool lapses = after.kind == NoticeKind::failure_reminder ||
                          after.kind == NoticeKind::failure_escalated ||
                          after.kind == NoticeKind::bank_first ||
                          after.kind == NoticeKind::bank_progress;
      if (lapses)
        violate("after closing only what is owed goes out",
                fmt::format("{} ({})", name, name_of(after.kind)));
    }
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
  if (fact.what == "notice.queued") {
    judge_chain(change, fact, details);
    if (details.contains("inquiry")) judge_inquiry_notice(change, fact, details);
    const auto kind = notice_kind_named(details.at("kind"));
    auto earlier = failures_.find(fact.failure);
    const bool was_closed = earlier != failures_.end() && !earlier->second.is_open();
    const bool closes = std::any_of(change.facts.data(), &fact, [&](const RecordEntry& one) {
      return one.what == "failure.closed" && one.failure == fact.failure;
    });
    const bool says_so = closes && kind == NoticeKind::failure_confirmed;
    if (kind && !says_so && (was_closed || closes)) {
      // Another may take the place of one whose recipients changed.
      const bool replaces =
          std::any_of(change.facts.begin(), change.facts.end(), [&](const RecordEntry& one) {
            return one.what == "notice.withdrawn" && one.failure == fact.failure &&
                   details_of(one).at("audience") == details.at("audience");
          });
      if (!replaces && !is_owed_after_closing(*kind))
        violate("after closing only what is owed goes out", fact.payload);
    }
    auto failure = change.failures.find(fact.failure);
    const Failure* of = failure != change.failures.end()   ? &failure->second
                        : failures_.contains(fact.failure) ? &failures_.at(fact.failure)
                                                           : nullptr;
    if (kind && is_bank(*kind) && !is_stop(*kind) && *kind != NoticeKind::bank_corrected &&
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
  for (std::size_t other = 0; other < steps.size() && after->is_open(); ++other) {
    const auto& mine = steps[static_cast<std::size_t>(index)];
    const bool comes_before = steps[other].after < mine.after ||
                              (steps[other].after == mine.after && static_cast<int>(other) < index);
    if (comes_before && !next.done.contains(static_cast<int>(other)))
      violate("chain steps come in their order", name);
  }
  const bool acknowledged =
      before->second.acknowledged && before->second.acknowledged->at < fact.at;
  if (acknowledged && reason.find("unless acknowledged") != std::string::npos) {
    violate("an acknowledgement drops what it has to", name);
  }
}

}  // namespace yagura::sim
