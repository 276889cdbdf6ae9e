#include "security/login_rules.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "security/kept.hpp"
#include "text.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

constexpr std::size_t most_connections = 256;
constexpr int most_times = 100;  // of one key, that are remembered
constexpr std::size_t said_at_once = 3;

std::optional<std::array<unsigned char, 16>> bytes_of(const std::string& address, bool& is_v4) {
  std::array<unsigned char, 16> bytes{};
  const std::string plain = address.substr(0, address.find('%'));  // of fe80::1%eth0 the address
  bytes[10] = bytes[11] = 0xff;
  is_v4 = ::inet_pton(AF_INET, plain.c_str(), bytes.data() + 12) == 1;
  if (is_v4) return bytes;
  if (::inet_pton(AF_INET6, plain.c_str(), bytes.data()) == 1) return bytes;
  return std::nullopt;
}

std::optional<int> number_of(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most)
    return std::nullopt;
  return value;
}

std::optional<std::chrono::minutes> clock_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = number_of(text.substr(0, 2), 24), minute = number_of(text.substr(3), 59);
  if (!hour || !minute || (*hour == 24 && *minute > 0)) return std::nullopt;
  return std::chrono::minutes(*hour * 60 + *minute);
}

std::optional<std::size_t> day_of(std::string_view text) {
  static constexpr std::array<std::string_view, 7> days{"mon", "tue", "wed", "thu",
                                                        "fri", "sat", "sun"};
  const auto day = std::find(days.begin(), days.end(), text);
  if (day == days.end()) return std::nullopt;
  return static_cast<std::size_t>(day - days.begin());
}

std::int64_t number_of(Instant at) {
  return at.time_since_epoch().count();
}

// The entry that is the oldest by `time`, taken out where there are more than `most`.
template <class Map, class Time>
bool make_room(Map& map, std::size_t most, Time time) {
  if (map.size() <= most) return false;
  map.erase(std::min_element(map.begin(), map.end(), [&](const auto& a, const auto& b) {
    return time(a.second) < time(b.second);
  }));
  return true;
}

// Failures of su and sudo are counted apart: who types a password wrong there is logged in already.
std::string account_key(const Attempt& attempt) {
  const bool is_within = attempt.program == "su" || attempt.program == "sudo";
  return is_within ? fmt::format("{} by {}", attempt.program, attempt.account) : attempt.account;
}

}  // namespace

Result<AddressBlock> AddressBlock::parse(std::string_view text) {
  const auto slash = text.find('/');
  bool is_v4 = false;
  const auto bytes = bytes_of(std::string(text.substr(0, slash)), is_v4);
  const int most = is_v4 ? 32 : 128;
  const auto bits =
      slash == text.npos ? std::optional(most) : number_of(text.substr(slash + 1), most);
  if (!bytes || !bits || text.find('%') != text.npos)
    return failure_of(
        fmt::format("{} is no network: write it as 10.0.0.0/8, 2001:db8::/32, or an address",
                    one_line(text, 60)));
  AddressBlock block;
  block.bytes_ = *bytes;
  block.bits_ = is_v4 ? *bits + 96 : *bits;
  AddressBlock clean = block;
  for (int bit = block.bits_; bit < 128; ++bit)
    clean.bytes_[static_cast<std::size_t>(bit / 8)] &=
        static_cast<unsigned char>(~(0x80 >> (bit % 8)));
  if (clean.bytes_ != block.bytes_)
    return failure_of(fmt::format("{} has bits behind the /{}: write the network's own address",
                                  one_line(text, 60), *bits));
  return block;
}

bool AddressBlock::contains(const std::string& address) const {
  bool is_v4 = false;
  const auto bytes = bytes_of(address, is_v4);
  if (!bytes) return false;
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (!std::equal(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(whole),
                  bytes->begin()))
    return false;
  return bits_ % 8 == 0 || (((*bytes)[whole] ^ bytes_[whole]) >> (8 - bits_ % 8)) == 0;
}

