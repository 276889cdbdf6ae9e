#include "threshold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "text.hpp"

namespace yagura {
namespace {

using Comparison = Level::Comparison;

constexpr std::string_view clear_key = "clear_at";

struct Sign {
  std::string_view text;
  Comparison comparison;
};
// The longer first, so that ">=" is not read as ">".
constexpr std::array<Sign, 4> signs{{{">=", Comparison::at_least},
                                     {"<=", Comparison::at_most},
                                     {">", Comparison::above},
                                     {"<", Comparison::below}}};

struct Unit {
  std::string_view name;
  double bytes;
};
constexpr double kibi = 1024;
constexpr std::array<Unit, 9> units{{{"B", 1},
                                     {"kB", 1e3},
                                     {"MB", 1e6},
                                     {"GB", 1e9},
                                     {"TB", 1e12},
                                     {"KiB", kibi},
                                     {"MiB", kibi* kibi},
                                     {"GiB", kibi* kibi* kibi},
                                     {"TiB", kibi* kibi* kibi* kibi}}};

// Beyond this a double no longer counts every byte; nothing measured here comes near it.
constexpr double largest_value = 9e15;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", one_line(text, 60));
}

std::string_view name_of(Quantity quantity) {
  switch (quantity) {
    case Quantity::percent:
      return "a percentage";
    case Quantity::bytes:
      return "a size";
    case Quantity::number:
      return "a plain number";
    case Quantity::duration:
      return "a duration";
  }
  return "";
}

// Words for a unit that is nearly one of ours: "10G", "10 gb", "KB".
std::string about_unit(std::string_view unit) {
  std::string letters;
  for (char c : unit)
    letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (char prefix : std::string_view("kmgt")) {
    std::string start(1, prefix);
    if (letters != start && letters != start + "b" && letters != start + "i" &&
        letters != start + "ib") {
      continue;
    }
    std::string capital(1, static_cast<char>(prefix - 'a' + 'A'));
    return fmt::format("write {}B (thousands) or {}iB (1024s)", prefix == 'k' ? "k" : capital,
                       capital);
  }
  return "the units are %, B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, ms, s, m, h and d";
}

// The value after the sign. Sets quantity, value and the part of the text.
std::optional<Error> read_value(std::string_view text, Level& level, bool share, bool negative) {
  const auto wrong = [](std::string message) { return Error{std::move(message)}; };
  double value = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  // from_chars also takes "-1", "inf" and "nan".
  const std::string_view unsigned_text =
      negative && text.starts_with('-') ? text.substr(1) : text;
  if (unsigned_text.empty() || unsigned_text.front() < '0' || unsigned_text.front() > '9' ||
      error != std::errc{}) {
    return wrong(
        fmt::format("{} is not a value: write 95%, 10 GiB, 30s or a number", quoted(text)));
  }
  std::string_view digits = text.substr(0, static_cast<std::size_t>(rest - text.data()));
  std::string_view unit = trimmed(text.substr(digits.size()));
  if (value < 0 && !unit.empty())
    return wrong(fmt::format("{} is below 0: only a plain number can be", quoted(text)));
  level.text = std::string(digits);
  level.value = value;
  const auto* size =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == unit; });
  if (unit.empty()) {
    level.quantity = Quantity::number;
  } else if (unit == "%") {
    level.quantity = Quantity::percent;
    level.text += '%';
    if (value > 100 && share)
      return wrong(fmt::format("{} is more than everything: at most 100%", quoted(text)));
  } else if (size != units.end()) {
    level.quantity = Quantity::bytes;
    level.value *= size->bytes;
    level.text += fmt::format(" {}", unit);
  } else if (auto duration = parse_duration(text); duration) {
    level.quantity = Quantity::duration;
    level.value = static_cast<double>(duration->count());
    level.text = format_duration(*duration);
  } else {
    return wrong(fmt::format("{} is no unit: {}", quoted(unit), about_unit(unit)));
  }
  if (std::abs(level.value) > largest_value) return wrong(fmt::format("{} is too much", quoted(text)));
  return std::nullopt;
}

