// Which mails belong together for the reader's mail program: one thread per failure
// (or planned stop) and audience.
// What failures that joined this one told the same audience belongs to it too, since their threads
// move along.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "state.hpp"

namespace yagura {

// The failure and all that joined into it, directly or further.
std::set<FailureId> with_joined(const State& state, FailureId failure);

// The sent notices of the thread before `notice`, in the order in which they went. A merged notice
// stands for the mail that carried it, which may be that of another failure.
std::vector<const Notice*> thread_before(const State& state, const Notice& notice);

// Message-IDs for References, the last of them for In-Reply-To: at most 20, the first and the last
// 19 of a longer thread.
std::vector<std::string> references_of(const State& state, const Notice& notice);

}  // namespace yagura
