#include "resource/series_values.hpp"

#include <algorithm>
#include <cmath>

namespace yagura {

SeriesValues values_of(const std::vector<Sample>& samples) {
  SeriesValues values;
  for (const Sample& sample : samples) {
    if (!std::isnan(sample.value)) values.emplace(sample.labels, sample.value);
  }
  return values;
}

SeriesValues rates_of(const SeriesValues& before, const SeriesValues& now, double seconds) {
  SeriesValues rates;
  for (const auto& [labels, value] : now) {
    const auto earlier = before.find(labels);
    if (earlier == before.end()) continue;
    const double growth = value >= earlier->second ? value - earlier->second : value;
    if (!std::isnan(growth)) rates.emplace(labels, growth / seconds);  // not from Inf to Inf
  }
  return rates;
}

SeriesValues together(const SeriesValues& values, Together how) {
  const auto less = [](const auto& one, const auto& other) { return one.second < other.second; };
  if (values.empty()) return {};
  switch (how) {
    case Together::each:
      return values;
    case Together::sum: {
      double sum = 0;
      for (const auto& [labels, value] : values)
        sum += value;
      if (std::isnan(sum)) return {};  // of +Inf and -Inf
      return {{values.size() == 1 ? values.begin()->first : Labels{}, sum}};
    }
    case Together::min:
      return {*std::min_element(values.begin(), values.end(), less)};
    case Together::max:
      return {*std::max_element(values.begin(), values.end(), less)};
  }
  return {};
}

Shares shares_of(const SeriesValues& parts, const SeriesValues& wholes) {
  Shares shares;
  for (const auto& [labels, part] : parts) {
    const auto whole = wholes.size() == 1 ? wholes.begin() : wholes.find(labels);
    if (whole == wholes.end()) continue;
    const double share = part / whole->second;
    if (part == 0 && whole->second == 0) {
      ++shares.none_of_none;
    } else if (!std::isnan(share)) {
      shares.values.emplace(labels, share);
    }
  }
  return shares;
}

}  // namespace yagura
