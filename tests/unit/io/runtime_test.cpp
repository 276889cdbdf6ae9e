#include "runtime.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "curl_loop.hpp"
#include "instant.hpp"
#include "socket_watch.hpp"

using namespace yagura;
using io::Ready;
using io::Runtime;

namespace {

// Lets helper threads wait until the test says so.
struct Gate {
  void open() {
    std::lock_guard lock(mutex);
    is_open = true;
    changed.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return is_open; });
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool is_open = false;
};

}  // namespace

TEST_CASE("work aside runs on another thread, and is told of on the loop") {
  boost::asio::io_context loop;
  Runtime runtime(loop);
  std::thread::id worked, told;
  auto thread_of_work = std::make_shared<std::thread::id>();
  CHECK(runtime.run_aside([thread_of_work] { *thread_of_work = std::this_thread::get_id(); },
                          [&] { told = std::this_thread::get_id(); }));
  loop.run_for(10s);
  worked = *thread_of_work;
  CHECK(told == std::this_thread::get_id());
  CHECK(worked != std::thread::id{});
  CHECK(worked != told);
}

TEST_CASE("of threads that hang at most 64 are left behind, the next is refused with the reason") {
  boost::asio::io_context loop;
  Runtime runtime(loop);
  auto gate = std::make_shared<Gate>();
  int told = 0;
  for (int thread = 0; thread < 64; ++thread) {
    REQUIRE(runtime.run_aside([gate] { gate->pass(); }, [&] { ++told; }));
  }
  auto refused = runtime.run_aside([gate] {}, [&] { ++told; });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("64") != std::string::npos);
  gate->open();
  loop.run_for(10s);
  CHECK(told == 64);
  CHECK(runtime.run_aside([] {}, [&] { ++told; }));
  loop.restart();
  loop.run_for(10s);
  CHECK(told == 65);
}

TEST_CASE("after the runtime is gone nothing is told") {
  boost::asio::io_context loop;
  auto runtime = std::make_unique<Runtime>(loop);
  auto gate = std::make_shared<Gate>();
  auto left = std::make_shared<Gate>();
  bool told = false;
  REQUIRE(runtime->run_aside(
      [gate, left] {
        gate->pass();
        left->open();
      },
      [&] { told = true; }));
  runtime.reset();
  gate->open();
  left->pass();
  loop.run_for(50ms);
  CHECK_FALSE(told);
}

TEST_CASE("a watched socket is told of while wanted, and is never closed") {
  boost::asio::io_context loop;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  int reads = 0, writes = 0;
  std::shared_ptr<io::SocketWatch> watch;
  watch = std::make_shared<io::SocketWatch>(loop, [&](int socket, Ready ready) {
    CHECK(socket == ends[0]);
    if (ready == Ready::to_write) {
      ++writes;
      watch->want(ends[0], true, false);
    } else {
      char byte = 0;
      CHECK(::read(ends[0], &byte, 1) == 1);
      if (++reads == 3) watch->want(ends[0], false, false);
    }
  });
  watch->want(ends[0], true, true);
  loop.run_for(20ms);
  CHECK(writes == 1);
  CHECK(reads == 0);
  REQUIRE(::write(ends[1], "abcd", 4) == 4);
  loop.restart();
  loop.run_for(20ms);
  CHECK(reads == 3);  // The fourth byte is not asked for any more.
  char byte = 0;
  CHECK(::read(ends[0], &byte, 1) == 1);
  CHECK(byte == 'd');
  watch->want(ends[0], true, false);
  watch->stop();
  watch.reset();
  loop.restart();
  loop.run_for(20ms);
  CHECK(::write(ends[0], "x", 1) == 1);  // Still open.
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE(
    "a transfer that cannot begin is told of from the loop, one that is cancelled not at all") {
  boost::asio::io_context loop;
  io::CurlLoop curl(loop);
  CURL* easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1:1/");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  int calls = 0;
  CURLcode last = CURLE_OK;
  const auto done = [&](CURLcode code) {
    ++calls;
    last = code;
  };
  curl.start(easy, done);
  CHECK(calls == 0);
  loop.run_for(10s);
  CHECK(calls == 1);
  CHECK(last == CURLE_COULDNT_CONNECT);
  curl.start(easy, done);
  curl.cancel(easy);
  curl.cancel(easy);
  loop.restart();
  loop.run_for(100ms);
  CHECK(calls == 1);
  curl_easy_cleanup(easy);
}
