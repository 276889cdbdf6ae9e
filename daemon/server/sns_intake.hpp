// Messages of Amazon SNS: whether SNS signed them, for topics that are listed; subscriptions of those are confirmed, what
// CloudWatch says in notifications is handed on. Asks only addresses of SNS itself (is_sns_address), with a deadline.
// Owned by the alarms' intake; one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "instant.hpp"
#include "result.hpp"
#include "runtime.hpp"
#include "sns.hpp"

namespace yagura {

class NetworkRun;

// Gets a page: its body, at most 1 MiB, or why not. `done` is called once, never within the call.
using Fetch = std::function<void(const std::string& url, std::function<void(Result<std::string>)> done)>;
// Over TLS, without following redirects, within 10 s; at most eight at once.
Fetch fetch_from_sns(io::Runtime& runtime);

class SnsIntake {
 public:
  // What became of a message. Status 200: it is in order; `report` of a notification of CloudWatch.
  struct Outcome {
    int status = 200;
    std::string why;                        // of all but 200
    std::optional<AlarmReport> report;
    std::string what;                       // "alarm.subscribed", …: for the record; empty: nothing
    std::map<std::string, std::string> details;
  };
  explicit SnsIntake(Fetch fetch) : fetch_(std::move(fetch)) {}
  ~SnsIntake() { *alive_ = false; }

  // `done` is called once, perhaps within the call.
  void take(const std::string& body, const std::vector<std::string>& topics, Instant now, std::function<void(Outcome)> done);

 private:
  using Done = std::function<void(Outcome)>;
  void judge(const SnsMessage& message, const std::string& certificate, const Done& done);
  void confirm(const SnsMessage& message, const Done& done);

  static constexpr std::size_t most_certificates = 8;
  static constexpr Duration kept_for = 24h;
  struct Certificate {
    std::string pem;
    Instant fetched{};
  };
  Fetch fetch_;
  std::map<std::string, Certificate> certificates_;  // by address
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
