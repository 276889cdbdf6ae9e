#include "socket_watch.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

namespace yagura::io {

namespace asio = boost::asio;

struct SocketWatch::Watched {
  Watched(asio::io_context& loop, int number) : socket(number), descriptor(loop) {}
  int socket;
  asio::posix::stream_descriptor descriptor;
  bool to_read = false;
  bool to_write = false;
  bool reading = false;  // A wait is under way.
  bool writing = false;
  bool gone = false;  // The library let it go; its number may already be another socket's.
};

SocketWatch::SocketWatch(asio::io_context& loop, Callback callback)
    : loop_(loop), callback_(std::move(callback)) {}

SocketWatch::~SocketWatch() {
  stop();
}

void SocketWatch::want(int socket, bool to_read, bool to_write) {
  auto found = sockets_.find(socket);
  if (!to_read && !to_write) {
    if (found == sockets_.end()) return;
    found->second->gone = true;
    found->second->descriptor.release();
    sockets_.erase(found);
    return;
  }
  if (found == sockets_.end()) {
    auto fresh = std::make_shared<Watched>(loop_, socket);
    boost::system::error_code error;
    fresh->descriptor.assign(socket, error);
    if (error) {
      // Told later, because the library is in the middle of its own work now.
      asio::post(loop_, [self = shared_from_this(), socket] {
        if (self->callback_) self->callback_(socket, Ready::with_error);
      });
      return;
    }
    found = sockets_.emplace(socket, std::move(fresh)).first;
  }
  found->second->to_read = to_read;
  found->second->to_write = to_write;
  arm(found->second);
}

void SocketWatch::stop() {
  callback_ = nullptr;
  for (auto& [socket, watched] : sockets_) {
    watched->gone = true;
    watched->descriptor.release();
  }
  sockets_.clear();
}

void SocketWatch::arm(const std::shared_ptr<Watched>& watched) {
  if (watched->to_read && !watched->reading) wait(watched, Ready::to_read);
  if (watched->to_write && !watched->writing) wait(watched, Ready::to_write);
}

void SocketWatch::wait(const std::shared_ptr<Watched>& watched, Ready direction) {
  bool reads = direction == Ready::to_read;
  (reads ? watched->reading : watched->writing) = true;
  watched->descriptor.async_wait(
      reads ? asio::posix::stream_descriptor::wait_read
            : asio::posix::stream_descriptor::wait_write,
      [weak = weak_from_this(), watched, direction, reads](boost::system::error_code error) {
        (reads ? watched->reading : watched->writing) = false;
        auto self = weak.lock();
        if (!self || watched->gone || error == asio::error::operation_aborted) return;
        // The wish may have changed while the wait was under way.
        if (!(reads ? watched->to_read : watched->to_write)) return;
        auto callback = self->callback_;  // A copy: the callback may stop the watch.
        callback(watched->socket, error ? Ready::with_error : direction);
        if (!watched->gone && !error) self->arm(watched);
      });
}

}  // namespace yagura::io
