// Takes mails to the inquiry desk out of the spool (daemon/spool/mail_spool.hpp): they are read on a thread beside the loop, given
// to the engine, and their files go once they are recorded. It looks when `yagura inquiry receive` says that one is there,
// and every quarter of a minute in case nobody could. Owned by the daemon; one thread.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "engine.hpp"
#include "surroundings.hpp"

namespace yagura {

class InquiryIntake {
 public:
  InquiryIntake(Surroundings& surroundings, Engine& engine);
  ~InquiryIntake();

  void look();       // now
  void look_again(); // called every second

 private:
  struct Taking;
  void hand_in(const std::shared_ptr<Taking>& taking);
  void forget(const std::string& name);

  Surroundings& surroundings_;
  Engine& engine_;
  std::string state_folder_;
  std::set<std::string> unrecorded_;  // given to the engine, and not durable yet
  bool busy_ = false, once_more_ = false;
  int seconds_ = 0;
  std::string trouble_;  // that was told
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
