// A small world around the decision code for its unit tests: a clock that jumps from one deadline to the next, probes
// that say what the test has set, a relay that is there or not. What it was told to do it remembers.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "decider.hpp"

namespace yagura::test {

// Two web servers of which one is enough, a database, a zone below the web servers; two services, two banks
// (aozora: both services, midori: member-site).
Platform example_platform();

struct Sent {
  Instant at{};
  NoticeId id = 0;
  NoticeKind kind{};
  std::string audience;
  FailureId failure = 0;
  std::string topic;
  FailureClass classification{};  // of the failure, when it was handed over
  std::vector<NoticeId> carries;
};

class World {
 public:
  explicit World(Platform platform, Instant now);
  // 2026-12-28T16:58 in Japan.
  static Instant at(std::string_view text);

  // ---- the story ----
  void fail(const std::string& component, const std::string& probe, const std::string& reason = "refused");
  void ok(const std::string& component, const std::string& probe);
  void unknown(const std::string& component, const std::string& probe);
  void run_until(Instant until);
  void run_for(Duration duration) { run_until(now_ + duration); }
  // The running automatic step ends.
  void step_ends(StepResult result);
  void ends(const StepEnded& step) { take(step); }
  // Gives the answer; the confirmation's may come later: see answer().
  std::string order(const std::string& by, Order order);
  bool accepted() const { return last_answer_ && last_answer_->done; }
  void restart(Duration down) { restart(down, platform()); }
  // The configuration was edited before the start.
  void restart(Duration down, Platform platform);
  void reload(Platform platform);
  void clock_jumped(Duration by);
  void mail_comes(const MailCame& mail) { take(mail); }
  void probes_are_late(Duration by, std::uint64_t fell_out) { take(ProbesLate{by, fell_out}); }
  std::set<ProbeId> no_probe_runs;      // of these no run begins
  bool mail_up = true;
  std::map<std::string, int> refuses;   // address -> 550
  std::set<std::string> defers;         // addresses: 450
  bool cut_after_the_dot = false;       // the next delivery's outcome is unknown
  bool relay_hangs = false;             // deliveries stay under way until relay_answers()
  void relay_answers();

  // Whoever compares: told of every event before the decision code is, and of every instant that is over.
  std::function<void(const Event&, Instant)> before_event;
  std::function<void(Instant)> instant_over;

  // ---- what came of it ----
  const Failure& failure(FailureId id) const { return decider_->state().failures.at(id); }
  std::size_t failures() const { return decider_->state().failures.size(); }
  const Notice& notice(NoticeId id) const { return decider_->state().notices.at(id); }
  const State& state() const { return decider_->state(); }
  std::vector<Why> why_of_stop(StopId id) const { return decider_->why(id, now_); }
  // Notices of this kind handed over to this audience (any, where empty).
  std::vector<Sent> sent(NoticeKind kind, const std::string& audience = {}) const;
  std::size_t count(NoticeKind kind, const std::string& audience = {}) const {
    return sent(kind, audience).size();
  }
  // The unsent notice to the audience, if there is one.
  const Notice* unsent(const std::string& audience) const;
  std::vector<Sent> mails;
  std::vector<Fact> facts;
  std::function<void(const Fact&)> on_fact;  // called at each, when its turn is over
  std::vector<StartStep> steps;
  Instant now() const { return now_; }
  const Platform& platform() const { return *decider_->platform(); }

 private:
  struct Truth {
    Verdict verdict = Verdict::ok;
    std::string reason;
  };
  void run_probe(const ProbeId& probe);
  void set(const std::string& component, const std::string& probe, Truth truth);
  void take(const Event& event);
  Batch handle(const Event& event);
  void act(const Batch& batch);
  void deliver(NoticeId id);
  void settle();

  Instant now_;
  std::unique_ptr<Decider> decider_;
  // Is given the same, and looks at everything in each turn: what does not come out the same, is thrown.
  std::unique_ptr<Decider> thorough_;
  std::map<ProbeId, Truth> truth_;
  std::map<ProbeId, Instant> retries_;
  std::deque<Event> events_;  // that came of effects
  std::vector<NoticeId> under_way_;
  std::optional<StartStep> running_;
  std::optional<Answer> last_answer_;
  CommandId last_command_ = 0;
};

}  // namespace yagura::test
