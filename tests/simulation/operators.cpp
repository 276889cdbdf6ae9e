#include "operators.hpp"

namespace yagura::sim {

void Operators::order(const PersonName& by, Order order, const std::string& text) {
  const int number = ++orders_;
  waiting_.insert(number);
  const Instant at = engine_->now();
  engine_->command(by, order,
                   [this, by, text, number, order, at](const Answer& answer, bool recorded) {
                     waiting_.erase(number);
                     if (!recorded) return;  // Nobody was promised anything.
                     if (!world_.goes_on("answer")) return;
                     referee_.answered(by, text, answer);
                     referee_.answered_to(by, order, at, answer);
                   });
}

void Operators::act(Random& random) {
  if (engine_ == nullptr) return;
  std::vector<FailureId> open, all{999};
  std::vector<NoticeId> unsent{999999};
  for (const auto& [id, failure] : engine_->state().failures) {
    all.push_back(id);
    if (failure.is_open()) open.push_back(id);
  }
  for (const auto& [id, notice] : engine_->state().notices) {
    if (notice.is_unsent()) unsent.push_back(id);
  }
  const FailureId failure =
      open.empty() || random.one_in(20) ? random.pick(all) : random.pick(open);
  const NoticeId notice = random.pick(unsent);
  const PersonName by = random.one_in(3) ? "lead1" : random.pick(shape_.people).id;
  const std::string text = words();
  std::vector<BankName> banks{"nobody"};
  for (const Shape::Bank& bank : shape_.banks)
    banks.push_back(bank.id);
  switch (random.below(16)) {
    case 0:
    case 1:
      return order(by, Acknowledge{failure, text}, text);
    case 2:
      return order(by, Respond{failure, random.one_in(2), text});
    case 3:
    case 4:
      return order(by, Report{failure, text, random.one_in(2)}, text);
    case 5:
      return order(by, Recover{failure, text}, text);
    case 6:
    case 7:
    case 8:
      return order(by, Confirm{failure, text, random.one_in(2)}, text);
    case 9: {
      const FailureClass to = random.one_in(2) ? FailureClass::major : FailureClass::incident;
      return order("lead1", Classify{failure, to, text}, text);
    }
    case 10:
      return order("lead1", ChangeBanks{failure, random.one_in(2), random.pick(banks), text}, text);
    case 11: {
      Open reported;
      if (random.one_in(2) && !shape_.services.empty()) {
        reported.services = {random.pick(shape_.services).id};
      } else {
        reported.components = {random.pick(shape_.components).id};
      }
      reported.major = random.one_in(4);
      reported.from_desk = random.one_in(2);
      reported.text = text;
      return order(by, reported, text);
    }
    case 12:
      return order(by, HoldNotice{notice});
    case 13:
      return order(by, ReleaseNotice{notice});
    case 14:
      if (random.one_in(3)) return order(by, WithdrawNotice{notice});
      break;
    case 15: {
      const Shape::Component& component = random.pick(shape_.components);
      engine_->run_probe({component.id, component.probes[0].name}, [](const Observation&) {});
      break;
    }
  }
}

bool Operators::put_right() {
  bool rests = put_stops_right();
  rests = put_inquiries_right() && rests;
  std::vector<FailureId> open;
  std::vector<NoticeId> held;
  for (const auto& [id, failure] : engine_->state().failures) {
    if (failure.is_open()) open.push_back(id);
  }
  for (const auto& [id, notice] : engine_->state().notices) {
    if (!notice.is_unsent()) continue;
    rests = false;
    if (notice.lead_hold) held.push_back(id);
  }
  for (NoticeId id : held)
    order("lead1", ReleaseNotice{id});
  for (FailureId id : open) {
    rests = false;
    const auto seen = engine_->state().failures.find(id);
    const std::string text = words();
    if (!seen->second.is_open()) continue;
    if (seen->second.awaits_recover || !seen->second.reported_services.empty()) {
      order("lead1", Recover{id, text}, text);
    } else {
      order("lead1", Confirm{id, text, true}, text);
    }
  }
  return rests;
}

std::string Operators::what_is_left() const {
  if (engine_ == nullptr) return "the daemon does not run";
  std::string left;
  for (const auto& [id, failure] : engine_->state().failures) {
    if (failure.is_open()) left += fmt::format("failure {} ({}), ", id, failure.title);
  }
  for (const auto& [id, notice] : engine_->state().notices) {
    if (notice.is_unsent())
      left += fmt::format("notice {} ({}; {}), ", id, name_of(notice.kind), notice.hold);
  }
  for (const auto& [id, stop] : engine_->state().stops) {
    if (!stop.settled) left += fmt::format("stop {}, ", id);
  }
  for (const auto& [id, inquiry] : engine_->state().inquiries) {
    if (inquiry.is_open()) left += fmt::format("inquiry {}, ", id);
  }
  return left;
}

}  // namespace yagura::sim