// Whether some value satisfies the level, and whether some value does not; of percentages of a
// whole between 0 and 100, of all else from 0 on.
double highest_of(const Level& level, bool share) {
  return level.quantity == Quantity::percent && share ? 100
                                                      : std::numeric_limits<double>::infinity();
}
bool can_hold(const Level& level, bool share) {
  const double highest = highest_of(level, share);
  return level.is_upward() ? level.holds(highest) : level.holds(0);
}
bool can_fail_to_hold(const Level& level, bool share) {
  const double highest = highest_of(level, share);
  return level.is_upward() ? !level.holds(0) : !level.holds(highest);
}

// Of two levels in one direction and quantity: whether `milder` holds wherever `stricter` does, and
// elsewhere too.
bool is_milder(const Level& milder, const Level& stricter) {
  if (milder.value != stricter.value) {
    return milder.is_upward() ? milder.value < stricter.value : milder.value > stricter.value;
  }
  const auto includes_its_value = [](const Level& level) { return level.holds(level.value); };
  return includes_its_value(milder) && !includes_its_value(stricter);
}

// Whether some value satisfies both, of levels in opposite directions and one quantity.
bool overlap(const Level& one, const Level& other) {
  const Level& up = one.is_upward() ? one : other;
  const Level& down = one.is_upward() ? other : one;
  return up.value < down.value ||
         (up.value == down.value && up.holds(up.value) && down.holds(up.value));
}

const Measure* measure_of(const std::vector<Measure>& measures, Quantity quantity) {
  for (const Measure& measure : measures) {
    if (measure.quantity == quantity) return &measure;
  }
  return nullptr;
}

// "write used space as \">= 95%\" or free space as \"< 10 GiB\""
std::string what_to_write(const std::vector<Measure>& measures) {
  std::string words;
  for (const Measure& measure : measures) {
    words +=
        fmt::format("{}{} as \"{}\"", words.empty() ? "" : " or ", measure.what, measure.example);
  }
  return "write " + words;
}

std::string turned(const Level& level) {
  return fmt::format("{}{}",
                     level.is_upward() ? "<" : ">=", level.text.substr(level.text.find(' ')));
}

// One key as a level that one of the measures can be held against, in the direction that fits the
// key.
class LevelReader {
 public:
  LevelReader(Reader& reader, const std::vector<Measure>& measures)
      : reader_(reader), measures_(measures) {}

  // What the key says: nothing where absent, an inner nothing for `none` or where a problem was
  // reported.
  std::optional<std::optional<Level>> read(std::string_view key) {
    return read(key, key == clear_key);
  }
  std::optional<std::optional<Level>> read(std::string_view key, bool clears) {
    const Node* node = reader_.find(key);
    if (node == nullptr) return std::nullopt;
    if (!node->is_scalar())
      return refuse(*node, key, "must be a level: " + what_to_write(measures_));
    if (node->scalar == "none") return std::optional<Level>{};
    const bool share = std::all_of(measures_.begin(), measures_.end(),
                                   [](const Measure& measure) { return measure.is_share; });
    const bool negative =
        std::any_of(measures_.begin(), measures_.end(),
                    [](const Measure& measure) { return measure.may_be_negative; });
    auto level = parse_level(with_sign(clears, node->scalar), share, negative);
    if (!level) return refuse(*node, key, level.error().message);
    const Measure* measure = measure_of(measures_, level->quantity);
    if (measure == nullptr) {
      return refuse(*node, key,
                    fmt::format("\"{}\" is {}, which is not measured here: {}", level->text,
                                name_of(level->quantity), what_to_write(measures_)));
    }
    const bool upward = clears ? !measure->high_is_bad : measure->high_is_bad;
    if (level->is_upward() != upward) {
      return refuse(*node, key,
                    fmt::format("\"{}\" is the wrong way round, as it is about {}: write \"{}\"",
                                level->text, measure->what, turned(*level)));
    }
    if (measure->may_be_negative) return *level;
    if (!can_hold(*level, share))
      return refuse(*node, key, fmt::format("\"{}\" can never hold", level->text));
    if (!can_fail_to_hold(*level, share))
      return refuse(*node, key, fmt::format("\"{}\" always holds", level->text));
    return *level;
  }

