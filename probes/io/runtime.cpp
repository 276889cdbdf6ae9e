#include "runtime.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "curl_loop.hpp"
#include "places.hpp"
#include "resolver.hpp"

namespace yagura::io {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_aside = 64;
constexpr std::size_t most_programs = 32;

// A helper thread takes no signals: they are the loop's. What it inherits is what its maker blocks.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

// Shared with the helper threads, which may outlive the runtime. `waiting` belongs to the loop's
// thread alone, so that no `done`, nor what it holds, ever dies on a helper thread.
struct Runtime::Aside {
  struct Waiting {
    std::function<void()> done;
    asio::executor_work_guard<asio::io_context::executor_type> guard;
  };

  void finish(std::uint64_t number) {
    auto found = waiting.find(number);
    if (found == waiting.end()) return;
    Waiting finished = std::move(found->second);
    waiting.erase(found);
    finished.done();
  }

  std::map<std::uint64_t, Waiting> waiting;
  std::uint64_t last_number = 0;
  std::mutex mutex;
  asio::io_context* loop = nullptr;  // Under the mutex; null once the runtime is gone.
};

Runtime::Runtime(asio::io_context& loop, const std::string& name_servers)
    : loop_(loop),
      curl_(std::make_unique<CurlLoop>(loop)),
      resolver_(std::make_unique<Resolver>(loop, name_servers)),
      program_places_(std::make_unique<Places>(loop, most_programs)),
      aside_(std::make_shared<Aside>()) {
  aside_->loop = &loop;
}

Runtime::~Runtime() {
  {
    std::lock_guard lock(aside_->mutex);
    aside_->loop = nullptr;
  }
  auto dropped = std::move(aside_->waiting);
  aside_->waiting.clear();
}

Result<void> Runtime::run_aside(std::function<void()> work, std::function<void()> done) {
  if (aside_->waiting.size() >= most_aside) {
    return failure_of(fmt::format(
        "{} helper threads are already waiting for calls that do not return; look for a dead mount",
        most_aside));
  }
  std::uint64_t number = ++aside_->last_number;
  auto run = [aside = aside_, number, work = std::move(work)]() mutable {
    work();
    work = nullptr;  // What it owns is let go before `done` is told.
    std::lock_guard lock(aside->mutex);
    if (aside->loop != nullptr)
      asio::post(*aside->loop, [aside, number] { aside->finish(number); });
  };
  aside_->waiting.emplace(number, Aside::Waiting{std::move(done), asio::make_work_guard(loop_)});
  try {
    SignalsBlocked blocked;
    std::thread(std::move(run)).detach();
  } catch (const std::system_error& error) {
    aside_->waiting.erase(number);
    return failure_of(fmt::format("cannot start a helper thread: {}", error.code().message()));
  }
  return {};
}

}  // namespace yagura::io
