// A part of a probe with levels of its own under a key of its own: `errors: {failing: ">= 10"}`.
// It remembers whether it was what made the probe fail, so that one part is not held failing by
// another's failure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "threshold.hpp"

namespace yagura {

class Part {
 public:
  // Reads the mapping under `key`. Where the key is absent the levels given here hold, and the part
  // is not watched where both are empty; the word `none` takes it away. False: a problem was
  // reported.
  bool read(Reader& reader, std::string_view key, const std::vector<Measure>& measures,
            std::string_view failing, std::string_view warning);
  // The same of a node that is there: the mapping, or `none`.
  bool read_node(const Node& node, Problems& problems, std::string_view key,
                 const std::vector<Measure>& measures, std::string_view failing,
                 std::string_view warning);

  bool is_watched() const { return levels_.has_value(); }

  Judgement judge(const std::vector<Measured>& measured, bool was_failing);
  // Of a run that cannot tell yet, as it is the first: well, unless this part may be what made the
  // probe fail, as nothing was seen then that says it is over.
  Judgement cannot_tell_yet(std::string reason, bool was_failing);

 private:
  std::optional<Threshold> levels_;
  FailingCause cause_;
};

}  // namespace yagura
