// Levels on a value whose unit nobody but the level says: a plain number, bytes, seconds, percent.
// Owned by metric and cloudwatch.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node.hpp"
#include "resource/threshold.hpp"

namespace yagura {

// A value as the level's quantity shows it, in the level's unit. Percent come as 95, durations as
// seconds.
struct Shown {
  double value = 0;
  std::string words;
};
Shown shown(double value, Quantity quantity);

// Threshold::read without defaults, for measures of several quantities, of which both levels have
// to be in one.
std::optional<Threshold> read_value_levels(Reader& reader, const std::vector<Measure>& measures);
// Of the levels that were read: the one that says unit and direction.
const Level& level_of(const Threshold& levels);

// A key that is one of some words; the first is what it is where the key is absent.
template <class Choice>
Choice read_choice(Reader& reader, std::string_view key,
                   const std::vector<std::pair<std::string_view, Choice>>& choices) {
  const std::string word = reader.text_or(key, choices.front().first);
  std::string words;
  for (const auto& [name, choice] : choices) {
    if (name == word) return choice;
    words += fmt::format("{}{}", words.empty() ? "" : ", ", name);
  }
  reader.problem(*reader.find(key), fmt::format("`{}` must be one of {}", key, words));
  return choices.front().second;
}

}  // namespace yagura
