// All that a mail to a bank may say. This is the gate of promise 11: a bank's template is filled
// from a BankView and from nothing else, and a BankView has no place for a component, a reason, a
// person of the operations, another bank, or ops' text. What it has are service names, times,
// status, and the words that the lead relayed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mail_template.hpp"
#include "state.hpp"
#include "window.hpp"
#include "words.hpp"

namespace yagura {

struct BankView {
  struct AffectedService {
    std::string name;
    Instant since{};
  };
  struct Relayed {
    Instant at{};
    std::string text;
  };
  enum class Status {
    unavailable,  // a service of the bank is down
    available,    // none is any more, and the repair goes on
    recovered,    // to be confirmed
    confirmed,
  };

  std::string bank;                   // its own name
  std::vector<std::string> contacts;  // its own people
  std::int64_t failure = 0;           // the number to refer to
  int number = 1;                     // 第N報
  std::vector<AffectedService>
      services;           // that this bank is told of (services_told); in the order in which they went down
  bool possibly = false;  // none of them was kept down: the lead added the bank
  Instant occurred_at{};
  Status status = Status::unavailable;
  std::optional<Instant> recovered_at;
  std::optional<Instant> confirmed_at;
  bool relapsed_ever = false;
  std::optional<Instant> relapsed_at;  // told for the first time now
  bool outside = false;                // its cause lies outside the platform; what it is, banks do not read
  bool down_by_another = false;        // one of these services is down now, by another failure
  std::vector<Relayed> reports;        // not told yet; at most 30, the newest
  bool reports_left_out = false;
  bool reports_told = false;       // some were told before
  bool late = false;               // the window made this notice wait
  Window window;                   // of mail to banks; may have no part
  std::optional<Instant> told_at;  // when this bank was first told
  Instant now{};
};

// What this notice may tell its bank. `bank` is in the platform, or has left it (then it has no
// name here).
BankView bank_view(const Platform& platform, const State& state, const Notice& notice, Instant now);

const Vocabulary& bank_vocabulary();
View to_view(const BankView& bank, const Zone& zone, const Words& words);

}  // namespace yagura