Result<DayHours> DayHours::parse(std::string_view text) {
  const auto wrong = [&] {
    return failure_of(
        fmt::format("{} is no hours: write them as \"08:00-20:00\" or \"mon-fri 08:00-20:00\"; "
                    "hours that cross "
                    "midnight are two entries",
                    one_line(text, 60)));
  };
  DayHours hours;
  std::string_view rest = text;
  if (const auto space = rest.find(' '); space != rest.npos) {
    const std::string_view days = rest.substr(0, space);
    rest.remove_prefix(space + 1);
    const auto dash = days.find('-');
    const auto first = day_of(days.substr(0, dash)),
               last = dash == days.npos ? first : day_of(days.substr(dash + 1));
    if (!first || !last) return wrong();
    for (std::size_t day = *first;; day = (day + 1) % 7) {  // "sat-mon", too
      hours.days_[day] = true;
      if (day == *last) break;
    }
  } else {
    hours.days_.fill(true);
  }
  if (rest.size() != 11 || rest[5] != '-') return wrong();
  const auto from = clock_of(rest.substr(0, 5)), to = clock_of(rest.substr(6));
  if (!from || !to || *from >= *to) return wrong();
  hours.from_ = *from;
  hours.to_ = *to;
  return hours;
}

bool DayHours::contains(LocalTime local) const {
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const auto weekday = std::chrono::weekday(day).iso_encoding() - 1;
  const auto since = local - day;
  return days_[weekday] && since >= from_ && since < to_;
}

void LoginWatch::take(const Attempt& attempt, Instant at, Instant now, const LoginRules& rules,
                      const Zone& zone) {
  at = std::min(at, now);  // of a clock that is ahead
  // root may do everything already, and scripts of root become other accounts all the time.
  if ((attempt.program == "su" || attempt.program == "sudo") && attempt.account == "root") return;
  switch (attempt.end) {
    case Attempt::End::succeeded:
      return succeeded(attempt, at, now, rules, zone);
    case Attempt::End::failed:
      said_.emplace_back(attempt.source, attempt.port);
      if (said_.size() > most_connections) said_.pop_front();
      return failed(attempt, at, now, rules);
    case Attempt::End::gave_up:
      if (std::find(said_.begin(), said_.end(), std::pair(attempt.source, attempt.port)) ==
          said_.end())
        failed(attempt, at, now, rules);
  }
}

std::int64_t LoginWatch::count(Table& table, const std::string& key, int add, Instant at,
                               Instant now, const LoginRules& rules) {
  auto entry = table.find(key);
  if (entry == table.end()) {
    if (add == 0) return 0;
    entry = table.emplace(key, std::deque<Instant>{}).first;
  }
  std::deque<Instant>& times = entry->second;
  while (!times.empty() && times.front() <= at - rules.within)
    times.pop_front();
  for (int i = 0; i < add; ++i)
    times.push_back(at);
  while (times.size() > static_cast<std::size_t>(most_times))
    times.pop_front();
  const auto many = static_cast<std::int64_t>(times.size());
  if (add > 0 && make_room(table, limits_.keys,
                           [](const auto& one) { return one.empty() ? Instant{} : one.back(); }))
    overflowed_ = now;
  return many;
}

void LoginWatch::failed(const Attempt& attempt, Instant at, Instant now, const LoginRules& rules) {
  const std::string account = account_key(attempt);
  if (!account.empty()) {
    const auto many = count(accounts_, account, attempt.times, at, now, rules);
    if (many >= rules.failures) find(Rule::burst_of_account, account, "", attempt, many, at, now);
  }
  if (!attempt.remote) return;
  const auto many = count(sources_, attempt.source, attempt.times, at, now, rules);
  if (many >= rules.failures)
    find(Rule::burst_of_source, "", attempt.source, attempt, many, at, now);
}

void LoginWatch::succeeded(const Attempt& attempt, Instant at, Instant now, const LoginRules& rules,
                           const Zone& zone) {
  const bool is_within = attempt.program == "su" || attempt.program == "sudo";
  const std::string account = account_key(attempt);
  std::int64_t failures = count(accounts_, account, 0, at, now, rules);
  if (attempt.remote)
    failures = std::max(failures, count(sources_, attempt.source, 0, at, now, rules));
  const auto found = [&](Rule rule, std::int64_t many) {
    find(rule, attempt.account, attempt.source, attempt, many, at, now);
  };
  if (failures >= rules.failures) found(Rule::after_burst, failures);
  if (rules.accounts && !rules.accounts->contains(attempt.account)) found(Rule::account, 1);
  if (attempt.remote && !rules.networks.empty() &&
      std::none_of(rules.networks.begin(), rules.networks.end(),
                   [&](const AddressBlock& block) { return block.contains(attempt.source); }))
    found(Rule::network, 1);
  if (!is_within && !rules.hours.empty() &&
      std::none_of(rules.hours.begin(), rules.hours.end(),
                   [&](const DayHours& hours) { return hours.contains(zone.to_local(at)); }))
    found(Rule::hours, 1);
  const bool is_root = is_within ? attempt.becomes == "root" : attempt.account == "root";
  if (!is_root || rules.root == RootLogins::ignore) return;
  const bool is_first = is_first_root(is_within ? account : attempt.source, at);
  if (is_first || rules.root == RootLogins::any) found(Rule::root, 1);
}

