#include "resource/threshold.hpp"

#include <doctest/doctest.h>

#include <array>

#include "local_run.hpp"

using namespace yagura;
using local::contains;
using local::Key;

namespace {

const std::vector<Measure> space{{Quantity::percent, true, "used space", ">= 95%"},
                                 {Quantity::bytes, false, "free space", "< 5 GiB"}};
const std::vector<Measure> load{{Quantity::number, true, "load", ">= 4"}};

struct Read {
  std::optional<Threshold> threshold;
  std::string problems;
};
Read read(std::vector<Key> keys, const std::vector<Measure>& measures = space,
          std::string_view failing = ">= 95%", std::string_view warning = ">= 85%") {
  Node node = local::map(std::move(keys));
  Problems problems;
  Reader reader(node, problems, "probe");
  Read result;
  result.threshold = Threshold::read(reader, measures, failing, warning);
  CHECK(result.threshold.has_value() == problems.empty());
  reader.finish();
  for (const Problem& problem : problems)
    result.problems += problem.text() + "\n";
  return result;
}

std::string text_of(const std::optional<Level>& level) {
  return level ? level->text : "none";
}

Judgement judged(const Threshold& threshold, double percent, bool was_failing = false,
                 double free = 1e12) {
  return threshold.judge({{Quantity::percent, percent, "used space " + format_percent(percent)},
                          {Quantity::bytes, free, "free space " + format_size(free)}},
                         was_failing);
}

}  // namespace

