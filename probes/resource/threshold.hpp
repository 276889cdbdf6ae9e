// Levels that a measured value is held against: `failing: ">= 95%"`, `warning: ">= 85%"`, and
// `clear_at: "< 90%"`, the level at which a failing probe is well again. Pure: a probe says what it
// can measure, reads the three keys with it, and asks for the verdict on each run's values.
//
// `failing: {when: ">= 90%", for: 10m, clear: "< 80%"}` says the same in one: `when` the level, `clear` that of clear_at. How
// long it has to hold (`for`) is not judged here: the configuration reads it for every kind (escalation/platform.hpp, `sustain`).
//
// A level is a comparison (>=, >, <=, <) and a value: a percentage, a size (B, kB, MB, GB, TB by
// thousands; KiB, MiB, GiB, TiB by 1024), a duration, or a plain number.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node.hpp"
#include "observation.hpp"

namespace yagura {

enum class Quantity { percent, bytes, number, duration };  // durations in milliseconds

struct Level {
  enum class Comparison { at_least, above, at_most, below };
  Comparison comparison = Comparison::at_least;
  Quantity quantity = Quantity::percent;
  double value = 0;
  std::string text;  // one form for all spellings: ">= 95%", "< 10 GiB"

  bool holds(double measured) const;
  bool is_upward() const {
    return comparison == Comparison::at_least || comparison == Comparison::above;
  }
};
// Error: what is wrong with the text and how it is written instead, in general words. `share`: a
// percentage is of a whole, and at most 100%. `negative`: a plain number may be below 0.
Result<Level> parse_level(std::string_view text, bool share = true, bool negative = false);

// Something that a probe measures, and that levels may speak of.
struct Measure {
  Quantity quantity = Quantity::percent;
  bool high_is_bad = true;
  std::string_view what;     // "used space"
  std::string_view example;  // of a failing level: ">= 95%"
  bool is_share = true;      // a percentage of a whole; else it may be above 100%
  bool may_be_negative = false;
};

// What came out for a measure.
struct Measured {
  Quantity quantity = Quantity::percent;
  double value = 0;
  std::string words;  // "used space 96.1%"
};

struct Judgement {
  Verdict verdict = Verdict::ok;
  // All that was measured, what decided first and with its rule: "used space 96.1%, failing at >=
  // 95%; free space 1.2 GiB". The rule after was_failing reads "failing until < 90%".
  std::string reason;
};
// Of two thresholds of one probe: the graver verdict, and both reasons, its own first. "Could not
// look" is graver than a warning, as something failing may lie behind it.
Judgement both(Judgement one, Judgement other);

class Threshold {
 public:
  // Reads `failing`, `warning` and `clear_at`, and reports each problem at its place. A key that is
  // absent takes the level given here, the warning only where it is milder than what is failing;
  // the word `none` takes a level away. Where a plain number is measured, a number alone means the
  // level on its bad side (for clear: on its good side). The levels given here are levels of
  // `measures`, well formed; an empty text is no level.
  static std::optional<Threshold> read(Reader& reader, const std::vector<Measure>& measures,
                                       std::string_view failing, std::string_view warning);

  // `measured` has an entry for each of the measures. `was_failing`: stay failing until clear.
  Judgement judge(const std::vector<Measured>& measured, bool was_failing) const;

  const std::optional<Level>& failing() const { return failing_; }
  const std::optional<Level>& warning() const { return warning_; }
  const std::optional<Level>& clear() const { return clear_; }

 private:
  std::optional<Level> failing_, warning_, clear_;
};

// A threshold of its own under a key, as `memory: {failing: …, warning: …, clear_at: …}`, without
// defaults; nothing where the key is absent. Of two measures of one quantity, which are bad in
// opposite directions, the one that the first level fits. False: a problem was reported.
bool read_levels(Reader& reader, std::string_view key, std::vector<Measure> measures,
                 std::optional<Threshold>& into);

// Whether the levels that are written there are on low values being bad: for what may be bad either
// way, so that the measures can be told the way that is meant.
bool levels_look_down(const Node& levels);

// Remembers, for a probe with more than one threshold, which of them made it fail, so that one does
// not hold the probe by the other's failure. After a start or a reload any of them may have.
class FailingCause {
 public:
  // Whether to judge with was_failing, and what came of it.
  bool may_hold(bool probe_was_failing) {
    if (!probe_was_failing) caused_ = false;
    return caused_;
  }
  void judged(Verdict verdict) {
    if (verdict == Verdict::failing) caused_ = true;
  }

 private:
  bool caused_ = true;
};

// For reasons, rounded down, so that a value short of a level never reads as having reached it:
// "95.3%".
std::string format_percent(double percent);
// "512 B", "1.5 GiB".
std::string format_size(double bytes);

}  // namespace yagura
