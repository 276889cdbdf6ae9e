#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "local_run.hpp"
#include "resource/aside_call.hpp"
#include "resource/local_probe.hpp"

using namespace yagura;
using local::contains;

namespace {

// A call that hangs until it is let go; a helper thread may still be in it when the test's objects
// are gone.
class Hanging {
 public:
  std::function<void()> work() const {
    return [gate = gate_] { gate.wait(); };
  }
  void let_go() {
    if (!gone_) promise_.set_value();
    gone_ = true;
  }
  ~Hanging() { let_go(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> gate_ = promise_.get_future().share();
  bool gone_ = false;
};

struct Loop {
  boost::asio::io_context loop;
  io::Runtime runtime{loop};

  // What the call said; "-" where nothing was said within ten seconds.
  std::string call(AsideCall& aside, Duration limit, std::function<void()> work) {
    std::optional<std::string> said;
    aside.start(runtime, limit, "the look", std::move(work), [&](const std::string& no_answer) {
      CHECK_FALSE(said.has_value());
      said = no_answer;
      loop.stop();
    });
    CHECK_FALSE(said.has_value());
    loop.restart();
    loop.run_for(10s);
    return said.value_or("-");
  }
};

class SlowProbe final : public LocalProbe<int> {
 public:
  explicit SlowProbe(std::function<Result<int>()> question)
      : LocalProbe("the look at \x1b/data"), question_(std::move(question)) {}

 protected:
  std::function<Result<int>()> question(const ProbeRun&) override { return question_; }
  Finding judge(const int& answer, const ProbeRun&) override {
    return {Verdict::ok, "looked", {{"answer", answer}}};
  }

 private:
  std::function<Result<int>()> question_;
};

}  // namespace

TEST_CASE("a call that answers is told once, on the loop's thread") {
  Loop loop;
  AsideCall aside;
  std::thread::id worked_on{};
  CHECK(loop.call(aside, 5s, [&] { worked_on = std::this_thread::get_id(); }).empty());
  CHECK(worked_on != std::thread::id{});
  CHECK(worked_on != std::this_thread::get_id());
  CHECK(loop.call(aside, 5s, [] {}).empty());
}

TEST_CASE("a call that hangs is left behind, and no second one joins it") {
  Loop loop;
  Hanging hanging;
  AsideCall aside;
  CHECK(loop.call(aside, 20ms, hanging.work()) == "the look did not answer within 20ms");
  bool ran = false;
  CHECK(contains(loop.call(aside, 20ms, [&] { ran = true; }), "the look has not answered for"));
  CHECK_FALSE(ran);
  // Come back while the next one waits, it makes way.
  boost::asio::post(loop.loop, [&] { hanging.let_go(); });
  CHECK(loop.call(aside, 5s, [&] { ran = true; }).empty());
  CHECK(ran);
}

TEST_CASE("a call whose owner is gone tells nobody") {
  Loop loop;
  Hanging hanging;
  auto aside = std::make_unique<AsideCall>();
  bool told = false;
  aside->start(loop.runtime, 5s, "the look", hanging.work(),
               [&](const std::string&) { told = true; });
  aside.reset();
  hanging.let_go();
  loop.loop.run_for(50ms);
  CHECK_FALSE(told);
}

TEST_CASE("whoever is told may start the next call at once, or let go of it") {
  Loop loop;
  auto aside = std::make_unique<AsideCall>();
  int told = 0;
  aside->start(
      loop.runtime, 5s, "the look", [] {},
      [&](const std::string&) {
        ++told;
        aside->start(
            loop.runtime, 5s, "the look", [] {},
            [&](const std::string& no_answer) {
              ++told;
              CHECK(no_answer.empty());
              aside.reset();
              loop.loop.stop();
            });
      });
  loop.loop.run_for(5s);
  CHECK(told == 2);
}

TEST_CASE("when all helpers hang, a call says so at its deadline") {
  Loop loop;
  Hanging hanging;
  for (int busy = 0; busy < 64; ++busy)
    REQUIRE(loop.runtime.run_aside(hanging.work(), [] {}));
  AsideCall aside;
  CHECK(
      contains(loop.call(aside, 20ms, [] {}), "the look could not be started: 64 helper threads"));
  // Freed in time, it goes on.
  boost::asio::post(loop.loop, [&] { hanging.let_go(); });
  CHECK(loop.call(aside, 5s, [] {}).empty());
}

TEST_CASE("a probe whose question hangs is unknown at its deadline, with safe words") {
  Hanging hanging;
  SlowProbe probe([work = hanging.work()]() -> Result<int> {
    work();
    return 1;
  });
  Finding finding = local::run(probe, false, 20ms);
  CHECK(finding.verdict == Verdict::unknown);
  CHECK(finding.reason == "the look at \\x1b/data did not answer within 20ms");
}

TEST_CASE("a question that fails or throws is unknown, with its words") {
  SlowProbe fails([]() -> Result<int> { return failure_of("no\nlook"); });
  CHECK(local::run(fails).verdict == Verdict::unknown);
  CHECK(local::run(fails).reason == "no look");
  SlowProbe throws([]() -> Result<int> { throw std::runtime_error("out of it"); });
  CHECK(local::run(throws).reason == "out of it");
  SlowProbe answers([]() -> Result<int> { return 7; });
  CHECK(local::run(answers).values.at("answer") == 7);
}

TEST_CASE("a probe destroyed in the middle of a run tells nobody") {
  Hanging hanging;
  Loop loop;
  auto probe = std::make_unique<SlowProbe>([work = hanging.work()]() -> Result<int> {
    work();
    return 1;
  });
  probe->start(loop.runtime, {Instant{}, 5s, false}, [](Finding) { FAIL("told"); });
  probe.reset();
  hanging.let_go();
  loop.loop.run_for(50ms);
}

TEST_CASE("a file is read up to the limit, and what is none is refused") {
  CHECK(read_whole_file("/proc/self/comm", 100).has_value());
  CHECK(contains(read_whole_file("/proc/self/status", 10).error().message,
                 "is longer than 10 bytes"));
  CHECK(contains(read_whole_file("/nonexistent", 10).error().message,
                 "cannot be read: No such file"));
  CHECK(contains(read_whole_file("/dev/zero", 10).error().message, "is not a readable file"));
  FileStart start = read_file_start("/proc/self/status", 10);
  CHECK(start.text.size() == 10);
  CHECK(start.cut);
}
