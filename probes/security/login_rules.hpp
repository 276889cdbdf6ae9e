// What is abnormal about attempts to log in (M5), and for how long it is said. Pure: attempts come
// in with their times, in order; a judgement goes out. Holds bounded tables, of accounts and
// sources that failed lately and of what was found; an attacker who fills them makes the oldest go,
// which is said.
#pragma once

#include <array>
#include <boost/json.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "instant.hpp"
#include "observation.hpp"
#include "result.hpp"
#include "security/login_line.hpp"
#include "zone.hpp"

namespace yagura {

// Addresses, as 10.0.0.0/8, 2001:db8::/32, or one alone. IPv4 within IPv6 (::ffff:10.0.0.1) counts
// as IPv4.
class AddressBlock {
 public:
  static Result<AddressBlock> parse(std::string_view text);
  // False, too, for what is no address.
  bool contains(const std::string& address) const;

 private:
  std::array<unsigned char, 16> bytes_{};
  int bits_ = 0;
};

// Hours of days, as "mon-fri 08:00-20:00" or "08:00-20:00"; half-open.
class DayHours {
 public:
  static Result<DayHours> parse(std::string_view text);
  bool contains(LocalTime local) const;

 private:
  std::array<bool, 7> days_{};  // from Monday on
  std::chrono::minutes from_{}, to_{};
};

enum class RootLogins { first, any, ignore };

struct LoginRules {
  int failures = 10;  // so many of one account, or from one source, within `within` are a burst
  Duration within = 10min;
  Verdict burst = Verdict::failing;
  Duration quiet_after = 30min;  // for how long after it was last seen a finding is said
  std::optional<std::set<std::string>> accounts;
  std::vector<AddressBlock> networks;  // empty: not judged
  std::vector<DayHours> hours;         // likewise
  RootLogins root = RootLogins::first;
};

class LoginWatch {
 public:
  struct Limits {
    std::size_t keys = 1000;  // accounts, and as many sources, that failed lately
    std::size_t findings = 50;
    std::size_t root_sources = 64;
    std::size_t kept_bytes =
        32 * 1024;  // of what is kept over a restart, about; the oldest is left out
  };
  explicit LoginWatch(Limits limits) : limits_(limits) {}
  LoginWatch() : LoginWatch(Limits{}) {}

  // `at`: when it was tried; `now`: when it was read. Hours are those of `zone`.
  void take(const Attempt& attempt, Instant at, Instant now, const LoginRules& rules,
            const Zone& zone);
  // Lets go of what is over.
  void forget(Instant now, const LoginRules& rules);

  struct Words {
    Verdict verdict = Verdict::ok;
    std::string reason;
  };
  Words judge(const LoginRules& rules, const Zone& zone) const;
  std::size_t findings() const { return findings_.size(); }
  std::size_t failed(Instant now, Duration within) const;  // attempts that are remembered

  void keep(boost::json::object& into) const;
  static LoginWatch kept_in(const boost::json::object& object, Instant now, Limits limits);
  static LoginWatch kept_in(const boost::json::object& object, Instant now) {
    return kept_in(object, now, Limits{});
  }

 private:
  enum class Rule {
    after_burst,
    account,
    network,
    hours,
    root,
    burst_of_account,
    burst_of_source
  };                                                       // by gravity
  using Key = std::tuple<Rule, std::string, std::string>;  // rule, account, source
  struct Found {
    std::string program;
    std::int64_t count = 0;
    Instant at{};    // of the last attempt
    Instant seen{};  // when it was last read
  };
  using Table = std::map<std::string, std::deque<Instant>>;

  void failed(const Attempt& attempt, Instant at, Instant now, const LoginRules& rules);
  void succeeded(const Attempt& attempt, Instant at, Instant now, const LoginRules& rules,
                 const Zone& zone);
  void find(Rule rule, const std::string& account, const std::string& source,
            const Attempt& attempt, std::int64_t count, Instant at, Instant now);
  // How many of the key failed within the span before `at`, this one included where `add` is above
  // 0.
  std::int64_t count(Table& table, const std::string& key, int add, Instant at, Instant now,
                     const LoginRules& rules);
  bool is_first_root(const std::string& source, Instant at);
  std::string words(const Key& key, const Found& found, const LoginRules& rules,
                    const Zone& zone) const;

  Limits limits_;
  Table accounts_, sources_;
  std::map<Key, Found> findings_;
  std::map<std::string, Instant> root_sources_;
  std::deque<std::pair<std::string, int>> said_;  // connections whose failures were counted
  std::optional<Instant> overflowed_;
};

}  // namespace yagura
