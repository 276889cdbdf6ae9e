// Places for what could be many at once and has to be few, such as programs that run: who asks gets
// one, at once or when another gives its own back, in the order of asking. One thread, the loop's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace yagura::io {

class Places {
 public:
  Places(boost::asio::io_context& loop, std::size_t count);
  ~Places();  // Who waits, waits in vain from now on.
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

 private:
  struct State;

 public:
  // A place, or the wait for one. Destroying it gives it back.
  class Place {
   public:
    Place(std::shared_ptr<State> state, std::uint64_t number)
        : state_(std::move(state)), number_(number) {}
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    std::shared_ptr<State> state_;
    std::uint64_t number_;
  };

  // `given` is called once, from the loop, never before ask() returns.
  std::unique_ptr<Place> ask(std::function<void()> given);
  std::size_t count() const { return count_; }

 private:
  std::size_t count_;
  std::shared_ptr<State> state_;
};

}  // namespace yagura::io
