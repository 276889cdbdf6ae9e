// The target of a request to listen.http: path, query, and the ping that it asks for.
#include <algorithm>

#include "fuzz.hpp"
#include "ping_request.hpp"
#include "request_target.hpp"

namespace yagura::fuzz {
namespace {

void run(std::string_view bytes) {
  static const std::vector<ProbeId> jobs{
      {"batch", "nightly"}, {"web-1", "job"}, {"web-1", "start"}, {"start", "0"}};
  auto asked = read_target(bytes);
  if (!asked) return;
  require(asked->path.starts_with('/'), "a path begins with a slash");
  require(asked->path.size() <= bytes.size(), "decoding makes nothing longer");
  auto read = read_ping_path(asked->path, jobs);
  if (!read) return;
  require(std::find(jobs.begin(), jobs.end(), read->job) != jobs.end(), "a ping is for a job");
  const JobPing& ping = read->ping;
  require(ping.exit_status >= 0 && ping.exit_status <= 255, "an exit status is a byte");
  require(ping.exit_status == 0 || ping.event == JobPing::Event::fail, "an exit status tells of a failure");
}
const Target target("ping_path", run);

}  // namespace
}  // namespace yagura::fuzz
