#include "job_run.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <random>
#include <thread>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "kept_runs.hpp"
#include "text.hpp"
#include "zone.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kept_output = 10'000;
constexpr std::size_t kept_told_with_a_run = 20;
constexpr Duration kept_told_within = 5s;

Client client_within(const Client& client, Duration limit) {
  return Client(client.socket(), {limit, limit, std::size_t{64} * 1024});
}

// A random UUID (RFC 4122, version 4): tells this run from others of the same job.
std::string new_run_id() {
  std::random_device device;
  const auto word = [&] { return static_cast<std::uint32_t>(device()); };
  const std::uint32_t a = word(), b = word(), c = word(), d = word();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", a, b >> 16, b & 0xfff,
                     0x8000 | (c >> 16 & 0x3fff), c & 0xffff, d);
}

// What the daemon said: its status, and why it refuses.
Result<std::pair<int, std::string>> post_ping(const Client& client, const std::string& body) {
  auto reply = client.post("/v1/ping", body);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->status == 200) return std::pair{200, std::string()};
  auto value = read_json(reply->body);
  std::string why = value ? long_text(*value, "error") : std::string();
  if (why.empty()) why = fmt::format("the daemon refused, with status {}", reply->status);
  return std::pair{reply->status, std::move(why)};
}

// Whom a kept run is for, whatever folder its next report is made from.
std::string whole_path(const std::string& socket) {
  std::error_code error;
  const auto path = std::filesystem::absolute(socket, error);
  return error ? socket : path.lexically_normal().string();
}

Instant now() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

class Reporter {
 public:
  Reporter(std::optional<Client> client, const Terminal& terminal, const std::string& job,
           const ReportLimits& limits)
      : client_(std::move(client)),
        terminal_(terminal),
        job_(job),
        limits_(limits),
        run_id_(new_run_id()),
        started_(now()) {}

  void tell_start() {
    if (!client_) return;
    const auto answer =
        post_ping(client_within(*client_, limits_.start), json::serialize(ping("start")));
    start_is_known_ = answer && answer->first == 200;
    if (!start_is_known_) complain_of("start", answer, "");
  }

  void tell_end(int exit_status, std::string output) {
    if (!client_) return;
    const Instant ended = now();
    json::object said = ping(exit_status == 0 ? "success" : "fail");
    said["exit_status"] = exit_status;
    said["body"] = std::move(output);
    Result<std::pair<int, std::string>> answer{std::pair{0, std::string()}};
    const auto until = std::chrono::steady_clock::now() + limits_.end;
    for (int attempt = 1; attempt <= limits_.tries_of_end; ++attempt) {
      if (attempt > 1) std::this_thread::sleep_for(limits_.between_tries);
      const auto left =
          std::chrono::duration_cast<Duration>(until - std::chrono::steady_clock::now());
      if (attempt > 1 && left <= Duration{0}) break;
      // A run of which the daemon has not heard that it began says itself when it did.
      if (attempt > 1 || !start_is_known_) {
        said["ended_at"] = Zone().format(ended);
        if (!start_is_known_) said["started_at"] = Zone().format(std::min(started_, ended));
      }
      answer =
          post_ping(client_within(*client_, std::max(left, Duration{1})), json::serialize(said));
      if (!is_to_be_asked_again(answer)) break;  // it will say the same again
    }
    if (answer && answer->first == 200) return tell_kept();
    complain_of("end", answer, is_to_be_asked_again(answer) ? keep(said, ended) : "");
  }

 private:
  json::object ping(const char* event) const {
    const auto slash = job_.find('/');
    return {{"component", job_.substr(0, slash)},
            {"probe", slash == std::string::npos ? "" : job_.substr(slash + 1)},
            {"event", event},
            {"run_id", run_id_}};
  }

  void complain_of(std::string_view what, const Result<std::pair<int, std::string>>& answer, const std::string& more) {
    complain(terminal_, fmt::format("the {} of job {} is not reported: {}{}", what, one_line(job_),
                                    answer ? answer->second : answer.error().message, more));
    terminal_.err.flush();
  }

