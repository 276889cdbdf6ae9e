// `yagura rehearse` (INTERFACE.md §8): what would happen, who would be mailed what, when, and why.
// Reads a configuration and a story, plays the story, and hands out what happens line by line.
// Nothing is sent, and nothing of the configuration's state is read or touched.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "line.hpp"
#include "platform.hpp"
#include "result.hpp"

namespace yagura {

// The platform is the one in force at that line.
using RehearsalSink = std::function<void(const RehearsalLine&, const Platform&)>;

// The seed moves the probes' phases; the daemon's own is 0. Error: what keeps it from being played,
// one problem a line with its place: exit status 2. Lines may have been handed out before an error
// that only the playing shows.
Result<void> rehearse(const std::string& configuration_file, const std::string& story_file,
                      std::uint64_t seed, const RehearsalSink& sink);

// The same as text: one JSON object a line, or a timeline for people (timeline.hpp).
enum class RehearsalForm { json, timeline };
Result<void> rehearse(const std::string& configuration_file, const std::string& story_file,
                      std::uint64_t seed, RehearsalForm form, std::ostream& out);

}  // namespace yagura
