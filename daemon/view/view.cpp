#include "view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <optional>
#include <set>

#include "edition.hpp"
#include "topology.hpp"

namespace yagura {

namespace {

namespace json = boost::json;

json::value time_or_null(const Look& look, std::optional<Instant> at) {
  if (!at) return nullptr;
  return json::value(look.platform.zone.format(*at));
}

json::value text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return json::value(text);
}

template <class Names>
json::array array_of(const Names& names) {
  json::array list;
  for (const auto& name : names) list.emplace_back(std::string(name));
  return list;
}

template <class Map>
json::array keys_of(const Map& map) {
  json::array list;
  for (const auto& [name, value] : map) list.emplace_back(name);
  return list;
}

template <class Enum>
std::string name(Enum value) {
  return boost::describe::enum_to_string(value, "");
}

// As json::serialize() does it, but for numbers: 200 and 0.95, not 2E2 and 9.5E-1.
void write(std::string& out, const json::value& value) {
  if (const auto* object = value.if_object()) {
    out += '{';
    for (const auto& [key, member] : *object) {
      if (out.back() != '{') out += ',';
      out += json::serialize(json::string_view(key)) + ":";
      write(out, member);
    }
    out += '}';
  } else if (const auto* list = value.if_array()) {
    out += '[';
    for (const json::value& item : *list) {
      if (out.back() != '[') out += ',';
      write(out, item);
    }
    out += ']';
  } else if (const double* number = value.if_double()) {
    const bool whole = std::abs(*number) < 9e15 && *number == std::trunc(*number);
    out += !std::isfinite(*number) ? "null" : whole ? fmt::format("{:.0f}", *number) : fmt::format("{}", *number);
  } else {
    out += json::serialize(value);
  }
}

std::string finished(const json::value& value) {
  std::string out;
  write(out, value);
  return out + "\n";
}

json::object values_of(const std::map<std::string, double>& values) {
  json::object object;
  for (const auto& [key, value] : values) object[key] = value;
  return object;
}

json::array recipients_of(const std::vector<Recipient>& to) {
  json::array list;
  for (const Recipient& one : to) list.emplace_back(one.mail);
  return list;
}

json::object failure_object(const Look& look, const Failure& failure) {
  json::object object;
  object["id"] = failure.id;
  object["title"] = failure.title;
  object["class"] = name(failure.classification);
  object["class_reason"] = class_reason(failure);
  object["class_at"] = time_or_null(look, failure.class_at);
  object["phase"] = name(failure.phase());
  object["opened_at"] = time_or_null(look, failure.opened_at);
  object["recovered_at"] = time_or_null(look, failure.recovered_at);
  object["closed_at"] = time_or_null(look, failure.closed_at);
  object["closing"] = failure.is_open() ? json::value(nullptr) : json::value(name(failure.closing));
  object["joined_into"] = failure.joined_into == 0 ? json::value(nullptr) : json::value(failure.joined_into);
  object["relapses"] = failure.relapses.size();
  object["cause"] = text_or_null(failure.cause);
  object["components"] = keys_of(failure.members);
  object["services"] = keys_of(failure.kept_down);
  object["keeps_down"] = array_of(failure.keeps_down);
  object["owner"] = std::string(name_of(failure.owner));
  object["acknowledged_by"] =
      failure.acknowledged ? json::value(failure.acknowledged->by) : json::value(nullptr);
  object["acknowledged_at"] =
      failure.acknowledged ? time_or_null(look, failure.acknowledged->at) : json::value(nullptr);
  json::array banks;
  for (const auto& [bank, thread] : failure.banks) {
    if (thread.affected || thread.added || thread.told != Told::nothing) banks.emplace_back(bank);
  }
  object["banks"] = std::move(banks);
  object["from_desk"] = failure.from_desk;
  return object;
}

json::object notice_object(const Look& look, const Notice& notice, const SubjectOf& subject_of) {
  json::object object;
  object["id"] = notice.id;
  object["kind"] = name_of(notice.kind);
  object["audience"] = notice.audience;
  object["failure"] = notice.failure == 0 ? json::value(nullptr) : json::value(notice.failure);
  object["stop"] = notice.stop == 0 ? json::value(nullptr) : json::value(notice.stop);
  object["inquiry"] = notice.inquiry == 0 ? json::value(nullptr) : json::value(notice.inquiry);
  object["to"] = recipients_of(notice.to);
  object["refused"] = array_of(notice.refused);
  object["state"] = name(notice.state);
  object["reason"] = notice.reason;
  object["hold"] = text_or_null(notice.hold);
  object["not_before"] = time_or_null(look, notice.not_before);
  object["created_at"] = time_or_null(look, notice.created_at);
  object["sent_at"] = time_or_null(look, notice.sent_at);
  object["retry_at"] = time_or_null(look, notice.retry_at);
  object["attempts"] = notice.attempts;
  object["last_error"] = text_or_null(notice.last_error);
  object["subject"] = notice.subject.empty() ? subject_of(notice) : notice.subject;
  object["message_id"] = notice.message_id;
  object["into"] = notice.into == 0 ? json::value(nullptr) : json::value(notice.into);
  return object;
}

json::object record_object(const Look& look, const RecordLine& line) {
  json::object object;
  object["id"] = line.id;
  object["at"] = time_or_null(look, line.at);
  object["what"] = line.what;
  object["failure"] = line.failure == 0 ? json::value(nullptr) : json::value(line.failure);
  object["notice"] = line.notice == 0 ? json::value(nullptr) : json::value(line.notice);
  object["who"] = line.who;
  boost::system::error_code error;
  json::value details = json::parse(line.payload.empty() ? "{}" : line.payload, error);
  object["details"] = error ? json::value(json::object()) : std::move(details);
  if (!line.chain.empty()) {
    object["digest"] = line.digest;
    object["chain"] = line.chain;
    object["subject"] = line.subject;
    object["payload"] = line.payload;  // byte by byte: the digest is of these
    object["erased"] = line.erased;
  }
  return object;
}

// What was never looked at is not known to be well. Jobs are waited for: none of them is looked at.
bool is_unseen(const Component& component, const ComponentHealth& health) {
  return std::any_of(component.probes.begin(), component.probes.end(), [&](const ProbeSpec& spec) {
    auto probe = health.probes.find(spec.name);
    return !spec.is_job() &&
           (probe == health.probes.end() || (!probe->second.last && probe->second.since == Instant{}));
  });
}

ComponentState shown_state(const Look& look, const ComponentName& name) {
  static const ComponentHealth none;
  auto component = look.platform.components.find(name);
  if (component == look.platform.components.end()) return ComponentState::ok;
  auto found = look.state.components.find(name);
  const ComponentHealth& health = found == look.state.components.end() ? none : found->second;
  const ComponentState state = state_of(component->second, health);
  return state == ComponentState::ok && is_unseen(component->second, health) ? ComponentState::unknown : state;
}

// As recorded; before all that a service needs was looked at, judged by what is shown of it.
json::array services_of(const Look& look) {
  std::set<ComponentName> unseen;
  for (const auto& [name, component] : look.platform.components) {
    auto health = look.state.components.find(name);
    if (is_unseen(component, health == look.state.components.end() ? ComponentHealth{} : health->second)) {
      unseen.insert(name);
    }
  }
  std::optional<Topology> topology;
  std::set<ServiceName> reported;
  if (!unseen.empty()) {
    topology.emplace(look.platform);
    for (const auto& [id, failure] : look.state.failures) {
      if (failure.is_open()) reported.insert(failure.reported_services.begin(), failure.reported_services.end());
    }
  }
  json::array services;
  for (const auto& [id, service] : look.platform.services) {
    json::object line;
    auto known = look.state.core.services.find(id);
    ServiceState state = known == look.state.core.services.end() ? ServiceState::up : known->second.state;
    std::optional<Instant> since;
    if (known != look.state.core.services.end()) since = known->second.since;
    if (topology && state == ServiceState::up) {
      state = topology->judge(id, [&](const ComponentName& name) { return shown_state(look, name); }, reported);
      if (state != ServiceState::up) since.reset();
    }
    line["id"] = id;
    line["name"] = service.name;
    line["state"] = name(state);
    line["since"] = time_or_null(look, since);
    services.push_back(std::move(line));
  }
  return services;
}

json::array components_of(const Look& look) {
  json::array components;
  for (const auto& [id, component] : look.platform.components) {
    auto found = look.state.components.find(id);
    static const ComponentHealth none;
    const ComponentHealth& health = found == look.state.components.end() ? none : found->second;
    json::array probes;
    for (const ProbeSpec& spec : component.probes) {
      auto probe = health.probes.find(spec.name);
      json::object line;
      line["name"] = spec.name;
      line["kind"] = spec.kind;
      if (probe == health.probes.end()) {
        line["verdict"] = nullptr;
        line["since"] = nullptr;
        line["last_run"] = nullptr;
        line["reason"] = "has not run yet";
        line["values"] = json::object();
      } else {
        const ProbeHealth& seen = probe->second;
        line["verdict"] = std::string(name_of(seen.verdict));
        line["since"] = seen.since == Instant{} ? json::value(nullptr) : time_or_null(look, seen.since);
        line["last_run"] = seen.last ? time_or_null(look, seen.last->ended) : json::value(nullptr);
        line["reason"] = seen.last ? seen.last->reason : seen.reason;
        line["values"] = seen.last ? values_of(seen.last->values) : json::object();
      }
      probes.push_back(std::move(line));
    }
    json::object line;
    line["id"] = id;
    line["owner"] = std::string(name_of(component.owner));
    line["state"] = name(shown_state(look, id));
    line["probes"] = std::move(probes);
    components.push_back(std::move(line));
  }
  return components;
}

}  // namespace