  void problem(std::string_view key, const std::string& message) {
    const Node* node = reader_.find(key);
    refuse(node != nullptr ? *node : reader_.node(), key, message);
  }
  // Every probe has a `clear` of its own, a number of runs. Looked at without being taken for
  // known.
  void refuse_level_as_count() {
    const Node* count = reader_.node().find("clear");
    if (count == nullptr || (!count->scalar.starts_with('<') && !count->scalar.starts_with('>')))
      return;
    refuse(*count, "clear",
           fmt::format("is a number of runs; a level is written as `{}`", clear_key));
  }
  bool failed() const { return failed_; }

 private:
  std::optional<Level> refuse(const Node& at, std::string_view key, const std::string& message) {
    failed_ = true;
    reader_.problem(at, fmt::format("`{}`: {}", key, message));
    return std::nullopt;
  }

  // `failing: 4` where a plain number is measured.
  std::string with_sign(bool clears, const std::string& text) const {
    const Measure* measure = measure_of(measures_, Quantity::number);
    if (measure == nullptr || text.empty() || text.front() < '0' || text.front() > '9') return text;
    return (clears != measure->high_is_bad ? ">= " : "< ") + text;
  }

  Reader& reader_;
  const std::vector<Measure>& measures_;
  bool failed_ = false;
};

std::optional<Level> own_level(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return parse_level(text).value();  // Written in the source: what is wrong with it ends the start.
}

}  // namespace

bool Level::holds(double measured) const {
  switch (comparison) {
    case Comparison::at_least:
      return measured >= value;
    case Comparison::above:
      return measured > value;
    case Comparison::at_most:
      return measured <= value;
    case Comparison::below:
      return measured < value;
  }
  return false;
}

Result<Level> parse_level(std::string_view text, bool share, bool negative) {
  std::string_view rest = trimmed(text);
  Level level;
  const auto* sign = std::find_if(signs.begin(), signs.end(), [&](const Sign& candidate) {
    return rest.starts_with(candidate.text);
  });
  if (sign == signs.end()) {
    return failure_of(
        fmt::format("{} has no comparison: write >=, >, <= or < before the value, as in \">= 95%\"",
                    quoted(text)));
  }
  level.comparison = sign->comparison;
  rest = trimmed(rest.substr(sign->text.size()));
  if (auto error = read_value(rest, level, share, negative)) return failure_of(error->message);
  level.text = fmt::format("{} {}", sign->text, level.text);
  return level;
}

std::optional<Threshold> Threshold::read(Reader& reader, const std::vector<Measure>& measures,
                                         std::string_view failing, std::string_view warning) {
  LevelReader levels(reader, measures);
  const Node* in_one = reader.find("failing");
  auto written_failing = in_one != nullptr && in_one->is_map() ? std::nullopt : levels.read("failing");
  auto written_warning = levels.read("warning");
  auto written_clear = levels.read(clear_key);
  if (in_one != nullptr && in_one->is_map()) {
    Reader inner(*in_one, reader.problems(), "`failing`");
    LevelReader inner_levels(inner, measures);
    inner.required("when");
    inner.find("for");
    written_failing = inner_levels.read("when");
    if (inner.has("clear")) {
      if (written_clear) inner.problem(*inner.find("clear"), "`clear` and `clear_at` say the same: write one of them");
      written_clear = inner_levels.read("clear", true);
    }
    inner.finish();
    if (inner_levels.failed() || !written_failing || !*written_failing) return std::nullopt;
  }
  levels.refuse_level_as_count();
  if (levels.failed()) return std::nullopt;

  Threshold threshold;
  threshold.failing_ = written_failing ? *written_failing : own_level(failing);
  threshold.warning_ = written_warning ? *written_warning : own_level(warning);
  threshold.clear_ = written_clear ? *written_clear : std::nullopt;
  const auto& fails = threshold.failing_;
  auto& warns = threshold.warning_;
  const auto& clears = threshold.clear_;

  if (fails && warns &&
      (fails->quantity == warns->quantity ? !is_milder(*warns, *fails) : !written_warning)) {
    // A warning that nobody wrote gives way to what was written; one that was written is an error.
    if (!written_warning) {
      warns.reset();
    } else {
      levels.problem(
          "warning",
          fmt::format("\"{}\" must be milder than failing, \"{}\"{}: write a level that is "
                      "reached earlier, or \"none\"",
                      warns->text, fails->text, written_failing ? "" : " by default"));
    }
  }
  if (!fails && !warns) {
    levels.problem("failing",
                   "neither failing nor warning has a level: nothing would be watched; " +
                       what_to_write(measures));
  }
  if (clears && !fails) {
    levels.problem(clear_key, "nothing is failing here that could clear: leave it out");
  } else if (clears && clears->quantity != fails->quantity) {
    levels.problem(clear_key, fmt::format("must be {}, as failing is: \"{}\"",
                                          name_of(fails->quantity), fails->text));
  } else if (clears && overlap(*clears, *fails)) {
    levels.problem(
        clear_key,
        fmt::format("\"{}\" holds where failing, \"{}\", holds too: write a level on the other "
                    "side of it, such as \"{}\"",
                    clears->text, fails->text, turned(*fails)));
  }
  if (levels.failed()) return std::nullopt;
  return threshold;
}

