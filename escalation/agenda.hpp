// Which of many the rules have to look at in a turn: those that something happened to, and those whose time has come. The
// others stand as they stood when they were looked at last. Owned by Live; made afresh at a start, when all are looked at.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "instant.hpp"

namespace yagura {

template <class Key>
class Agenda {
 public:
  // To be looked at: in the turn that is about to begin; where it has begun, in the rest of it and in the next one, since
  // the rules that were asked before may have more to say now.
  void touch(const Key& key) {
    touched_.insert(key);
    if (begun_) looked_at_.insert(key);
  }
  // The turn has to come at that instant; or, if there is none then, at the next one after it.
  void wake_at(const Key& key, Instant at) { put(key, at, &Times::wake, wakes_); }
  void look_at(const Key& key, Instant at) { put(key, at, &Times::look, looks_); }

  void begin(Instant now) {
    for (auto* times : {&wakes_, &looks_}) {
      for (const auto& [at, key] : *times) {
        if (at > now) break;
        touched_.insert(key);
      }
    }
    looked_at_ = std::exchange(touched_, {});
    for (const Key& key : looked_at_) forget(key);
    begun_ = true;
  }
  void end() { begun_ = false; }
  // In order; what is touched meanwhile comes with the next call.
  std::vector<Key> looked_at() const { return {looked_at_.begin(), looked_at_.end()}; }
  std::optional<Instant> next_wake() const {
    return wakes_.empty() ? std::nullopt : std::optional(wakes_.begin()->first);
  }

 private:
  struct Times {
    std::optional<Instant> wake, look;
  };
  using Queue = std::set<std::pair<Instant, Key>>;

  // The earliest counts.
  void put(const Key& key, Instant at, std::optional<Instant> Times::*kind, Queue& queue) {
    std::optional<Instant>& known = times_[key].*kind;
    if (known && *known <= at) return;
    if (known) queue.erase({*known, key});
    known = at;
    queue.insert({at, key});
  }
  void forget(const Key& key) {
    auto found = times_.find(key);
    if (found == times_.end()) return;
    if (found->second.wake) wakes_.erase({*found->second.wake, key});
    if (found->second.look) looks_.erase({*found->second.look, key});
    times_.erase(found);
  }

  std::set<Key> touched_, looked_at_;
  bool begun_ = false;
  std::map<Key, Times> times_;
  Queue wakes_, looks_;
};

}  // namespace yagura
