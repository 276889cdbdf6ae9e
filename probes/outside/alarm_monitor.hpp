// The alarm probe: what another system (Alertmanager, CloudWatch through SNS, a program's own events) says of
// a component, kept from one word to the next, and judged. Pure: reports and time come in, a judgement
// comes out; the daemon owns it, keeps its state over a restart and asks again now and then.
//
//   an alarm of those that match fires, and was said within stale_after       failing (or firing_is, warning_when)
//   one that fired was not said again within stale_after                      unknown
//   one says that it does not know                                            unknown
//   who has to be heard of, also while all is well, was silent that long      unknown
//   all else                                                                  ok
//
// Of several the gravest counts: failing, then unknown, warning, ok. Who has to be heard of: the sender of events
// that has a stale_after, and an alarm that always fires (firing_is: ok). Alertmanager and CloudWatch do not
// repeat that all is well.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node.hpp"
#include "observation.hpp"

namespace yagura {

enum class AlarmSource { alertmanager, event, sns };
std::string_view name_of(AlarmSource source);  // "alertmanager"

using AlarmLabels = std::map<std::string, std::string>;

// What is said of one alarm. All texts are safe (one_line) and bounded by who read them.
struct AlarmReport {
  AlarmSource source = AlarmSource::event;
  std::string id;    // which alarm, among those of the source; at most 500 bytes
  std::string name;  // for people
  AlarmLabels labels;
  Verdict says = Verdict::failing;  // failing: it fires; ok: it does not
  std::string text;                 // for people, may be empty
  std::optional<Instant> at;        // when it became so, where the order of the reports is not sure
};

// A label and the values that it may have.
using AlarmMatch = std::map<std::string, std::vector<std::string>>;
bool matches(const AlarmMatch& match, const AlarmLabels& labels);

struct AlarmSpec {
  AlarmSource source = AlarmSource::event;
  AlarmMatch match;                    // all of them; never empty
  AlarmMatch warning_when;             // of those that fire: only a warning; empty: none
  Verdict firing_is = Verdict::failing;  // failing, warning, or ok: it has to fire all the time
  std::optional<Duration> stale_after;
};
// Reads the kind's own keys: source, match, warning_when, firing_is, stale_after. Problems are reported.
std::optional<AlarmSpec> read_alarm(Reader& reader);

// The last word on one alarm.
struct AlarmWord {
  std::string name;
  AlarmLabels labels;
  Verdict says = Verdict::ok;
  std::string text;
  std::optional<Instant> at;
  Instant since{};  // it says so
  Instant heard{};  // last
  auto operator<=>(const AlarmWord&) const = default;
};
BOOST_DESCRIBE_STRUCT(AlarmWord, (), (name, labels, says, text, at, since, heard))

// All that outlives a restart.
struct AlarmState {
  std::string source;                      // whose ids these are; empty: nothing was kept
  std::map<std::string, AlarmWord> words;  // by id; at most 64
  Instant begun{};                         // when it was first waited for
  std::optional<Instant> last_heard;       // of any alarm that matches
  auto operator<=>(const AlarmState&) const = default;
};
BOOST_DESCRIBE_STRUCT(AlarmState, (), (source, words, begun, last_heard))

struct AlarmJudgement {
  Verdict verdict = Verdict::ok;
  std::string reason;
  MeasuredValues values;
};

class AlarmMonitor {
 public:
  static constexpr std::size_t most_words = 64;

  explicit AlarmMonitor(AlarmSpec spec) : spec_(std::move(spec)) {}
  // Goes on from what was kept, so far as that is still asked for.
  void begin(AlarmState kept, Instant now);
  bool matches(const AlarmReport& report) const;
  // Of a report that matches. One that is older than what was heard of the same alarm changes nothing.
  void take(const AlarmReport& report, Instant now);
  AlarmJudgement judge(Instant now) const;
  // The wall clock moved against the steady one: what waits moves along.
  void clock_moved(Duration by);
  const AlarmState& state() const { return state_; }
  const AlarmSpec& spec() const { return spec_; }

 private:
  Verdict verdict_of(const AlarmWord& word) const;
  bool is_stale(const AlarmWord& word, Instant now) const;
  bool has_to_be_heard() const;
  void make_room();

  AlarmSpec spec_;
  AlarmState state_;
};

}  // namespace yagura