json::array banks_of_stop(const Look& look, const Stop& stop) {
  json::array list;
  for (const auto& [name, thread] : stop.banks) {
    json::object line;
    line["bank"] = name;
    line["told"] = boost::describe::enum_to_string(thread.told, "");
    line["version_told"] = thread.version_told;
    line["withdrawn_by"] = text_or_null(thread.withdrawn_by);
    line["undeliverable"] = thread.undeliverable;
    NoticeId unsent = 0;
    for (const auto& [id, notice] : look.state.notices) {
      if (notice.stop == stop.id && notice.bank() == name && notice.is_unsent()) unsent = id;
    }
    line["notice"] = unsent == 0 ? json::value(nullptr) : json::value(unsent);
    list.push_back(std::move(line));
  }
  return list;
}

json::object stop_object(const Look& look, const Stop& stop) {
  json::object line;
  line["id"] = stop.id;
  line["name"] = text_or_null(stop.regular);
  line["regular"] = !stop.regular.empty();
  line["services"] = stop.all_services ? json::value("all") : json::value(array_of(stop.services));
  line["from"] = time_or_null(look, stop.from);
  line["until"] = time_or_null(look, stop.until);
  line["now"] = stop.phase() == StopPhase::running;
  line["phase"] = boost::describe::enum_to_string(stop.phase(), "");
  line["text"] = text_or_null(stop.text);
  line["emergency"] = stop.emergency;
  line["by"] = stop.by;
  line["planned_at"] = time_or_null(look, stop.planned_at);
  line["announce_by"] = stop.regular.empty() ? time_or_null(look, announce_by(look.platform, stop.from)) : json::value(nullptr);
  line["cancelled_at"] = time_or_null(look, stop.cancelled_at);
  line["cancel_text"] = text_or_null(stop.cancel_text);
  line["banks"] = banks_of_stop(look, stop);
  return line;
}

