// How many descriptors the daemon may have open: a limit that shells and old habits set to 1,024, though what the system
// grants is mostly far more. A probe that finds none free says that it could not look; so the limit is raised at the
// start, and it is said when what is granted may not be enough.
#pragma once

#include <cstdint>

#include "configuration.hpp"

namespace yagura {

// Raises the soft limit as far as the hard one lets it. The limit from then on.
std::uint64_t raise_descriptor_limit();
// What the configuration may need when all that it names is open at once.
std::uint64_t descriptors_needed(const Configuration& configuration);

}  // namespace yagura
