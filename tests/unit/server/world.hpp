// The real engine and record, in a time that can be moved on, with probes, a relay and alarms that can be made to stand.
#pragma once

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine.hpp"
#include "loop_surroundings.hpp"

namespace yagura::test {

namespace asio = boost::asio;

// A run takes until it is let go.
struct Gate {
  bool open = true;
  Verdict verdict = Verdict::ok;  // of a probe
  std::vector<std::function<void()>> waiting;

  void let_go() {
    open = true;
    for (auto& end : std::exchange(waiting, {}))
      end();
  }
};
class GatedProbe final : public Probe {
 public:
  explicit GatedProbe(Gate& gate) : gate_(gate) {}
  void start(io::Runtime& runtime, const ProbeRun&, std::function<void(Finding)> done) override {
    auto end = [done = std::move(done), verdict = gate_.verdict] { done({verdict, "as the test says", {}}); };
    if (gate_.open) {
      asio::post(runtime.loop(), std::move(end));
    } else {
      gate_.waiting.push_back(std::move(end));
    }
  }

 private:
  Gate& gate_;
};

class GatedTransport final : public Transport {
 public:
  GatedTransport(Gate& gate, asio::io_context& loop) : gate_(gate), loop_(loop) {}
  void deliver(Envelope envelope, std::function<void(Delivery)> done) override {
    Delivery delivery;
    delivery.accepted = std::move(envelope.to);
    auto end = [done = std::move(done), delivery] { done(delivery); };
    if (gate_.open) {
      asio::post(loop_, std::move(end));
    } else {
      gate_.waiting.push_back(std::move(end));
    }
  }

 private:
  Gate& gate_;
  asio::io_context& loop_;
};

// Hears of the time that is moved on later only when it is told to catch up; does not call while alarms stand.
class MovedAlarm final : public Alarm {
 public:
  MovedAlarm(std::unique_ptr<Alarm> real, const Duration& moved, Gate& gate, std::set<MovedAlarm*>& all)
      : real_(std::move(real)), moved_(moved), gate_(gate), all_(all) {
    all_.insert(this);
  }
  ~MovedAlarm() override { all_.erase(this); }
  void set(SteadyInstant at, std::function<void()> then) override {
    at_ = at;
    then_ = std::move(then);
    real_->set(at - moved_, [this] { ring(); });
  }
  void cancel() override {
    then_ = nullptr;
    real_->cancel();
  }
  void catch_up(SteadyInstant now) {
    if (!then_ || at_ > now) return;
    real_->cancel();
    ring();
  }

 private:
  void ring() {
    auto then = std::exchange(then_, nullptr);
    if (gate_.open) {
      then();
    } else {
      gate_.waiting.push_back(std::move(then));
    }
  }
  std::unique_ptr<Alarm> real_;
  const Duration& moved_;
  Gate& gate_;
  std::set<MovedAlarm*>& all_;
  SteadyInstant at_{};
  std::function<void()> then_;
};

class Moved final : public Surroundings {
 public:
  explicit Moved(asio::io_context& loop) : loop_(loop), real_(loop) {}
  Duration moved{0};
  Gate relay, alarms;
  // Rings what is due by now.
  void catch_up() {
    for (MovedAlarm* alarm : std::set(all_)) alarm->catch_up(steady());
  }

  Instant wall() override { return real_.wall() + moved; }
  SteadyInstant steady() override { return real_.steady() + moved; }
  std::unique_ptr<Alarm> make_alarm() override {
    return std::make_unique<MovedAlarm>(real_.make_alarm(), moved, alarms, all_);
  }
  void post(std::function<void()> work) override { real_.post(std::move(work)); }
  io::Runtime& runtime() override { return real_.runtime(); }
  std::unique_ptr<Transport> make_transport(const MailSettings&, const MailPolicy&) override {
    return std::make_unique<GatedTransport>(relay, loop_);
  }
  std::unique_ptr<StartedProgram> start_program(
      io::ChildCommand command, std::function<void(io::ChildResult)> done) override {
    return real_.start_program(std::move(command), std::move(done));
  }
  Loaded load(const std::string& file, Instant now) override { return real_.load(file, now); }
  bool run_aside(std::function<void()> work, std::function<void()> done) override {
    return real_.run_aside(std::move(work), std::move(done));
  }

