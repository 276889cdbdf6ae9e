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
