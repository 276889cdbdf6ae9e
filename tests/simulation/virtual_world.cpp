#include "virtual_world.hpp"

#include <algorithm>

namespace yagura::sim {

namespace {

// More at one instant is a loop that never comes to rest.
constexpr int most_at_an_instant = 100'000;

class VirtualAlarm final : public Alarm {
 public:
  explicit VirtualAlarm(VirtualWorld& world) : world_(world) {}
  void set(SteadyInstant at, std::function<void()> then) override {
    turn_ = std::make_shared<std::function<void()>>(std::move(then));
    const Duration when = std::chrono::ceil<Duration>(at.time_since_epoch());
    world_.at(
        std::max(when, world_.clock()),
        [turn = std::weak_ptr(turn_)] {
          if (auto still = turn.lock()) (*still)();
        },
        true);
  }
  void cancel() override { turn_.reset(); }

 private:
  VirtualWorld& world_;
  std::shared_ptr<std::function<void()>> turn_;
};

// What one attempt comes to.
struct Fate {
  std::vector<std::string> arrives;
  std::vector<RecipientReply> refused, deferred;
  bool reply_lost = false;
  Duration arrives_after{0}, answered_after{0};
};

class VirtualRelay final : public Transport {
 public:
  VirtualRelay(VirtualWorld& world, Duration timeout) : world_(world), timeout_(timeout) {}
  ~VirtualRelay() override { *alive_ = false; }

  void deliver(Envelope envelope, std::function<void(Delivery)> done) override {
    if (!world_.goes_on("mail")) return;
    world_.witness->mail_leaves(envelope);
    auto mail = std::make_shared<const Envelope>(std::move(envelope));
    auto fate = std::make_shared<const Fate>(decide(*mail));
    // The connection is the process's: what has not arrived when it ends does not arrive.
    if (!fate->arrives.empty()) {
      world_.after(
          fate->arrives_after,
          [this, mail, fate, alive = std::weak_ptr(alive_)] {
            if (auto still = alive.lock(); !still || !*still) return;
            world_.witness->mail_arrives(*mail, fate->arrives);
            world_.arrived();
          },
          true);
    }
    world_.after(
        fate->answered_after,
        [this, mail, fate, done = std::move(done), alive = std::weak_ptr(alive_)] {
          if (auto still = alive.lock(); !still || !*still) return;
          Delivery delivery;
          delivery.relay = "relay";
          if (fate->reply_lost) {
            delivery.unknown = true;
            world_.witness->reply_is_lost(*mail);
            delivery.reply = "no answer after the final dot";
          } else {
            delivery.accepted = fate->arrives;
            delivery.refused = fate->refused;
            delivery.deferred = fate->deferred;
            delivery.reply = !fate->deferred.empty()  ? fate->deferred[0].reply
                             : !fate->refused.empty() ? fate->refused[0].reply
                                                      : "250 taken";
            for (const RecipientReply& one : fate->refused)
              world_.witness->mail_is_refused(*mail, one.address);
          }
          done(std::move(delivery));
        },
        true);
  }

 private:
  Fate decide(const Envelope& envelope) {
    Random& random = world_.random();
    Fate fate;
    RelayMood mood = world_.relay;
    if (mood == RelayMood::mixed) mood = static_cast<RelayMood>(random.below(7));
    auto defer_all = [&](const std::string& reply) {
      for (const std::string& address : envelope.to)
        fate.deferred.push_back({address, reply});
    };
    fate.arrives_after = random.between(5ms, 200ms);
    fate.answered_after = fate.arrives_after + random.between(1ms, 100ms);
    switch (mood) {
      case RelayMood::away:
        defer_all("connection refused");
        return fate;
      case RelayMood::hangs:
        fate.answered_after = timeout_;
        if (random.one_in(2)) {
          defer_all("no answer in time");
        } else {
          // After the final dot: it may be that the relay has it, or not.
          fate.reply_lost = true;
          if (random.one_in(2)) fate.arrives = envelope.to;
        }
        return fate;
      case RelayMood::refuses_for_now:
        for (const std::string& address : envelope.to) {
          if (random.one_in(4)) {
            fate.arrives.push_back(address);
          } else {
            fate.deferred.push_back({address, "450 4.2.0 later"});
          }
        }
        return fate;
      case RelayMood::refuses_some:
        for (const std::string& address : envelope.to) {
          if (random.one_in(6)) {
            fate.refused.push_back({address, "550 5.1.1 no such user"});
          } else {
            fate.arrives.push_back(address);
          }
        }
        return fate;
      case RelayMood::loses_replies:
        fate.arrives = envelope.to;
        if (random.one_in(2)) {
          fate.reply_lost = true;
          fate.answered_after = timeout_;
        }
        return fate;
      case RelayMood::slow:
        fate.arrives = envelope.to;
        fate.answered_after = random.between(timeout_ / 2, timeout_);
        fate.arrives_after = random.between(Duration{0}, fate.answered_after);
        return fate;
      case RelayMood::fine:
      case RelayMood::mixed:
        fate.arrives = envelope.to;
        return fate;
    }
    return fate;
  }

  VirtualWorld& world_;
  Duration timeout_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class VirtualProgram final : public StartedProgram {
 public:
  explicit VirtualProgram(VirtualWorld& world) : world_(world) { ++world_.programs_running; }
  ~VirtualProgram() override {
    *alive = false;
    --world_.programs_running;
  }
  std::string written() override { return "half done"; }
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

 private:
  VirtualWorld& world_;
};

}  // namespace

class VirtualProbe final : public Probe {
 public:
  VirtualProbe(VirtualWorld& world, ProbeId id) : world_(world), id_(std::move(id)) {}

