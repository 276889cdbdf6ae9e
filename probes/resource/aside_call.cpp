#include "aside_call.hpp"

#include <fmt/format.h>

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "io/runtime.hpp"

namespace yagura {
namespace {

// All helpers are busy for moments only, unless mounts are dead: worth asking again within the
// deadline.
constexpr Duration ask_again_after = 50ms;

using Steady = std::chrono::steady_clock;

}  // namespace

struct AsideCall::State : std::enable_shared_from_this<State> {
  // What the caller waits for.
  bool waiting = false;
  bool begun = false;  // its own work runs; else it waits for an earlier one, or for a free helper
  io::Runtime* runtime = nullptr;
  std::unique_ptr<boost::asio::steady_timer> timer;
  Duration limit{};
  Steady::time_point deadline;
  std::string what;
  std::function<void()> work;
  std::function<void(const std::string&)> done;
  std::string refusal;
  // The helper, which may be busy long after nobody waits any more.
  bool busy = false;
  Steady::time_point busy_since;

  void try_to_begin() {
    busy_since = Steady::now();
    auto result = runtime->run_aside(work, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->came_back();
    });
    if (result) {
      busy = begun = true;
      refusal.clear();
      wait_until(deadline);
    } else {
      refusal = result.error().message;
      wait_until(std::min(deadline, Steady::now() + ask_again_after));
    }
  }

  void wait_until(Steady::time_point when) {
    timer->expires_at(when);
    timer->async_wait([weak = weak_from_this()](boost::system::error_code error) {
      auto self = weak.lock();
      if (self && error != boost::asio::error::operation_aborted) self->rang();
    });
  }

  void came_back() {
    busy = false;
    if (!waiting) return;
    if (begun) return finish({});
    try_to_begin();
  }

  void rang() {
    // A timer moved after it rang is still called for its earlier time: then there is nothing to do
    // yet.
    if (!waiting || timer->expiry() > Steady::now()) return;
    if (Steady::now() < deadline) return try_to_begin();
    if (begun)
      return finish(fmt::format("{} did not answer within {}", what, format_duration(limit)));
    if (!busy) return finish(fmt::format("{} could not be started: {}", what, refusal));
    auto hanging = std::chrono::duration_cast<std::chrono::seconds>(Steady::now() - busy_since);
    finish(fmt::format("{} has not answered for {}", what, format_duration(hanging)));
  }

  void finish(const std::string& no_answer) {
    waiting = false;
    timer.reset();  // A probe that rests holds nothing of the loop.
    // Whoever is told may destroy or restart us; nothing of ours is touched after.
    auto tell = std::exchange(done, nullptr);
    work = nullptr;
    tell(no_answer);
  }
};

AsideCall::AsideCall() : state_(std::make_shared<State>()) {}

AsideCall::~AsideCall() {
  // The timer lives in the loop, which may be gone before a last reference to the state.
  state_->waiting = false;
  state_->timer.reset();
}

void AsideCall::start(io::Runtime& runtime, Duration limit, std::string what,
                      std::function<void()> work, std::function<void(const std::string&)> done) {
  State& state = *state_;
  state.waiting = true;
  state.begun = false;
  state.runtime = &runtime;
  state.timer = std::make_unique<boost::asio::steady_timer>(runtime.loop());
  state.limit = limit;
  state.deadline = Steady::now() + limit;
  state.what = std::move(what);
  state.work = std::move(work);
  state.done = std::move(done);
  if (state.busy) {
    state.wait_until(state.deadline);
  } else {
    state.try_to_begin();
  }
}

}  // namespace yagura