Judgement Threshold::judge(const std::vector<Measured>& measured, bool was_failing) const {
  const auto value_of = [&](Quantity quantity) {
    const auto found = std::find_if(measured.begin(), measured.end(),
                                    [&](const Measured& m) { return m.quantity == quantity; });
    if (found == measured.end()) throw std::logic_error("a level of what was not measured");
    return found->value;
  };
  const auto holds = [&](const std::optional<Level>& level) {
    return level && level->holds(value_of(level->quantity));
  };
  const auto decided = [&](Verdict verdict, std::string_view rule, const Level& level) {
    std::string first, others;
    for (const Measured& one : measured) {
      if (one.quantity == level.quantity) {
        first = fmt::format("{}, {} {}", one.words, rule, level.text);
      } else {
        others += "; " + one.words;
      }
    }
    return Judgement{verdict, first + others};
  };
  if (holds(failing_)) return decided(Verdict::failing, "failing at", *failing_);
  if (was_failing && clear_ && !holds(clear_)) {
    return decided(Verdict::failing, "failing until", *clear_);
  }
  if (holds(warning_)) return decided(Verdict::warning, "warning at", *warning_);
  Judgement well;
  for (const Measured& one : measured)
    well.reason += (well.reason.empty() ? "" : "; ") + one.words;
  return well;
}

bool levels_look_down(const Node& levels) {
  bool downward = false;
  for (std::string_view word : {"warning", "failing"}) {
    const Node* level = levels.find(word);
    if (level != nullptr && level->is_map()) level = level->find("when");
    if (level == nullptr || level->scalar == "none") continue;
    downward = trimmed(level->scalar).starts_with('<');
  }
  return downward;
}

bool read_levels(Reader& reader, std::string_view key, std::vector<Measure> measures,
                 std::optional<Threshold>& into) {
  const Node* node = reader.find(key);
  if (node == nullptr) return true;
  Reader levels(*node, reader.problems(), fmt::format("`{}`", key));
  if (!node->is_map()) return false;
  if (measures.size() == 2 && measures[0].quantity == measures[1].quantity) {
    const bool downward = levels_look_down(*node);
    std::erase_if(measures, [&](const Measure& one) { return one.high_is_bad == downward; });
  }
  into = Threshold::read(levels, measures, "", "");
  levels.finish();
  return into.has_value();
}

Judgement both(Judgement one, Judgement other) {
  const auto gravity = [](const Judgement& judgement) {
    switch (judgement.verdict) {
      case Verdict::ok:
        return 0;
      case Verdict::warning:
        return 1;
      case Verdict::unknown:
        return 2;
      case Verdict::failing:
        return 3;
    }
    return 0;
  };
  if (gravity(other) > gravity(one)) std::swap(one, other);
  one.reason += "; " + other.reason;
  return one;
}

std::string format_percent(double percent) {
  return fmt::format("{:.1f}%", std::floor(percent * 10) / 10);
}

std::string format_size(double bytes) {
  static constexpr std::array<std::string_view, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t at = 0;
  while (at + 1 < names.size() && bytes >= kibi) {
    bytes /= kibi;
    ++at;
  }
  return at == 0 ? fmt::format("{:.0f} B", bytes)
                 : fmt::format("{:.1f} {}", std::floor(bytes * 10) / 10, names[at]);
}

}  // namespace yagura
