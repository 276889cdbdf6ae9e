// What the benches ask: takes every connection on every address of this machine, answers a GET with a short page, and is
// otherwise as cheap as such a thing gets, so that what is measured is who asks. One thread, epoll.
//
//   yagura-bench-target PORT SILENT-PORT NAME-PORT
//
// On SILENT-PORT connections are taken by the kernel and nobody ever answers. On NAME-PORT every name has the address
// 127.1.0.1 for a minute. Says "ready", and after each SIGUSR1 "forgotten", then "first SECONDS" (of the monotonic clock)
// as the next connection comes, and at SIGUSR2 "asked NAMES CONNECTIONS", so far. Runs until it is ended.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace {

constexpr std::string_view page =
    "HTTP/1.1 200 OK\r\nServer: target\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

int open_on(int port, int type) {
  const int socket = ::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_ANY);
  here.sin_port = htons(static_cast<std::uint16_t>(port));
  if (socket < 0 || ::bind(socket, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
      (type == SOCK_STREAM && ::listen(socket, 65535) != 0)) {
    std::perror("yagura-bench-target: listen");
    std::exit(1);
  }
  return socket;
}

// The question comes back with one address for type A, with none for others.
void answer_name(int socket) {
  std::array<unsigned char, 1024> message{};
  sockaddr_storage who{};
  socklen_t size_of_who = sizeof who;
  const ssize_t size = ::recvfrom(socket, message.data(), 512, 0, reinterpret_cast<sockaddr*>(&who), &size_of_who);
  if (size < 17) return;
  std::size_t end = 12;
  while (end < static_cast<std::size_t>(size) && message.at(end) != 0) end += message.at(end) + 1U;
  end += 5;
  if (end > static_cast<std::size_t>(size)) return;
  const bool of_address = message.at(end - 3) == 1;
  constexpr std::array<unsigned char, 16> address{0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 1, 0, 1};
  message.at(2) = 0x84;
  message.at(3) = 0;
  std::memset(&message.at(6), 0, 6);
  message.at(7) = of_address ? 1 : 0;
  if (of_address) std::memcpy(&message.at(end), address.data(), address.size());
  (void)!::sendto(socket, message.data(), end + (of_address ? address.size() : 0), 0, reinterpret_cast<const sockaddr*>(&who),
                  size_of_who);
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return std::fputs("usage: yagura-bench-target PORT SILENT-PORT NAME-PORT\n", stderr), 2;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  sigset_t asked{};
  sigemptyset(&asked);
  sigaddset(&asked, SIGUSR1);
  sigaddset(&asked, SIGUSR2);
  sigprocmask(SIG_BLOCK, &asked, nullptr);
  const int signals = signalfd(-1, &asked, SFD_CLOEXEC);
  const int door = open_on(std::atoi(arguments[1]), SOCK_STREAM);
  open_on(std::atoi(arguments[2]), SOCK_STREAM);
  const int names = open_on(std::atoi(arguments[3]), SOCK_DGRAM);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  for (const int one : {door, names, signals}) {
    epoll_event wanted{EPOLLIN, {.fd = one}};
    epoll_ctl(poll, EPOLL_CTL_ADD, one, &wanted);
  }
  bool is_first = false;
  long questions = 0, connections = 0;
  std::puts("ready");
  std::fflush(stdout);
  std::array<epoll_event, 512> events{};
  std::array<char, 4096> bytes{};
  while (true) {
    const int ready = epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int socket = events.at(static_cast<std::size_t>(i)).data.fd;
      if (socket == names) {
        ++questions;
        answer_name(names);
        continue;
      }
      if (socket == signals) {
        signalfd_siginfo which{};
        (void)!::read(signals, &which, sizeof which);
        if (which.ssi_signo == SIGUSR1) {
          is_first = true;
          std::puts("forgotten");
        } else {
          std::printf("asked %ld %ld\n", questions, connections);
        }
        std::fflush(stdout);
        continue;
      }
      if (socket == door) {
        if (is_first) {
          is_first = false;
          std::printf("first %.6f\n", now());
          std::fflush(stdout);
        }
        for (int taken = 0; taken < 64; ++taken) {
          const int fresh = accept4(door, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
          if (fresh < 0) break;
          ++connections;
          epoll_event wanted{EPOLLIN, {.fd = fresh}};
          epoll_ctl(poll, EPOLL_CTL_ADD, fresh, &wanted);
        }
        continue;
      }
      // A request is one segment here. Whoever says nothing more, or closes, is let go.
      const ssize_t size = ::recv(socket, bytes.data(), bytes.size(), 0);
      if (size < 0 && errno == EAGAIN) continue;
      if (size > 0) (void)!::send(socket, page.data(), page.size(), MSG_NOSIGNAL);
      ::close(socket);
    }
  }
}
