#include "referee.hpp"

#include <algorithm>
#include <cstdlib>

#include "codec.hpp"

namespace yagura::sim {

NoticeId notice_of(const Envelope& envelope) {
  return std::strtoll(envelope.name.c_str() + std::string_view("notice-").size(), nullptr, 10);
}

void Referee::use(const Shape& shape, const Zone& zone) {
  shape_ = shape;
  zone_ = zone;
  for (const Shape::Bank& bank : shape.banks)
    contracts_[bank.id].insert(bank.services.begin(), bank.services.end());
}

void Referee::opened(SimulatedStore& store, const Kept& kept) {
  store_ = &store;
  ++counts.starts;
  started_at_ = world_.clock();
  started_wall_ = world_.wall();
  // What was called durable is there, as it was.
  const Store::Head head = store.head();
  if (head.id < durable_head_.id) {
    violate("what was durable survives",
            fmt::format("row {} of {} is the last", head.id, durable_head_.id));
  } else if (durable_head_.id > 0) {
    Store::Query query;
    query.after_id = durable_head_.id - 1;
    query.limit = 1;
    auto rows = store.read(query);
    if (rows && (rows->empty() || rows->front().chain != durable_head_.chain)) {
      violate("what was durable survives", fmt::format("row {} is another one", durable_head_.id));
    }
  }
  if (auto mismatch = store.verify(); mismatch && *mismatch) {
    violate("the record's chain holds",
            fmt::format("row {}: {}", (*mismatch)->row, (*mismatch)->why));
  }
  durable_head_ = head;
  durable_at_ = world_.clock();
  failures_ = kept.state.failures;
  ends_.clear();  // An end that was not durable is no end.
  for (const auto& [id, failure] : failures_)
    ends_[id] = failure.is_open() ? 0 : 1;
  notices_ = kept.state.notices;
  for (const auto& [id, notice] : durable_notices_) {
    if (!notices_.contains(id))
      violate("a decided notice survives", fmt::format("notice {} is gone", id));
  }
  durable_notices_ = kept.state.notices;
}

void Referee::wall_clock_moved(Duration by) {
  // Two that follow each other closely may be one, or none, to the engine.
  const bool alone = world_.clock() >= unsure_until_;
  unsure_until_ = world_.clock() + 15s;
  jump_to_be_seen_by_.reset();
  if (alone && engine_ != nullptr && (by > 61s || by < -61s))
    jump_to_be_seen_by_ = world_.clock() + 45s;
}

void Referee::process_over() {
  jump_to_be_seen_by_.reset();
  engine_ = nullptr;
  store_ = nullptr;
  under_way_.clear();
  changed_failures_.clear();
  changed_notices_.clear();
  flying_since_.clear();
}

Referee::Change Referee::read(const Transaction& transaction) {
  Change change;
  for (const RecordEntry& entry : transaction.entries) {
    if (entry.what == "state.failure") {
      auto failure = decode_failure(entry.payload);
      if (failure) change.failures[failure->id] = std::move(*failure);
    } else if (entry.what == "state.notice") {
      auto notice = decode_notice(entry.payload);
      if (notice) change.notices[notice->id] = std::move(*notice);
    } else if (!entry.what.starts_with("state.")) {
      change.facts.push_back(entry);
    }
  }
  for (const MailBytes& mail : transaction.mails)
    change.mails[mail.notice] = mail.bytes;
  return change;
}

void Referee::queued(const Transaction& transaction) {
  Change change = read(transaction);
  for (const RecordEntry& fact : change.facts) {
    trace_.line(world_.wall(), fmt::format("{} f{} n{} {} {}", fact.what, fact.failure, fact.notice,
                                           fact.who, fact.payload));
  }
  if (quiet_start_) {
    quiet_start_ = false;
    for (const RecordEntry& fact : change.facts) {
      const bool waits =
          fact.what == "notice.held" && fact.payload.find("after a restart") != std::string::npos;
      if (fact.what == "daemon.started" || waits) continue;
      violate("a restart without events has no effects", fact.what + " " + fact.payload);
    }
    for (const auto& [id, failure] : change.failures) {
      violate("a restart without events has no effects", fmt::format("failure {} changed", id));
    }
  }
  for (const RecordEntry& fact : change.facts) {
    if (fact.what == "clock.jumped") jump_to_be_seen_by_.reset();
  }
  judge(change);
  for (const auto& [id, failure] : change.failures) {
    failures_[id] = failure;
    changed_failures_.insert(id);
  }
  for (const auto& [id, notice] : change.notices) {
    notices_[id] = notice;
    changed_notices_.insert(id);
  }
  under_way_.push_back(std::move(change));
}

void Referee::committed(const Transaction& transaction) {
  const Change change = std::move(under_way_.front());
  under_way_.pop_front();
  for (const auto& [id, notice] : change.notices)
    durable_notices_[id] = notice;
  for (const auto& [id, bytes] : change.mails)
    durable_mails_[id] = bytes;
  for (const RecordEntry& fact : change.facts) {
    const std::size_t words = fact.payload.find("words ");
    if (words == std::string::npos) continue;
    durable_texts_.insert(fact.payload.substr(words, fact.payload.find('.', words) - words + 1));
  }
  durable_head_.id += static_cast<std::int64_t>(transaction.entries.size());
  durable_at_ = world_.clock();
  if (under_way_.empty() && store_->queued() == 0 && store_->head().id != durable_head_.id) {
    violate("every row is written once", fmt::format("row {} is the last, and should be {}",
                                                     store_->head().id, durable_head_.id));
  }
  if (store_->head().id == durable_head_.id) durable_head_ = store_->head();
  if (store_->refused_mails != 0)
    violate("a notice has one mail", "other bytes for the same notice");
}

void Referee::answered(const PersonName& by, const std::string& text, const Answer& answer) {
  trace_.line(world_.wall(), fmt::format("answer to {}: {} {}", by,
                                         answer.done ? "done" : "refused", answer.text));
  if (!answer.done || text.empty()) return;
  if (!durable_texts_.contains(text)) {
    violate("what is confirmed to an operator is durable", fmt::format("{}: {}", by, answer.text));
  }
}

// ---- Mail ----

void Referee::mail_leaves(const Envelope& envelope) {
  const NoticeId id = notice_of(envelope);
  trace_.line(world_.wall(),
              fmt::format("mail n{} leaves for {} recipients", id, envelope.to.size()));
  auto known = durable_notices_.find(id);
  if (known == durable_notices_.end() || !known->second.in_flight || !known->second.rendered) {
    return violate("nothing is sent without a durable row", fmt::format("notice {}", id));
  }
  const Notice& notice = known->second;
  if (envelope.to.empty()) violate("a mail has recipients", fmt::format("notice {}", id));
  for (const std::string& address : envelope.to) {
    if (std::find(notice.accepted.begin(), notice.accepted.end(), address) !=
        notice.accepted.end()) {
      violate("nothing goes twice to who surely has it",
              fmt::format("notice {} to {}", id, address));
    }
  }
  if (auto bytes = durable_mails_.find(id);
      bytes != durable_mails_.end() && bytes->second != envelope.bytes) {
    violate("what is sent is what is recorded", fmt::format("notice {}", id));
  }
  auto [first, fresh] = first_bytes_.try_emplace(id, envelope.bytes);
  if (!fresh && first->second != envelope.bytes)
    violate("a notice has one mail", fmt::format("notice {}", id));
  if (envelope.bytes.find("Message-ID: " + notice.message_id) == std::string::npos) {
    violate("a mail has its notice's Message-ID", fmt::format("notice {}", id));
  }
  first_leave_.try_emplace(id, world_.clock());
  if (flying_since_.contains(id)) violate("one attempt at a time", fmt::format("notice {}", id));
  flying_since_[id] = world_.clock();
  if (is_bank(notice.kind)) judge_bank_mail(notice);
  if (is_bank_first(notice.kind)) first_left_.insert({notice.bank(), notice.failure});
}

void Referee::judge_bank_mail(const Notice& notice) {
  const Duration timeout = std::chrono::seconds(shape_.attempt_timeout);
  if (!shape_.stays_open(shape_.bank_mail, world_.wall(), timeout, zone_)) {
    violate("bank mail goes in the window only",
            fmt::format("notice {} at {}", notice.id, zone_.format(world_.wall())));
  }
  auto failure = failures_.find(root(notice.failure));
  if (failure == failures_.end())
    return violate("bank mail is of a failure", fmt::format("notice {}", notice.id));
  // What was queued while it waited for the disk does not count: it could not be known when it was
  // decided.
  if (notice.kind != NoticeKind::bank_corrected &&
      failure->second.classification == FailureClass::incident) {
    bool under_way = false;
    for (const Change& change : under_way_)
      under_way = under_way || change.failures.contains(failure->first);
    if (!under_way && !notice.frozen) {
      violate("no incident is mailed to a bank",
              fmt::format("notice {} of failure {}", notice.id, failure->first));
    }
  }
  bool touched = false;
  for (const auto& [service, since] : failure->second.kept_down) {
    touched = touched || contracts_[notice.bank()].contains(service);
  }
  for (const auto& [of, bank] : added_)
    touched = touched || (bank == notice.bank() && root(of) == failure->first);
  if (!touched)
    violate("no bank hears of what cannot have touched it", fmt::format("notice {}", notice.id));
}

void Referee::mail_arrives(const Envelope& envelope, const std::string& address) {
  const NoticeId id = notice_of(envelope);
  trace_.line(world_.wall(), fmt::format("mail n{} arrives for {}", id, address));
  const int times = ++arrivals_[{id, address}];
  ++(times == 1 ? counts.delivered : counts.duplicated);
  first_arrival_.try_emplace(id, world_.clock());
  const Notice& notice = durable_notices_.at(id);
  if (!is_bank(notice.kind)) return;
  ++counts.bank_mails;
  std::vector<Arrival>& read = read_by_[notice.bank()];
  const bool seen =
      std::any_of(read.begin(), read.end(), [&](const Arrival& one) { return one.notice == id; });
  if (!seen) read.push_back({id, notice.kind, notice.failure});
}

void Referee::mail_is_refused(const Envelope& envelope, const std::string& address) {
  refusals_.insert({notice_of(envelope), address});
}

void Referee::probe_starts(const ProbeId& probe, bool already_runs) {
  if (already_runs) violate("one run of a probe at a time", probe.text());
}

// ---- After each step ----

FailureId Referee::root(FailureId id) const {
  for (auto found = failures_.find(id); found != failures_.end() && found->second.joined_into != 0;
       found = failures_.find(id)) {
    id = found->second.joined_into;
  }
  return id;
}

void Referee::after_step() {
  if (engine_ == nullptr) return;
  for (FailureId id : changed_failures_) {
    if (!(engine_->state().failures.at(id) == failures_.at(id))) {
      violate("the record is the state in memory", fmt::format("failure {}", id));
    }
  }
  for (NoticeId id : changed_notices_) {
    if (!(engine_->state().notices.at(id) == notices_.at(id))) {
      violate("the record is the state in memory", fmt::format("notice {}", id));
    }
    if (!notices_.at(id).in_flight) flying_since_.erase(id);
  }
  if (!changed_failures_.empty()) {
    std::map<ComponentName, FailureId> causes, members;
    for (const auto& [id, failure] : engine_->state().failures) {
      if (!failure.is_open()) continue;
      for (const auto& [name, since] : failure.members) {
        auto [entry, fresh] = members.try_emplace(name, id);
        if (!fresh)
          violate("a component is of one open failure",
                  fmt::format("{}: {} and {}", name, entry->second, id));
      }
      if (failure.cause.empty() || !failure.members.contains(failure.cause)) continue;
      auto [entry, fresh] = causes.try_emplace(failure.cause, id);
      if (!fresh)
        violate("one open failure for a cause",
                fmt::format("{}: {} and {}", failure.cause, entry->second, id));
    }
  }
  changed_failures_.clear();
  changed_notices_.clear();
}

void Referee::compare_with_record() {
  if (engine_ == nullptr || store_->queued() != 0) return;
  auto kept = read_kept(*store_);
  if (!kept) return violate("the record can be read back", kept.error().message);
  const State& now = engine_->state();
  if (!(kept->state.failures == now.failures))
    violate("the record is the state in memory", "failures");
  if (!(kept->state.notices == now.notices))
    violate("the record is the state in memory", "notices");
  if (!(kept->state.core == now.core)) violate("the record is the state in memory", "core");
  // Health that never turned is not recorded.
  for (const auto& [name, health] : now.components) {
    auto found = kept->state.components.find(name);
    for (const auto& [probe, seen] : health.probes) {
      ProbeHealth recorded;
      if (found != kept->state.components.end() && found->second.probes.contains(probe)) {
        recorded = found->second.probes.at(probe);
      }
      if (!(recorded == seen)) violate("the record is the state in memory", name + "/" + probe);
    }
  }
}

}  // namespace yagura::sim
