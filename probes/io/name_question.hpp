// One DNS question, and the message that answers it, by c-ares: the same question again where a
// datagram is lost, over TCP where the answer was cut. Messages to another question, with another
// number or from elsewhere are no answers. Nobody's search list or hosts file is looked at.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "instant.hpp"

namespace yagura::io {

struct NameQuestion {
  std::string name;
  int type = 1;         // As the protocol numbers them: 1 is A.
  std::string servers;  // "10.0.0.2:53", "[2001:db8::2]:53", several with commas
  // The answer is wanted of this server whatever it says. Else a server that refuses, or is in
  // trouble, is passed over for the next.
  bool of_this_server = false;
  Duration patience{};  // The caller gives up after so long.
};

struct NameReply {
  enum class Status {
    answered,  // There is a message, which may say that something is wrong.
    refused,   // Nobody listens there, or it closes the connection.
    silent,    // Nothing came, however often it was asked.
    flooded,   // More came than any answer is, and no answer among it.
    in_doubt,  // Each of the servers refused, or is in trouble.
    failed,    // This machine could not ask; `reason` says why.
  } status = Status::failed;
  std::string message;  // Bytes, at most 64 KiB.
  std::string reason;
  int code() const { return message.size() < 4 ? 0 : message[3] & 0x0F; }  // RCODE
};

class NameQuery {
 public:
  // `done` is called once, from the loop, never before the constructor returns, and never after
  // the end of this. It may end this.
  NameQuery(boost::asio::io_context& loop, const NameQuestion& question,
            std::function<void(NameReply)> done);
  ~NameQuery();
  NameQuery(const NameQuery&) = delete;
  NameQuery& operator=(const NameQuery&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace yagura::io
