// What the engine has around it: time, its loop, mail, programs that it starts, and the file of its
// configuration. All that it does to the world or learns from it goes through here, through the
// store, and through the probes that a configuration makes: so a simulation (tests/simulation) runs
// the engine as it is, in virtual time. Production has one of them (loop_surroundings.hpp), made
// before the engine and gone after it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "child.hpp"
#include "configuration.hpp"
#include "instant.hpp"
#include "runtime.hpp"
#include "transport.hpp"

namespace yagura {

using SteadyInstant = std::chrono::steady_clock::time_point;

// Calls once, from the loop. Setting it again takes the place of what was set; after cancel(), or
// once it is destroyed, it does not call.
class Alarm {
 public:
  virtual ~Alarm() = default;
  virtual void set(SteadyInstant at, std::function<void()> then) = 0;
  virtual void cancel() = 0;
};

// A program that was started. Destroying it kills it, and its `done` is then not called.
class StartedProgram {
 public:
  virtual ~StartedProgram() = default;
  // What it has written so far, within the command's limit.
  virtual std::string written() = 0;
};

class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual Instant wall() = 0;
  virtual SteadyInstant steady() = 0;
  virtual std::unique_ptr<Alarm> make_alarm() = 0;
  // Runs `work` on the loop, soon and in order, never within the call. From any thread.
  virtual void post(std::function<void()> work) = 0;
  // What probes run on.
  virtual io::Runtime& runtime() = 0;
  virtual std::unique_ptr<Transport> make_transport(const MailSettings& mail,
                                                    const MailPolicy& policy) = 0;
  // `done` is called once, from the loop, never within the call.
  virtual std::unique_ptr<StartedProgram> start_program(
      io::ChildCommand command, std::function<void(io::ChildResult)> done) = 0;
  virtual Loaded load(const std::string& file, Instant now) = 0;
  // Runs `work`, which may block and owns all that it touches, beside the loop, and then `done` on it. False: not now.
  virtual bool run_aside(std::function<void()> work, std::function<void()> done) = 0;
};

}  // namespace yagura