bool LoginWatch::is_first_root(const std::string& source, Instant at) {
  const bool is_first = root_sources_.insert_or_assign(source, at).second;
  make_room(root_sources_, limits_.root_sources, [](Instant last) { return last; });
  return is_first;
}

void LoginWatch::find(Rule rule, const std::string& account, const std::string& source,
                      const Attempt& attempt, std::int64_t count, Instant at, Instant now) {
  const auto [entry, is_new] = findings_.try_emplace(Key{rule, account, source});
  Found& found = entry->second;
  if (is_new || rule == Rule::after_burst) {
    found.count = std::max(found.count, count);
  } else {
    // It goes on being counted while it is said, however many are remembered.
    found.count += attempt.times;
  }
  found.program = attempt.program;
  found.at = at;
  found.seen = now;
  if (make_room(findings_, limits_.findings, [](const Found& one) { return one.seen; }))
    overflowed_ = now;
}

void LoginWatch::forget(Instant now, const LoginRules& rules) {
  for (Table* table : {&accounts_, &sources_}) {
    std::erase_if(*table, [&](const auto& entry) {
      return entry.second.empty() || now - entry.second.back() >= rules.within;
    });
  }
  std::erase_if(findings_,
                [&](const auto& entry) { return now - entry.second.seen >= rules.quiet_after; });
  if (overflowed_ && now - *overflowed_ >= rules.quiet_after) overflowed_.reset();
}

std::size_t LoginWatch::failed(Instant now, Duration within) const {
  std::size_t sum = 0;
  for (const auto& [account, times] : accounts_) {
    sum += static_cast<std::size_t>(
        std::count_if(times.begin(), times.end(), [&](Instant at) { return now - at < within; }));
  }
  return sum;
}

std::string LoginWatch::words(const Key& key, const Found& found, const LoginRules& rules,
                              const Zone& zone) const {
  const auto& [rule, account, source] = key;
  const std::string login = fmt::format("login of {} from {} ({})", account, source, found.program);
  const std::string times = found.count > 1 ? fmt::format(", {} times", found.count) : "";
  const std::string within = format_duration(rules.within);
  switch (rule) {
    case Rule::after_burst:
      return fmt::format("{} after {} failed attempts within {}", login, found.count, within);
    case Rule::account:
      return fmt::format("{}: not one of `accounts`{}", login, times);
    case Rule::network:
      return fmt::format("{}: not of `networks`{}", login, times);
    case Rule::hours:
      return fmt::format("{} at {}: outside `hours`{}", login, zone.format(found.at).substr(0, 16),
                         times);
    case Rule::root:
      return fmt::format("{} {}{}", rules.root == RootLogins::first ? "first root" : "root", login,
                         times);
    case Rule::burst_of_account:
      return fmt::format("{} failed attempts for {}, a burst is {} within {}", found.count, account,
                         rules.failures, within);
    case Rule::burst_of_source:
      return fmt::format("{} failed attempts from {}, a burst is {} within {}", found.count, source,
                         rules.failures, within);
  }
  return "";
}

LoginWatch::Words LoginWatch::judge(const LoginRules& rules, const Zone& zone) const {
  Words judged;
  std::size_t said = 0;
  std::vector<const std::pair<const Key, Found>*>
      order;  // the gravest rule first, of each what came last
  for (const auto& one : findings_)
    order.push_back(&one);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const Rule one = std::get<Rule>(a->first), other = std::get<Rule>(b->first);
    return one != other ? one < other : a->second.at > b->second.at;
  });
  for (const auto* one : order) {
    const Rule rule = std::get<Rule>(one->first);
    const bool is_burst = rule == Rule::burst_of_account || rule == Rule::burst_of_source;
    const Verdict verdict = is_burst ? rules.burst : Verdict::failing;
    if (judged.verdict != Verdict::failing) judged.verdict = verdict;
    if (said++ < said_at_once)
      judged.reason +=
          (judged.reason.empty() ? "" : "; ") + words(one->first, one->second, rules, zone);
  }
  if (said > said_at_once) judged.reason += fmt::format("; and {} more", said - said_at_once);
  if (findings_.empty()) judged.reason = "no login is out of the ordinary";
  if (overflowed_)
    judged.reason += fmt::format(
        "; more fails than is remembered ({} accounts and sources): the oldest are no longer "
        "counted",
        limits_.keys);
  return judged;
}

