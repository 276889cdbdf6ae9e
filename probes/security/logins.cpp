// kind: logins - who logs in to this machine, from where and when, and who tries in vain: sshd,
// sudo, su and login, as they write to auth.log or the journal.
//
//   path: /var/log/auth.log   This, or `journal: true`.
//   failures: 10              So many failed attempts for one account, or from one source, within
//   `within` are a
//                             burst. 2 to 100. Default: 10.
//   within: 10m               1m to 1d. Default: 10m.
//   burst: failing            What a burst alone makes of the probe; `warning` where strangers
//   reach sshd. A login after a burst
//                             always fails. Default: failing.
//   accounts: [alice, bob]    Who may log in, use su and sudo. Default: not judged.
//   networks: [10.0.0.0/8]    From where. Default: not judged.
//   hours: ["mon-fri 08:00-20:00"]  When, in the configured zone. Default: not judged.
//   root: first               A root login from where there was none yet is reported (`first`),
//   each (`any`), none (`ignore`).
//                             Default: first.
//   quiet_after: 30m          For how long after it was last seen something is said. 1m to 7d.
//   Default: 30m.
//
// Values: findings, failed_attempts (within `within`), logins (in this run), unread_bytes.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "kinds.hpp"
#include "resource/local_probe.hpp"
#include "security/kept.hpp"
#include "security/log_source.hpp"
#include "security/login_line.hpp"
#include "security/login_rules.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_names = 1000;
constexpr Duration oldest = 24h;  // what is read late is judged all the same, but no history

struct Keys {
  LogSource source;
  LoginRules rules;
};

struct Answer {
  std::string kept;
  LoginWatch::Words words;
  std::size_t findings = 0, failed = 0, logins = 0;
  std::uint64_t unread = 0;
  std::string note;
};

Result<Answer> look(const Keys& keys, const std::string& kept, const Zone& zone, Duration limit) {
  const Instant now = wall_now();
  const auto before = read_kept_log(kept, keys.source);
  LogNote note = LogNote::kept_in(before);
  LoginWatch watch = LoginWatch::kept_in(before, now);
  watch.forget(now, keys.rules);
  auto reading = keys.source.read_from(kept_text(before, "position"), limit);
  if (!reading) return tl::unexpected(reading.error());
  Answer answer;
  for (const LogLine& line : reading->lines) {
    const auto logged = parse_logged_line(line.text);
    if (!logged) continue;
    const auto attempt = parse_attempt(logged->program, logged->message);
    if (!attempt) continue;
    const Instant at = line.at         ? *line.at
                       : logged->at    ? *logged->at
                       : logged->local ? instant_of(*logged->local, now)
                                       : now;
    if (at < now - oldest) continue;
    watch.take(*attempt, at, now, keys.rules, zone);
    if (attempt->end == Attempt::End::succeeded) ++answer.logins;
  }
  watch.forget(now, keys.rules);
  note.take(*reading, now);
  answer.words = watch.judge(keys.rules, zone);
  answer.findings = watch.findings();
  answer.failed = watch.failed(now, keys.rules.within);
  answer.unread = reading->unread;
  answer.note = unread_words(keys.source, *reading) + note.words(now, keys.rules.within);
  auto object = begin_kept_log(keys.source, reading->position);
  watch.keep(object);
  note.keep(object);
  answer.kept = boost::json::serialize(object);
  return answer;
}

class LoginsProbe final : public LocalProbe<Answer> {
 public:
  explicit LoginsProbe(std::shared_ptr<const Keys> keys)
      : LocalProbe("a look at " + keys->source.name()), keys_(std::move(keys)) {}

 protected:
  std::function<Result<Answer>()> question(const ProbeRun& run) override {
    if (kept_.empty() && run.kept != nullptr) kept_ = *run.kept;
    const Zone zone = run.zone == nullptr ? Zone() : *run.zone;
    return [keys = keys_, kept = kept_, zone, limit = run.timeout] {
      return look(*keys, kept, zone, limit);
    };
  }

