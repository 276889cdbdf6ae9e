// What outlives a restart as JSON text and back: the form in which states stand in the record,
// owned by daemon/codec.
//
// The form follows the descriptions beside the types: a structure is an object of its members'
// names, an enumeration is its name, a role its name in the configuration, an instant RFC 3339 in
// UTC to the millisecond, a duration whole milliseconds. What is empty (an absent optional, an
// empty text, list or mapping) is left out, and so is, but for names, what is as in a new structure: what that holds must not change.
//
// Reading is made for records of other versions: a field that is missing keeps its default, a field
// that nobody knows is passed over. A field of a wrong type is an error that names it. Encoding the
// same value gives the same bytes.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "failure.hpp"
#include "health.hpp"
#include "monitor.hpp"
#include "notice.hpp"
#include "outside/alarm_monitor.hpp"
#include "result.hpp"
#include "state.hpp"

namespace yagura {

// One component of a failure, as the record keeps it: since when it belongs to it; none: no more.
struct MemberRow {
  ComponentName component;
  std::optional<Instant> since;
  bool operator==(const MemberRow&) const = default;
};
BOOST_DESCRIBE_STRUCT(MemberRow, (), (component, since))

std::string encode(const Failure& failure);
// As the record keeps it: thousands of components may join one by one, each is a row of its own.
std::string encode_without_members(const Failure& failure);
std::string encode(const MemberRow& member);
std::string encode(const Notice& notice);
std::string encode(
    const ComponentHealth& component);  // what is recorded of it; live counters are not
std::string encode(const Stop& stop);
std::string encode(const Inquiry& inquiry);
std::string encode(const ServiceStatus& service);
std::string encode(const Core& core);
std::string encode(const JobState& job);
std::string encode(const AlarmState& alarm);
// What a fact says.
std::string encode(const std::map<std::string, std::string>& details);

Result<Failure> decode_failure(std::string_view text);
Result<MemberRow> decode_member(std::string_view text);
Result<Notice> decode_notice(std::string_view text);
Result<ComponentHealth> decode_component(std::string_view text);
Result<Stop> decode_stop(std::string_view text);
Result<Inquiry> decode_inquiry(std::string_view text);
Result<ServiceStatus> decode_service(std::string_view text);
Result<Core> decode_core(std::string_view text);
Result<JobState> decode_job(std::string_view text);
// Without a source where the text is of a job: the two stand in one table.
Result<AlarmState> decode_alarm(std::string_view text);

// What a probe that is no job asked to be kept (Finding::keep), in the place of a job's state: an earlier release
// takes it for a job of which nothing is known. None: the text is a job's state.
std::string encode_kept(const std::string& kept);
std::optional<std::string> decode_kept(std::string_view text);

}  // namespace yagura
