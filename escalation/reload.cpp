// A new configuration while failures are open and notices are held (INTERFACE.md §1): nothing is lowered, closed or
// reopened; whom it concerns now is told, and who thereby falls away or joins is told to the lead.
#include <algorithm>

#include "rules.hpp"

namespace yagura {

namespace {

void let_go_of_components(Turn& turn, FailureId id) {
  std::vector<ComponentName> gone;
  for (const auto& [name, since] : turn.failure(id).members) {
    if (!turn.platform.components.contains(name)) gone.push_back(name);
  }
  if (gone.empty()) return;
  Failure& failure = turn.edit(id);
  for (const ComponentName& name : gone) {
    turn.remove_member(id, name);
    turn.fact("failure.component-gone", id, {{"component", name}});
  }
  // What failed is no longer watched: a person has to say that it is well.
  // What it kept down has not come back by that.
  if (!failure.recovered_at) {
    failure.awaits_recover = true;
    failure.services_unseen.insert(failure.keeps_down.begin(), failure.keeps_down.end());
    turn.index_failure(id);
  }
  if (const StepRun* step = failure.running_step();
      step != nullptr && !turn.platform.components.contains(step->component)) {
    if (!step->manual) turn.effect(StopStep{id, step->component, step->step});
    end_step(turn, id, StepResult::interrupted, "the component is gone from the configuration", "");
  }
  if (!failure.members.empty() || !failure.reported_services.empty()) return;
  for (Role role : std::set<Role>{failure.owner, Role::system_lead}) {
    turn.queue_for(role, {NoticeKind::lead_attention, {}, id,
                          "its components are gone from the configuration", "failure_empty",
                          {{"components", join({gone.begin(), gone.end()})}}});
  }
}

std::set<std::string> addresses(const std::vector<Recipient>& to) {
  std::set<std::string> found;
  for (const Recipient& recipient : to) found.insert(recipient.mail);
  return found;
}

// Who is on duty changes by itself, and is looked up at the hand-over: nobody has fallen away, as long as those that it
// was for have the role.
bool only_handed_over(const Turn& turn, const Notice& notice) {
  auto role = role_named(role_of_audience(notice.audience));
  if (!role || !turn.platform.duty.contains(*role)) return false;
  const std::vector<const Person*> people = turn.platform.people_with(*role);
  return std::all_of(notice.to.begin(), notice.to.end(), [&](const Recipient& to) {
    return std::any_of(people.begin(), people.end(), [&](const Person* person) {
      return person->mail == to.mail || (to.is_command() && to.mail.substr(command_of_person.size()) == person->id);
    });
  });
}

}  // namespace

void compute_recipients_again(Turn& turn, const std::set<NoticeId>& of) {
  std::set<std::string> notices, joined, left;
  for (NoticeId id : of) {
    const Notice& notice = turn.notice(id);
    if (notice.in_flight || notice.frozen) continue;
    // A bundle is never formed anew, and its bytes name whom it goes to.
    if (notice.rendered && !notice.carries.empty()) continue;
    std::vector<Recipient> to = turn.recipients(notice);
    if (to == notice.to) continue;
    if (only_handed_over(turn, notice)) {
      if (!notice.rendered && !to.empty()) turn.edit_notice(id).to = std::move(to);
      continue;
    }
    std::set<std::string> before = addresses(notice.to), after = addresses(to);
    if (before != after) {
      notices.insert(std::to_string(id));
      for (const std::string& one : after) {
        if (!before.contains(one)) joined.insert(one);
      }
      for (const std::string& one : before) {
        if (!after.contains(one)) left.insert(one);
      }
      turn.batch.facts.push_back({turn.now, "notice.recipients", notice.failure, id, "daemon",
                                  {{"audience", notice.audience}, {"to", join(after)}}});
    }
    if (to.empty()) {
      turn.withdraw(id, "nobody is left to mail it to: " + notice.audience);
      continue;
    }
    if (!notice.rendered) {
      turn.edit_notice(id).to = std::move(to);
      continue;
    }
    // Its bytes name the former recipients: another row takes its place.
    Turn::Draft draft{notice.kind,  notice.audience, notice.failure, notice.reason,
                      notice.topic, notice.details,  notice.window,  notice.unless_acknowledged,
                      notice.stop,  notice.inquiry};
    const bool found_anew = is_bank(notice.kind) && notice.kind != NoticeKind::bank_security;
    turn.withdraw(id, "its recipients changed; another takes its place");
    if (found_anew) continue;  // What a bank is owed is.
    const InquiryId inquiry = draft.inquiry;
    const NoticeId next = turn.queue(std::move(draft));
    if (inquiry != 0) carried_by(turn, inquiry, id, next);
  }
  if (notices.empty()) return;
  turn.queue_for(Role::system_lead,
                 {NoticeKind::lead_attention, {}, 0,
                  "a reload changed the recipients of notices that are not sent yet", "recipients",
                  {{"notice", join(notices)}, {"joined", join(joined)}, {"left", join(left)}}});
}

void follow_platform(Turn& turn, const std::vector<std::string>& changes) {
  std::string text;
  for (const std::string& change : changes) text += (text.empty() ? "" : "; ") + change;
  turn.fact("platform.changed", 0, {{"changes", text}});
  turn.live.stops_known = false;
  compare_with_platform(turn);
}

void compare_with_platform(Turn& turn) {
  turn.reloading = true;
  for (FailureId id : turn.open_failures()) let_go_of_components(turn, id);
  compute_due_times_again(turn);
  compute_recipients_again(turn, std::set<NoticeId>(turn.live.unsent));
}

}  // namespace yagura
