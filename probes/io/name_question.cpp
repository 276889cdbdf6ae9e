#include "name_question.hpp"

#include <ares.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <utility>

#include "ares_loop.hpp"
#include "text.hpp"

namespace yagura::io {
namespace {

constexpr int tries = 3;              // Of each server, each with twice the patience of the former.
constexpr int datagrams_a_turn = 16;  // c-ares alone would read for as long as more come.
constexpr int most_datagrams = 1000;
constexpr std::size_t most_stream_bytes = 1024 * 1024;
constexpr int class_internet = 1;

}  // namespace

struct NameQuery::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& given, std::function<void(NameReply)> tell)
      : loop(given), again(given), ares(std::make_shared<AresLoop>(given)), done(std::move(tell)) {}

  // Of one server c-ares waits as long as the caller does, and datagrams that may be lost are asked
  // again here: it would give a slow answer over TCP no more time than a datagram.
  void ask(const NameQuestion& given) {
    question = given;
    ares_options options{};
    auto share = std::clamp<Duration>(question.patience / 5, 50ms, 3s);
    options.timeout =
        static_cast<int>((question.of_this_server ? question.patience : share).count());
    options.tries = question.of_this_server ? 1 : tries;
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    if (question.of_this_server) {
      options.flags = ARES_FLAG_NOCHECKRESP;
      mask |= ARES_OPT_FLAGS;
    }
    int error = ares->open(options, mask);
    if (error == ARES_SUCCESS && !question.servers.empty())
      error = ares_set_servers_ports_csv(ares->channel(), question.servers.c_str());
    if (error != ARES_SUCCESS) return finish({NameReply::Status::failed, {}, ares_strerror(error)});
    static const ares_socket_functions functions = {&open_socket, &close_socket, &connect_socket,
                                                    &receive, &send};
    ares_set_socket_functions(ares->channel(), &functions, this);
    put();
    if (question.of_this_server) put_again_after(share, tries - 1);
  }

  void put() {
    ares_query(ares->channel(), question.name.c_str(), class_internet, question.type, &on_answer,
               this);
    ares->drive();
  }

  void put_again_after(Duration pause, int times) {
    if (times == 0) return;
    again.expires_after(pause);
    again.async_wait([weak = weak_from_this(), pause, times](boost::system::error_code error) {
      auto self = weak.lock();
      if (error || !self || !self->done || self->has_stream) return;
      self->put();
      self->put_again_after(pause * 2, times - 1);
    });
  }

  // Called for what comes in only: c-ares has dropped what is no answer.
  static void on_answer(void* data, int status, int, unsigned char* bytes, int size) {
    auto* self = static_cast<Impl*>(data);
    if (bytes != nullptr && size > 0) {
      return self->finish({NameReply::Status::answered,
                           {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)},
                           {}});
    }
    switch (status) {
      case ARES_ETIMEOUT:
        return self->finish({NameReply::Status::silent, {}, {}});
      case ARES_ECONNREFUSED:
        // Also the word for servers that were passed over.
        return self->finish(
            {self->refused ? NameReply::Status::refused : NameReply::Status::in_doubt, {}, {}});
      default:  // c-ares has two dozen more, all of them about the question or this machine.
        return self->finish({NameReply::Status::failed, {}, ares_strerror(status)});
    }
  }

  // From the loop: c-ares may be in the middle of its work.
  void finish(NameReply reply) {
    if (!done) return;
    boost::asio::post(loop, [weak = weak_from_this(), tell = std::exchange(done, nullptr),
                             reply = std::move(reply)]() mutable {
      auto self = weak.lock();
      if (!self) return;
      self->let_go();
      if (!self->cancelled) tell(std::move(reply));
    });
  }

  void let_go() {
    again.cancel();
    ares->close();
  }

  static ares_socket_t open_socket(int family, int type, int protocol, void* data) {
    if (type == SOCK_STREAM) static_cast<Impl*>(data)->has_stream = true;
    return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  }
  static int close_socket(ares_socket_t socket, void*) { return ::close(socket); }
  static int connect_socket(ares_socket_t socket, const sockaddr* address, ares_socklen_t size,
                            void*) {
    return ::connect(socket, address, size);
  }
  static ares_ssize_t send(ares_socket_t socket, const iovec* parts, int count, void*) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = static_cast<std::size_t>(count);
    return ::sendmsg(socket, &message, MSG_NOSIGNAL);
  }
  // Datagrams have a sender, streams none.
  static ares_ssize_t receive(ares_socket_t socket, void* into, size_t most, int flags,
                              sockaddr* sender, ares_socklen_t* sender_size, void* data) {
    auto* self = static_cast<Impl*>(data);
    bool is_datagram = sender != nullptr;
    if (is_datagram && ++self->reads % datagrams_a_turn == 0) {
      errno = EAGAIN;  // The rest in the loop's next turn.
      return -1;
    }
    ares_ssize_t size = ::recvfrom(socket, into, most, flags, sender, sender_size);
    if (size < 0 ? errno == ECONNREFUSED || errno == ECONNRESET : size == 0 && !is_datagram)
      self->refused = true;
    if (size > 0 && !is_datagram) self->stream_bytes += static_cast<std::size_t>(size);
    if (self->reads > most_datagrams || self->stream_bytes > most_stream_bytes)
      self->finish({NameReply::Status::flooded, {}, {}});
    return size;
  }

  boost::asio::io_context& loop;
  boost::asio::steady_timer again;
  NameQuestion question;
  std::shared_ptr<AresLoop> ares;
  std::function<void(NameReply)> done;  // Null once there is a reply.
  bool cancelled = false;
  bool refused = false;
  bool has_stream = false;
  int reads = 0;
  std::size_t stream_bytes = 0;
};

NameQuery::NameQuery(boost::asio::io_context& loop, const NameQuestion& question,
                     std::function<void(NameReply)> done)
    : impl_(std::make_shared<Impl>(loop, std::move(done))) {
  impl_->ask(question);
}

NameQuery::~NameQuery() {
  impl_->cancelled = true;
  impl_->done = nullptr;
  impl_->let_go();
}

}  // namespace yagura::io
