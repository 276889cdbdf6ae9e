// The real engine, record and heartbeat, with a receiver that counts, in a time that can be moved
// on: each of what the heartbeat vouches for is made to stand, and the silence is waited for.
#include "heartbeat.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "loop_surroundings.hpp"

using namespace yagura;

namespace {

namespace asio = boost::asio;

// Answers every call, and counts them.
class Receiver {
 public:
  Receiver()
      : acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}), thread_([this] { serve(); }) {}
  ~Receiver() {
    ends_ = true;
    asio::ip::tcp::socket socket(loop_);
    boost::system::error_code ignored;
    socket.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/beat";
  }
  int beats() const { return beats_; }

 private:
  void serve() {
    while (true) {
      boost::system::error_code error;
      asio::ip::tcp::socket socket(loop_);
      acceptor_.accept(socket, error);
      if (error || ends_) return;
      char bytes[4096];
      if (socket.read_some(asio::buffer(bytes), error) == 0) continue;
      const std::string answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
      ++beats_;
      asio::write(socket, asio::buffer(answer), error);
    }
  }
  asio::io_context loop_;
  asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> ends_ = false;
  std::atomic<int> beats_ = 0;
  std::thread thread_;
};

// A run takes until it is let go.
struct Gate {
  bool open = true;
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
    auto end = [done = std::move(done)] { done({Verdict::ok, "fine", {}}); };
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

// Does not hear of the time that is moved on later, nor calls while alarms stand.
class MovedAlarm final : public Alarm {
 public:
  MovedAlarm(std::unique_ptr<Alarm> real, const Duration& moved, Gate& gate)
      : real_(std::move(real)), moved_(moved), gate_(gate) {}
  void set(SteadyInstant at, std::function<void()> then) override {
    real_->set(at - moved_, [&gate = gate_, then = std::move(then)] {
      if (gate.open) {
        then();
      } else {
        gate.waiting.push_back(then);
      }
    });
  }
  void cancel() override { real_->cancel(); }

 private:
  std::unique_ptr<Alarm> real_;
  const Duration& moved_;
  Gate& gate_;
};

class Moved final : public Surroundings {
 public:
  explicit Moved(asio::io_context& loop) : loop_(loop), real_(loop) {}
  Duration moved{0};
  Gate relay, alarms;

  Instant wall() override { return real_.wall() + moved; }
  SteadyInstant steady() override { return real_.steady() + moved; }
  std::unique_ptr<Alarm> make_alarm() override {
    return std::make_unique<MovedAlarm>(real_.make_alarm(), moved, alarms);
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

 private:
  asio::io_context& loop_;
  LoopSurroundings real_;
};

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "yagura-heartbeat-XXXXXX").string();
  Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

std::unique_ptr<Store> opened(const std::string& folder) {
  StoreOptions options;
  options.retry_every = 50ms;
  auto store = Store::open(folder + "/state", options);
  REQUIRE(store);
  return std::move(*store);
}

Configuration configured(const std::string& folder, const std::string& url, Gate& gate) {
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
         "components: {web: {owner: ap-ops, probes: [{kind: load}]}}\n"
         "heartbeat: {every: 1s, url: \""
      << url << "\"}\n";
  Loaded loaded = load_configuration(folder + "/c.yaml", system_wall_clock());
  INFO(text(loaded.problems));
  REQUIRE(loaded.configuration);
  for (auto& [id, setup] : loaded.configuration->probes) {
    setup.make = [&gate] { return std::make_unique<GatedProbe>(gate); };
  }
  return std::move(*loaded.configuration);
}

struct World {
  Folder folder;
  Receiver receiver;
  asio::io_context loop{1};
  Gate target;
  Moved surroundings{loop};
  std::unique_ptr<Store> store = opened(folder.path);
  Engine engine{surroundings, *store, configured(folder.path, receiver.url(), target),
                *Composer::load(""), Kept{}};
  std::unique_ptr<Heartbeat> heartbeat = std::make_unique<Heartbeat>(surroundings, *store, engine);

  World() { engine.start(); }

  void run(Duration real) {
    loop.restart();
    loop.run_for(real);
  }
  // False: none comes, though it is asked for again and again.
  bool beats() {
    const int before = receiver.beats();
    for (int tries = 0; tries < 400 && receiver.beats() == before; ++tries) {
      if (tries % 20 == 0) surroundings.moved += 1s;
      heartbeat->look();
      run(50ms);
    }
    return receiver.beats() > before;
  }
  bool is_silent() {
    run(100ms);  // what was on its way
    const int before = receiver.beats();
    for (int looks = 0; looks < 3; ++looks) {
      surroundings.moved += 1s;
      heartbeat->look();
      (void)store->flush(100ms);
      run(100ms);
    }
    return receiver.beats() == before;
  }
  std::optional<Silence::Cause> cause() {
    auto silence = reason_for_silence(engine.signs());
    return silence ? std::optional(silence->cause) : std::nullopt;
  }
};

}  // namespace

TEST_CASE("a daemon that is well is heard") {
  World world;
  CHECK(world.beats());
  CHECK(world.beats());
}

TEST_CASE("no beat goes out before its time, and late ones are not made up for") {
  World world;
  REQUIRE(world.beats());
  world.run(50ms);
  world.surroundings.moved += 10s;
  const int before = world.receiver.beats();
  for (int looks = 0; looks < 5; ++looks) {
    world.heartbeat->look();
    REQUIRE(world.store->flush(20s));
    world.surroundings.moved += 100ms;
    world.run(20ms);
  }
  world.run(100ms);
  CHECK(world.receiver.beats() <= before + 1);
}

TEST_CASE("probes that do not run silence it") {
  World world;
  REQUIRE(world.beats());
  world.surroundings.alarms.open = false;
  world.surroundings.moved += 3min;
  CHECK(world.is_silent());
  CHECK(world.cause() == Silence::Cause::probes);
  world.surroundings.alarms.let_go();
  CHECK(world.beats());
}

TEST_CASE("a probe that does not end silences it") {
  World world;
  REQUIRE(world.beats());
  world.target.open = false;
  while (world.target.waiting.empty())
    world.run(50ms);
  CHECK(world.beats());
  world.surroundings.moved += 3min;
  CHECK(world.is_silent());
  CHECK(world.cause() == Silence::Cause::probes);
  world.target.let_go();
  CHECK(world.beats());
}

TEST_CASE("a record that takes no writes silences it") {
  World world;
  REQUIRE(world.beats());
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open((world.folder.path + "/state/yagura.db").c_str(), &other) == SQLITE_OK);
  sqlite3_busy_timeout(other, 20'000);
  REQUIRE(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK(world.is_silent());
  REQUIRE(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(other);
  CHECK(world.beats());
}

TEST_CASE("an outbox that stands silences it, and one that tries again does not") {
  World world;
  REQUIRE(world.beats());
  world.surroundings.relay.open = false;
  Open order;
  order.components = {"web"};
  order.text = "by telephone";
  world.engine.command("sato", order, [](const Answer& answer, bool) { CHECK(answer.done); });
  for (int tries = 0; tries < 400 && world.surroundings.relay.waiting.empty(); ++tries)
    world.run(50ms);
  REQUIRE_FALSE(world.surroundings.relay.waiting.empty());
  CHECK(world.beats());
  world.surroundings.moved += 3min;
  world.run(1200ms);  // probes are on time again
  CHECK(world.is_silent());
  CHECK(world.cause() == Silence::Cause::outbox);
  world.surroundings.relay.let_go();
  CHECK(world.beats());
}
