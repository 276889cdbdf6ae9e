#include "part.hpp"

#include <fmt/format.h>

namespace yagura {

bool Part::read(Reader& reader, std::string_view key, const std::vector<Measure>& measures,
                std::string_view failing, std::string_view warning) {
  if (const Node* node = reader.find(key)) {
    return read_node(*node, reader.problems(), key, measures, failing, warning);
  }
  if (failing.empty() && warning.empty()) return true;
  Node nothing;
  nothing.kind = Node::Kind::map;
  nothing.place = reader.node().place;
  return read_node(nothing, reader.problems(), key, measures, failing, warning);
}

bool Part::read_node(const Node& node, Problems& problems, std::string_view key,
                     const std::vector<Measure>& measures, std::string_view failing,
                     std::string_view warning) {
  if (node.is_scalar() && node.scalar == "none") return true;
  Reader levels(node, problems, fmt::format("`{}`", key));
  if (!node.is_map()) return false;
  levels_ = Threshold::read(levels, measures, failing, warning);
  levels.finish();
  return levels_.has_value();
}

Judgement Part::judge(const std::vector<Measured>& measured, bool was_failing) {
  Judgement judgement = levels_.value().judge(measured, cause_.may_hold(was_failing));
  cause_.judged(judgement.verdict);
  return judgement;
}

Judgement Part::cannot_tell_yet(std::string reason, bool was_failing) {
  return {cause_.may_hold(was_failing) ? Verdict::unknown : Verdict::ok, std::move(reason)};
}

}  // namespace yagura
