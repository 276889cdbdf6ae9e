#include "turn.hpp"

#include <fmt/format.h>

#include <charconv>

namespace yagura {

Failure& Turn::edit(FailureId id) {
  batch.failures.insert(id);
  return state_.failures.at(id);
}

Notice& Turn::edit_notice(NoticeId id) {
  batch.notices.insert(id);
  return state_.notices.at(id);
}

ComponentHealth& Turn::edit_component(const ComponentName& name) {
  batch.components.insert(name);
  return state_.components[name];
}

Core& Turn::edit_core() {
  batch.core = true;
  return state_.core;
}

Failure& Turn::add_failure() {
  FailureId id = ++edit_core().last_failure;
  Failure& made = state_.failures[id];
  made.id = id;
  made.opened_at = made.failing_since = made.class_at = now;
  batch.failures.insert(id);
  return made;
}

Stop& Turn::edit_stop(StopId id) {
  batch.stops.insert(id);
  return state_.stops.at(id);
}

Stop& Turn::add_stop() {
  StopId id = ++edit_core().last_stop;
  Stop& made = state_.stops[id];
  made.id = id;
  made.planned_at = now;
  batch.stops.insert(id);
  return made;
}

Inquiry& Turn::edit_inquiry(InquiryId id) {
  batch.inquiries.insert(id);
  return state_.inquiries.at(id);
}

Inquiry& Turn::add_inquiry() {
  InquiryId id = ++edit_core().last_inquiry;
  Inquiry& made = state_.inquiries[id];
  made.id = id;
  made.received_at = now;
  batch.inquiries.insert(id);
  return made;
}

const ComponentHealth& Turn::health(const ComponentName& name) const {
  static const ComponentHealth none;
  auto found = state_.components.find(name);
  return found == state_.components.end() ? none : found->second;
}

std::vector<FailureId> Turn::open_failures() const {
  std::vector<FailureId> open;
  for (const auto& [id, failure] : state_.failures) {
    if (failure.is_open()) open.push_back(id);
  }
  return open;
}

FailureId Turn::failure_of(const ComponentName& component) const {
  for (const auto& [id, failure] : state_.failures) {
    if (failure.is_open() && failure.members.contains(component)) return id;
  }
  return 0;
}

void Turn::fact(std::string what, FailureId failure, Details details, std::string who) {
  batch.facts.push_back({now, std::move(what), failure, 0, std::move(who), std::move(details)});
}

namespace {

// "inquiry:3": who asked, while the address is still that of a contact or a colleague.
std::vector<Recipient> asker(const Turn& turn, std::string_view audience) {
  InquiryId id = 0;
  audience.remove_prefix(audience.find(':') + 1);
  std::from_chars(audience.data(), audience.data() + audience.size(), id);
  auto found = turn.state().inquiries.find(id);
  if (found == turn.state().inquiries.end()) return {};
  auto known = correspondent_of(turn.platform, found->second.address);
  if (!known || known->bank != found->second.bank) return {};
  return {{known->name, known->address}};
}

}  // namespace

std::vector<Recipient> Turn::recipients(const std::string& audience, NoticeKind kind) const {
  std::vector<Recipient> to;
  if (audience.starts_with("bank:")) {
    auto bank = platform.banks.find(audience.substr(5));
    if (bank == platform.banks.end()) return to;
    for (const Contact& contact : bank->second.contacts) {
      if (is_stop(kind) ? contact.for_stops : contact.for_failures) to.push_back({contact.name, contact.mail});
    }
  } else if (audience.starts_with("inquiry:")) {
    return asker(*this, audience);
  } else if (auto role = role_named(audience)) {
    for (const Person* person : platform.people_with(*role)) {
      to.push_back({person->name, person->mail});
    }
  }
  return to;
}

NoticeId Turn::queue(Draft draft) {
  std::vector<Recipient> to = recipients(draft.audience, draft.kind);
  if (to.empty()) {
    fact("notice.nobody", draft.failure,
         {{"kind", name_of(draft.kind)}, {"audience", draft.audience}, {"reason", draft.reason}});
    return 0;
  }
  NoticeId id = ++edit_core().last_notice;
  Notice& made = state_.notices[id];
  made.id = id;
  made.kind = draft.kind;
  made.audience = std::move(draft.audience);
  made.failure = draft.failure;
  made.stop = draft.stop;
  made.inquiry = draft.inquiry;
  made.to = std::move(to);
  made.reason = std::move(draft.reason);
  made.topic = std::move(draft.topic);
  made.details = std::move(draft.details);
  made.window = std::move(draft.window);
  made.unless_acknowledged = draft.unless_acknowledged;
  made.created_at = made.not_before = now;
  made.message_id = fmt::format("<notice-{}.{}@{}>", id, live.instance, platform.mail.from_domain);
  if (!made.window.empty() && platform.windows.contains(made.window)) {
    auto opens = platform.window(made.window).next_open(now, platform.mail.attempt_timeout,
                                                        platform.context());
    if (opens && *opens > now) {
      made.not_before = *opens;
      made.state = NoticeState::held;
      made.hold = fmt::format("window {} opens {}", made.window, time(*opens));
    }
  }
  live.unsent.insert(id);
  batch.notices.insert(id);
  Fact line{now, "notice.queued", made.failure, id, "daemon",
            {{"kind", name_of(made.kind)}, {"audience", made.audience}, {"reason", made.reason},
             {"not_before", time(made.not_before)}}};
  if (!made.topic.empty()) line.details["topic"] = made.topic;
  if (made.stop != 0) line.details["stop"] = std::to_string(made.stop);
  if (made.inquiry != 0) line.details["inquiry"] = std::to_string(made.inquiry);
  batch.facts.push_back(std::move(line));
  return id;
}

void Turn::withdraw(NoticeId id, const std::string& reason) {
  Notice& gone = edit_notice(id);
  gone.state = NoticeState::withdrawn;
  gone.reason = reason;
  gone.hold.clear();
  gone.retry_at.reset();
  live.unsent.erase(id);
  batch.facts.push_back({now, "notice.withdrawn", gone.failure, id, "daemon",
                         {{"kind", name_of(gone.kind)}, {"audience", gone.audience}, {"reason", reason}}});
}

std::vector<NoticeId> Turn::unsent_of(FailureId failure) const {
  std::vector<NoticeId> found;
  for (NoticeId id : live.unsent) {
    if (notice(id).failure == failure) found.push_back(id);
  }
  return found;
}

}  // namespace yagura
