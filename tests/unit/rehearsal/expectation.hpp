// What a story is to lead to, written down beside it (tests/rehearsal/README.md says how), and
// compared with the lines of a rehearsal.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

// A line of a rehearsal as JSON, with its instant.
struct GotLine {
  Instant at{};
  boost::json::object fields;
};

// What a line must be: a name and fields, each with `*` for anything.
struct Pattern {
  std::string what;
  std::vector<std::pair<std::string, std::string>> fields;
  bool matches(const GotLine& line) const;
};

struct ExpectedLine {
  int number = 0;  // in the file
  std::string text;
  Instant from{}, until{};  // half-open
  Pattern pattern;
};

// `never`, `only` and `count`.
struct Bound {
  int number = 0;
  std::string text;
  Pattern pattern;
  std::optional<std::size_t> count;  // none: `only`
  Instant from = Instant::min(), until = Instant::max();
};

struct Expectation {
  std::string configuration = "platform.yaml";
  std::vector<ExpectedLine> lines;
  std::vector<Bound> bounds;
};

// Times are Japanese time.
Result<Expectation> read_expectation(std::string_view text);

// Empty: all is as expected. Else what is not, and what happened instead.
std::string compare(const Expectation& expectation, const std::vector<GotLine>& got);

// The line with its most telling fields, on one line.
std::string brief(const GotLine& line);

}  // namespace yagura
