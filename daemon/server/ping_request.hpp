// A job's ping as it is asked for: by the path of listen.http, which anybody who reaches the port
// may ask, and by the control socket's JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor.hpp"
#include "observation.hpp"
#include "result.hpp"

namespace yagura {

struct PingRequest {
  ProbeId job;
  JobPing ping;
};

// /ping/<component>[/<probe>][/start|/fail|/log|/<0-255>], as the Healthchecks service takes it.
// None: no such job.
std::optional<PingRequest> read_ping_path(std::string_view path, const std::vector<ProbeId>& jobs);

// {"component","probe","event","exit_status","run_id","body","ended_at","started_at"}. Whether there is such a job is not
// looked at, and the probe may be empty; both names are safe to show. Error: what is wrong with it.
Result<PingRequest> read_ping(std::string_view body);

// Whether the time of a run that is reported later can be taken: it is over, and no older than 7 days.
// Error: what is wrong with it.
Result<void> check_time(const JobPing& ping, Instant now);

// What is kept of a ping's body, safe: its last 10,000 bytes, as what a job says last says most.
std::string kept_of_body(std::string_view body);

// Without a probe's name: the component's only job.
std::optional<ProbeId> job_named(const std::vector<ProbeId>& jobs, std::string_view component,
                                 std::string_view probe);

}  // namespace yagura
