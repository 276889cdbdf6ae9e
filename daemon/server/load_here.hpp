// A configuration as the daemon takes it, at its start and at a reload: what load_configuration()
// says, and what only the process that is to go by it can judge. Whether it may run programs as
// `response_user`, who else may change its files (file_modes.hpp), whether it can read its
// passwords.
#pragma once

#include "configuration.hpp"

namespace yagura {

Loaded load_here(const std::string& file, Instant now);

// From here on no program that is started has a capability of ours, such as the one for ICMP. We
// keep them ourselves.
void keep_capabilities_to_ourselves();

}  // namespace yagura
