#include <doctest/doctest.h>

#include "monitor.hpp"

using namespace yagura;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Node scalar(std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.scalar = std::move(text);
  return node;
}

struct Reading {
  std::optional<JobSpec> spec;
  Problems problems;
};

Reading read(const Pairs& pairs) {
  Node node;
  node.kind = Node::Kind::map;
  for (const auto& [key, value] : pairs)
    node.entries.emplace_back(scalar(key), scalar(value));
  Reading reading;
  Reader reader{node, reading.problems, "probe settlement/job"};
  reading.spec = read_job(reader);
  reader.finish();
  return reading;
}

}  // namespace

TEST_CASE("a job is read with its defaults") {
  const auto every = read({{"every", "1h"}});
  REQUIRE(every.spec);
  CHECK(every.problems.empty());
  CHECK(every.spec->every == Duration{1h});
  CHECK(every.spec->start_within == Duration{5min});
  CHECK_FALSE(every.spec->max_duration);
  const auto scheduled = read({{"schedule", "0 2 * * *"},
                               {"on", "first-business-day"},
                               {"start_within", "15m"},
                               {"min_duration", "1m"},
                               {"max_duration", "2h"}});
  REQUIRE(scheduled.spec);
  CHECK(scheduled.spec->schedule);
  CHECK(scheduled.spec->on == JobSpec::On::first_business_day);
  CHECK(scheduled.spec->start_within == Duration{15min});
  CHECK(scheduled.spec->min_duration == Duration{1min});
  CHECK(scheduled.spec->max_duration == Duration{2h});
}

TEST_CASE("`most` and `failing_runs` are read, and refused in words that say what to write") {
  const auto read_with = [](const char* key, const Pairs& pairs) {
    Node node;
    node.kind = Node::Kind::map;
    node.entries.emplace_back(scalar("every"), scalar("1h"));
    Node value;
    value.kind = Node::Kind::map;
    for (const auto& [name, text] : pairs)
      value.entries.emplace_back(scalar(name), scalar(text));
    node.entries.emplace_back(scalar(key), pairs.empty() ? scalar("3") : value);
    Reading reading;
    Reader reader{node, reading.problems, "probe settlement/job"};
    reading.spec = read_job(reader);
    reader.finish();
    return reading;
  };
  const auto most = read_with("most", {{"runs", "3"}, {"within", "2h"}});
  REQUIRE(most.spec);
  CHECK(most.spec->most->runs == 3);
  CHECK(most.spec->most->within == Duration{2h});
  const auto failing = read_with("failing_runs", {{"more_than", "12.5%"}, {"of", "40"}});
  REQUIRE(failing.spec);
  CHECK(failing.spec->failing_runs->more_than == 0.125);
  CHECK(failing.spec->failing_runs->of == 40);
  struct Row {
    const char* key;
    Pairs pairs;
    const char* words;
  };
  const Row rows[] = {
      {"most", {}, "`most` must be {runs: 3, within: 1h}"},
      {"most", {{"runs", "3"}}, "within"},
      {"most", {{"runs", "101"}, {"within", "1h"}}, "100"},
      {"most", {{"runs", "3"}, {"within", "0s"}}, "`within` must be 1s or longer"},
      {"most", {{"runs", "3"}, {"within", "1h"}, {"of", "5"}}, "unknown key `of`"},
      {"failing_runs", {}, "`failing_runs` must be {more_than: 20%, of: 50}"},
      {"failing_runs", {{"more_than", "20%"}}, "of"},
      {"failing_runs", {{"more_than", "20"}, {"of", "50"}}, "a share from 0% to below 100%"},
      {"failing_runs", {{"more_than", "100%"}, {"of", "50"}}, "a share from 0% to below 100%"},
      {"failing_runs", {{"more_than", "nan%"}, {"of", "50"}}, "a share from 0% to below 100%"},
      {"failing_runs", {{"more_than", "20%"}, {"of", "1"}}, "2"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.words);
    const auto reading = read_with(row.key, row.pairs);
    CHECK_FALSE(reading.spec);
    REQUIRE(reading.problems.size() == 1);
    INFO(reading.problems[0].message);
    CHECK(reading.problems[0].message.find(row.words) != std::string::npos);
  }
}

TEST_CASE("a wrong job is refused in words that say what to write") {
  struct Row {
    Pairs pairs;
    const char* words;
  };
  const Row rows[] = {
      {{}, "probe settlement/job needs `every` (1h) or `schedule`"},
      {{{"every", "1h"}, {"schedule", "0 2 * * *"}}, "has both `every` and `schedule`"},
      {{{"every", "often"}}, "`every`: \"often\" is not a duration"},
      {{{"every", "10ms"}}, "`every` must be 1s or longer"},
      {{{"schedule", "0 25 * * *"}}, "`schedule`: \"25\" as hour"},
      {{{"schedule", "0 2 * * *"}, {"on", "buisness"}}, "did you mean `business`?"},
      {{{"every", "1h"}, {"on", "business"}}, "says nothing with `every`"},
      {{{"every", "1h"}, {"start_within", "0s"}}, "`start_within` must be 1s or longer"},
      {{{"every", "1h"}, {"min_duration", "2h"}, {"max_duration", "1h"}},
       "`min_duration` must be shorter"},
      {{{"every", "1h"}, {"max_duraton", "1h"}}, "unknown key `max_duraton`"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.words);
    const auto reading = read(row.pairs);
    REQUIRE(reading.problems.size() == 1);
    INFO(reading.problems[0].message);
    CHECK(reading.problems[0].message.find(row.words) != std::string::npos);
  }
}

TEST_CASE("every mistake of a job is reported at once") {
  CHECK(read({{"schedule", "x"}, {"on", "sometimes"}, {"start_within", "soon"}}).problems.size() ==
        3);
}
