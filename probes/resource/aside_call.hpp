// One call at a time on a helper thread, with a deadline. For whatever asks the kernel and may hang
// in it: statvfs on a dead mount, a FUSE file under /proc, a process that cannot be read. A call
// that hangs keeps its one thread; no second one is started until it came back, so that a dead
// mount costs a probe one thread and no more.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "instant.hpp"

namespace yagura {

namespace io {
class Runtime;
}

class AsideCall {
 public:
  AsideCall();
  ~AsideCall();  // Forgets a call that runs; `done` is then not called.
  AsideCall(const AsideCall&) = delete;
  AsideCall& operator=(const AsideCall&) = delete;

  // Runs `work`, which must own all that it touches, and then `done` on the loop, with nothing or
  // with the reason why there was no answer within `limit`. Exactly once, never before start()
  // returns. Not to be called again before that. `what` names the work: "statvfs on /data".
  void start(io::Runtime& runtime, Duration limit, std::string what, std::function<void()> work,
             std::function<void(const std::string& no_answer)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace yagura
