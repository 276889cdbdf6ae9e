// The real engine, record and heartbeat, with a receiver that counts, in a time that can be moved
// on: each of what the heartbeat vouches for is made to stand, and the silence is waited for.
#include "heartbeat.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

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

// The receiver is there before the configuration that names it.
struct Heard {
  Receiver receiver;
};

struct World : Heard, EngineWorld {
  std::unique_ptr<Heartbeat> heartbeat = std::make_unique<Heartbeat>(surroundings, *store, engine);

  World() : EngineWorld("heartbeat: {every: 1s, url: \"" + receiver.url() + "\"}\n") {}

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