TEST_CASE("a level is a comparison and a value, in one form for all spellings") {
  struct Row {
    std::string_view text, form;
    Quantity quantity;
    double value;
  };
  const std::array<Row, 12> rows{{{">= 95%", ">= 95%", Quantity::percent, 95},
                                  {">=95 %", ">= 95%", Quantity::percent, 95},
                                  {"  > 99.5%  ", "> 99.5%", Quantity::percent, 99.5},
                                  {"< 10 GiB", "< 10 GiB", Quantity::bytes, 10737418240.0},
                                  {"<= 500MB", "<= 500 MB", Quantity::bytes, 5e8},
                                  {"< 1.5 kB", "< 1.5 kB", Quantity::bytes, 1500},
                                  {"< 512 B", "< 512 B", Quantity::bytes, 512},
                                  {"> 4", "> 4", Quantity::number, 4},
                                  {">= 0.75", ">= 0.75", Quantity::number, 0.75},
                                  {">= 300ms", ">= 300ms", Quantity::duration, 300},
                                  {"> 90s", "> 1m30s", Quantity::duration, 90'000},
                                  {"<= 0", "<= 0", Quantity::number, 0}}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    auto level = parse_level(row.text);
    REQUIRE(level.has_value());
    CHECK(level->text == row.form);
    CHECK(level->quantity == row.quantity);
    CHECK(level->value == doctest::Approx(row.value));
  }
}

TEST_CASE("what is no level is refused with what to write instead") {
  const auto message = [](std::string_view text) {
    auto level = parse_level(text);
    CHECK_FALSE(level.has_value());
    return level ? std::string() : level.error().message;
  };
  CHECK(contains(message("95%"), "has no comparison: write >=, >, <= or <"));
  CHECK(contains(message("== 95%"), "has no comparison"));
  CHECK(contains(message(""), "has no comparison"));
  CHECK(contains(message(">="), "is not a value"));
  CHECK(contains(message(">= -1"), "is not a value"));
  CHECK(contains(message(">= nan%"), "is not a value"));
  CHECK(contains(message(">= inf"), "is not a value"));
  CHECK(contains(message("> 101%"), "more than everything"));
  CHECK(contains(message("< 10G"), "write GB (thousands) or GiB (1024s)"));
  CHECK(contains(message("< 10 KB"), "write kB (thousands) or KiB (1024s)"));
  CHECK(contains(message("< 10 parsec"), "the units are"));
  CHECK(contains(message(">= 1e3%"), "is no unit"));
  CHECK(contains(message("< 99999999 TiB"), "too much"));
  CHECK(contains(message("< " + std::string(400, '9')), ""));
  CHECK(contains(message(">= 5\x1b[31m"), "\\x1b"));
}

TEST_CASE("each comparison holds on its side, at the value as it says") {
  const auto holds = [](std::string_view text, double value) {
    return parse_level(text)->holds(value);
  };
  CHECK(holds(">= 95%", 95));
  CHECK_FALSE(holds("> 95%", 95));
  CHECK(holds("> 95%", 95.1));
  CHECK(holds("<= 5", 5));
  CHECK_FALSE(holds("< 5", 5));
  CHECK(holds("< 5", 4.9));
  CHECK_FALSE(holds(">= 95%", 94.99));
}

TEST_CASE("keys that are absent take the defaults, `none` takes a level away") {
  auto plain = read({}).threshold;
  CHECK(text_of(plain->failing()) == ">= 95%");
  CHECK(text_of(plain->warning()) == ">= 85%");
  CHECK(text_of(plain->clear()) == "none");
  auto written = read({{"failing", "> 90%"}, {"warning", "none"}, {"clear_at", "< 80%"}}).threshold;
  CHECK(text_of(written->failing()) == "> 90%");
  CHECK(text_of(written->warning()) == "none");
  CHECK(text_of(written->clear()) == "< 80%");
}

TEST_CASE("a default warning gives way to what was written, a written one is checked") {
  CHECK(text_of(read({{"failing", ">= 80%"}}).threshold->warning()) == "none");
  CHECK(text_of(read({{"failing", ">= 85%"}}).threshold->warning()) == "none");
  CHECK(text_of(read({{"failing", "> 85%"}}).threshold->warning()) == ">= 85%");
  CHECK(text_of(read({{"failing", "< 5 GiB"}}).threshold->warning()) == "none");
  CHECK(text_of(read({{"failing", "< 5 GiB"}, {"warning", ">= 85%"}}).threshold->warning()) ==
        ">= 85%");
  CHECK(
      contains(read({{"warning", ">= 97%"}}).problems,
               "y:1:1: `warning`: \">= 97%\" must be milder than failing, \">= 95%\" by default"));
  CHECK(
      contains(read({{"failing", "< 5 GiB"}, {"warning", "< 4 GiB"}}).problems, "must be milder"));
}

TEST_CASE("levels that cannot mean what they say are refused at their place") {
  CHECK(contains(read({{"failing", "<= 95%"}}).problems,
                 "wrong way round, as it is about used space: write \">= 95%\""));
  CHECK(contains(read({{"failing", "> 5 GiB"}}).problems, "about free space: write \"< 5 GiB\""));
  CHECK(contains(read({{"clear_at", ">= 90%"}}).problems, "wrong way round"));
  CHECK(contains(read({{"failing", ">= 0%"}}).problems, "always holds"));
  CHECK(contains(read({{"failing", "> 100%"}}).problems, "can never hold"));
  CHECK(contains(read({{"failing", "< 0 B"}}).problems, "can never hold"));
  CHECK(contains(read({{"failing", ">= 4"}}).problems,
                 "is a plain number, which is not measured here: write used space as \">= 95%\" or "
                 "free space as"));
  CHECK(contains(read({{"failing", "none"}, {"warning", "none"}}).problems,
                 "nothing would be watched"));
  CHECK(contains(read({{"failing", "none"}, {"clear_at", "< 80%"}}).problems,
                 "nothing is failing here"));
  CHECK(contains(read({{"clear_at", "> 10 GiB"}}).problems, "must be a percentage, as failing is"));
  CHECK(contains(read({{"clear_at", "< 97%"}}).problems,
                 "holds where failing, \">= 95%\", holds too"));
  CHECK(contains(read({{"clear_at", "<= 95%"}}).problems, "holds too"));
  CHECK(read({{"clear_at", "< 95%"}}).problems.empty());
  CHECK(contains(read({{"failing", local::map({})}}).problems, "needs `when`"));
  CHECK(contains(read({{"warning", local::map({})}}).problems, "must be a level"));
  CHECK(contains(read({{"clear", "< 90%"}}).problems,
                 "`clear`: is a number of runs; a level is written as `clear_at`"));
  CHECK(contains(read({{"failling", "> 90%"}}).problems, "did you mean `failing`?"));
}

TEST_CASE("where plain numbers are measured, a number alone is the level on its bad side") {
  auto written =
      read({{"failing", "8"}, {"warning", "4"}, {"clear_at", "6"}}, load, "", "").threshold;
  CHECK(text_of(written->failing()) == ">= 8");
  CHECK(text_of(written->warning()) == ">= 4");
  CHECK(text_of(written->clear()) == "< 6");
  CHECK(contains(read({{"failing", "95"}}).problems, "has no comparison"));
}

TEST_CASE("a failing probe stays failing until its clearing level") {
  auto threshold = *read({{"clear_at", "< 90%"}}).threshold;
  struct Row {
    double percent;
    bool was_failing;
    Verdict verdict;
    std::string_view reason;
  };
  const std::array<Row, 9> rows{{
      {96.13, false, Verdict::failing, "used space 96.1%, failing at >= 95%; free space 931.3 GiB"},
      {95, false, Verdict::failing, "used space 95.0%, failing at >= 95%"},
      {94.99, false, Verdict::warning, "used space 94.9%, warning at >= 85%"},
      {94.99, true, Verdict::failing, "used space 94.9%, failing until < 90%"},
      {90, true, Verdict::failing, "used space 90.0%, failing until < 90%"},
      {89.99, true, Verdict::warning, "used space 89.9%, warning at >= 85%"},
      {85, false, Verdict::warning, "warning at >= 85%"},
      {84, true, Verdict::ok, "used space 84.0%; free space 931.3 GiB"},
      {84, false, Verdict::ok, "used space 84.0%; free space 931.3 GiB"},
  }};
  for (const Row& row : rows) {
    CAPTURE(row.percent);
    CAPTURE(row.was_failing);
    Judgement judgement = judged(threshold, row.percent, row.was_failing);
    CHECK(judgement.verdict == row.verdict);
    CHECK(contains(judgement.reason, row.reason));
  }
}

TEST_CASE("without a clearing level a probe is well where it no longer fails") {
  auto threshold = *read({{"warning", "none"}}).threshold;
  CHECK(judged(threshold, 94.9, true).verdict == Verdict::ok);
}

TEST_CASE("a level on what is left fails downwards and clears upwards") {
  auto threshold = *read({{"failing", "< 5 GiB"}, {"clear_at", ">= 6 GiB"}}).threshold;
  const double gib = 1024.0 * 1024 * 1024;
  CHECK(judged(threshold, 99, false, 5 * gib).verdict == Verdict::ok);
  Judgement little = judged(threshold, 99, false, 4.99 * gib);
  CHECK(little.verdict == Verdict::failing);
  CHECK(little.reason == "free space 4.9 GiB, failing at < 5 GiB; used space 99.0%");
  CHECK(judged(threshold, 99, true, 5.5 * gib).reason ==
        "free space 5.5 GiB, failing until >= 6 GiB; used space 99.0%");
  CHECK(judged(threshold, 99, true, 6 * gib).verdict == Verdict::ok);
}

TEST_CASE("of two judgements the graver one decides and is said first") {
  const auto of = [](Verdict verdict, std::string reason) {
    return Judgement{verdict, std::move(reason)};
  };
  CHECK(both(of(Verdict::ok, "a"), of(Verdict::ok, "b")).reason == "a; b");
  Judgement fails = both(of(Verdict::unknown, "a"), of(Verdict::failing, "b"));
  CHECK(fails.verdict == Verdict::failing);
  CHECK(fails.reason == "b; a");
  CHECK(both(of(Verdict::warning, "a"), of(Verdict::unknown, "b")).verdict == Verdict::unknown);
  CHECK(both(of(Verdict::ok, "a"), of(Verdict::warning, "b")).verdict == Verdict::warning);
}

TEST_CASE("one threshold does not hold a probe that another made fail") {
  FailingCause cause;
  CHECK(cause.may_hold(true));  // After a start nobody knows which it was.
  CHECK_FALSE(cause.may_hold(false));
  cause.judged(Verdict::warning);
  CHECK_FALSE(cause.may_hold(true));  // The other one failed.
  cause.judged(Verdict::failing);
  CHECK(cause.may_hold(true));
  CHECK_FALSE(cause.may_hold(false));
}

TEST_CASE("measured values are rounded down") {
  CHECK(format_percent(94.96) == "94.9%");
  CHECK(format_percent(100) == "100.0%");
  CHECK(format_percent(0) == "0.0%");
  CHECK(format_size(512) == "512 B");
  CHECK(format_size(1536) == "1.5 KiB");
  CHECK(format_size(4.99 * 1024 * 1024 * 1024) == "4.9 GiB");
  CHECK(format_size(3e15) == "2728.4 TiB");
}
