// A server on a loopback port that does to each connection what a test wants, well or ill, on a
// thread of its own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace yagura::testing {

// One accepted connection. All calls give up when the other side or the test ends.
class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {}
  int socket() const { return socket_; }

  bool send(std::string_view text) {
    while (!text.empty()) {
      ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      sent_ += static_cast<std::size_t>(sent);
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Up to the text and with it, or what came before the end.
  std::string read_until(std::string_view end) {
    std::string text;
    char byte = 0;
    while (text.size() < 100'000 && !text.ends_with(end) && ::recv(socket_, &byte, 1, 0) == 1)
      text += byte;
    return text;
  }
  std::string read_request() { return read_until("\r\n\r\n"); }
  // Says nothing until the other side goes, or for so long.
  void wait_for_end(int milliseconds = 20'000) {
    pollfd watched{socket_, POLLRDHUP, 0};
    ::poll(&watched, 1, milliseconds);
  }
  // The connection ends in a reset, not in a proper end.
  void reset() {
    linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  std::size_t sent() const { return sent_; }

 private:
  int socket_;
  std::size_t sent_ = 0;
};

class HostileServer {
 public:
  explicit HostileServer(std::function<void(Peer&)> serve, const char* address = "127.0.0.1")
      : serve_(std::move(serve)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &name.sin_addr);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof name);
    ::listen(listener_, 64);
    socklen_t size = sizeof name;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([this] { accept_all(); });
  }
  ~HostileServer() {
    finish();
    ::close(listener_);
    ::close(stop_);
  }
  // Ends the connection under way, and accepts no more.
  void finish() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      if (current_ >= 0) ::shutdown(current_, SHUT_RDWR);
    }
    std::uint64_t one = 1;
    (void)!::write(stop_, &one, sizeof one);
    if (thread_.joinable()) thread_.join();
  }
  HostileServer(const HostileServer&) = delete;
  HostileServer& operator=(const HostileServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  int connections() const { return connections_; }
  // Bytes handed to the kernel on all connections that have ended.
  std::size_t sent() const { return sent_; }

 private:
  void accept_all() {
    while (true) {
      pollfd watched[2] = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
      ::poll(watched, 2, -1);
      if (watched[1].revents != 0) return;
      int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      {
        std::lock_guard lock(mutex_);
        if (stopping_) ::shutdown(socket, SHUT_RDWR);
        current_ = socket;
      }
      ++connections_;
      Peer peer(socket);
      serve_(peer);
      sent_ += peer.sent();
      std::lock_guard lock(mutex_);
      current_ = -1;
      ::close(socket);
    }
  }

  std::function<void(Peer&)> serve_;
  int listener_ = -1;
  int stop_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  bool stopping_ = false;
  int current_ = -1;
  std::atomic<int> connections_ = 0;
  std::atomic<std::size_t> sent_ = 0;
  std::thread thread_;
};

// A port on which nobody listens, for as long as this lives.
class ClosedPort {
 public:
  ClosedPort() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&name), sizeof name);
    socklen_t size = sizeof name;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
  }
  ~ClosedPort() { ::close(socket_); }
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace yagura::testing
