// Watches sockets that belong to a foreign library (libcurl, c-ares) on the loop: it never closes
// one, and tells the library which are ready for as long as the library wants to know.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>

namespace yagura::io {

enum class Ready { to_read, to_write, with_error };

// Lives on the heap, because what is under way on the loop may outlast its owner by one turn.
class SocketWatch : public std::enable_shared_from_this<SocketWatch> {
 public:
  using Callback = std::function<void(int socket, Ready ready)>;
  SocketWatch(boost::asio::io_context& loop, Callback callback);
  ~SocketWatch();

  // Replaces what is wanted of this socket; neither: it is let go, still open.
  void want(int socket, bool to_read, bool to_write);
  // Lets every socket go; the callback is never called again.
  void stop();

 private:
  struct Watched;
  void arm(const std::shared_ptr<Watched>& watched);
  void wait(const std::shared_ptr<Watched>& watched, Ready direction);

  boost::asio::io_context& loop_;
  Callback callback_;
  std::map<int, std::shared_ptr<Watched>> sockets_;
};

}  // namespace yagura::io
