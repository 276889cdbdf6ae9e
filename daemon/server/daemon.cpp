#include "daemon.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "api.hpp"
#include "descriptors.hpp"
#include "folder.hpp"
#include "heartbeat.hpp"
#include "inquiry_intake.hpp"
#include "load_here.hpp"
#include "log.hpp"
#include "loop_surroundings.hpp"
#include "sample_keeper.hpp"
#include "version.hpp"

namespace yagura {

namespace {

namespace asio = boost::asio;

// What holds the pieces together for the time of the run, in the order in which they are made.
class Daemon {
 public:
  Daemon(Configuration configuration, Composer composer, std::unique_ptr<Store> store, Kept kept)
      : store_(std::move(store)),
        engine_(surroundings_, *store_, std::move(configuration), std::move(composer), std::move(kept)),
        heartbeat_(std::make_unique<Heartbeat>(surroundings_, *store_, engine_)),
        backups_(surroundings_.runtime(), engine_.configuration().state_folder),
        access_([this](const auto& what, const auto& who, const auto& details) { engine_.note(what, who, details); },
                [this](Instant at) { return engine_.platform().zone.format(at); }),
        intake_(surroundings_, engine_), alarms_(surroundings_, *store_, engine_, access_, fetch_from_sns(surroundings_.runtime())), signals_(loop_, SIGTERM, SIGINT, SIGHUP), watchdog_(loop_), look_timer_(loop_) {}

  Result<void> listen() {
    const Configuration& configuration = engine_.configuration();
    WebLimits control_limits;
    control_limits.refused = [this](const WebRequest& request, int status) { note_refusal(request, status); };
    auto control = WebServer::on_unix_socket(
        loop_, configuration.control_socket,
        control_handler(surroundings_.runtime(), engine_, *store_, backups_, access_, [this] { intake_.look(); }),
        std::move(control_limits));
    if (!control) return tl::unexpected(control.error());
    control_ = std::move(*control);
    if (configuration.http_address.empty()) return {};
    WebLimits limits;
    limits.body = 10'000;
    limits.cut_body = 16 * 1024 * 1024;
    // Of all senders together.
    limits.requests_at_once = 10'000;
    limits.requests_per_second = 2'000;
    limits.refused = [this](const WebRequest& request, int status) { note_refusal(request, status); };
    limits.whole_body = [this](const WebRequest& head) { return alarms_.most_body(head); };
    auto web = WebServer::on_address(loop_, configuration.http_address, web_handler(engine_, *store_, access_, alarms_), limits);
    if (!web) return tl::unexpected(web.error());
    web_ = std::move(*web);
    return {};
  }

  void run() {
    look_at_folders();
    wait_for_signal();
    pet_watchdog();
    engine_.start();
    look_around();
    sd_notify(0, "READY=1\nSTATUS=watching");
    log::line(log::Level::info, "daemon.ready",
              {{"control", engine_.configuration().control_socket},
               {"http", engine_.configuration().http_address},
               {"version", version}});
    loop_.run();
  }

 private:
  void note_refusal(const WebRequest& request, int status) {
    const Person* person = request.peer ? engine_.platform().person_of_unix_user(request.peer->user) : nullptr;
    access_.refused(request.peer ? caller_of(*request.peer, person != nullptr ? person->id : "")
                                 : caller_from(request.address),
                    "a request that was not read", status, engine_.now());
  }

  // What people notice only when it is too late: they cannot reach the daemon, or others can replace its record.
  void look_at_folders() {
    const Configuration& configuration = engine_.configuration();
    if (auto closed = closed_folder_above(configuration.control_socket)) {
      log::line(log::Level::warning, "control.unreachable",
                {{"socket", configuration.control_socket},
                 {"why", *closed + " does not let other users through (chmod o+x): the operators cannot reach the daemon"}});
    }
    if (is_writable_by_others(configuration.state_folder)) {
      log::line(log::Level::warning, "state.writable",
                {{"folder", configuration.state_folder},
                 {"why", "group or others may write in it, and so replace the record (chmod go-w)"}});
    }
  }

