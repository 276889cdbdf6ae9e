// Planned stops: what is quiet while they last, and only as long; what banks are told of them.
// Which times and services a stop has is what the lead ordered; what follows of that for quiet,
// days of notice and recipients is thought out here once more.
#include <algorithm>

#include "referee.hpp"

namespace yagura::sim {

namespace {

constexpr int days_of_notice = 5;
// Steps of the clock of up to a minute and a half are not always seen as such.
constexpr Duration small_step = 95s;
constexpr Duration slack = 15s;

bool has(const std::vector<std::string>& of, const std::string& one) {
  return std::find(of.begin(), of.end(), one) != of.end();
}

bool announces(NoticeKind kind) {
  return kind == NoticeKind::stop_planned || kind == NoticeKind::stop_emergency;
}

}  // namespace

// ---- What is stopped, what is quiet ----

bool Referee::was_stopped(const ServiceName& service, Instant at, bool still) const {
  const std::vector<std::string>& of = shape_.maintenance_of;
  if (shape_.maintenance && shape_.is_open(shape_.maintenance_hours, at, zone_) &&
      (of.empty() || (!service.empty() && has(of, service)))) {
    const bool cancelled = std::any_of(stops_.begin(), stops_.end(), [&](const auto& entry) {
      return !entry.second.regular.empty() && entry.second.cancelled_at &&
             zone_.date_of(entry.second.from) == zone_.date_of(at);
    });
    if (!cancelled) return true;
  }
  return std::any_of(stops_.begin(), stops_.end(), [&](const auto& entry) {
    const Stop& stop = entry.second;
    if (stop.cancelled_at || at < stop.from || at >= stop.until) return false;
    if (stop.ended_at && (still || *stop.ended_at <= at)) return false;
    return stop.all_services || (!service.empty() && stop.services.contains(service));
  });
}

bool Referee::is_stopped(const ServiceName& service) const {
  const Instant now = world_.wall();
  if (!was_stopped(service, now, true)) return false;
  if (world_.clock() > news_at_ + 2 * small_step) return true;
  return was_stopped(service, now - small_step, true) &&
         was_stopped(service, now + small_step, true);
}

bool Referee::was_quiet(const ComponentName& component, Instant at) const {
  if (was_stopped({}, at)) return true;
  const std::set<std::string> needing = shape_.services_needing(component);
  return !needing.empty() && std::all_of(needing.begin(), needing.end(), [&](const auto& service) {
    return was_stopped(service, at);
  });
}

bool Referee::is_quiet(const ComponentName& component) const {
  if (is_stopped({})) return true;
  const std::set<std::string> needing = shape_.services_needing(component);
  return !needing.empty() && std::all_of(needing.begin(), needing.end(),
                                         [&](const auto& service) { return is_stopped(service); });
}

// Regular stops begin with a minute, single ones at any time.
bool Referee::was_quiet_since(const ComponentName& component, Instant since) const {
  for (Instant at = since; at <= world_.wall(); at += 1min) {
    if (was_quiet(component, at)) return true;
  }
  return std::any_of(stops_.begin(), stops_.end(), [&](const auto& entry) {
    return entry.second.from > since && entry.second.from <= world_.wall() &&
           was_quiet(component, entry.second.from);
  });
}

void Referee::judge_quiet(const Change& change, const Failure* before, const Failure& after) {
  const std::string name = fmt::format("failure {}", after.id);
  const bool by_person = std::any_of(
      change.facts.begin(), change.facts.end(),
      [&](const RecordEntry& fact) { return fact.failure == after.id && fact.who != "daemon"; });
  // What came with another that joined is not new.
  auto known = [&](auto&& holds) {
    if (before != nullptr && holds(*before)) return true;
    return std::any_of(change.failures.begin(), change.failures.end(), [&](const auto& entry) {
      auto earlier = failures_.find(entry.first);
      return entry.second.joined_into != 0 &&
             ((earlier != failures_.end() && holds(earlier->second)) || holds(entry.second));
    });
  };
  for (const auto& [component, since] : after.members) {
    auto holds = [&, &of = component](const Failure& one) { return one.members.contains(of); };
    if (!known(holds) && !by_person && is_quiet(component))
      violate("nothing opens for what is quiet", name + ": " + component);
  }
  for (const ServiceName& service : after.keeps_down) {
    auto holds = [&](const Failure& one) { return one.keeps_down.contains(service); };
    if (!known(holds) && is_stopped(service))
      violate("a planned stop gives no class and touches no bank", name + ": " + service);
  }
  const std::size_t run = before == nullptr ? 0 : before->steps.size();
  for (std::size_t i = run; i < after.steps.size(); ++i) {
    const StepRun& step = after.steps[i];
    auto holds = [&](const Failure& one) {
      return std::find(one.steps.begin(), one.steps.end(), step) != one.steps.end();
    };
    if (!step.manual && is_quiet(step.component) && !known(holds))
      violate("no step starts for what is quiet", name + ": " + step.component);
  }
}

// ---- The stops themselves ----

// The mail would be under way until at least its timeout later.
bool Referee::can_be_mailed(Instant from, Instant before) const {
  const Duration timeout = std::chrono::seconds(shape_.attempt_timeout);
  auto opens = [&](Instant at) {
    return shape_.is_open(shape_.bank_mail, at, zone_) &&
           shape_.is_open(shape_.bank_mail, at + timeout - 1ms, zone_);
  };
  if (from < before && opens(from)) return true;
  // Windows open at full and half hours.
  for (Instant at = std::chrono::ceil<std::chrono::minutes>(from); at < before; at += 1min) {
    if (at.time_since_epoch() % 30min == Duration{0} && opens(at)) return true;
  }
  return false;
}

Instant Referee::last_day_for_notice(Instant of) const {
  const Date day = shape_.business_days_before(zone_.date_of(of), days_of_notice);
  return zone_.midnight(day + std::chrono::days{1});
}

void Referee::judge_planning(const Stop* before, const Stop& after, Instant at, bool running) {
  const std::string name = fmt::format("stop {}", after.id);
  if (after.until <= after.from) violate("a stop has its times", name);
  if (!running && after.from < at) violate("no stop is planned for what is past", name);
  const bool wider = before == nullptr || after.from < before->from || after.until > before->until;
  if (running || !wider) return;
  if (can_be_mailed(at, last_day_for_notice(after.from))) return;
  if (!after.emergency)
    violate("a stop is announced five business days before, or is an emergency", name);
  if (!after.after_the_fact && !can_be_mailed(at, after.from))
    violate("an emergency is announced before it begins, or after the fact", name);
}

void Referee::judge_stop(const Change& change, const Stop* before, const Stop& after) {
  const std::string name = fmt::format("stop {}", after.id);
  const RecordEntry* planned = nullptr;
  const RecordEntry* changed = nullptr;
  const RecordEntry* over = nullptr;
  for (const RecordEntry& fact : change.facts) {
    if (!fact.what.starts_with("stop.") ||
        fact.payload.find(fmt::format("\"stop\":\"{}\"", after.id)) == std::string::npos)
      continue;
    const bool by_lead = fact.who.starts_with("lead");
    if (fact.what == "stop.planned") planned = &fact;
    if (fact.what == "stop.changed" || fact.what == "stop.extended") changed = &fact;
    if (fact.what == "stop.completed" || fact.what == "stop.cancelled") over = &fact;
    if (!by_lead && fact.what != "stop.completed")
      violate("only the lead plans stops", name + ": " + fact.what + " by " + fact.who);
  }
  if (before == nullptr) {
    if (planned == nullptr && after.regular.empty())
      violate("every stop is planned by a fact", name);
    if (planned != nullptr) judge_planning(nullptr, after, planned->at, false);
    return;
  }
  const bool same = before->from == after.from && before->services == after.services &&
                    before->text == after.text &&
                    (before->until == after.until || after.ended_early);
  const bool other_times = before->from != after.from || before->until != after.until;
  if (other_times && !after.ended_early && after.version <= before->version)
    violate("banks have to be told of other times", name);
  if (!same && changed == nullptr) violate("a stop changes by an order", name);
  if (changed != nullptr) judge_planning(before, after, changed->at, before->began_at.has_value());
  if (!before->takes_place() && before->phase() != after.phase()) violate("a stop ends once", name);
  if (before->phase() != after.phase() && !after.takes_place() && over == nullptr)
    violate("a stop ends by a fact", name);
  if (after.began_at && !before->began_at && *after.began_at < after.from)
    violate("no stop begins early", name);
  if (after.ended_at && !before->ended_at) {
    const bool by_lead = over != nullptr && over->who.starts_with("lead");
    if (*after.ended_at < after.until || after.ended_early != by_lead)
      violate("no stop ends early", name);
  }
  for (const auto& [bank, thread] : before->banks) {
    auto found = after.banks.find(bank);
    if (found == after.banks.end() || found->second.told < thread.told)
      violate("what a bank was told stays known", name + " " + bank);
  }
}

// Orders without words of their own.
void Referee::judge_done(const Order& order, const Answer& answer) {
  bool kept = true;
  if (const auto* one = std::get_if<WithdrawNotice>(&order))
    kept = durable_notices_.at(one->notice).state == NoticeState::withdrawn;
  if (const auto* one = std::get_if<EndStop>(&order))
    kept = durable_stops_.at(one->stop).ended_at.has_value();
  if (const auto* one = std::get_if<CancelStop>(&order); one != nullptr && one->regular.empty())
    kept = durable_stops_.at(one->stop).cancelled_at.has_value();
  if (!kept) violate("what is confirmed to an operator is durable", answer.text);
}

void Referee::answered_to(const PersonName& by, const Order& order, Instant at,
                          const Answer& answer) {
  if (answer.done) judge_done(order, answer);
  if (answer.done) judge_done_of_inquiry(by, order, answer);
  const bool of_stops =
      std::holds_alternative<PlanStop>(order) || std::holds_alternative<ChangeStop>(order) ||
      std::holds_alternative<EndStop>(order) || std::holds_alternative<CancelStop>(order);
  if (!of_stops) return;
  if (answer.done && !by.starts_with("lead")) violate("only the lead plans stops", by);
  if (answer.done && !durable_stops_.contains(answer.stop))
    violate("what is confirmed to an operator is durable", fmt::format("stop {}", answer.stop));
  const auto* plan = std::get_if<PlanStop>(&order);
  if (plan == nullptr) return;
  if (!answer.done) {
    // By the rules as they were when it was asked, which no step of the clock or reload has moved.
    const bool too_late = answer.text.starts_with("too late");
    if (too_late && world_.clock() > news_at_ + 1h &&
        can_be_mailed(at, last_day_for_notice(plan->from)))
      violate("what can be announced in time is planned", answer.text);
    return;
  }
  const Stop& stop = durable_stops_.at(answer.stop);
  std::set<ServiceName> services = plan->services;
  if (plan->all_services) services = stop.services;
  const bool as_ordered =
      stop.version > 1 ||
      (stop.from == plan->from && stop.services == services &&
       stop.all_services == plan->all_services && stop.emergency == plan->emergency);
  if (!as_ordered) violate("a stop is what was ordered", fmt::format("stop {}", stop.id));
}

// ---- What banks are told ----

bool Referee::concerns_bank(const Stop& stop, const BankName& bank) const {
  return std::any_of(shape_.banks.begin(), shape_.banks.end(), [&](const Shape::Bank& one) {
    return one.id == bank &&
           std::any_of(one.services.begin(), one.services.end(),
                       [&](const auto& of) { return stop.services.contains(of); });
  });
}

std::set<std::string> Referee::contacts_of(const BankName& bank, const std::string& what) const {
  for (const Shape::Bank& one : shape_.banks) {
    if (one.id == bank) return one.mails_for(what);
  }
  return {};
}

// In the turn that hands it over.
void Referee::judge_recipients(const Notice& after) {
  if (after.frozen) return;
  std::set<std::string> to;
  for (const Recipient& recipient : after.to)
    to.insert(recipient.mail);
  if (to != contacts_of(after.bank(), is_stop(after.kind) ? "stops" : "failures")) {
    violate("a bank's mail goes to its contacts of now",
            fmt::format("notice {} ({})", after.id, name_of(after.kind)));
  }
}

void Referee::judge_stop_notice(const Notice& after) {
  const std::string name =
      fmt::format("notice {} ({}) of stop {}", after.id, name_of(after.kind), after.stop);
  auto found = stops_.find(after.stop);
  if (found == stops_.end()) return violate("a stop's mail is of a stop", name);
  const Stop& stop = found->second;
  if (after.frozen) {
    // What it says cannot be taken back; who has it not hears no old news by it.
    if (announces(after.kind) && after.topic.empty() && after.accepted.empty() &&
        !stop.takes_place())
      violate("an announcement that may have arrived is not sent again after the end", name);
    return;
  }
  auto known = stop.banks.find(after.bank());
  const Told told = known == stop.banks.end() ? Told::nothing : known->second.told;
  bool right = false;
  switch (after.kind) {
    case NoticeKind::stop_planned:
      right = stop.takes_place() && !stop.emergency && told == Told::nothing;
      break;
    case NoticeKind::stop_emergency:
      right = !stop.cancelled_at && stop.emergency && told == Told::nothing &&
              stop.ended_at.has_value() == (after.topic == "completed");
      break;
    case NoticeKind::stop_changed:
    case NoticeKind::stop_reminder:
      right = stop.takes_place() && !stop.began_at && told == Told::first;
      break;
    case NoticeKind::stop_extended:
      right = stop.takes_place() && stop.began_at && told == Told::first;
      break;
    case NoticeKind::stop_cancelled:
      right = stop.cancelled_at &&
              (told == Told::first || (!stop.regular.empty() && world_.wall() < stop.until));
      break;
    case NoticeKind::stop_completed:
      right = stop.ended_at && told != Told::ended;
      break;
    default:
      break;
  }
  if (!right) violate("a bank reads of a stop what is true at hand-over", name);
  if (after.bank_version != stop.version)
    violate("a bank reads of a stop what is true at hand-over", name + ": of an earlier version");
  if (told == Told::nothing && !concerns_bank(stop, after.bank()))
    violate("no bank hears of a stop that does not concern it", name);
}

void Referee::judge_stop_mail(const Notice& notice) {
  const Duration timeout = std::chrono::seconds(shape_.attempt_timeout);
  const std::string name = fmt::format("notice {} at {}", notice.id, zone_.format(world_.wall()));
  if (!shape_.stays_open(shape_.bank_mail, world_.wall(), timeout, zone_))
    violate("bank mail goes in the window only", name);
  if (announces(notice.kind)) announcement_left_.insert({notice.stop, notice.bank()});
}

// ---- What would be late ----

void Referee::look_at(const Stop& stop, Instant now) {
  const std::string name = fmt::format("stop {}", stop.id);
  if (stop.takes_place() && stop.until + slack < now)
    violate("no deadline stays overdue", name + ": its end");
  if (stop.takes_place() && !stop.began_at && stop.from + slack < now)
    violate("no deadline stays overdue", name + ": its beginning");
  const bool for_banks = stop.takes_place() || (stop.cancelled_at && now < stop.until);
  for (const auto& [bank, thread] : stop.banks) {
    if (contacts_of(bank, "stops").empty() || !thread.withdrawn_by.empty() ||
        thread.undeliverable || thread.told == Told::ended || !for_banks)
      continue;
    const bool owed = thread.told == Told::first
                          ? stop.cancelled_at || thread.version_told < stop.version
                          : stop.takes_place() && concerns_bank(stop, bank);
    const auto& notices = engine_->state().notices;
    if (owed && std::none_of(notices.begin(), notices.end(), [&](const auto& entry) {
          return entry.second.is_unsent() && entry.second.stop == stop.id &&
                 entry.second.bank() == bank;
        })) {
      violate("every bank concerned is told of a stop, and of each change", name + ", " + bank);
    }
  }
  if (stop.takes_place() && !stop.emergency && last_day_for_notice(stop.from) + slack < now &&
      !stop.late_told) {
    violate("the lead hears of a stop that is announced too late", name);
  }
}

// ---- Once everything is at rest ----

void Referee::judge_stops_at_rest() {
  for (const auto& [id, stop] : engine_->state().stops) {
    if (stop.takes_place() || (stop.ended_at && !stop.settled))
      violate("everything comes to rest", fmt::format("stop {}", id));
    for (const auto& [bank, thread] : stop.banks)
      judge_thread_of_stop(stop, bank);
  }
}

// Announced, changed as often as it was, and how it ended; nothing twice, nothing after the end.
void Referee::judge_thread_of_stop(const Stop& stop, const BankName& bank) {
  const bool may_have_read = announcement_left_.contains({stop.id, bank});
  bool announced = false, ended = false;
  int version = 0;
  for (const StopChapter& mail : stop_stories_[{stop.id, bank}]) {
    bool right = !ended;
    if (announces(mail.kind)) {
      right = right && !announced;
      announced = true;
    } else if (mail.kind == NoticeKind::stop_changed || mail.kind == NoticeKind::stop_extended) {
      right = right && (announced || may_have_read) && mail.version > version;
    } else if (mail.kind == NoticeKind::stop_reminder) {
      right = right && (announced || may_have_read);
    } else if (mail.kind == NoticeKind::stop_cancelled) {
      right = right && (announced || may_have_read || !stop.regular.empty());
    }
    version = mail.version;
    ended = ended || mail.ends;
    if (!right) {
      violate("a bank reads of a stop in order, and nothing twice",
              fmt::format("stop {}, {}, notice {} ({})", stop.id, bank, mail.notice,
                          name_of(mail.kind)));
    }
  }
  const StopThread& thread = stop.banks.at(bank);
  if (were_without_contact_.contains(bank) || !thread.withdrawn_by.empty() || thread.undeliverable)
    return;
  // The bank is told of a failure instead.
  const auto& failures = engine_->state().failures;
  const bool failed = std::any_of(failures.begin(), failures.end(), [&](const auto& entry) {
    return std::any_of(entry.second.kept_down.begin(), entry.second.kept_down.end(),
                       [&](const auto& down) { return stop.services.contains(down.first); });
  });
  const bool owed = stop.cancelled_at ? announced : announced || concerns_bank(stop, bank);
  if (owed && thread.told != Told::ended && !(failed && stop.ended_at)) {
    violate("who was told of a stop is told how it ended",
            fmt::format("stop {}, {}", stop.id, bank));
  }
}

}  // namespace yagura::sim
