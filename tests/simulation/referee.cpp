#include "referee.hpp"

#include <algorithm>

#include "codec.hpp"

namespace yagura::sim {

namespace {

constexpr std::size_t most_queued = 20'000;

}  // namespace

void Referee::use(const Shape& shape, const Zone& zone) {
  shape_ = shape;
  zone_ = zone;
  news_at_ = world_.clock();
  after_hours_.clear();
  for (const Shape::Person& person : shape.people)
    addresses_.insert(person.id + "@example.jp");
  for (const Shape::Bank& bank : shape.banks)
    addresses_.insert(bank.mails.begin(), bank.mails.end());
  for (const Shape::Bank& bank : shape.banks)
    contracts_[bank.id].insert(bank.services.begin(), bank.services.end());
  for (const auto& [bank, services] : contracts_) {
    if (contacts_of(bank, "stops").empty()) were_without_contact_.insert(bank);
  }
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
  stops_ = kept.state.stops;
  for (const auto& [id, stop] : durable_stops_) {
    if (!stops_.contains(id))
      violate("a planned stop survives", fmt::format("stop {} is gone", id));
  }
  durable_stops_ = stops_;
  inquiries_opened(kept);
}

void Referee::wall_clock_moved(Duration by) {
  // Two that follow each other closely may be one, or none, to the engine.
  const bool alone = world_.clock() >= unsure_until_;
  unsure_until_ = world_.clock() + 15s;
  news_at_ = world_.clock();
  jump_to_be_seen_by_.reset();
  for (const auto& [id, notice] : notices_) {
    if (by < 0s && notice.retry_at && *notice.retry_at <= world_.wall() - by)
      retry_was_due_.insert(id);
  }
  if (by > 61s || by < -61s) started_wall_ += by;
  if (alone && engine_ != nullptr && (by > 61s || by < -61s))
    jump_to_be_seen_by_ = world_.clock() + 45s;
}

void Referee::process_over() {
  for (NoticeId id : left_) {
    auto known = durable_notices_.find(id);
    if (known == durable_notices_.end() || !known->second.in_flight) continue;
    ++unsure_attempts_[id];
    ++counts.cut_off;
  }
  left_.clear();
  jump_to_be_seen_by_.reset();
  engine_ = nullptr;
  store_ = nullptr;
  under_way_.clear();
  changed_failures_.clear();
  changed_notices_.clear();
  changed_stops_.clear();
  changed_inquiries_.clear();
  flying_since_.clear();
}

Referee::Change Referee::read(const Transaction& transaction) {
  Change change;
  for (const RecordEntry& entry : transaction.entries) {
    if (entry.what == "state.failure") {
      auto failure = decode_failure(entry.payload);
      if (failure) change.failures[failure->id] = std::move(*failure);
    } else if (entry.what == "state.member") {
      auto member = decode_member(entry.payload);
      if (member) change.members[entry.failure].push_back(std::move(*member));
    } else if (entry.what == "state.notice") {
      auto notice = decode_notice(entry.payload);
      if (notice) change.notices[notice->id] = std::move(*notice);
    } else if (entry.what == "state.stop") {
      auto stop = decode_stop(entry.payload);
      if (stop) change.stops[stop->id] = std::move(*stop);
    } else if (entry.what == "state.inquiry" && entry.payload != forgotten_inquiry) {
      auto inquiry = decode_inquiry(entry.payload);
      if (inquiry) change.inquiries[inquiry->id] = std::move(*inquiry);
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
  // A component that joins or leaves is a row of its own; nothing else of its failure need have changed.
  for (const auto& [id, rows] : change.members) {
    if (auto known = failures_.find(id); known != failures_.end()) change.failures.try_emplace(id, known->second);
  }
  for (auto& [id, failure] : change.failures) {
    if (auto known = failures_.find(id); known != failures_.end()) failure.members = known->second.members;
    for (const MemberRow& member : change.members[id]) {
      if (member.since) {
        failure.members[member.component] = *member.since;
      } else {
        failure.members.erase(member.component);
      }
    }
  }
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
    for (const auto& [id, stop] : change.stops) {
      violate("a restart without events has no effects", fmt::format("stop {} changed", id));
    }
    for (const auto& [id, inquiry] : change.inquiries) {
      violate("a restart without events has no effects", fmt::format("inquiry {} changed", id));
    }
  }
  for (const RecordEntry& fact : change.facts) {
    if (fact.what == "clock.jumped") jump_to_be_seen_by_.reset();
  }
  // A record that cannot be written for hours holds what was decided meanwhile; not what repeats
  // itself.
  if (store_->queued() > most_queued)
    violate("the queue of the record has its limit", std::to_string(store_->queued()));
  judge(change);
  for (const auto& [id, failure] : change.failures) {
    failures_[id] = failure;
    changed_failures_.insert(id);
  }
  for (const auto& [id, notice] : change.notices) {
    notices_[id] = notice;
    changed_notices_.insert(id);
  }
  for (const auto& [id, stop] : change.stops)
    changed_stops_.insert(id);
  for (const auto& [id, inquiry] : change.inquiries) {
    inquiries_[id] = inquiry;
    changed_inquiries_.insert(id);
  }
  under_way_.push_back(std::move(change));
}

void Referee::committed(const Transaction& transaction) {
  const Change change = std::move(under_way_.front());
  under_way_.pop_front();
  for (const auto& [id, notice] : change.notices) {
    durable_notices_[id] = notice;
    if (!notice.in_flight) left_.erase(id);
  }
  for (const auto& [id, stop] : change.stops)
    durable_stops_[id] = stop;
  for (const auto& [id, inquiry] : change.inquiries)
    inquiry_is_durable(inquiry);
  for (const auto& [id, bytes] : change.mails)
    durable_mails_[id] = bytes;
  for (const auto& [id, failure] : change.failures) {
    if (failure.joined_into != 0 && joined_.insert(id).second)
      story_.push_back({{}, 0, {}, id, failure.joined_into});
  }
  for (const RecordEntry& fact : change.facts) {
    if (fact.what == "notice.bounced") durable_texts_of_bounces_.insert(details_of(fact)["text"]);
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

// ---- After each step ----

void Referee::probe_starts(const ProbeId& probe, bool already_runs) {
  if (already_runs) violate("one run of a probe at a time", probe.text());
}

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
  for (StopId id : changed_stops_) {
    if (!(engine_->state().stops.at(id) == stops_.at(id)))
      violate("the record is the state in memory", fmt::format("stop {}", id));
  }
  for (InquiryId id : changed_inquiries_) {
    if (!(engine_->state().inquiries.at(id) == inquiries_.at(id)))
      violate("the record is the state in memory", fmt::format("inquiry {}", id));
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
  changed_stops_.clear();
  changed_inquiries_.clear();
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
  if (!(kept->state.stops == now.stops)) violate("the record is the state in memory", "stops");
  if (!(kept->state.inquiries == now.inquiries)) violate("the record is the state in memory", "inquiries");
  if (!(kept->state.services == now.services)) violate("the record is the state in memory", "services");
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
