// Which edition of its text an unsent bank notice has: it changes with what the notice has to say,
// and with each edit of it. Whoever edits a text names the edition that was read, so that nobody
// writes over what was never seen.
#pragma once

#include "state.hpp"

namespace yagura {

// What the notice would say is counted by this: the failure's bank_version, or the stop's version.
int version_of(const State& state, const Notice& notice);
// "3", or "3-1" once edited: for the text of version 3, edited once.
std::string edition_of(const State& state, const Notice& notice);

}  // namespace yagura
