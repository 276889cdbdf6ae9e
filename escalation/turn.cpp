#include "turn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "rules.hpp"
#include "text.hpp"

namespace yagura {

Failure& Turn::edit(FailureId id) {
  batch.failures.insert(id);
  live.failures.touch(id);
  return state_.failures.at(id);
}

void Turn::index_failure(FailureId id) {
  const Failure& failure = state_.failures.at(id);
  Index& index = live.index;
  live.awaited.erase(id);
  std::set<ServiceName> reported = failure.is_open() ? failure.reported_services : std::set<ServiceName>{};
  auto known = index.reported.find(id);
  if (known == index.reported.end() ? !reported.empty() : known->second != reported) {
    if (known != index.reported.end()) reported.insert(known->second.begin(), known->second.end());
    for (const ServiceName& service : reported) {
      for (const ServiceName& one : topology.built_on(service)) live.services.touch(one);
    }
  }
  index.follow_failure(failure);
  if (failure.is_open()) {
    live.keepings[id].all_stale = true;
    return;
  }
  for (const ServiceName& service : live.keepings[id].keeping.surely) live.kept_surely[service].erase(id);
  live.keepings.erase(id);
  for (const auto& [component, since] : failure.members) {
    auto of = index.failure_of.find(component);
    if (of == index.failure_of.end() || of->second != id) continue;
    index.failure_of.erase(of);
    component_changed(component);
  }
}

// What is recorded of a failure leaves its members out, of which each is recorded by itself.
std::map<ComponentName, Instant>& Turn::edit_members(FailureId id) {
  live.failures.touch(id);
  return state_.failures.at(id).members;
}

bool Turn::add_member(FailureId id, const ComponentName& component, Instant since) {
  if (!edit_members(id).try_emplace(component, since).second) return false;
  batch.members.emplace(id, component);
  look_whether_afresh(*this, id, component);
  live.index.failure_of.try_emplace(component, id);
  component_changed(component);
  return true;
}

void Turn::remove_member(FailureId id, const ComponentName& component) {
  edit_members(id).erase(component);
  batch.members.emplace(id, component);
  look_whether_afresh(*this, id, component);
  live.keepings[id].all_stale = true;
  auto of = live.index.failure_of.find(component);
  if (of != live.index.failure_of.end() && of->second == id) live.index.failure_of.erase(of);
  component_changed(component);
}

void Turn::index_join(FailureId from, FailureId into) {
  index_failure(from);
  for (const auto& [component, since] : state_.failures.at(from).members) {
    if (live.index.failure_of.try_emplace(component, into).second) component_changed(component);
  }
  index_failure(into);
  auto unsent = live.index.unsent_of.extract(from);
  if (unsent.empty()) return;
  live.index.unsent_of[into].merge(unsent.mapped());
}

void Turn::component_changed(const ComponentName& name) {
  live.components.touch(name);
  for (const ServiceName& service : topology.needed_by(name)) live.services.touch(service);
  if (FailureId of = failure_of(name); of != 0) {
    live.failures.touch(of);
    KnownKeeping& known = live.keepings[of];
    if (!known.all_stale) {
      for (const ServiceName& service : topology.needed_by(name)) known.stale.insert(service);
    }
  }
  if (auto component = platform.components.find(name); component != platform.components.end()) {
    live.index.follow_component(component->second, health(name));
  }
}

void Turn::services_changed(const Failure& failure) {
  for (const auto& [component, since] : failure.members) {
    for (const ServiceName& service : topology.needed_by(component)) live.services.touch(service);
  }
  for (const ServiceName& reported : failure.reported_services) {
    for (const ServiceName& service : topology.built_on(reported)) live.services.touch(service);
  }
}

void Turn::all_changed() {
  live.awaited.clear();
  for (FailureId id : live.index.open) {
    live.failures.touch(id);
    live.keepings[id].all_stale = true;
  }
  for (FailureId id : live.index.unsettled) live.failures.touch(id);
  for (NoticeId id : live.unsent) live.notices.touch(id);
  for (const auto& [id, stop] : state_.stops) live.stops.touch(id);
  for (const auto& [name, component] : platform.components) live.components.touch(name);
  for (const auto& [name, service] : platform.services) live.services.touch(service.id);
}

void Turn::wake_at(Instant at) {
  if (at <= now) return;
  if (asking_.failure != 0) return live.failures.wake_at(asking_.failure, at);
  if (asking_.notice != 0) return live.notices.wake_at(asking_.notice, at);
  if (asking_.stop != 0) return live.stops.wake_at(asking_.stop, at);
  if (asking_.component != nullptr) return live.components.wake_at(*asking_.component, at);
  if (!wake_ || at < *wake_) wake_ = at;
}

Notice& Turn::edit_notice(NoticeId id) {
  batch.notices.insert(id);
  Notice& notice = state_.notices.at(id);
  live.notices.touch(id);
  // What a bank is owed is told by what is under way to it.
  if (is_bank(notice.kind) && notice.failure != 0) live.failures.touch(end_of_joins(state_, notice.failure));
  if (notice.stop != 0) live.stops.touch(notice.stop);
  return notice;
}

ComponentHealth& Turn::edit_component(const ComponentName& name) {
  batch.components.insert(name);
  return state_.components[name];
}

ServiceStatus& Turn::edit_service(const ServiceName& name) {
  batch.services.insert(name);
  return state_.services[name];
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
  live.failures.touch(id);
  index_failure(id);
  return made;
}

Stop& Turn::edit_stop(StopId id) {
  batch.stops.insert(id);
  live.stops.touch(id);
  return state_.stops.at(id);
}

Stop& Turn::add_stop() {
  StopId id = ++edit_core().last_stop;
  Stop& made = state_.stops[id];
  made.id = id;
  made.planned_at = now;
  batch.stops.insert(id);
  live.stops.touch(id);
  return made;
}

Inquiry& Turn::edit_inquiry(InquiryId id) {
  batch.inquiries.insert(id);
  live.index.open_inquiries.insert(id);  // Whether it is open is seen by follow_inquiries().
  return state_.inquiries.at(id);
}

void Turn::forget_inquiry(InquiryId id) {
  batch.inquiries.insert(id);
  live.index.open_inquiries.erase(id);
  state_.inquiries.erase(id);
}

Inquiry& Turn::add_inquiry() {
  InquiryId id = ++edit_core().last_inquiry;
  Inquiry& made = state_.inquiries[id];
  made.id = id;
  made.received_at = now;
  batch.inquiries.insert(id);
  live.index.open_inquiries.insert(id);
  return made;
}

const ComponentHealth& Turn::health(const ComponentName& name) const {
  static const ComponentHealth none;
  auto found = state_.components.find(name);
  return found == state_.components.end() ? none : found->second;
}

namespace {

std::vector<FailureId> only(std::vector<FailureId> ids, const std::set<FailureId>& these) {
  std::erase_if(ids, [&](FailureId id) { return !these.contains(id); });
  return ids;
}

}  // namespace

std::vector<FailureId> Turn::open_to_look_at() const { return only(live.failures.looked_at(), live.index.open); }
std::vector<FailureId> Turn::unsettled_to_look_at() const {
  return only(live.failures.looked_at(), live.index.unsettled);
}

FailureId Turn::failure_of(const ComponentName& component) const {
  auto found = live.index.failure_of.find(component);
  return found == live.index.failure_of.end() ? 0 : found->second;
}

void Turn::fact(std::string what, FailureId failure, Details details, std::string who) {
  batch.facts.push_back({now, std::move(what), failure, 0, std::move(who), std::move(details)});
}

namespace {

// While it is still the address of a contact of that bank, or of a colleague.
std::vector<Recipient> asker_at(const Turn& turn, const Inquiry& inquiry, const std::string& address) {
  auto known = correspondent_of(turn.platform, address);
  if (!known || known->bank != inquiry.bank) return {};
  return {{known->name, known->address}};
}

// "inquiry:3": who asked.
std::vector<Recipient> asker(const Turn& turn, std::string_view audience) {
  InquiryId id = 0;
  audience.remove_prefix(audience.find(':') + 1);
  std::from_chars(audience.data(), audience.data() + audience.size(), id);
  auto found = turn.state().inquiries.find(id);
  return found == turn.state().inquiries.end() ? std::vector<Recipient>{} : asker_at(turn, found->second, found->second.address);
}

}  // namespace

std::vector<Recipient> Turn::recipients(const std::string& audience, NoticeKind kind) const {
  std::vector<Recipient> to;
  if (audience.starts_with("bank:")) {
    auto bank = platform.banks.find(audience.substr(5));
    if (bank == platform.banks.end()) return to;
    for (const Contact& contact : bank->second.contacts) {
      if (!(is_stop(kind) ? contact.for_stops : contact.for_failures)) continue;
      const bool twice = std::any_of(to.begin(), to.end(), [&](const Recipient& one) { return lower(one.mail) == lower(contact.mail); });
      if (!twice) to.push_back({contact.name, contact.mail});
    }
  } else if (audience.starts_with("inquiry:")) {
    return asker(*this, audience);
  } else if (auto role = role_named(role_of_audience(audience))) {
    const bool others = audience.ends_with(others_of_role);
    const PersonName duty = person_on_duty(*role);
    for (const Person* person : platform.people_with(*role)) {
      if (duty.empty() ? others : (person->id == duty) == others) continue;
      to.push_back({person->name, person->mail});
      if (person->command_for.contains(name_of(kind))) {
        to.push_back({person->name, std::string(command_of_person) + person->id});
      }
    }
  }
  return to;
}

std::vector<Recipient> Turn::recipients(const Notice& notice) const {
  // What was answered to one contact does not go to another who wrote since.
  if (is_answer(notice.kind) && !notice.to.empty() && state_.inquiries.contains(notice.inquiry)) {
    if (auto asked = asker_at(*this, inquiry(notice.inquiry), notice.to.front().mail); !asked.empty()) return asked;
  }
  std::vector<Recipient> to = recipients(notice.audience, notice.kind);
  for (NoticeId carried : notice.carries) {
    for (Recipient& one : recipients(notice.audience, this->notice(carried).kind)) {
      if (one.is_command() && std::find(to.begin(), to.end(), one) == to.end()) to.push_back(std::move(one));
    }
  }
  std::erase_if(to, [&](const Recipient& one) { return one.is_command() && !why_no_command(*this, notice, one).empty(); });
  return to;
}

PersonName Turn::person_on_duty(Role role) const {
  auto roster = platform.duty.find(role);
  return roster == platform.duty.end() ? PersonName{} : on_duty(platform, roster->second, state_.core.swaps, now);
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
  state_.notices_by_failure[made.failure].push_back(id);
  live.unsent.insert(id);
  live.index.add_unsent(state_, made);
  edit_notice(id);
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
  leave_outbox(id);
  batch.facts.push_back({now, "notice.withdrawn", gone.failure, id, "daemon",
                         {{"kind", name_of(gone.kind)}, {"audience", gone.audience}, {"reason", reason}}});
}

void Turn::leave_outbox(NoticeId id) {
  const Notice& gone = edit_notice(id);
  live.unsent.erase(id);
  live.ready.erase(rank_of(gone));
  live.bundled.erase(id);
  live.index.remove_unsent(state_, gone);
}

std::vector<NoticeId> Turn::unsent_of(FailureId failure) const {
  std::vector<NoticeId> found;
  auto unsent = live.index.unsent_of.find(end_of_joins(state_, failure));
  if (unsent == live.index.unsent_of.end()) return found;
  for (NoticeId id : unsent->second) {
    if (notice(id).failure == failure) found.push_back(id);
  }
  return found;
}

}  // namespace yagura
