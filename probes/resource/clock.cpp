// kind: clock - how far this machine's clock is off.
//
//   failing: ">= 1s"     Level at which the probe fails: on the offset, ahead or behind. The
//   default. warning: ">= 100ms"  Level that is shown, and opens nothing. The default. clear_at: "<
//   500ms"  Once failing, well again only here. Default: where failing does not hold. synchronised:
//   true   A clock that the kernel says nobody keeps fails, but for a warning in the
//                        first five minutes after the machine's start. Default: true, where no
//                        server is asked.
//   max_error:           The same three keys on what the clock can be off by at most. It grows by
//     failing: ">= 5s"   1.8 s an hour while the kernel is told nothing, so that 5s sees an NTP
//                        client that stopped some three hours ago. Default: not watched.
//   server: ntp.example  Asks this NTP server (SNTP, one packet each way), name or address. The
//                        offset is then that from its time. Default: none, and the offset is what
//                        the kernel was told: the larger of what it is working off and of the
//                        estimated error.
//   port: 123            The server's.
//
// A level is a comparison (>=, >, <=, <) and a duration; `none` takes a default away.
// Values: offset_seconds (above 0: behind), estimated_error_seconds, max_error_seconds,
// synchronised (0 or 1), round_trip_seconds (of a server).
//
// What the kernel knows comes from chronyd (with `rtcsync`, as Debian has it), ntpd or
// systemd-timesyncd. A server that does not answer, or says that it does not know the time, is
// unknown: our clock is not measured by that. In a container the clock is that of the machine.
#include "resource/clock.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <ctime>
#include <system_error>

#include "kinds.hpp"
#include "resource/sntp_run.hpp"
#include "runtime.hpp"

namespace yagura {
namespace {

Result<ClockState> ask_kernel() {
  timex question{};  // Nothing is to be changed.
  int returned = ::ntp_adjtime(&question);
  if (returned < 0) {
    return failure_of(fmt::format(
        "the kernel does not say how well its clock is kept ({}): the sandbox that this "
        "runs in has to allow the system calls adjtimex and clock_adjtime",
        std::generic_category().message(errno)));
  }
  return clock_state(returned, question);
}

Duration machine_up() {
  timespec up{};
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  return std::chrono::seconds(up.tv_sec);
}

class ClockProbe final : public Probe {
 public:
  struct Server {
    std::string host;
    std::uint16_t port = 123;
  };

  ClockProbe(ClockJudge judge, std::optional<Server> server)
      : judge_(std::move(judge)), server_(std::move(server)) {}
  ~ClockProbe() override {
    if (run_) run_->cancel();
  }
  ClockProbe(const ClockProbe&) = delete;
  ClockProbe& operator=(const ClockProbe&) = delete;

  void start(io::Runtime& runtime, const ProbeRun& run,
             std::function<void(Finding)> done) override {
    if (server_) {
      run_ = std::make_shared<SntpRun>(
          runtime, run, server_->port,
          [this, was_failing = run.was_failing,
           done = std::move(done)](Result<ClockOffset> offset) {
            // Over: nothing of it stays behind, whoever goes first.
            auto over = std::move(run_);
            done(judge_.judge({ask_kernel(), machine_up(), std::move(offset)}, was_failing));
          });
      run_->start(server_->host);
      return;
    }
    // The kernel answers at once, whatever hangs.
    boost::asio::post(runtime.loop(), [this, alive = std::weak_ptr<bool>(alive_),
                                       was_failing = run.was_failing, done = std::move(done)] {
      if (alive.expired()) return;
      done(judge_.judge({ask_kernel(), machine_up(), std::nullopt}, was_failing));
    });
  }

 private:
  ClockJudge judge_;
  std::optional<Server> server_;
  std::shared_ptr<SntpRun> run_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Probe> make_clock(Reader& reader) {
  bool asks_server = reader.has("server");
  auto judge = ClockJudge::read(reader, asks_server);
  auto host = reader.text("server");
  auto port = reader.integer("port", 1, 65535);
  bool well = judge && (host || !asks_server) && (port || !reader.has("port"));
  if (host) {
    if (auto wrong = wrong_with_host(*host); !wrong.empty()) {
      reader.problem(*reader.find("server"), "`server`: " + wrong);
      well = false;
    }
  } else if (port) {
    reader.problem(*reader.find("port"), "`port` is that of a `server`, and none is named");
    well = false;
  }
  if (!well) return nullptr;
  std::optional<ClockProbe::Server> server;
  if (host) server = ClockProbe::Server{*host, static_cast<std::uint16_t>(port.value_or(123))};
  return std::make_unique<ClockProbe>(std::move(*judge), std::move(server));
}

}  // namespace yagura
