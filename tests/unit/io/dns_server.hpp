// A name server on a loopback port, for tests: answers each question as it is told, on a thread of
// its own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace yagura::testing {

struct DnsAnswer {
  int rcode = 0;  // 0 well, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED; -1: no answer at all; -2: bytes that
                  // are none
  std::vector<std::string> addresses;  // of the family asked for; none with rcode 0: no such data
  unsigned char seconds = 60;          // to live
};

class DnsServer {
 public:
  // `answer` is given the name in lower case and whether IPv6 is asked for.
  explicit DnsServer(std::function<DnsAnswer(const std::string& name, bool v6)> answer)
      : answer_(std::move(answer)) {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_, 16);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([this] { serve(); });
  }
  ~DnsServer() {
    std::uint64_t one = 1;
    (void)!::write(stop_, &one, sizeof one);
    thread_.join();
    ::close(socket_);
    ::close(listener_);
    ::close(stop_);
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  std::string text() const { return "127.0.0.1:" + std::to_string(port_); }
  int questions() const { return questions_; }
  int streams() const { return streams_; }

 private:
  void serve() {
    while (true) {
      pollfd watched[3] = {{socket_, POLLIN, 0}, {stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
      ::poll(watched, 3, -1);
      if (watched[1].revents != 0) return;
      if (watched[2].revents != 0) serve_stream();
      if (watched[0].revents == 0) continue;
      unsigned char packet[1500];
      sockaddr_in from{};
      socklen_t from_size = sizeof from;
      ssize_t size = ::recvfrom(socket_, packet, sizeof packet, 0,
                                reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 17) continue;
      ++questions_;
      std::string reply = answer(packet, static_cast<std::size_t>(size));
      if (reply.empty()) continue;
      ::sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from),
               from_size);
    }
  }

  // One question on a connection: two bytes of length before each message.
  void serve_stream() {
    int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    timeval patience{2, 0};
    ::setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    unsigned char packet[1502];
    std::size_t size = 0;
    while (size < 2 || size < 2 + packet[0] * 256U + packet[1]) {
      ssize_t more = ::recv(peer, packet + size, sizeof packet - size, 0);
      if (more <= 0) break;
      size += static_cast<std::size_t>(more);
    }
    if (size >= 19) {
      ++streams_;
      std::string reply = answer(packet + 2, size - 2);
      std::string length{static_cast<char>(reply.size() >> 8),
                         static_cast<char>(reply.size() & 0xFF)};
      reply = length + reply;
      (void)::send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
    }
    ::close(peer);
  }

  std::string answer(const unsigned char* packet, std::size_t size) const {
    std::string name;
    std::size_t at = 12;
    while (at < size && packet[at] != 0) {
      if (!name.empty()) name += '.';
      std::size_t end = at + 1 + packet[at];
      for (++at; at < end && at < size; ++at) {
        name += static_cast<char>(packet[at] | (packet[at] >= 'A' && packet[at] <= 'Z' ? 0x20 : 0));
      }
    }
    if (at + 5 > size) return {};
    bool v6 = packet[at + 2] == 28;
    std::size_t question_end = at + 5;
    DnsAnswer said = answer_(name, v6);
    if (said.rcode == -1) return {};
    if (said.rcode == -2) return std::string(300, '\xff');
    std::vector<std::string> records;
    for (const std::string& text : said.addresses) {
      unsigned char bytes[16];
      if (::inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes) != 1) continue;
      std::size_t length = v6 ? 16 : 4;
      std::string record("\xc0\x0c\x00\x00\x00\x01\x00\x00\x00\x3c\x00\x00", 12);
      record[3] = v6 ? 28 : 1;
      record[9] = static_cast<char>(said.seconds);
      record[11] = static_cast<char>(length);
      records.push_back(record.append(reinterpret_cast<const char*>(bytes), length));
    }
    std::string reply(reinterpret_cast<const char*>(packet), question_end);
    reply[2] = static_cast<char>(0x81);
    reply[3] = static_cast<char>(0x80 | said.rcode);
    for (int field = 6; field < 12; ++field)
      reply[static_cast<std::size_t>(field)] = 0;
    reply[7] = static_cast<char>(records.size());
    for (const std::string& record : records)
      reply += record;
    return reply;
  }

  std::function<DnsAnswer(const std::string&, bool)> answer_;
  int socket_ = -1;
  int listener_ = -1;
  int stop_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> questions_ = 0;
  std::atomic<int> streams_ = 0;  // Questions that came on a connection.
  std::thread thread_;
};

}  // namespace yagura::testing
