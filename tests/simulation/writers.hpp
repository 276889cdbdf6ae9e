// Those who write to the inquiry desk, and the spool that their mails come through: banks'
// administrators, colleagues, strangers, programs, mail servers that give something back. Mails are
// real ones: spooled by daemon/spool into real files, read by daemon/incoming. Owned by the run;
// outlives every start of the daemon.
//
// What is kept in memory elsewhere is files here, so that three things are the simulation's own: a
// spooled mail gets a name that the seed alone decides; what the daemon's thread does with the
// files in one go is done at one instant (between goes, and before each comes back, the process may
// end); and after a power cut what was renamed or removed a little before, and not synced, may
// stand there as it was.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "referee.hpp"

namespace yagura::sim {

class Writers {
 public:
  Writers(std::uint64_t seed, VirtualWorld& world, Referee& referee, std::string state_folder);

  void use(const Shape& shape) { shape_ = shape; }
  // One mail, or many of one sender. Without a state, of a daemon that is away, none answers
  // anything.
  void write(Random& random, const State* state);
  // Whatever the daemon's thread did, it has done.
  void look_at_spool();
  void power_cut();
  bool spool_is_empty() const;

 private:
  struct Mail {
    std::string from;
    std::string sender;  // of the envelope
    std::string subject, message_id, headers, text, file;
    std::vector<std::string> references;
    bool automatic = false, bounce = false;
    std::string whole;  // in place of all that: these bytes
  };
  struct InSpool {
    std::string bytes;  // of the spool's file
    int tries = 0;
    Duration changed_at{0};
    bool waits = true, unreadable = false;
    int number = 0;
  };
  std::string somebody(Random& random) const;  // who is known
  std::string of_the_same(Random& random, const Inquiry& inquiry) const;
  Mail question(Random& random, std::string from);
  Mail make(Random& random, const State* state);
  Mail further(Random& random, const State& state);
  Mail bounce_of(const Notice& notice);
  std::string bytes_of(const Mail& mail) const;
  void spool(const Mail& mail);
  std::string spool_folder() const { return folder_ + "/inquiries/spool"; }

  VirtualWorld& world_;
  Referee& referee_;
  std::string folder_;
  Shape shape_;
  Random cut_;
  int mails_ = 0, words_ = 0;
  std::vector<Mail> written_;
  std::map<std::string, InSpool> spooled_;
};

}  // namespace yagura::sim
