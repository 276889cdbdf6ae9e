// What people and scripts read of the daemon, as JSON texts (INTERFACE.md §7): pure functions of the state. Times are RFC 3339 in the
// configured zone; what is not there is null. docs/api.md describes the fields.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "decider.hpp"
#include "history.hpp"
#include "monitor.hpp"
#include "why.hpp"

namespace yagura {

struct Look {
  const Platform& platform;
  const State& state;
  Instant now{};
};

// An alarm of another system that no component matches.
struct UnmatchedAlarm {
  std::string source, alarm, says, text;
  Instant at{};
};

// What the decision code does not know of the daemon.
struct DaemonHealth {
  std::string version;
  std::string record_trouble;  // empty: the record can be written
  std::size_t queued_writes = 0;
  Duration probe_lateness{0};
  std::size_t unrecorded_orders = 0;  // taken, to take effect when the record can be written
  std::vector<UnmatchedAlarm> unmatched_alarms{};  // the latest
};

struct JobLine {
  ProbeId id;
  const JobMonitor* monitor = nullptr;
  std::optional<Instant> next_run;
};

// A line of the record, as shown in a failure's timeline and by `yagura record`.
struct RecordLine {
  std::int64_t id = 0;
  Instant at{};
  std::string what;
  std::int64_t failure = 0;
  std::int64_t notice = 0;
  std::string who;
  std::string payload;  // a JSON object
  // Of the raw record only:
  std::string digest, chain, subject;
  bool erased = false;
};

std::string status_json(const Look& look, const DaemonHealth& health);
std::string stops_json(const Look& look, bool all);
// Who of each role is on duty then, and the shifts of the three weeks after (duty_view.cpp).
std::string duty_json(const Look& look, Instant at);
// Those that are open; or all; or (`aside`) the mails that were kept aside.
enum class InquiryFilter { open, all, aside };
std::string inquiries_json(const Look& look, InquiryFilter filter);
std::string inquiry_json(const Look& look, const Inquiry& inquiry);
std::string failures_json(const Look& look, bool all);
// `cut`: the timeline has older rows, which are left out.
std::string failure_json(const Look& look, const Failure& failure, const std::vector<RecordLine>& timeline,
                         bool cut = false);
std::string why_json(const Look& look, const std::vector<Why>& lines);
enum class NoticeFilter { unsent, held, failed, all };
// `subject_of` gives the subject of what is not written yet.
using SubjectOf = std::function<std::string(const Notice&)>;
std::string notices_json(const Look& look, NoticeFilter filter, const SubjectOf& subject_of);
// With the mail's text: as sent, or as it would be now.
std::string notice_json(const Look& look, const Notice& notice, const SubjectOf& subject_of,
                        const std::string& body);
std::string jobs_json(const Look& look, const std::vector<JobLine>& jobs);
std::string observation_json(const Look& look, const ProbeId& probe, const Observation& observation);
// How the component's probes ran (samples_view.cpp).
std::string samples_json(const Zone& zone, const ComponentName& component, const History& history);
std::string record_json(const Look& look, const std::vector<RecordLine>& lines);
std::string answer_json(bool done, const std::string& text, FailureId failure, StopId stop, InquiryId inquiry = 0);
std::string error_json(const std::string& text);
std::string strings_json(const std::string& key, const std::vector<std::string>& values);

}  // namespace yagura