  // In words, what became of it.
  std::string keep(const json::object& said, Instant ended) {
    const auto folder = KeptRuns::usual_folder();
    if (!folder) return "; nor can it be kept: " + folder.error().message;
    auto kept = KeptRuns::open(*folder, true);
    auto done = kept ? kept->keep({whole_path(client_->socket()), said}, ended) : tl::unexpected(kept.error());
    if (!done) return "; nor can it be kept: " + done.error().message;
    return fmt::format(
        "; it is kept, and reported after your next `yagura job run`, or by `yagura job deliver`{}",
        *done == 0 ? ""
                   : fmt::format(
                         ". No more than {} runs and {} MiB are kept: for it {} older had to go, of "
                         "which nobody will hear. Start the daemon, then run `yagura job deliver`",
                         KeptRuns::most, KeptRuns::most_bytes >> 20, *done));
  }

  // The daemon is there: what it has not heard of earlier runs. A few, as somebody may wait for us.
  void tell_kept() {
    const auto folder = KeptRuns::usual_folder();
    auto kept = folder ? KeptRuns::open(*folder, false) : tl::unexpected(folder.error());
    if (!kept) {
      struct stat status {};
      if (folder && lstat(folder->c_str(), &status) == 0) complain(terminal_, "kept runs are not reported: " + kept.error().message);
      return;
    }
    const Client quick = client_within(*client_, limits_.start);
    const auto told = kept->deliver(
        whole_path(client_->socket()),
        [&](const std::string& body) { return post_ping(quick, body); }, now(),
        kept_told_with_a_run, kept_told_within);
    for (const std::string& one : told.dropped) complain(terminal_, "a kept run is dropped: " + one);
  }

  std::optional<Client> client_;
  const Terminal& terminal_;
  std::string job_;
  ReportLimits limits_;
  std::string run_id_;
  Instant started_;
  bool start_is_known_ = false;
};

}  // namespace

int job_run(const Arguments& given, const Terminal& terminal) {
  return job_run(given, terminal, ReportLimits{});
}

int job_run(const Arguments& given, const Terminal& terminal, const ReportLimits& limits) {
  if (given.after_dashes.empty() || given.after_dashes.front().empty()) {
    return wrong_usage(given, terminal, "say after `--` which program to run");
  }
  auto client = client_for(given, terminal);  // none: said why; the program runs all the same
  Reporter reporter(std::move(client), terminal, given.text("COMPONENT"), limits);
  reporter.tell_start();
  Tail tail(kept_output);
  const Ended ended = run_program(given.after_dashes, STDOUT_FILENO, STDERR_FILENO, tail);
  // Whether anybody still reads our complaints must not change the exit status.
  std::signal(SIGPIPE, SIG_IGN);
  std::string output = tail.text();
  if (!ended.not_started.empty()) {
    output = fmt::format("{} cannot be started: {}", one_line(given.after_dashes.front()),
                         ended.not_started);
    complain(terminal, output);
  }
  reporter.tell_end(ended.exit, std::move(output));
  return ended.exit;
}

int job_deliver(const Arguments& given, const Terminal& terminal) {
  auto client = client_for(given, terminal);
  if (!client) return exit_usage;
  const auto folder = KeptRuns::usual_folder();
  if (!folder) {
    complain(terminal, folder.error().message);
    return exit_usage;
  }
  struct stat status {};
  if (lstat(folder->c_str(), &status) != 0 && errno == ENOENT) {
    terminal.out << "nothing is kept for this daemon\n";
    return exit_done;
  }
  auto kept = KeptRuns::open(*folder, false);
  if (!kept) {
    complain(terminal, kept.error().message);
    return exit_refused;
  }
  const Client quick = client_within(*client, 5s);
  const auto told = kept->deliver(
      whole_path(client->socket()), [&](const std::string& body) { return post_ping(quick, body); }, now(), KeptRuns::most, 5min);
  if (told.elsewhere) {
    terminal.out << "another command delivers just now\n";
    return exit_done;
  }
  for (const std::string& one : told.delivered) terminal.out << "delivered: " << one << "\n";
  for (const std::string& one : told.dropped) complain(terminal, "dropped: " + one);
  if (told.left > 0) {
    complain(terminal, fmt::format("{} still kept{}{}", told.left, told.why_left.empty() ? "" : ": ", told.why_left));
    return exit_unreachable;
  }
  if (told.delivered.empty() && told.dropped.empty()) terminal.out << "nothing is kept for this daemon\n";
  return told.dropped.empty() ? exit_done : exit_refused;
}

}  // namespace yagura::cli
