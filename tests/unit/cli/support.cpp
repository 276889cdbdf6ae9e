#include "support.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "options.hpp"

namespace yagura::cli::testing {

Instant test_now() {
  return *parse_instant("2026-12-28T17:12:30+09:00");
}
Screen test_screen() {
  return {80, false, test_now()};
}

Outcome run(const std::vector<std::string>& words) {
  std::ostringstream out, err;
  const Terminal terminal{out, err, test_screen()};
  Reading reading = read_options(words);
  Outcome outcome;
  if (reading.arguments) {
    outcome.exit = command_named(reading.arguments->command)->run(*reading.arguments, terminal);
  } else {
    outcome.exit = reading.exit;
    (reading.exit == 0 ? out : err) << reading.text;
  }
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "yagura-cli-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

StandIn::StandIn(std::string path, Answer answer)
    : path_(std::move(path)), answer_(std::move(answer)) {
  socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path_.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  REQUIRE(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(socket_, 8) == 0);
  // Signals that the tests send are for the main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { serve(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

StandIn::~StandIn() {
  shutdown(socket_, SHUT_RDWR);  // ends accept()
  thread_.join();
  close(socket_);
  unlink(path_.c_str());
}

std::vector<Request> StandIn::requests() const {
  std::lock_guard guard(lock_);
  return requests_;
}

void StandIn::serve() {
  while (true) {
    const int connection = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    std::string text;
    std::size_t wanted = std::string::npos;
    char buffer[4096];
    while (text.size() < wanted) {
      const ssize_t count = recv(connection, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
      const auto end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const auto length = text.find("Content-Length: ");
      wanted = end + 4 + (length < end ? std::stoul(text.substr(length + 16)) : 0);
    }
    Request request{text.substr(0, text.find(" HTTP/")),
                    wanted == std::string::npos ? "" : text.substr(text.find("\r\n\r\n") + 4)};
    const auto [status, body] = answer_(request);
    {
      std::lock_guard guard(lock_);
      requests_.push_back(request);
    }
    if (status != 0) {
      const std::string reply =
          fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                      body.size(), body);
      send(connection, reply.data(), reply.size(), MSG_NOSIGNAL);
    }
    close(connection);
  }
}

}  // namespace yagura::cli::testing
