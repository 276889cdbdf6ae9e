// What the lead, and who would like to be, does with planned stops.
#include "operators.hpp"

namespace yagura::sim {

std::set<ServiceName> Operators::some_services(Random& random) const {
  std::set<ServiceName> some;
  for (const Shape::Service& service : shape_.services) {
    if (random.one_in(2)) some.insert(service.id);
  }
  if (some.empty() || random.one_in(8)) some.insert(random.pick(shape_.services).id);
  if (random.one_in(20)) some.insert("nothing");
  return some;
}

void Operators::plan_stop(Random& random) {
  PlanStop plan;
  plan.all_services = random.one_in(4);
  if (!plan.all_services) plan.services = some_services(random);
  plan.text = words();
  const Instant now = engine_->now();
  switch (random.below(6)) {
    case 0:  // In time, or about so.
    case 1:
      plan.from = now + random.between(24h * 4, 24h * 13);
      break;
    case 2:  // Overlaps another, or follows it at once.
      plan.from = now + random.between(1min, 6h);
      for (const auto& [id, other] : engine_->state().stops) {
        if (!other.takes_place() || !random.one_in(2)) continue;
        plan.from = random.one_in(2) ? other.until : other.from + random.between(-30min, 30min);
      }
      plan.emergency = !random.one_in(4);
      break;
    default:
      plan.from = now + random.between(1min, random.one_in(2) ? 2h : 20h);
      plan.emergency = !random.one_in(8);
      break;
  }
  plan.after_the_fact = plan.emergency && random.one_in(2);
  plan.until = plan.from + random.between(5min, random.one_in(2) ? 1h : 8h);
  order("lead1", plan, plan.text);
}

void Operators::change_stop(Random& random, const Stop& stop) {
  ChangeStop change{stop.id};
  const bool later = stop.began_at || random.one_in(2);
  if (later) {
    change.until = stop.until + random.between(-20min, 3h);
  } else {
    change.from = stop.from + random.between(-2h, 2h);
    change.until = *change.from + random.between(5min, 6h);
  }
  if (random.one_in(6)) change.from = stop.from + random.between(-24h * 2, 24h * 3);
  if (random.one_in(6)) change.from = change.until = std::nullopt;
  if (random.one_in(3) || !change.until) change.text = words();
  change.emergency = random.one_in(2);
  change.after_the_fact = change.emergency && random.one_in(2);
  order("lead1", change, change.text);
}

void Operators::cancel_date(Random& random) {
  CancelStop cancel;
  cancel.regular = "weekly";
  cancel.on = zone_.date_of(engine_->now()) + std::chrono::days{random.below(9)};
  if (!random.one_in(4)) {
    static const std::vector<std::string> names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    while (names[std::chrono::weekday{*cancel.on}.c_encoding()] != shape_.maintenance_hours.days[0])
      *cancel.on += std::chrono::days{1};
  }
  cancel.text = words();
  order("lead1", cancel, cancel.text);
}

void Operators::act_on_stops(Random& random) {
  if (engine_ == nullptr) return;
  std::vector<const Stop*> all, now;
  for (const auto& [id, stop] : engine_->state().stops) {
    all.push_back(&stop);
    if (stop.takes_place()) now.push_back(&stop);
  }
  if (all.empty() || random.one_in(3)) return plan_stop(random);
  if (random.one_in(8)) return cancel_date(random);
  const Stop stop = *(now.empty() || random.one_in(20) ? random.pick(all) : random.pick(now));
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return change_stop(random, stop);
    case 3: {
      CancelStop cancel{stop.id, {}, {}, words()};
      return order("lead1", cancel, cancel.text);
    }
    case 4:
    case 5:
      if (stop.began_at) return order("lead1", EndStop{stop.id});
      return order("lead1", CancelStop{stop.id, {}, {}, ""});
    case 6: {  // Of its notices.
      std::vector<NoticeId> unsent;
      for (const auto& [id, notice] : engine_->state().notices) {
        if (notice.is_unsent() && notice.stop == stop.id) unsent.push_back(id);
      }
      if (unsent.empty()) return;
      const NoticeId notice = random.pick(unsent);
      if (random.one_in(3)) return order("lead1", WithdrawNotice{notice});
      return order("lead1", HoldNotice{notice});
    }
    case 7:  // Not for everybody to say.
      return order(random.pick(shape_.people).id, EndStop{stop.id});
  }
}

bool Operators::put_stops_right() {
  bool rests = true;
  std::vector<StopId> far;
  const Instant now = engine_->now();
  for (const auto& [id, stop] : engine_->state().stops) {
    if (stop.takes_place() && !stop.began_at && stop.from > now + 24h && !waits_for_stops)
      far.push_back(id);
    // What was cancelled may still be far off.
    if (!stop.settled && (!stop.cancelled_at || stop.until < now)) rests = false;
  }
  for (StopId id : far)
    order("lead1", CancelStop{id, {}, {}, ""});
  return rests;
}

}  // namespace yagura::sim
