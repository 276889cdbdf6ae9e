// One channel of c-ares on the loop: its sockets are watched, and its timeouts kept. Whoever asks
// makes one for each question, which then has ports of its own that nobody can guess, sees
// resolv.conf as it is now, and can be given up without touching the others.
#pragma once

#include <ares.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "socket_watch.hpp"

namespace yagura::io {

// Lives on the heap, because what is under way on the loop may outlast its owner by one turn.
class AresLoop : public std::enable_shared_from_this<AresLoop> {
 public:
  // c-ares wants this once per program, before any thread makes a channel.
  static void prepare_library();

  explicit AresLoop(boost::asio::io_context& loop);
  ~AresLoop() { close(); }
  AresLoop(const AresLoop&) = delete;
  AresLoop& operator=(const AresLoop&) = delete;

  // Makes the channel, with `mask` as ares_init_options has it; what it takes to watch the sockets
  // is added. The result is c-ares' own: ARES_SUCCESS, or why there is none.
  int open(ares_options options, int mask);
  ares_channel channel() const { return channel_; }  // Null: not open.
  // To be called after each question that was asked: from then on its answer is waited for.
  void drive();
  // Ends all questions, whose callbacks are called at once. Never from within one of them.
  void close();

 private:
  static void on_socket(void* data, ares_socket_t socket, int readable, int writable);
  void act(int socket, Ready ready);

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<SocketWatch> watch_;
  ares_channel channel_ = nullptr;
};

}  // namespace yagura::io
