// expect.json of the http kind: a value at a path of a JSON body, and what it has to be. Pure but
// for the memory of its levels, which the probe keeps from run to run.
//
//   path:     names with dots between, [N] for the item N of a list (from 0), ["a.b"] for a name
//             that has dots in it: checks[0].state
//   equals:   a text, number, true, false or null; in quotes always a text
//   matches:  a regular expression (RE2) found in the value
//   failing, warning, clear_at: levels on a number
//   (none of these three: the path has to exist)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "node.hpp"
#include "resource/threshold.hpp"
#include "result.hpp"

namespace re2 {
class RE2;
}

namespace yagura {

// A step down: into an object by a name, or into a list by a number.
using JsonStep = std::variant<std::string, std::size_t>;
// Error: what is wrong with it, and how it is written. At most 32 steps.
Result<std::vector<JsonStep>> parse_json_path(std::string_view text);

class JsonExpectations {
 public:
  // `expect.json`: one mapping, or a list of at most 16. Problems are reported.
  void read(Reader& expect);
  bool empty() const { return wanted_.empty(); }

  // What the body gives, the gravest first; a body that is no JSON, is nested deeper than 32 or was
  // cut is failing. The reason of an ok is empty where no level is in it.
  Judgement judge(std::string_view body, bool was_failing);

 private:
  struct Wanted {
    std::string path;  // as written
    std::vector<JsonStep> steps;
    std::optional<std::string> equals;
    bool equals_text = false;  // written in quotes
    std::shared_ptr<const re2::RE2> matches;
    std::unique_ptr<const Threshold> levels;
    FailingCause high;
  };
  std::optional<Wanted> read_one(const Node& node, Problems& problems);

  std::vector<Wanted> wanted_;
};

}  // namespace yagura
