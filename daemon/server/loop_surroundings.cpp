#include "loop_surroundings.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "load_here.hpp"

namespace yagura {

namespace {

class LoopAlarm final : public Alarm {
 public:
  explicit LoopAlarm(boost::asio::io_context& loop) : timer_(loop) {}
  void set(SteadyInstant at, std::function<void()> then) override {
    timer_.expires_at(at);
    timer_.async_wait([then = std::move(then)](boost::system::error_code error) {
      if (!error) then();
    });
  }
  void cancel() override { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
};

class StartedChild final : public StartedProgram {
 public:
  StartedChild(boost::asio::io_context& loop, io::ChildCommand command,
               std::function<void(io::ChildResult)> done)
      : child_(loop, std::move(command), std::move(done)) {}
  std::string written() override { return child_.written(); }

 private:
  io::Child child_;
};

}  // namespace

Instant system_wall_clock() {
  return std::chrono::floor<Duration>(std::chrono::system_clock::now());
}

Instant LoopSurroundings::wall() {
  return system_wall_clock();
}

std::unique_ptr<Alarm> LoopSurroundings::make_alarm() {
  return std::make_unique<LoopAlarm>(loop_);
}

void LoopSurroundings::post(std::function<void()> work) {
  boost::asio::post(loop_, std::move(work));
}

std::unique_ptr<Transport> LoopSurroundings::make_transport(const MailSettings& mail,
                                                            const MailPolicy& policy) {
  if (mail.relays.empty()) {
    return make_maildir_transport(runtime_, mail.maildir, policy.attempt_timeout);
  }
  return make_smtp_transport(runtime_, mail.relays, policy.attempt_timeout, policy.from_domain);
}

std::unique_ptr<StartedProgram> LoopSurroundings::start_program(
    io::ChildCommand command, std::function<void(io::ChildResult)> done) {
  return std::make_unique<StartedChild>(loop_, std::move(command), std::move(done));
}

Loaded LoopSurroundings::load(const std::string& file, Instant now) {
  return load_here(file, now);
}

}  // namespace yagura
