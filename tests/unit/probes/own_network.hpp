// A network namespace of a test's own, so that it can change addresses, links and kernel settings
// without harm to the machine. Needs root; where it is not allowed the test says so and is skipped.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

namespace yagura::testing {

// Runs on a thread in a network with nothing but a loopback interface that is down. Threads that it
// starts are there too.
inline void in_own_network(const std::function<void()>& work) {
  bool allowed = false;
  std::thread([&] {
    allowed = ::unshare(CLONE_NEWNET) == 0;
    if (allowed) work();
  }).join();
  if (!allowed) MESSAGE("skipped: no network of its own is allowed here");
}

inline void interface_ioctl(const char* name, unsigned long what,
                            const std::function<void(ifreq&)>& fill) {
  int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  fill(request);
  CHECK(::ioctl(socket, what, &request) == 0);
  ::close(socket);
}
inline void bring_up(const char* name) {
  interface_ioctl(name, SIOCSIFFLAGS, [](ifreq& request) { request.ifr_flags = IFF_UP; });
}
// The kernel learns of a link a little later than it is told of it.
inline void wait_for_link(const char* name, bool wanted) {
  for (int turn = 0; turn < 500; ++turn) {
    short flags = 0;
    int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (::ioctl(socket, SIOCGIFFLAGS, &request) == 0) flags = request.ifr_flags;
    ::close(socket);
    if (((flags & IFF_RUNNING) != 0) == wanted) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FAIL_CHECK("the link did not change within 5 seconds");
}
// "lo:1" gives the loopback a further address.
inline void give_address(const char* name, const char* address) {
  interface_ioctl(name, SIOCSIFADDR, [&](ifreq& request) {
    auto* socket = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
    socket->sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &socket->sin_addr);
  });
}
inline void set_kernel(const std::string& name, const char* value) {
  std::ofstream("/proc/sys/net/ipv4/" + name) << value << std::flush;
}

}  // namespace yagura::testing
