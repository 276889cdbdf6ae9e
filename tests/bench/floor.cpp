// The least that a check can cost: bare epoll, a connection and its end, or a GET and its answer, without timings, verdict or
// anything else that a monitoring program has to do. What the benches hold everything else against.
//
//   yagura-bench-floor tcp|http PORT RATE SECONDS TARGETS
//
// Asks TARGETS addresses (127.1.0.1 and on), RATE checks a second, evenly spread; RATE 0: as fast as it goes, 64 at a time.
// Prints: checks made, processor seconds, and checks a second, then the processor microseconds of a check.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: target\r\nUser-Agent: floor\r\nAccept: */*\r\n\r\n";

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) return std::fputs("usage: yagura-bench-floor tcp|http PORT RATE SECONDS TARGETS\n", stderr), 2;
  const bool http = std::strcmp(arguments[1], "http") == 0;
  const int port = std::atoi(arguments[2]);
  const double rate = std::atof(arguments[3]), length = std::atof(arguments[4]);
  const int targets = std::atoi(arguments[5]);

  const int poll = epoll_create1(EPOLL_CLOEXEC);
  std::array<epoll_event, 128> events{};
  std::array<char, 4096> bytes{};
  int next = 0, open = 0;
  long made = 0, begun = 0, failed = 0;

  const auto begin = [&] {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in there{};
    there.sin_family = AF_INET;
    // 250 of each 256, so that none is a network's or everybody's.
    there.sin_addr.s_addr = htonl(0x7F010001U + static_cast<std::uint32_t>(next / 250 * 256 + next % 250));
    there.sin_port = htons(static_cast<std::uint16_t>(port));
    next = (next + 1) % targets;
    ::connect(socket, reinterpret_cast<const sockaddr*>(&there), sizeof there);
    epoll_event wanted{EPOLLOUT, {.fd = socket}};
    epoll_ctl(poll, EPOLL_CTL_ADD, socket, &wanted);
    ++open;
    ++begun;
  };
  const auto end = [&](int socket, bool well) {
    ::close(socket);
    --open;
    ++made;
    if (!well) ++failed;
  };

  const double start = seconds_of(CLOCK_MONOTONIC), processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  while (true) {
    const double now = seconds_of(CLOCK_MONOTONIC) - start;
    if (now >= length && open == 0) break;
    double pause = 1;
    if (now < length && rate > 0) {
      while (static_cast<double>(begun) < now * rate) begin();
      pause = static_cast<double>(begun) / rate - now;
    } else if (now < length) {
      while (open < 64) begin();
    }
    timespec wait{static_cast<time_t>(pause), static_cast<long>((pause - static_cast<double>(static_cast<long>(pause))) * 1e9)};
    const int ready = epoll_pwait2(poll, events.data(), static_cast<int>(events.size()), &wait, nullptr);
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      const int socket = event.data.fd;
      if ((event.events & EPOLLOUT) != 0) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
        if (!http || error != 0) {
          end(socket, error == 0);
          continue;
        }
        (void)!::send(socket, request.data(), request.size(), MSG_NOSIGNAL);
        epoll_event wanted{EPOLLIN, {.fd = socket}};
        epoll_ctl(poll, EPOLL_CTL_MOD, socket, &wanted);
        continue;
      }
      end(socket, ::recv(socket, bytes.data(), bytes.size(), 0) > 0);
    }
  }
  const double took = seconds_of(CLOCK_MONOTONIC) - start, used = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
  std::printf("%ld %.4f %.1f %.2f\n", made, used, static_cast<double>(made) / took, used / static_cast<double>(made) * 1e6);
  if (failed > 0) return std::fprintf(stderr, "yagura-bench-floor: %ld of %ld failed\n", failed, made), 1;
  return 0;
}
