#include "ping_request.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <limits>

#include "text.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

constexpr std::string_view prefix = "/ping/";
constexpr std::size_t most_parts = 3;
constexpr std::size_t most_name = 200;
constexpr std::size_t most_run_id = 64;
constexpr std::size_t most_body = 10'000;
constexpr Duration oldest_end = 24h * 7;
constexpr Duration clocks_apart = 1min;  // who reports reads the same clock, but earlier or later

// False: the word is no event.
bool read_event(std::string_view word, JobPing& ping) {
  if (word == "start" || word == "fail" || word == "log" || word == "success") {
    ping.event = word == "start"  ? JobPing::Event::start
                 : word == "fail" ? JobPing::Event::fail
                 : word == "log"  ? JobPing::Event::log
                                  : JobPing::Event::success;
    return true;
  }
  return false;
}

// …/<0-255>: how a run ended.
bool read_exit_status(std::string_view word, JobPing& ping) {
  unsigned status = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), status);
  if (error != std::errc{} || end != word.data() + word.size() || status > 255) return false;
  ping.exit_status = static_cast<int>(status);
  ping.event = status == 0 ? JobPing::Event::success : JobPing::Event::fail;
  return true;
}

bool read_path_event(std::string_view word, JobPing& ping) {
  return (word != "success" && read_event(word, ping)) || read_exit_status(word, ping);
}

std::string text_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// False: there, and no time.
bool read_time(const json::object& object, const char* key, std::optional<Instant>& time) {
  if (!object.contains(key)) return true;
  auto read = parse_instant(text_of(object, key));
  if (!read) return false;
  time = *read;
  return true;
}

// Of a run that is reported later than it was.
Result<void> read_times(const json::object& object, JobPing& ping) {
  if (!read_time(object, "ended_at", ping.ended_at) ||
      !read_time(object, "started_at", ping.started_at)) {
    return failure_of(
        "\"ended_at\" and \"started_at\" have to be times, such as 2026-12-28T02:10:00+09:00");
  }
  if (ping.started_at && !ping.ended_at)
    return failure_of("\"started_at\" stands with \"ended_at\" only");
  if (!ping.ended_at) return {};
  if (ping.event == JobPing::Event::start || ping.event == JobPing::Event::log)
    return failure_of("\"ended_at\" is of a success or a fail only");
  if (ping.started_at && *ping.started_at > *ping.ended_at)
    return failure_of("\"started_at\" is after \"ended_at\"");
  return {};
}

}  // namespace

Result<void> check_time(const JobPing& ping, Instant now) {
  if (!ping.ended_at) return {};
  if (*ping.ended_at > now + clocks_apart)
    return failure_of("\"ended_at\" is in the future: only what is over can be reported");
  if (*ping.ended_at < now - oldest_end)
    return failure_of("\"ended_at\" is more than 7 days ago: that is not taken any more");
  return {};
}

std::string kept_of_body(std::string_view body) {
  return end_of(many_lines(body, std::numeric_limits<std::size_t>::max()), most_body);
}

std::optional<ProbeId> job_named(const std::vector<ProbeId>& jobs, std::string_view component,
                                 std::string_view probe) {
  std::optional<ProbeId> found;
  for (const ProbeId& id : jobs) {
    if (id.component != component || (!probe.empty() && id.probe != probe)) continue;
    if (found) return std::nullopt;
    found = id;
  }
  return found;
}

std::optional<PingRequest> read_ping_path(std::string_view path,
                                          const std::vector<ProbeId>& jobs) {
  if (!path.starts_with(prefix)) return std::nullopt;
  std::vector<std::string_view> parts;
  for (std::string_view rest = path.substr(prefix.size()); !rest.empty();) {
    if (parts.size() == most_parts) return std::nullopt;
    auto slash = rest.find('/');
    parts.push_back(rest.substr(0, slash));
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  }
  // A probe may have the name of an event: the longest name wins.
  JobPing ping;
  std::optional<ProbeId> job;
  if (parts.size() == 1) job = job_named(jobs, parts[0], "");
  if (parts.size() == 2) {
    job = job_named(jobs, parts[0], parts[1]);
    if (!job && read_path_event(parts[1], ping)) job = job_named(jobs, parts[0], "");
  }
  if (parts.size() == 3 && read_path_event(parts[2], ping)) job = job_named(jobs, parts[0], parts[1]);
  if (!job) return std::nullopt;
  return PingRequest{*job, ping};
}

Result<PingRequest> read_ping(std::string_view body) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(body.data(), body.size()), error);
  if (error || !value.is_object()) return failure_of("a JSON object is wanted");
  const json::object& object = value.get_object();
  PingRequest read{{one_line(text_of(object, "component"), most_name),
                    one_line(text_of(object, "probe"), most_name)},
                   {}};
  // A word that is mistaken for a success would keep a failed job quiet.
  if (object.contains("event") && !read_event(text_of(object, "event"), read.ping)) {
    return failure_of("\"event\" has to be start, success, fail or log");
  }
  if (const json::value* status = object.if_contains("exit_status"); status != nullptr) {
    if (!status->is_int64() || status->get_int64() < 0 || status->get_int64() > 255) {
      return failure_of("\"exit_status\" has to be a number from 0 to 255");
    }
    read.ping.exit_status = static_cast<int>(status->get_int64());
  }
  read.ping.run_id = one_line(text_of(object, "run_id"), most_run_id);
  read.ping.body = kept_of_body(text_of(object, "body"));
  if (auto times = read_times(object, read.ping); !times) return tl::unexpected(times.error());
  return read;
}

}  // namespace yagura
