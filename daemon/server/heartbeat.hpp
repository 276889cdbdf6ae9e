// The outgoing heartbeat: a call to an address that raises the alarm when the call stays out, so
// that a daemon that is gone, or stands, is noticed by somebody else. It goes out only after a
// write made for it has become durable, and while nothing else speaks against it
// (signs_of_life.hpp). That the address cannot be reached is logged, and is no fault of the
// daemon's.
//
// Owned by the daemon, which asks every second; borrows the engine, the store and the surroundings.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine.hpp"
#include "store.hpp"
#include "surroundings.hpp"

namespace yagura {

class NetworkRun;

class Heartbeat {
 public:
  Heartbeat(Surroundings& surroundings, Store& store, Engine& engine);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Begins a beat where one is due. The settings may be others after a reload.
  void look();

 private:
  bool may_beat();
  void call();

  Surroundings& surroundings_;
  Store& store_;
  Engine& engine_;
  std::optional<SteadyInstant> next_;
  std::optional<SteadyInstant> writing_since_;  // the write made for a beat; one at a time
  std::shared_ptr<NetworkRun> run_;             // the call under way; one at a time
  std::optional<Silence::Cause> silent_;        // as logged
  bool unreachable_ = false;                    // as logged
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