// The next of each regular one; of the others those to come, under way, and those that a bank is still owed a word of;
// or all that there ever were.
json::array stops_of(const Look& look, bool all) {
  json::array list;
  for (const Maintenance& maintenance : look.platform.maintenance) {
    auto interval = without_cancelled(look.platform, maintenance, look.state.stops)
                        .next_interval(look.now, look.platform.context());
    if (!interval) continue;
    json::object line;
    line["id"] = nullptr;
    line["name"] = maintenance.name;
    line["regular"] = true;
    line["services"] = maintenance.all_services ? json::value("all") : json::value(array_of(maintenance.services));
    line["from"] = time_or_null(look, interval->from);
    line["until"] = time_or_null(look, interval->until);
    line["now"] = interval->from <= look.now;
    line["phase"] = interval->from <= look.now ? "running" : "planned";
    list.push_back(std::move(line));
  }
  for (const auto& [id, stop] : look.state.stops) {
    if (all || !stop.settled) list.push_back(stop_object(look, stop));
  }
  return list;
}

bool is_overdue(const Look& look, const Inquiry& inquiry) {
  return inquiry.is_open() && inquiry.first_reply_due && *inquiry.first_reply_due <= look.now;
}

json::object count_of_inquiries(const Look& look) {
  int open = 0, waiting = 0, overdue = 0, aside = 0;
  for (const auto& [id, inquiry] : look.state.inquiries) {
    if (inquiry.aside != Aside::no && !inquiry.closed_at) ++aside;
    if (!inquiry.is_open()) continue;
    ++open;
    waiting += inquiry.waits_since ? 1 : 0;
    overdue += is_overdue(look, inquiry) ? 1 : 0;
  }
  return {{"open", open}, {"waiting", waiting}, {"overdue", overdue}, {"aside", aside}};
}