  void start(io::Runtime&, const ProbeRun& run, std::function<void(Finding)> done) override {
    auto& running = world_.running_[id_];
    world_.witness->probe_starts(id_, !running.expired());
    run_ = std::make_shared<int>(0);
    running = run_;
    Random& random = world_.random();
    const Target target = world_.targets.contains(id_) ? world_.targets.at(id_) : Target{};
    Finding finding;
    finding.verdict = target.verdict;
    if (target.flaps > 0 && random.below(100) < target.flaps) {
      finding.verdict = target.verdict == Verdict::ok ? Verdict::failing : Verdict::ok;
    }
    if (finding.verdict == Verdict::failing) finding.reason = "connection refused";
    if (finding.verdict == Verdict::unknown) finding.reason = "no route from here";
    const Duration takes =
        target.slow ? random.between(run.timeout / 2, run.timeout) : random.between(1ms, 80ms);
    world_.after(
        takes,
        [this, finding, done = std::move(done), still = std::weak_ptr(run_)] {
          if (still.expired()) return;
          run_.reset();
          done(finding);
        },
        true);
  }

 private:
  VirtualWorld& world_;
  ProbeId id_;
  std::shared_ptr<int> run_;
};

VirtualWorld::VirtualWorld(std::uint64_t seed, Instant start, Trace& to)
    : trace(to), random_(seed, "world"), aside_(seed, "aside"), wall_start_(start), runtime_(loop_) {}

void VirtualWorld::at(Duration when, std::function<void()> what, bool of_process) {
  agenda_.emplace(When{when, ++last_entry_}, Entry{std::move(what), of_process ? process_ : 0});
}

void VirtualWorld::post(std::function<void()> work) {
  posted_.push_back({std::move(work), process_});
}

void VirtualWorld::run_posted() {
  for (int i = 0; !posted_.empty() && !ended_; ++i) {
    if (i > most_at_an_instant)
      return trace.violate("the loop comes to rest", "100,000 posted calls at one instant");
    Entry entry = std::move(posted_.front());
    posted_.pop_front();
    if (entry.process == process_) entry.what();
  }
}

bool VirtualWorld::step() {
  run_posted();
  while (!agenda_.empty() && !ended_) {
    auto first = agenda_.begin();
    Entry entry = std::move(first->second);
    const Duration when = first->first.first;
    agenda_.erase(first);
    if (entry.process != 0 && entry.process != process_) continue;
    steady_ = std::max(steady_, when);
    entry.what();
    run_posted();
    return true;
  }
  return ended_;
}

bool VirtualWorld::goes_on(const char* where) {
  if (ended_) return false;
  if (points_left_ == 0 || --points_left_ > 0) return true;
  end_now(where);
  return false;
}

void VirtualWorld::arrived() {
  if (std::exchange(ends_at_arrival_, false) && !ended_) return end_now("arrival");
  goes_on("arrival");
}

void VirtualWorld::end_now(const char* where) {
  ended_ = true;
  points_left_ = 0;
  trace.line(wall(), fmt::format("the process ends: {}", where));
}

void VirtualWorld::clear_process() {
  ++process_;
  ended_ = false;
  points_left_ = 0;
  std::erase_if(agenda_, [](const auto& entry) { return entry.second.process != 0; });
  posted_.clear();
  running_.clear();
}

std::unique_ptr<Alarm> VirtualWorld::make_alarm() {
  return std::make_unique<VirtualAlarm>(*this);
}

std::unique_ptr<Transport> VirtualWorld::make_transport(const MailSettings&,
                                                        const MailPolicy& policy) {
  return std::make_unique<VirtualRelay>(*this, policy.attempt_timeout);
}

std::unique_ptr<StartedProgram> VirtualWorld::start_program(
    io::ChildCommand command, std::function<void(io::ChildResult)> done) {
  auto program = std::make_unique<VirtualProgram>(*this);
  if (!goes_on("program")) return program;
  const std::string component = command.extra_environment.at("YAGURA_COMPONENT");
  trace.line(wall(), "program for " + component);
  io::ChildResult result;
  result.how = io::ChildResult::How::exited;
  const bool succeeds = random_.below(3) != 0,
             helps = succeeds && random_.below(100) < programs_help;
  result.status = succeeds ? 0 : 1;
  result.reason = succeeds ? "exited with status 0" : "exited with status 1";
  const Duration takes = random_.between(100ms, command.timeout + 10s);
  if (takes > command.timeout) {
    result.how = io::ChildResult::How::timed_out;
    result.reason = "ran too long and was killed";
  }
  after(
      std::min(takes, command.timeout),
      [this, result, helps, component, done = std::move(done),
       alive = std::weak_ptr(program->alive)] {
        if (auto still = alive.lock(); !still || !*still) return;
        if (helps)
          std::erase_if(targets, [&](const auto& one) { return one.first.component == component; });
        done(result);
      },
      true);
  return program;
}

Loaded VirtualWorld::load(const std::string&, Instant now) {
  return loads(now);
}

// At one instant, as nobody else looks at what it touches; and comes back at a later one.
bool VirtualWorld::run_aside(std::function<void()> work, std::function<void()> done) {
  if (aside_.one_in(50)) return false;  // Too many hang.
  after(
      aside_.between(1ms, 200ms),
      [this, work = std::move(work), done = std::move(done)] {
        if (!goes_on("aside")) return;
        work();
        if (worked_aside) worked_aside();
        after(
            aside_.between(1ms, aside_.one_in(10) ? 5s : 100ms),
            [this, done] {
              if (goes_on("back from aside")) done();
            },
            true);
      },
      true);
  return true;
}

std::unique_ptr<Probe> VirtualWorld::make_probe(const ProbeId& id) {
  return std::make_unique<VirtualProbe>(*this, id);
}

}  // namespace yagura::sim
