// One mail's way through the relays, in order, within its limit of time. Owned by the transport;
// borrows the runtime.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime.hpp"
#include "transport.hpp"

namespace yagura {

struct SmtpSettings {
  std::vector<SmtpRelay> relays;
  Duration attempt_timeout{};
  std::string helo_name;
};

class SmtpAttempt {
 public:
  // `done` is called once, from the loop, never before the constructor returns.
  SmtpAttempt(io::Runtime& runtime, std::shared_ptr<const SmtpSettings> settings, Envelope envelope,
              std::function<void(Delivery)> done);
  // Ends it at once, without `done`.
  ~SmtpAttempt();
  SmtpAttempt(const SmtpAttempt&) = delete;
  SmtpAttempt& operator=(const SmtpAttempt&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace yagura