json::object inquiry_object(const Look& look, const Inquiry& inquiry) {
  json::object object;
  object["id"] = inquiry.id;
  object["state"] = name(inquiry.phase());
  object["aside"] = inquiry.aside == Aside::no ? json::value(nullptr) : json::value(name(inquiry.aside));
  object["bank"] = text_or_null(inquiry.bank);
  object["colleague"] = text_or_null(inquiry.colleague);
  object["from"] = inquiry.from;
  object["address"] = text_or_null(inquiry.address);
  object["subject"] = inquiry.subject;
  object["by_mail"] = inquiry.by_mail;
  object["by"] = text_or_null(inquiry.by);
  object["received_at"] = time_or_null(look, inquiry.received_at);
  object["waits_since"] = time_or_null(look, inquiry.waits_since);
  object["first_reply_due"] = time_or_null(look, inquiry.first_reply_due);
  object["overdue"] = is_overdue(look, inquiry);
  object["first_reply_at"] = time_or_null(look, inquiry.first_reply_at);
  const InquiryMessage* last = inquiry.last_answer();
  object["answered_by"] = last == nullptr ? json::value(nullptr) : json::value(last->who);
  json::array failures;
  for (FailureId id : inquiry.failures) failures.emplace_back(id);
  object["failures"] = std::move(failures);
  object["closed_at"] = time_or_null(look, inquiry.closed_at);
  object["closed_by"] = text_or_null(inquiry.closed_by);
  object["close_text"] = text_or_null(inquiry.close_text);
  return object;
}

std::string inquiries_json(const Look& look, InquiryFilter filter) {
  json::array list;
  for (const auto& [id, inquiry] : look.state.inquiries) {
    bool wanted = true;
    switch (filter) {
      case InquiryFilter::open: wanted = inquiry.is_open(); break;
      case InquiryFilter::aside: wanted = inquiry.aside != Aside::no && !inquiry.closed_at; break;
      case InquiryFilter::all: break;
    }
    if (wanted) list.push_back(inquiry_object(look, inquiry));
  }
  return finished(list);
}

std::string inquiry_json(const Look& look, const Inquiry& inquiry) {
  json::object object = inquiry_object(look, inquiry);
  json::array messages;
  for (const InquiryMessage& message : inquiry.messages) {
    json::object line;
    line["at"] = time_or_null(look, message.at);
    line["ours"] = message.ours;
    line["automatic"] = message.automatic;
    line["who"] = message.who;
    line["text"] = message.text;
    line["message_id"] = text_or_null(message.message_id);
    line["failure"] = message.failure == 0 ? json::value(nullptr) : json::value(message.failure);
    auto notice = look.state.notices.find(message.notice);
    line["notice"] = message.notice == 0 ? json::value(nullptr) : json::value(message.notice);
    line["mail"] = notice == look.state.notices.end() ? json::value(nullptr) : json::value(name(notice->second.state));
    line["sent_at"] =
        notice == look.state.notices.end() ? json::value(nullptr) : time_or_null(look, notice->second.sent_at);
    json::array files;
    for (const KeptFile& file : message.files) files.push_back(json::object{{"name", file.name}, {"bytes", file.bytes}});
    line["files"] = std::move(files);
    messages.push_back(std::move(line));
  }
  object["messages"] = std::move(messages);
  return finished(object);
}

