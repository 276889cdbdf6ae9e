#include "job_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <csignal>
#include <random>
#include <thread>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kept_output = 10'000;
// The job is not to wait for a daemon that is away; its end is worth a second and third try, since
// a daemon that is started anew is back within moments.
constexpr ClientLimits limits{2s, 5s, std::size_t{64} * 1024};
constexpr int tries_of_end = 3;
constexpr auto between_tries = 1s;

// A random UUID (RFC 4122, version 4): tells this run from others of the same job.
std::string new_run_id() {
  std::random_device device;
  const auto word = [&] { return static_cast<std::uint32_t>(device()); };
  const std::uint32_t a = word(), b = word(), c = word(), d = word();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", a, b >> 16, b & 0xfff,
                     0x8000 | (c >> 16 & 0x3fff), c & 0xffff, d);
}

class Reporter {
 public:
  Reporter(std::optional<Client> client, const Terminal& terminal, const std::string& job)
      : client_(std::move(client)), terminal_(terminal), job_(job), run_id_(new_run_id()) {}

  void tell(const char* event, json::object more, int tries) {
    if (!client_) return;
    const auto slash = job_.find('/');
    more["component"] = job_.substr(0, slash);
    more["probe"] = slash == std::string::npos ? "" : job_.substr(slash + 1);
    more["event"] = event;
    more["run_id"] = run_id_;
    const std::string body = json::serialize(more);
    std::string why;
    for (int attempt = 1; attempt <= tries; ++attempt) {
      if (attempt > 1) std::this_thread::sleep_for(between_tries);
      auto reply = client_->post("/v1/ping", body);
      if (reply && reply->status == 200) return;
      why = reply ? refusal(*reply) : reply.error().message;
      if (reply) break;  // it will say the same again
    }
    complain(terminal_,
             fmt::format("the {} of job {} is not reported: {}", event, one_line(job_), why));
    terminal_.err.flush();
  }

 private:
  static std::string refusal(const Reply& reply) {
    auto value = read_json(reply.body);
    std::string why = value ? long_text(*value, "error") : std::string();
    return why.empty() ? fmt::format("the daemon refused, with status {}", reply.status) : why;
  }

  std::optional<Client> client_;
  const Terminal& terminal_;
  std::string job_;
  std::string run_id_;
};

}  // namespace

int job_run(const Arguments& given, const Terminal& terminal) {
  if (given.after_dashes.empty() || given.after_dashes.front().empty()) {
    return wrong_usage(given, terminal, "say after `--` which program to run");
  }
  auto client = client_for(given, terminal);  // none: said why; the program runs all the same
  if (client) client = Client(client->socket(), limits);
  Reporter reporter(std::move(client), terminal, given.text("COMPONENT"));
  reporter.tell("start", {}, 1);
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
  reporter.tell(ended.exit == 0 ? "success" : "fail",
                {{"exit_status", ended.exit}, {"body", std::move(output)}}, tries_of_end);
  return ended.exit;
}

}  // namespace yagura::cli
