// Reads back what the record holds of the last state.
#include <fmt/format.h>

#include "codec.hpp"
#include "engine.hpp"

namespace yagura {

namespace {

template <class Decoded, class Put>
Result<void> keep(Decoded decoded, const RecordRow& row, Put put) {
  if (!decoded) {
    return failure_of(fmt::format("row {} of the record ({}) cannot be read: {}; start the release that wrote it, or "
                                  "restore a backup: `yagura restore BACKUP`", row.id, row.subject,
                                  decoded.error().message));
  }
  put(std::move(*decoded));
  return {};
}

// The components of failures; a failure's own row may come before or after them.
using Members = std::map<FailureId, std::map<ComponentName, std::optional<Instant>>>;

Result<void> keep_row(const RecordRow& row, State& state, Members& members) {
  if (row.what == "state.member") {
    return keep(decode_member(row.payload), row,
                [&](const MemberRow& member) { members[row.failure][member.component] = member.since; });
  }
  if (row.what == "state.failure") {
    return keep(decode_failure(row.payload), row,
                [&](Failure failure) { state.failures[failure.id] = std::move(failure); });
  }
  if (row.what == "state.notice") {
    return keep(decode_notice(row.payload), row,
                [&](Notice notice) { state.notices[notice.id] = std::move(notice); });
  }
  if (row.what == "state.component") {
    return keep(decode_component(row.payload), row, [&](ComponentHealth health) {
      state.components[row.subject.substr(row.subject.find(':') + 1)] = std::move(health);
    });
  }
  if (row.what == "state.service") {
    return keep(decode_service(row.payload), row, [&](ServiceStatus service) {
      state.services[row.subject.substr(row.subject.find(':') + 1)] = service;
    });
  }
  if (row.what == "state.stop") {
    return keep(decode_stop(row.payload), row, [&](Stop stop) { state.stops[stop.id] = std::move(stop); });
  }
  if (row.what == "state.inquiry") {
    if (row.payload == forgotten_inquiry) return {};
    return keep(decode_inquiry(row.payload), row,
                [&](Inquiry inquiry) { state.inquiries[inquiry.id] = std::move(inquiry); });
  }
  if (row.what == "state.core") {
    return keep(decode_core(row.payload), row, [&](Core core) { state.core = std::move(core); });
  }
  // Other rows have a subject to be found by.
  if (!row.what.starts_with("state.")) return {};
  return failure_of(fmt::format("row {} of the record has the unknown state {}: the record was made by a "
                                "newer version", row.id, row.what));
}

}  // namespace

Result<Kept> read_kept(Store& store) {
  Kept kept;
  Result<void> fine;
  Members members;
  auto read = store.last_states([&](const RecordRow& row) {
    kept.first_start = false;
    if (fine) fine = keep_row(row, kept.state, members);
  });
  if (!read) return tl::unexpected(read.error());
  if (!fine) return tl::unexpected(fine.error());
  // What stands in a failure's own row was written by an earlier release, before any row of a component of it.
  for (auto& [id, failure] : kept.state.failures) {
    const auto& rows = members[id];
    for (const auto& [component, since] : failure.members) {
      if (!rows.contains(component)) kept.members_unrecorded.emplace(id, component);
    }
    for (const auto& [component, since] : rows) {
      if (since) {
        failure.members[component] = *since;
      } else {
        failure.members.erase(component);
      }
    }
  }
  auto jobs = store.jobs();
  if (!jobs) return tl::unexpected(jobs.error());
  for (const JobRow& row : *jobs) {
    if (auto text = decode_kept(row.state)) {
      if (row.component.empty() && row.probe == unmatched_alarms_row) {
        kept.unmatched_alarms = std::move(*text);
        continue;
      }
      kept.probes[{row.component, row.probe}] = std::move(*text);
      continue;
    }
    auto alarm = decode_alarm(row.state);
    if (alarm && !alarm->source.empty()) {
      kept.alarms[{row.component, row.probe}] = std::move(*alarm);
      continue;
    }
    auto state = decode_job(row.state);
    if (!state) return tl::unexpected(state.error());
    kept.jobs[{row.component, row.probe}] = std::move(*state);
  }
  return kept;
}

}  // namespace yagura
