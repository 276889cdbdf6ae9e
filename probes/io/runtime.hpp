// What asynchronous work runs on: one loop with one thread, libcurl and c-ares on it, and helper
// threads for calls that can hang in the kernel, places for programs. Made once per program; everything else borrows it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <typeindex>

#include "result.hpp"

namespace yagura::io {

class CurlLoop;
class Places;
class Resolver;

class Runtime {
 public:
  // `name_servers` ("127.0.0.1:5353", several with commas) are asked instead of those of
  // /etc/resolv.conf.
  explicit Runtime(boost::asio::io_context& loop, const std::string& name_servers = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  boost::asio::io_context& loop() { return loop_; }
  CurlLoop& curl() { return *curl_; }
  Resolver& resolver() { return *resolver_; }

  // For programs that probes start: at most 32 of them run at once.
  Places& program_places() { return *program_places_; }

  // What the users of one kind share with one another: one object of each type, made at the first
  // call, gone with the runtime before the loop's parts are.
  template <class Shared>
  Shared& shared() {
    std::shared_ptr<void>& held = shared_[std::type_index(typeid(Shared))];
    if (!held) held = std::make_shared<Shared>();
    return *static_cast<Shared*>(held.get());
  }

  // Runs `work` on a thread of its own and then `done` on the loop. A thread that hangs is left
  // behind; more than 64 of them at once are refused (the error says so), so that a dead mount
  // cannot eat the machine. `work` must own all that it touches and must not throw. Until `done`
  // was called the loop has work: a loop that is to end while a thread hangs must be stopped. After
  // the runtime is gone no `done` is called.
  Result<void> run_aside(std::function<void()> work, std::function<void()> done);

 private:
  struct Aside;
  boost::asio::io_context& loop_;
  std::unique_ptr<CurlLoop> curl_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<Places> program_places_;
  std::shared_ptr<Aside> aside_;
  std::map<std::type_index, std::shared_ptr<void>> shared_;
};

}  // namespace yagura::io