// ---- over a restart ----

void LoginWatch::keep(json::object& into) const {
  std::size_t bytes = 0;
  const auto fits = [&](std::size_t more) { return (bytes += more) <= limits_.kept_bytes; };
  json::array findings, roots;
  for (const auto& [key, found] : findings_) {
    const auto& [rule, account, source] = key;
    if (!fits(account.size() + source.size() + 60)) break;
    findings.push_back(json::array{static_cast<std::int64_t>(rule), account, source, found.program,
                                   found.count, number_of(found.at), number_of(found.seen)});
  }
  for (const auto& [source, at] : root_sources_) {
    if (fits(source.size() + 20)) roots.push_back(json::array{source, number_of(at)});
  }
  into["findings"] = std::move(findings);
  into["roots"] = std::move(roots);
  for (const auto& [name, table] :
       {std::pair<std::string_view, const Table&>{"accounts", accounts_}, {"sources", sources_}}) {
    // Those that are nearest to a burst matter most.
    std::vector<const Table::value_type*> order;
    for (const auto& entry : table)
      order.push_back(&entry);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return a->second.size() != b->second.size() ? a->second.size() > b->second.size()
                                                  : a->first < b->first;
    });
    json::array list;
    for (const auto* entry : order) {
      if (!fits(entry->first.size() + 15 * entry->second.size() + 5)) break;
      json::array times;
      for (const Instant at : entry->second)
        times.push_back(number_of(at));
      list.push_back(json::array{entry->first, std::move(times)});
    }
    into[name] = std::move(list);
  }
}

LoginWatch LoginWatch::kept_in(const json::object& object, Instant now, Limits limits) {
  LoginWatch watch(limits);
  const auto text_at = [](const json::array& list, std::size_t at) {
    return list.size() > at && list[at].is_string()
               ? one_line(std::string_view(list[at].get_string()), 200)
               : std::string();
  };
  const auto number_at = [](const json::array& list, std::size_t at) {
    return list.size() > at && list[at].is_int64() ? list[at].get_int64() : std::int64_t{0};
  };
  // A clock that was set back must not make anything last longer.
  const auto instant_at = [&](const json::array& list, std::size_t at) {
    return std::min(Instant{Duration{std::max<std::int64_t>(number_at(list, at), 0)}}, now);
  };
  const auto each = [&](std::string_view name, std::size_t most, const auto& take) {
    for (const json::value& value : kept_list(object, name)) {
      if (most-- == 0) return;
      if (value.is_array()) take(value.get_array());
    }
  };
  each("findings", limits.findings, [&](const json::array& list) {
    const auto rule = number_at(list, 0);
    if (rule < 0 || rule > static_cast<std::int64_t>(Rule::burst_of_source)) return;
    watch.findings_[{static_cast<Rule>(rule), text_at(list, 1), text_at(list, 2)}] = {
        text_at(list, 3), number_at(list, 4), instant_at(list, 5), instant_at(list, 6)};
  });
  each("roots", limits.root_sources, [&](const json::array& list) {
    watch.root_sources_[text_at(list, 0)] = instant_at(list, 1);
  });
  for (const auto& [name, table] :
       {std::pair<std::string_view, Table*>{"accounts", &watch.accounts_},
        {"sources", &watch.sources_}}) {
    each(name, limits.keys, [&, into = table](const json::array& list) {
      if (list.size() != 2 || !list[1].is_array()) return;
      std::deque<Instant>& times = (*into)[text_at(list, 0)];
      const json::array& kept = list[1].get_array();
      for (std::size_t at = 0; at < kept.size() && at < static_cast<std::size_t>(most_times); ++at)
        times.push_back(instant_at(kept, at));
    });
  }
  return watch;
}

}  // namespace yagura
