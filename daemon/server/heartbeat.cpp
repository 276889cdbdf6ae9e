#include "heartbeat.hpp"

#include <fmt/format.h>

#include <utility>

#include "liveness/http_run.hpp"
#include "log.hpp"
#include "probe.hpp"

namespace yagura {

namespace {

// A call that takes longer is given up. It may outlast the time between two beats; the beats that
// fall into it are left out.
constexpr Duration call_timeout = 10s;

}  // namespace

Heartbeat::Heartbeat(Surroundings& surroundings, Store& store, Engine& engine)
    : surroundings_(surroundings), store_(store), engine_(engine) {}

Heartbeat::~Heartbeat() {
  *alive_ = false;
  if (run_) run_->cancel();
}

void Heartbeat::look() {
  const auto& settings = engine_.configuration().heartbeat;
  if (!settings) {
    next_.reset();
    return;
  }
  const SteadyInstant now = surroundings_.steady();
  // A shorter time of a new configuration counts from now on.
  if (next_ && now < *next_ && *next_ - now <= settings->every) return;
  // Late beats are not made up for.
  next_ =
      next_ && *next_ + settings->every > now ? *next_ + settings->every : now + settings->every;
  if (writing_since_) {
    may_beat();  // It may not; the log says why.
    return;
  }
  writing_since_ = now;
  Transaction transaction;
  transaction.written_at = surroundings_.wall();
  store_.append(std::move(transaction),
                [this, alive = std::weak_ptr(alive_), &loop = surroundings_] {
                  loop.post([this, alive] {
                    if (auto still = alive.lock(); !still || !*still) return;
                    writing_since_.reset();
                    if (may_beat()) call();
                  });
                });
}

bool Heartbeat::may_beat() {
  Signs signs = engine_.signs();
  if (writing_since_) {
    signs.write_waits =
        std::chrono::duration_cast<Duration>(surroundings_.steady() - *writing_since_);
  }
  const std::optional<Silence> silence = reason_for_silence(signs);
  if (silence && silent_ != silence->cause) {
    log::line(log::Level::error, "heartbeat.silent", {{"why", silence->why}});
  } else if (!silence && silent_) {
    log::line(log::Level::info, "heartbeat.beats");
  }
  silent_ = silence ? std::optional(silence->cause) : std::nullopt;
  return !silence;
}

void Heartbeat::call() {
  const auto& settings = engine_.configuration().heartbeat;
  if (!settings || run_) return;
  Result<HttpUrl> url = parse_http_url(settings->url);
  if (!url) return;  // refused when it was read
  auto request = std::make_shared<HttpRequest>();
  request->url = *url;
  run_ = fetch_page(
      surroundings_.runtime(), {surroundings_.wall(), call_timeout, false}, request,
      [](const HttpPage& page) {
        const bool taken = page.status >= 200 && page.status <= 299;
        return Finding{
            taken ? Verdict::ok : Verdict::failing, fmt::format("status {}", page.status), {}};
      },
      [this, place = url->place()](Finding finding) {
        // It may not be destroyed within its own callback.
        surroundings_.post([gone = std::exchange(run_, nullptr)] {});
        const bool reached = finding.verdict == Verdict::ok;
        // The whole address is for those who may beat in the daemon's name.
        if (!reached && !unreachable_) {
          log::line(log::Level::warning, "heartbeat.unreachable",
                    {{"at", place}, {"why", finding.reason}});
        } else if (reached && unreachable_) {
          log::line(log::Level::info, "heartbeat.reached", {{"at", place}});
        }
        unreachable_ = !reached;
      });
  run_->start(url->host());
}

}  // namespace yagura
