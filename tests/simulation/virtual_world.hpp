// Time and everything that is not the daemon: an agenda in virtual time, the daemon's process in it
// (which ends at a point that was chosen, and is then deaf and mute), targets, the relay, programs.
// It is the engine's surroundings. Owned by the run; outlives every start of the daemon.
//
// The order of things is the agenda's: by time, then as they were put there. Nothing here reads a
// real clock.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "random.hpp"
#include "surroundings.hpp"
#include "trace.hpp"

namespace yagura::sim {

// What a probe finds.
struct Target {
  Verdict verdict = Verdict::ok;
  int flaps = 0;      // percent of the runs find the opposite
  bool slow = false;  // runs take nearly all of their time
  Duration since{0};  // on the steady clock, as it is now
};

enum class RelayMood {
  fine,
  away,
  hangs,
  refuses_for_now,
  refuses_some,
  loses_replies,
  slow,
  mixed
};

class VirtualWorld;

// What is told to whoever judges. All times are the world's.
struct Witness {
  virtual ~Witness() = default;
  virtual void mail_leaves(const Envelope& envelope) = 0;  // an attempt begins
  virtual void mail_arrives(const Envelope& envelope,
                            const std::vector<std::string>& addresses) = 0;  // at the relay
  virtual void reply_is_lost(const Envelope& envelope) = 0;  // nobody can know whether it arrived
  virtual void mail_is_refused(const Envelope& envelope, const std::string& address) = 0;
  virtual void probe_starts(const ProbeId& probe, bool already_runs) = 0;
};

class VirtualWorld final : public Surroundings {
 public:
  VirtualWorld(std::uint64_t seed, Instant start, Trace& trace);

  // ---- The agenda ----
  Duration clock() const { return steady_; }  // steady, from 0
  // `of_process`: falls away when the daemon's process ends.
  void at(Duration when, std::function<void()> what, bool of_process = false);
  void after(Duration wait, std::function<void()> what, bool of_process = false) {
    at(steady_ + wait, std::move(what), of_process);
  }
  // Goes on to the next thing and does it, with all that the loop has to do then. False: the agenda
  // is empty.
  bool step();

  // ---- The daemon's process ----
  // A point at which the process may end. False: it ended here or before; whoever asks does not
  // act.
  bool goes_on(const char* where);
  bool ended() const { return ended_; }
  void end_after(int points) { points_left_ = points; }
  // When the next mail has arrived, and its reply has not.
  void end_at_arrival() { ends_at_arrival_ = true; }
  bool is_to_end() const { return points_left_ > 0; }
  void end_now(const char* where);
  void arrived();
  void clear_process();  // after an end, or a clean one: what was of it falls away

  // ---- Surroundings ----
  Instant wall() override { return wall_start_ + steady_ + wall_offset_; }
  SteadyInstant steady() override { return SteadyInstant{} + steady_; }
  std::unique_ptr<Alarm> make_alarm() override;
  void post(std::function<void()> work) override;
  io::Runtime& runtime() override { return runtime_; }
  std::unique_ptr<Transport> make_transport(const MailSettings& mail,
                                            const MailPolicy& policy) override;
  std::unique_ptr<StartedProgram> start_program(io::ChildCommand command,
                                                std::function<void(io::ChildResult)> done) override;
  Loaded load(const std::string& file, Instant now) override;
  bool run_aside(std::function<void()> work, std::function<void()> done) override;

  // ---- What the run turns ----
  void move_wall_clock(Duration by) { wall_offset_ += by; }
  RelayMood relay = RelayMood::fine;
  std::map<ProbeId, Target> targets;  // others are well
  int programs_help = 50;             // percent
  std::function<Loaded(Instant)> loads;
  std::function<void()> worked_aside;
  Witness* witness = nullptr;
  Trace& trace;
  std::size_t programs_running = 0;

  Random& random() { return random_; }
  std::unique_ptr<Probe> make_probe(const ProbeId& id);

 private:
  struct Entry {
    std::function<void()> what;
    int process;  // 0: of the world
  };
  using When = std::pair<Duration, std::uint64_t>;
  void run_posted();

  Random random_, aside_;
  Instant wall_start_;
  Duration steady_{0}, wall_offset_{0};
  std::map<When, Entry> agenda_;
  std::uint64_t last_entry_ = 0;
  std::deque<Entry> posted_;
  int process_ = 1;
  bool ended_ = false;
  bool ends_at_arrival_ = false;
  int points_left_ = 0;           // 0: nobody wants it to end
  boost::asio::io_context loop_;  // never run: the runtime wants one
  io::Runtime runtime_;
  std::map<ProbeId, std::weak_ptr<int>> running_;  // probe runs in flight
  friend class VirtualProbe;
};

}  // namespace yagura::sim
