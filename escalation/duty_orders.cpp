// Orders on duty: swaps (`yagura duty swap`), and an incident that shall not wait for response hours (F7).
#include <fmt/format.h>

#include <algorithm>

#include "duty.hpp"
#include "orders.hpp"
#include "text.hpp"

namespace yagura {

namespace {

constexpr Duration longest_swap = 62 * 24h;
constexpr std::size_t most_swaps = 1000;

bool may_swap(const Caller& who, Role role) { return who.is_lead() || who.has(role); }

}  // namespace

Reply follow(Turn& turn, const Caller& who, const SwapDuty& order) {
  auto role = role_named(order.role);
  if (!role) return refused(fmt::format("there is no role {}", order.role));
  auto roster = turn.platform.duty.find(*role);
  if (roster == turn.platform.duty.end()) {
    return refused(fmt::format("the configuration has no roster for {} (`duty:`): everybody with the role is mailed", order.role));
  }
  if (!may_swap(who, *role)) return refused(fmt::format("only the people of {} and the system lead may swap its duty", order.role));
  auto person = turn.platform.people.find(order.person);
  if (person == turn.platform.people.end()) return refused(fmt::format("there is no person {}", order.person));
  if (!person->second.roles.contains(*role)) return refused(fmt::format("{} does not have the role {}", order.person, order.role));
  if (order.until <= order.from) return refused("it would end before it begins: --until has to be later than --from");
  if (order.until <= turn.now) return refused(fmt::format("{} is past", turn.time(order.until)));
  if (order.until - order.from > longest_swap) {
    return refused("longer than 62 days: change the roster in the configuration (`duty:`) instead");
  }
  std::vector<DutySwap>& swaps = turn.edit_core().swaps;
  // What is over is in the record.
  std::erase_if(swaps, [&](const DutySwap& swap) { return swap.until <= turn.now; });
  if (swaps.size() >= most_swaps) return refused("there are a thousand swaps to come already");
  const DutySwap made{++turn.edit_core().last_swap, order.role, order.person, order.from, order.until, who.person.id, order.text};
  swaps.push_back(made);
  turn.fact("duty.swapped", 0,
            {{"swap", std::to_string(made.id)},
             {"role", made.role},
             {"person", made.person},
             {"from", turn.time(made.from)},
             {"until", turn.time(made.until)},
             {"text", made.text}},
            who.person.id);
  return done(fmt::format("{} has the duty of {} from {} until {} (swap {}; `yagura duty cancel {}` takes it back)",
                          person->second.name, made.role, turn.time(made.from), turn.time(made.until), made.id, made.id));
}

Reply follow(Turn& turn, const Caller& who, const CancelSwap& order) {
  const std::vector<DutySwap>& swaps = turn.state().core.swaps;
  auto found = std::find_if(swaps.begin(), swaps.end(), [&](const DutySwap& swap) { return swap.id == order.swap; });
  if (found == swaps.end() || found->until <= turn.now) {
    return refused(fmt::format("there is no swap {} to come; `yagura duty` lists them", order.swap));
  }
  auto role = role_named(found->role);
  if (!role || !may_swap(who, *role)) {
    return refused(fmt::format("only the people of {} and the system lead may swap its duty", found->role));
  }
  turn.fact("duty.swap-cancelled", 0,
            {{"swap", std::to_string(order.swap)}, {"role", found->role}, {"person", found->person}}, who.person.id);
  std::erase_if(turn.edit_core().swaps, [&](const DutySwap& swap) { return swap.id == order.swap; });
  return done(fmt::format("swap {} is taken back", order.swap));
}

Reply follow(Turn& turn, const Caller& who, const Escalate& order) {
  if (!who.acts()) return refused(only_ops);
  auto found = turn.state().failures.find(order.failure);
  if (found == turn.state().failures.end()) return refused(fmt::format("there is no failure {}", order.failure));
  if (!found->second.is_open()) return refused(fmt::format("failure {} is closed", order.failure));
  if (found->second.classification == FailureClass::major) {
    return refused(fmt::format("failure {} is a major one: its chain does not wait for response hours", order.failure));
  }
  if (found->second.recovered_at) return refused(fmt::format("failure {} has recovered already", order.failure));
  if (found->second.escalated_by_hand) return refused(fmt::format("failure {} has been escalated by hand already", order.failure));
  turn.edit(order.failure).escalated_by_hand = true;
  turn.fact("failure.escalated-by-hand", order.failure, {{"text", order.text}}, who.person.id);
  turn.queue_for(Role::system_lead, {NoticeKind::failure_escalated, {}, order.failure,
                                     "asked for by " + who.person.id +
                                         (is_blank(order.text) ? "" : ": " + one_line(order.text, 200))});
  return done(fmt::format("the system lead is told of failure {} at once", order.failure), order.failure);
}

}  // namespace yagura
