#include "ares_loop.hpp"

#include <chrono>
#include <new>
#include <utility>

#include "instant.hpp"

namespace yagura::io {

void AresLoop::prepare_library() {
  static const int prepared = ares_library_init(ARES_LIB_INIT_ALL);
  if (prepared != ARES_SUCCESS) throw std::bad_alloc();
}

AresLoop::AresLoop(boost::asio::io_context& loop) : loop_(loop), timer_(loop) {
  prepare_library();
}

int AresLoop::open(ares_options options, int mask) {
  options.sock_state_cb = &AresLoop::on_socket;
  options.sock_state_cb_data = this;
  watch_ = std::make_shared<SocketWatch>(loop_, [weak = weak_from_this()](int socket, Ready ready) {
    if (auto self = weak.lock()) self->act(socket, ready);
  });
  int error = ares_init_options(&channel_, &options, mask | ARES_OPT_SOCK_STATE_CB);
  if (error != ARES_SUCCESS) channel_ = nullptr;
  return error;
}

void AresLoop::on_socket(void* data, ares_socket_t socket, int readable, int writable) {
  auto* self = static_cast<AresLoop*>(data);
  if (self->watch_) self->watch_->want(socket, readable != 0, writable != 0);
}

void AresLoop::act(int socket, Ready ready) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, ready == Ready::to_write ? ARES_SOCKET_BAD : socket,
                  ready == Ready::to_read ? ARES_SOCKET_BAD : socket);
  drive();
}

void AresLoop::drive() {
  if (channel_ == nullptr) return;
  timeval wait{};
  // Without a question under way there is nothing to wait for.
  if (ares_timeout(channel_, nullptr, &wait) == nullptr) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec) +
                       1ms);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    auto self = weak.lock();
    if (error || !self || self->channel_ == nullptr) return;
    ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    self->drive();
  });
}

void AresLoop::close() {
  timer_.cancel();
  if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
  if (watch_) watch_->stop();
  watch_.reset();
}

}  // namespace yagura::io
