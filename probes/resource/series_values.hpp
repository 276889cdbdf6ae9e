// From the samples of a scrape to the values that levels are held against: how fast they grow, what
// they are together, what share they are of others. Pure; the time comes in with the scrape.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "resource/exposition.hpp"
#include "resource/rate.hpp"

namespace yagura {

// One number for each set of labels.
using SeriesValues = std::map<Labels, double>;

// A series that comes twice counts once, as it came first; one that is NaN is no value.
SeriesValues values_of(const std::vector<Sample>& samples);

// By the second, of those that were there before. One that is smaller than it was began again at 0,
// as counters do when what counts is started again.
SeriesValues rates_of(const SeriesValues& before, const SeriesValues& now, double seconds);

enum class Together { each, sum, min, max };
// `each`: as they are. Else one value, with the labels of the series that it is, or none.
SeriesValues together(const SeriesValues& values, Together how);

struct Shares {
  SeriesValues values;
  std::size_t none_of_none = 0;  // left out, as both were 0
};
// Each of `parts` by the one of `wholes` with the same labels, or, where there is but one of these,
// by that one. What has no partner is left out.
Shares shares_of(const SeriesValues& parts, const SeriesValues& wholes);

}  // namespace yagura
