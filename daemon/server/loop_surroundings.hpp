// The real surroundings of the engine: the clocks of the system, an Asio loop with its runtime,
// relays or a Maildir, child processes, files. Borrows the loop; owned by the daemon.
#pragma once

#include "surroundings.hpp"

namespace yagura {

class LoopSurroundings final : public Surroundings {
 public:
  explicit LoopSurroundings(boost::asio::io_context& loop) : loop_(loop), runtime_(loop) {}

  Instant wall() override;
  SteadyInstant steady() override { return std::chrono::steady_clock::now(); }
  std::unique_ptr<Alarm> make_alarm() override;
  void post(std::function<void()> work) override;
  io::Runtime& runtime() override { return runtime_; }
  std::unique_ptr<Transport> make_transport(const MailSettings& mail,
                                            const MailPolicy& policy) override;
  std::unique_ptr<StartedProgram> start_program(io::ChildCommand command,
                                                std::function<void(io::ChildResult)> done) override;
  Loaded load(const std::string& file, Instant now) override;
  bool run_aside(std::function<void()> work, std::function<void()> done) override {
    return runtime_.run_aside(std::move(work), std::move(done)).has_value();
  }

 private:
  boost::asio::io_context& loop_;
  io::Runtime runtime_;
};

// For what has to know the time before there is a loop.
Instant system_wall_clock();

}  // namespace yagura
