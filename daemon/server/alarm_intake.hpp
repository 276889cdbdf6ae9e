// Takes what other systems say of components, over listen.http:
//
//   POST /in/alertmanager   Alertmanager's webhook, version 4
//   POST /in/event          {"key": …, "state": …}, or a list of them
//   POST /in/sns            CloudWatch's alarms through Amazon SNS (sns_intake.hpp)
//
// Each has a token of its own, in a file of its own: as `Authorization: Bearer TOKEN`, or as the password of basic
// authentication; of SNS, which can send no field of its own, also in the path: /in/sns/TOKEN. What is not configured is not there (404). Answers 200 once what was said is in the record, so that who
// hears nothing else sends it again; 503 where that cannot be said now. Owned by the daemon; borrows what it is given.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "access_log.hpp"
#include "allowance.hpp"
#include "engine.hpp"
#include "sns_intake.hpp"
#include "surroundings.hpp"
#include "web_server.hpp"

namespace yagura {

class AlarmIntake {
 public:
  using Respond = std::function<void(WebResponse)>;
  AlarmIntake(Surroundings& surroundings, Store& store, Engine& engine, AccessLog& access, Fetch fetch);
  ~AlarmIntake();

  static bool is_for(const std::string& path) { return path.starts_with("/in/"); }
  // How long a body is taken, of a request whose header is known: of who has a token. None: as of all other requests.
  std::optional<std::size_t> most_body(const WebRequest& head);
  void handle(const WebRequest& request, Respond answer);

 private:
  struct Token {
    std::string digest;  // SHA-256; empty: the file cannot be read
    SteadyInstant read_at{};
  };
  std::optional<AlarmSource> source_of(const std::string& path) const;
  bool may(const WebRequest& request, AlarmSource source);
  const std::string& token_digest(const std::string& file);
  void take(const WebRequest& request, AlarmSource source, Respond answer);
  void take_sns(const WebRequest& request, Respond answer);
  void record(const std::vector<AlarmReport>& reports, Respond answer);
  void refuse(const WebRequest& request, const std::string& why, int status, const Respond& answer);
  void warn_once_a_minute(AlarmSource source, const std::string& what, const std::map<std::string, std::string>& details);

  Surroundings& surroundings_;
  Store& store_;
  Engine& engine_;
  AccessLog& access_;
  std::map<std::string, Token> tokens_;  // by file
  Allowance rate_{100, 20};              // of messages of each source: at once, and in a second
  Allowance warnings_{5, 1.0 / 60};
  SnsIntake sns_;
  struct Waiting;
  std::map<std::uint64_t, std::shared_ptr<Waiting>> waiting_;  // for the record
  std::uint64_t last_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace yagura