std::string stops_json(const Look& look, bool all) { return finished(stops_of(look, all)); }

std::string status_json(const Look& look, const DaemonHealth& health) {
  json::object object;
  object["now"] = time_or_null(look, look.now);
  object["timezone"] = look.platform.zone.name();
  json::object windows;
  for (const auto& [id, window] : look.platform.windows) {
    auto interval = window.next_interval(look.now, look.platform.context());
    json::object line;
    line["open"] = interval && interval->from <= look.now;
    line["opens_at"] = interval ? time_or_null(look, std::max(interval->from, look.now)) : json::value(nullptr);
    const bool closes = interval && !Window::is_endless(*interval, look.now, look.platform.context());
    line["closes_at"] = closes ? time_or_null(look, interval->until) : json::value(nullptr);
    windows[id] = std::move(line);
  }
  object["windows"] = std::move(windows);
  object["services"] = services_of(look);
  object["components"] = components_of(look);
  json::array failures;
  for (const auto& [id, failure] : look.state.failures) {
    if (failure.is_open()) failures.push_back(failure_object(look, failure));
  }
  object["failures"] = std::move(failures);
  int held = 0, due = 0, undeliverable = 0;
  for (const auto& [id, notice] : look.state.notices) {
    held += notice.state == NoticeState::held ? 1 : 0;
    due += notice.state == NoticeState::due ? 1 : 0;
    undeliverable += notice.state == NoticeState::undeliverable ? 1 : 0;
  }
  object["notices"] = {{"held", held}, {"due", due}, {"undeliverable", undeliverable}};
  object["stops"] = stops_of(look, false);
  object["inquiries"] = count_of_inquiries(look);
  object["version"] = health.version;
  object["record_trouble"] = text_or_null(health.record_trouble);
  object["queued_writes"] = health.queued_writes;
  object["unrecorded_orders"] = health.unrecorded_orders;
  object["probe_lateness_ms"] = health.probe_lateness.count();
  return finished(object);
}

std::string failures_json(const Look& look, bool all) {
  json::array list;
  for (const auto& [id, failure] : look.state.failures) {
    if (all || failure.is_open()) list.push_back(failure_object(look, failure));
  }
  return finished(list);
}

std::string failure_json(const Look& look, const Failure& failure, const std::vector<RecordLine>& timeline) {
  json::object object = failure_object(look, failure);
  json::array steps;
  for (const StepRun& step : failure.steps) {
    json::object line;
    line["component"] = step.component;
    line["step"] = step.step;
    line["manual"] = step.manual;
    line["what"] = step.what;
    line["started"] = time_or_null(look, step.started);
    line["deadline"] = time_or_null(look, step.deadline);
    line["ended"] = time_or_null(look, step.ended);
    line["result"] = name(step.result);
    line["output"] = step.output;
    line["by"] = text_or_null(step.by);
    steps.push_back(std::move(line));
  }
  object["steps"] = std::move(steps);
  json::array reports;
  for (const ProgressReport& report : failure.reports) {
    reports.push_back(json::object{{"at", time_or_null(look, report.at)},
                                   {"by", report.by},
                                   {"text", report.text},
                                   {"to_banks", report.to_banks}});
  }
  object["reports"] = std::move(reports);
  json::array threads;
  for (const auto& [bank, thread] : failure.banks) {
    threads.push_back(json::object{{"bank", bank},
                                   {"told", name(thread.told)},
                                   {"affected", thread.affected},
                                   {"added", thread.added},
                                   {"removed", thread.removed},
                                   {"mails", thread.mails}});
  }
  object["bank_threads"] = std::move(threads);
  json::array lines;
  for (const RecordLine& line : timeline) lines.push_back(record_object(look, line));
  object["timeline"] = std::move(lines);
  return finished(object);
}

