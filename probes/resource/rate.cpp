#include "rate.hpp"

#include <limits>

namespace yagura {
namespace {

template <class Range>
bool went_over_the_end(std::uint64_t before, std::uint64_t after) {
  constexpr std::uint64_t quarter = std::numeric_limits<Range>::max() / 4;
  return before <= std::numeric_limits<Range>::max() && before > 3 * quarter && after < quarter;
}

}  // namespace

std::optional<double> counter_growth(std::uint64_t before, std::uint64_t after) {
  if (after >= before) return static_cast<double>(after - before);
  if (went_over_the_end<std::uint32_t>(before, after)) {
    return static_cast<double>(
        static_cast<std::uint32_t>(static_cast<std::uint32_t>(after) - before));
  }
  if (went_over_the_end<std::uint64_t>(before, after)) return static_cast<double>(after - before);
  return std::nullopt;
}

}  // namespace yagura
