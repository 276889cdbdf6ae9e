// Names to addresses without blocking (c-ares), each with a deadline.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "instant.hpp"

namespace yagura::io {

struct Resolution {
  enum class Status {
    found,
    no_such_name,  // the servers say so: the target's fault
    failed,        // no answer, refused, cancelled: the agent could not look
  } status = Status::failed;
  std::vector<boost::asio::ip::address> addresses;  // at most 16, the system's order of preference
  std::string reason;                               // words, where not found
  Duration valid_for{0};  // The records' time to live; 0: as they stand in /etc/hosts, or were known.
};

class Resolver {
 public:
  // `name_servers` ("127.0.0.1:5353", several with commas) are asked instead of those of
  // /etc/resolv.conf.
  explicit Resolver(boost::asio::io_context& loop, std::string name_servers = {});
  ~Resolver();  // cancels; no `done` is called any more
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Literal addresses and /etc/hosts are answered too. What was found is known for the records' time
  // to live, an hour at most, and nobody is asked meanwhile. `done` is called exactly once, from the
  // loop, never before resolve() returns. The number returned may be given to cancel(), after which
  // `done` is not called.
  std::uint64_t resolve(const std::string& host, Duration timeout,
                        std::function<void(Resolution)> done);
  void cancel(std::uint64_t query);
  const std::string& name_servers() const;  // As given; "": those of /etc/resolv.conf.

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace yagura::io
