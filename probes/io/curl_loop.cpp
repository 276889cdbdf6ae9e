#include "curl_loop.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <new>
#include <utility>

#include "socket_watch.hpp"

namespace yagura::io {

namespace asio = boost::asio;

namespace {

// libcurl wants this once per program, before any thread makes a handle.
void prepare_curl() {
  static const CURLcode prepared = curl_global_init(CURL_GLOBAL_ALL);
  if (prepared != CURLE_OK) throw std::bad_alloc();
  // Under CURLOPT_NOSIGNAL libcurl leaves this to us: TLS writes to a socket that the other side
  // may have closed.
  static const bool ignored = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;
  if (!ignored) throw std::bad_alloc();
}

}  // namespace

struct CurlLoop::Impl : std::enable_shared_from_this<Impl> {
  struct Transfer {
    std::uint64_t number = 0;
    std::function<void(CURLcode)> done;
    bool stays = false;  // After its end too, until cancel().
  };

  explicit Impl(asio::io_context& given) : loop(given), timer(given) {
    prepare_curl();
    multi = curl_multi_init();  // NOLINT(cppcoreguidelines-prefer-member-initializer): not before that
    if (multi == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  }

  ~Impl() { close(); }

  void begin() {
    watch = std::make_shared<SocketWatch>(loop, [weak = weak_from_this()](int socket, Ready ready) {
      auto self = weak.lock();
      if (!self) return;
      int mask = ready == Ready::to_read    ? CURL_CSELECT_IN
                 : ready == Ready::to_write ? CURL_CSELECT_OUT
                                            : CURL_CSELECT_ERR;
      self->act(socket, mask);
    });
  }

  void close() {
    if (multi == nullptr) return;
    for (auto& [easy, transfer] : std::exchange(transfers, {})) {
      curl_multi_remove_handle(multi, easy);
    }
    // Closing the kept connections calls on_socket for each of them.
    curl_multi_cleanup(std::exchange(multi, nullptr));
    if (watch) watch->stop();
    timer.cancel();
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* data, void*) {
    auto* self = static_cast<Impl*>(data);
    // CURL_POLL_REMOVE: libcurl wants no more news of it; it may close it or keep it for later.
    self->watch->want(socket, what == CURL_POLL_IN || what == CURL_POLL_INOUT,
                      what == CURL_POLL_OUT || what == CURL_POLL_INOUT);
    return 0;
  }

  static int on_timer(CURLM*, long milliseconds, void* data) {
    auto* self = static_cast<Impl*>(data);
    if (milliseconds < 0) {
      self->timer.cancel();
      return 0;
    }
    // "Now" is the most frequent of all, and needs no timer of the kernel. It comes from the loop
    // all the same: libcurl must not be entered from its callback.
    if (milliseconds == 0) {
      self->timer.cancel();
      if (std::exchange(self->acts_soon, true)) return 0;
      asio::post(self->loop, [weak = self->weak_from_this()] {
        auto alive = weak.lock();
        if (!alive) return;
        alive->acts_soon = false;
        alive->act(CURL_SOCKET_TIMEOUT, 0);
      });
      return 0;
    }
    self->timer.expires_after(std::chrono::milliseconds(milliseconds));
    self->timer.async_wait([weak = self->weak_from_this()](boost::system::error_code error) {
      auto alive = weak.lock();
      if (alive && !error) alive->act(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
  }

  void act(curl_socket_t socket, int mask) {
    if (multi == nullptr) return;
    auto keep = shared_from_this();  // A `done` may destroy the CurlLoop.
    int running = 0;
    curl_multi_socket_action(multi, socket, mask, &running);
    int left = 0;
    while (multi != nullptr) {
      const CURLMsg* message = curl_multi_info_read(multi, &left);
      if (message == nullptr) break;
      if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
    }
  }

  void finish(CURL* easy, CURLcode code) {
    auto found = transfers.find(easy);
    if (found == transfers.end()) return;
    auto done = std::exchange(found->second.done, nullptr);
    if (!found->second.stays) {
      transfers.erase(found);
      curl_multi_remove_handle(multi, easy);
    }
    if (done) done(code);
  }

  void start(CURL* easy, std::function<void(CURLcode)> done, bool stays) {
    std::uint64_t number = ++last_number;
    transfers[easy] = Transfer{number, std::move(done), stays};
    if (curl_multi_add_handle(multi, easy) == CURLM_OK) return;
    asio::post(loop, [weak = weak_from_this(), easy, number] {
      auto self = weak.lock();
      if (!self || self->multi == nullptr) return;
      auto found = self->transfers.find(easy);
      if (found != self->transfers.end() && found->second.number == number) {
        self->finish(easy, CURLE_FAILED_INIT);
      }
    });
  }

  void cancel(CURL* easy) {
    auto found = transfers.find(easy);
    if (found == transfers.end()) return;
    auto dropped = std::move(found->second);  // Dies last: it may own what called us.
    transfers.erase(found);
    curl_multi_remove_handle(multi, easy);
  }

  asio::io_context& loop;
  asio::steady_timer timer;
  CURLM* multi = nullptr;
  std::shared_ptr<SocketWatch> watch;
  std::map<CURL*, Transfer> transfers;
  std::uint64_t last_number = 0;
  bool acts_soon = false;
};

CurlLoop::CurlLoop(asio::io_context& loop) : impl_(std::make_shared<Impl>(loop)) {
  impl_->begin();
}
CurlLoop::~CurlLoop() {
  impl_->close();
}

void CurlLoop::start(CURL* easy, std::function<void(CURLcode)> done) {
  impl_->start(easy, std::move(done), false);
}
void CurlLoop::connect(CURL* easy, std::function<void(CURLcode)> done) {
  impl_->start(easy, std::move(done), true);
}
void CurlLoop::cancel(CURL* easy) {
  impl_->cancel(easy);
}

}  // namespace yagura::io
