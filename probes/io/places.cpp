#include "places.hpp"

#include <boost/asio/post.hpp>
#include <map>
#include <set>

namespace yagura::io {

struct Places::State : std::enable_shared_from_this<State> {
  boost::asio::io_context* loop = nullptr;  // none once the places are gone
  std::size_t free = 0;
  std::uint64_t last_number = 0;
  std::map<std::uint64_t, std::function<void()>> waiting;
  std::set<std::uint64_t> held;

  void serve_soon() {
    if (loop == nullptr) return;
    boost::asio::post(*loop, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->serve();
    });
  }

  void serve() {
    while (loop != nullptr && free > 0 && !waiting.empty()) {
      auto first = waiting.extract(waiting.begin());
      held.insert(first.key());
      --free;
      first.mapped()();
    }
  }
};

Places::Places(boost::asio::io_context& loop, std::size_t count)
    : count_(count), state_(std::make_shared<State>()) {
  state_->loop = &loop;
  state_->free = count;
}

Places::~Places() {
  state_->loop = nullptr;
}

Places::Place::~Place() {
  if (state_->held.erase(number_) == 0) {
    state_->waiting.erase(number_);
    return;
  }
  ++state_->free;
  if (!state_->waiting.empty()) state_->serve_soon();
}

std::unique_ptr<Places::Place> Places::ask(std::function<void()> given) {
  const std::uint64_t number = ++state_->last_number;
  state_->waiting.emplace(number, std::move(given));
  state_->serve_soon();
  return std::make_unique<Place>(state_, number);
}

}  // namespace yagura::io