  Finding judge(const Answer& answer, const ProbeRun&) override {
    Finding finding;
    if (answer.kept != kept_) finding.keep = answer.kept;
    kept_ = answer.kept;
    finding.verdict = answer.words.verdict;
    // What was not read yet was not looked at.
    if (answer.unread > 0 && finding.verdict != Verdict::failing)
      finding.verdict = Verdict::unknown;
    finding.reason = one_line(answer.words.reason + answer.note);
    finding.values["findings"] = static_cast<double>(answer.findings);
    finding.values["failed_attempts"] = static_cast<double>(answer.failed);
    finding.values["logins"] = static_cast<double>(answer.logins);
    if (!keys_->source.file.empty())
      finding.values["unread_bytes"] = static_cast<double>(answer.unread);
    return finding;
  }

 private:
  std::shared_ptr<const Keys> keys_;
  std::string kept_;
};

bool read_span(Reader& reader, std::string_view key, Duration most, std::string_view words,
               Duration& into) {
  if (!reader.has(key)) return true;
  const auto span = reader.duration(key);
  if (!span) return false;
  if (*span < 1min || *span > most) {
    reader.problem(*reader.find(key), fmt::format("`{}` must be between 1m and {}", key, words));
    return false;
  }
  into = *span;
  return true;
}

// A word of two or three, as a value; false where it is another.
template <class Value>
bool read_word(Reader& reader, std::string_view key,
               std::vector<std::pair<std::string_view, Value>> words, Value& into) {
  if (!reader.has(key)) return true;
  const auto text = reader.text(key);
  if (!text) return false;
  std::string all;
  for (const auto& [word, value] : words) {
    if (*text == word) {
      into = value;
      return true;
    }
    all += fmt::format("{}{}", all.empty() ? "" : ", ", word);
  }
  reader.problem(*reader.find(key), fmt::format("`{}` must be one of {}", key, all));
  return false;
}

// Each text of a list, by `take`, which gives an error in words.
template <class Take>
bool read_list(Reader& reader, std::string_view key, Take take) {
  const Node* node = reader.find(key);
  if (node == nullptr) return true;
  const auto texts = reader.texts(key);
  if (texts.empty() && node->is_scalar()) return false;
  if (texts.empty() || texts.size() > most_names) {
    reader.problem(*node, fmt::format("`{}` has 1 to {} entries", key, most_names));
    return false;
  }
  for (const std::string& text : texts) {
    if (auto taken = take(text); !taken) {
      reader.problem(*node, fmt::format("`{}`: {}", key, taken.error().message));
      return false;
    }
  }
  return true;
}

template <class Value>
auto parsed_into(std::vector<Value>& into) {
  return [&into](const std::string& text) -> Result<void> {
    auto value = Value::parse(text);
    if (!value) return tl::unexpected(value.error());
    into.push_back(*value);
    return {};
  };
}

}  // namespace

std::unique_ptr<Probe> make_logins(Reader& reader) {
  auto keys = std::make_shared<Keys>();
  LoginRules& rules = keys->rules;
  auto source = LogSource::read(reader, {"sshd", "sshd-session", "sudo", "su", "login"});
  bool well = source.has_value();
  if (source) keys->source = std::move(*source);
  const auto failures = reader.integer("failures", 2, 100);
  well = well && (failures || !reader.has("failures"));
  rules.failures = static_cast<int>(failures.value_or(rules.failures));
  well = read_span(reader, "within", 24h, "1d", rules.within) && well;
  well = read_span(reader, "quiet_after", 24h * 7, "7d", rules.quiet_after) && well;
  well = read_word<Verdict>(reader, "burst",
                            {{"failing", Verdict::failing}, {"warning", Verdict::warning}},
                            rules.burst) &&
         well;
  well =
      read_word<RootLogins>(
          reader, "root",
          {{"first", RootLogins::first}, {"any", RootLogins::any}, {"ignore", RootLogins::ignore}},
          rules.root) &&
      well;
  well = read_list(reader, "accounts",
                   [&](const std::string& name) -> Result<void> {
                     if (name.empty() || name.size() > 100 || name != one_line(name))
                       return failure_of("an account's name is written as in /etc/passwd");
                     if (!rules.accounts) rules.accounts.emplace();
                     rules.accounts->insert(name);
                     return {};
                   }) &&
         well;
  well = read_list(reader, "networks", parsed_into(rules.networks)) && well;
  well = read_list(reader, "hours", parsed_into(rules.hours)) && well;
  if (!well) return nullptr;
  return std::make_unique<LoginsProbe>(std::move(keys));
}

}  // namespace yagura