  void wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        sd_notify(0, "RELOADING=1");
        Problems problems;
        if (engine_.reload("SIGHUP", problems)) log::line(log::Level::info, "daemon.reloaded");
        sd_notify(0, "READY=1");
        return wait_for_signal();
      }
      end(signal);
    });
  }

  void end(int signal) {
    sd_notify(0, "STOPPING=1");
    log::line(log::Level::info, "daemon.stopping", {{"signal", strsignal(signal)}});
    web_.reset();
    heartbeat_.reset();
    engine_.drain(20s, [this] {
      control_.reset();
      access_.end(engine_.now());
      if (!store_->flush(10s)) log::line(log::Level::error, "record.unwritten", {{"queued", std::to_string(store_->queued())}});
      samples_.end(2s, [this] { loop_.stop(); });
    });
  }

  // Fed while the loop turns and the record's writer comes back from the disk. A disk that answers with errors feeds it: a
  // restart would not mend that, and would lose what waits in memory. With a writer that hangs nothing can be done any more.
  void pet_watchdog() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) return;
    const std::chrono::microseconds period(microseconds);
    const Duration stalled = store_->stalled_for();
    if (stalled < period) {
      sd_notify(0, "WATCHDOG=1");
    } else if (!starves_) {
      log::line(log::Level::error, "watchdog.starves",
                {{"why", "the record's writer has not come back from the disk for " + format_duration(stalled)}});
    }
    starves_ = stalled >= period;
    watchdog_.expires_after(period / 3);
    watchdog_.async_wait([this](boost::system::error_code error) {
      if (!error) pet_watchdog();
    });
  }

  void look_around() {
    look_at_record();
    access_.look(engine_.now());
    samples_.look();
    if (heartbeat_) heartbeat_->look();
    if (control_) intake_.look_again();
    look_timer_.expires_after(std::chrono::seconds(1));
    look_timer_.async_wait([this](boost::system::error_code error) {
      if (!error) look_around();
    });
  }

  // A record that cannot be written is said loudly, and once a minute again.
  void look_at_record() {
    std::optional<std::string> trouble = store_->trouble();
    if (trouble && (!in_trouble_ || std::chrono::steady_clock::now() - told_ > 1min)) {
      told_ = std::chrono::steady_clock::now();
      log::line(log::Level::error, "record.trouble", {{"why", *trouble}});
      sd_notify(0, ("STATUS=the record cannot be written: " + *trouble).c_str());
    } else if (!trouble && in_trouble_) {
      log::line(log::Level::info, "record.writable");
      sd_notify(0, "STATUS=watching");
    }
    in_trouble_ = trouble.has_value();
  }

  asio::io_context loop_{1};
  LoopSurroundings surroundings_{loop_};
  std::unique_ptr<Store> store_;  // gone before the surroundings, through which it tells what is durable
  Engine engine_;
  SampleKeeper samples_{surroundings_, engine_};
  std::unique_ptr<Heartbeat> heartbeat_;
  Backups backups_;
  AccessLog access_;
  InquiryIntake intake_;
  AlarmIntake alarms_;
  std::unique_ptr<WebServer> control_, web_;
  asio::signal_set signals_;
  asio::steady_timer watchdog_, look_timer_;
  bool in_trouble_ = false, starves_ = false;
  std::chrono::steady_clock::time_point told_{};
};

// A restart may help with 1, as systemd tries. With the other only a person can.
constexpr int refused_for_now = 1;
constexpr int refused_for_the_record = 4;

int refuse(const std::string& why, int status = refused_for_now) {
  log::line(log::Level::error, "daemon.refused", {{"why", why}});
  return status;
}

}  // namespace

int run_daemon(int argc, char** argv) {
  // glibc's fast bins are gathered in at each large allocation, of which a page that is fetched makes some; and what the
  // helper threads need is little.
  mallopt(M_MXFAST, 0);
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 2'000'000);  // else it grows with the largest piece that was ever given back
  CLI::App app{"Yagura watches a platform, decides what its failures are, and tells who has to know."};
  std::string file = "/etc/yagura/yagura.yaml";
  app.add_option("--config", file, "the configuration")->capture_default_str();
  app.set_version_flag("--version", std::string("yagurad ") + version);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  log::start();
  std::signal(SIGPIPE, SIG_IGN);
  const std::uint64_t descriptors = raise_descriptor_limit();
  keep_capabilities_to_ourselves();

  const Instant now = system_wall_clock();
  Loaded loaded = load_here(file, now);
  if (!loaded.problems.empty()) std::cerr << text(loaded.problems);
  loaded.problems = Problems();  // With the memory: there may be one for each of thousands of components.
  if (!loaded.configuration) {
    std::cerr << "yagurad: not started: the configuration has errors; mend them, and check with `yagura config check "
              << file << "`\n";
    return 2;
  }
  log::set_zone(loaded.configuration->platform->zone);
  if (const std::uint64_t needed = descriptors_needed(*loaded.configuration); descriptors < needed) {
    log::line(log::Level::warning, "descriptors.few",
              {{"limit", std::to_string(descriptors)},
               {"needed", std::to_string(needed)},
               {"why", "probes that find none free cannot look: raise LimitNOFILE of the unit, or `ulimit -Hn`"}});
  }
  Result<Composer> composer = Composer::load(loaded.configuration->mail.writing);
  if (!composer) {
    std::cerr << composer.error().message << "\nyagurad: not started: a mail template has errors\n";
    return 2;
  }
  StoreOptions options;
  options.warn = [](const std::string& sentence) {
    log::line(log::Level::warning, "record.warning", {{"what", sentence}});
  };
  auto store = Store::open(loaded.configuration->state_folder, options);
  if (!store) {
    return refuse(store.error().message, store.error().needs_person ? refused_for_the_record : refused_for_now);
  }
  auto kept = read_kept(**store);
  if (!kept) return refuse(kept.error().message);
  if ((*store)->head().id == 0) {
    // Where the folder's file system is not mounted, this is all that shows it.
    log::line(log::Level::warning, "record.new", {{"folder", loaded.configuration->state_folder}});
  }
  Daemon daemon(std::move(*loaded.configuration), std::move(*composer), std::move(*store), std::move(*kept));
  if (auto listening = daemon.listen(); !listening) return refuse(listening.error().message);
  malloc_trim(0);  // What reading the configuration and the record took.
  daemon.run();
  log::line(log::Level::info, "daemon.ended");
  return 0;
}

}  // namespace yagura