 private:
  asio::io_context& loop_;
  LoopSurroundings real_;
  std::set<MovedAlarm*> all_;
};

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "yagura-engine-XXXXXX").string();
  Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

inline std::unique_ptr<Store> opened(const std::string& folder) {
  StoreOptions options;
  options.retry_every = 50ms;
  auto store = Store::open(folder + "/state", options);
  REQUIRE(store);
  return std::move(*store);
}

// `more` stands at the end of the file.
inline void write_configuration(const std::string& folder, const std::string& more) {
  std::ofstream(folder + "/c.yaml")
      << "state: state\n"
         "mail: {from: kanshi@example.jp, maildir: mail}\n"
         "windows:\n"
         "  bank_mail: {days: all, hours: \"00:00-24:00\"}\n"
         "  response_hours: {days: all, hours: \"00:00-24:00\"}\n"
         "people:\n"
         "  sato: {mail: s@example.jp, roles: [system-lead, ap-ops, infra-ops, inquiry-desk]}\n"
         "services: {site: {needs: [web]}}\n"
         "probe_defaults: {interval: 1s, timeout: 900ms, retry: 1s}\n"
         "components:\n"
         "  web: {owner: ap-ops, probes: [{kind: load}]}\n"
      << more;
}

// The probes of `web` are the gate's, all others the other one's, but alarms, which are as they are.
inline Configuration configured(const std::string& folder, const std::string& more, Gate& gate, Gate& other) {
  write_configuration(folder, more);
  Loaded loaded = load_configuration(folder + "/c.yaml", system_wall_clock());
  INFO(text(loaded.problems));
  REQUIRE(loaded.configuration);
  for (auto& [id, setup] : loaded.configuration->probes) {
    if (setup.make && setup.make()->alarm() != nullptr) continue;
    Gate& its = id.component == "web" ? gate : other;
    setup.make = [&its] { return std::make_unique<GatedProbe>(its); };
  }
  return std::move(*loaded.configuration);
}

struct EngineWorld {
  explicit EngineWorld(const std::string& more = {}) : more_(more) { engine.start(); }

  void run(Duration real) {
    loop.restart();
    loop.run_for(real);
  }
  // False: it does not come about.
  bool comes(const std::function<bool()>& condition) {
    for (int tries = 0; tries < 400 && !condition(); ++tries) run(50ms);
    return condition();
  }

  Folder folder;
  asio::io_context loop{1};
  Gate target, others;
  Moved surroundings{loop};

 private:
  std::string more_;

 public:
  std::unique_ptr<Store> store = opened(folder.path);
  Engine engine{surroundings, *store, configured(folder.path, more_, target, others), *Composer::load(""), Kept{}};
};

// Keeps the record from being written, until it is told to let go; of itself after ten seconds.
class Lock {
 public:
  explicit Lock(const std::string& database) {
    REQUIRE(sqlite3_open(database.c_str(), &other_) == SQLITE_OK);
    sqlite3_busy_timeout(other_, 20'000);
    REQUIRE(sqlite3_exec(other_, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) == SQLITE_OK);
    thread_ = std::thread([this] {
      std::unique_lock lock(mutex_);
      told_.wait_for(lock, std::chrono::seconds(10), [this] { return ends_; });
      sqlite3_exec(other_, "ROLLBACK", nullptr, nullptr, nullptr);
    });
  }
  ~Lock() {
    {
      std::lock_guard lock(mutex_);
      ends_ = true;
    }
    told_.notify_all();
    thread_.join();
    sqlite3_close(other_);
  }

 private:
  sqlite3* other_ = nullptr;
  std::mutex mutex_;
  std::condition_variable told_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace yagura::test
