// The server against clients that are slow, many, or elsewhere. The clients are plain sockets.
#include "web_server.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "allowance.hpp"

using namespace yagura;

namespace {

// On a Unix socket in a folder of its own, with a loop in a thread of its own.
class Running {
 public:
  explicit Running(WebLimits limits, std::size_t answer = 3, int port = 0) {
    char name[] = "/tmp/yagura-web.XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ + "/socket";
    auto handler = [this, answer](const WebRequest&,
                                  const std::function<void(WebResponse)>& respond) {
      ++asked;
      respond({200, "text/plain", std::string(answer, 'x')});
    };
    server_ = port == 0 ? *WebServer::on_unix_socket(loop_, path_, handler, limits)
                        : *WebServer::on_address(loop_, "127.0.0.1:" + std::to_string(port),
                                                 handler, limits);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Running() {
    loop_.stop();
    thread_.join();
    server_.reset();
    rmdir(folder_.c_str());
  }
  const std::string& path() const { return path_; }
  std::atomic<int> asked = 0;

 private:
  boost::asio::io_context loop_;
  std::string folder_, path_;
  std::unique_ptr<WebServer> server_;
  std::thread thread_;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  REQUIRE(bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  REQUIRE(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(socket);
  return ntohs(address.sin_port);
}

class Client {
 public:
  explicit Client(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(port);
    REQUIRE(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  bool say(std::string_view text) {
    return send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  // The other side has closed; what it had said may wait unread.
  bool was_left(std::chrono::milliseconds within) {
    pollfd wanted{socket_, 0, 0};
    return poll(&wanted, 1, static_cast<int>(within.count())) == 1 &&
           (wanted.revents & POLLHUP) != 0;
  }
  std::string heard() {
    std::string all;
    char buffer[4096];
    for (ssize_t size = 0; (size = recv(socket_, buffer, sizeof buffer, 0)) > 0;) {
      all.append(buffer, static_cast<std::size_t>(size));
    }
    return all;
  }

 private:
  int socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

WebLimits hasty() {
  WebLimits limits;
  limits.request_within = 200ms;
  limits.requests_at_once = 1e9;
  return limits;
}

constexpr std::string_view whole = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace

TEST_CASE("a client that sends a byte now and then is dropped, however long it goes on") {
  Running server(hasty());
  Client slow(server.path());
  slow.say("GET / HTTP/1.1\r\nX: ");
  int sent = 0;
  while (sent < 2'000 && !slow.was_left(10ms) && slow.say("a"))
    ++sent;
  CHECK(sent < 2'000);
  CHECK(server.asked == 0);
  Client quick(server.path());
  quick.say(whole);
  CHECK(quick.heard().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("a client that never reads its answer is dropped") {
  Running server(hasty(), 64 * 1024 * 1024);
  Client deaf(server.path());
  deaf.say(whole);
  CHECK(deaf.was_left(30s));
  CHECK(server.asked == 1);
  CHECK(deaf.heard().size() < 64 * 1024 * 1024);
}

TEST_CASE("more requests than are allowed are answered 429, but root's over a Unix socket") {
  WebLimits limits = hasty();
  limits.requests_at_once = 3;
  limits.requests_per_second = 0;
  const auto refused_of_five = [](const auto& connected) {
    int refused = 0;
    for (int turn = 0; turn < 5; ++turn) {
      auto client = connected();
      client.say(whole);
      refused += client.heard().starts_with("HTTP/1.1 429 ") ? 1 : 0;
    }
    return refused;
  };
  Running local(limits);
  CHECK(refused_of_five([&] { return Client(local.path()); }) == (geteuid() == 0 ? 0 : 2));
  const int port = free_port();
  Running open(limits, 3, port);
  CHECK(refused_of_five([&] { return Client(port); }) == 2);
}

TEST_CASE("an allowance is used up, fills steadily, and is each one's own") {
  Allowance allowance(2, 10);
  const Allowance::Clock::time_point now{};
  CHECK(allowance.take(7, now));
  CHECK(allowance.take(7, now));
  CHECK_FALSE(allowance.take(7, now));
  CHECK(allowance.take(8, now));
  CHECK_FALSE(allowance.take(7, now + 99ms));
  CHECK(allowance.take(7, now + 100ms));
  CHECK_FALSE(allowance.take(7, now + 100ms));
  // Never more than it holds, however long nobody came, and however many others came meanwhile.
  for (std::uint64_t other = 100; other < 5'000; ++other)
    CHECK(allowance.take(other, now + 1h));
  CHECK(allowance.take(7, now + 1h));
  CHECK(allowance.take(7, now + 1h));
  CHECK_FALSE(allowance.take(7, now + 1h));
}

TEST_CASE("no address is listened on that other machines can reach") {
  boost::asio::io_context loop;
  for (const char* address :
       {"0.0.0.0:47113", "[::]:47113", "192.0.2.1:47113", "[::ffff:127.0.0.1]:47113"}) {
    CAPTURE(address);
    auto server = WebServer::on_address(loop, address, {});
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().message.find("can be reached by other machines") != std::string::npos);
  }
}
