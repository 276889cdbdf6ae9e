// One connection to one relay. libcurl connects, shakes hands (TLS, EHLO, STARTTLS, AUTH) and
// carries the bytes, all on the loop; what is said after that is the owner's affair. libcurl's own
// sending of a mail is not used: it waits for the answer to the final dot, and to QUIT, within one
// call, which would stop the loop for minutes.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "instant.hpp"
#include "result.hpp"
#include "smtp_reply.hpp"
#include "transport.hpp"

namespace yagura {

// The parts of a relay's URL.
struct RelayPlace {
  std::string scheme;  // smtp or smtps
  std::string host;    // without brackets
  std::string port;
  std::string name() const;  // "relay-1.example.jp:25"
};
Result<RelayPlace> parse_relay_url(const std::string& url);

class SmtpLink {
 public:
  struct Plan {
    SmtpRelay relay;
    RelayPlace place;
    std::vector<boost::asio::ip::address> addresses;  // Of the place's host.
    std::string password;
    std::string helo_name;
    Duration most{};  // For the connection to be ready.
  };
  struct Events {
    std::function<void()> ready;  // Connected, and authenticated where there is a user.
    std::function<void(const SmtpReply&)> reply;  // After that.
    std::function<void()> sent;                   // All that was given to send() is on its way.
    std::function<void(const std::string&)>
        lost;  // Why, in words; also instead of `ready`. Nothing comes after it.
  };

  SmtpLink(boost::asio::io_context& loop, Plan plan, Events events);
  // Closes at once. Not from within one of the events: close() there, and destroy it later.
  ~SmtpLink();
  SmtpLink(const SmtpLink&) = delete;
  SmtpLink& operator=(const SmtpLink&) = delete;

  bool offers(std::string_view keyword) const;
  // Only when all that was sent before is on its way.
  void send(std::string bytes);
  bool all_sent() const;
  // No event comes any more.
  void close();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace yagura