std::string why_json(const Look& look, const Failure& failure) {
  json::array list;
  for (const Why& line : why(look.platform, look.state, failure)) {
    list.push_back(json::object{{"audience", line.audience},
                                {"kind", text_or_null(line.kind)},
                                {"state", line.state},
                                {"notice", line.notice == 0 ? json::value(nullptr) : json::value(line.notice)},
                                {"at", time_or_null(look, line.at)},
                                {"rule", line.rule}});
  }
  return finished(list);
}

std::string notices_json(const Look& look, NoticeFilter filter, const SubjectOf& subject_of) {
  json::array list;
  for (const auto& [id, notice] : look.state.notices) {
    bool wanted = true;
    switch (filter) {
      case NoticeFilter::unsent: wanted = notice.is_unsent(); break;
      case NoticeFilter::held: wanted = notice.state == NoticeState::held; break;
      case NoticeFilter::failed:
        wanted = notice.state == NoticeState::undeliverable || !notice.refused.empty() ||
                 (notice.is_unsent() && !notice.last_error.empty());
        break;
      case NoticeFilter::all: break;
    }
    if (wanted) list.push_back(notice_object(look, notice, subject_of));
  }
  return finished(list);
}

std::string notice_json(const Look& look, const Notice& notice, const SubjectOf& subject_of,
                        const std::string& body) {
  json::object object = notice_object(look, notice, subject_of);
  json::array carries;
  for (NoticeId id : notice.carries) carries.emplace_back(id);
  object["carries"] = std::move(carries);
  object["body"] = body;
  if (notice.is_unsent() && is_bank(notice.kind)) object["edition"] = edition_of(look.state, notice);
  object["edited_by"] = notice.edited ? json::value(notice.edited->by) : json::value(nullptr);
  return finished(object);
}

std::string jobs_json(const Look& look, const std::vector<JobLine>& jobs) {
  json::array list;
  for (const JobLine& job : jobs) {
    const JobState& state = job.monitor->state();
    json::object line;
    line["component"] = job.id.component;
    line["probe"] = job.id.probe;
    line["verdict"] = std::string(name_of(state.verdict));
    line["reason"] = state.reason;
    line["running"] = state.running.size();
    line["last_start"] = time_or_null(look, state.last_start);
    line["last_success"] = time_or_null(look, state.last_success);
    line["last_fail"] = time_or_null(look, state.last_fail);
    line["last_duration_ms"] =
        state.last_duration ? json::value(state.last_duration->count()) : json::value(nullptr);
    line["last_output"] = state.last_output;
    line["next_run"] = time_or_null(look, job.next_run);
    list.push_back(std::move(line));
  }
  return finished(list);
}

std::string observation_json(const Look& look, const ProbeId& probe, const Observation& observation) {
  return finished(json::object{{"component", probe.component},
                               {"probe", probe.probe},
                               {"verdict", std::string(name_of(observation.verdict))},
                               {"reason", observation.reason},
                               {"values", values_of(observation.values)},
                               {"scheduled", time_or_null(look, observation.scheduled)},
                               {"started", time_or_null(look, observation.started)},
                               {"ended", time_or_null(look, observation.ended)}});
}

std::string record_json(const Look& look, const std::vector<RecordLine>& lines) {
  json::array list;
  for (const RecordLine& line : lines) list.push_back(record_object(look, line));
  return finished(list);
}

std::string answer_json(bool done, const std::string& text, FailureId failure, StopId stop, InquiryId inquiry) {
  json::object object{{"done", done}};
  object[done ? "text" : "error"] = text;
  object["failure"] = failure == 0 ? json::value(nullptr) : json::value(failure);
  object["stop"] = stop == 0 ? json::value(nullptr) : json::value(stop);
  object["inquiry"] = inquiry == 0 ? json::value(nullptr) : json::value(inquiry);
  return finished(object);
}

std::string error_json(const std::string& text) { return finished(json::object{{"error", text}}); }

std::string strings_json(const std::string& key, const std::vector<std::string>& values) {
  return finished(json::object{{key, array_of(values)}});
}

}  // namespace yagura
