// Who on this machine may change what the daemon goes by, or read its secrets: looked at when it
// starts, at a reload, and by `yagura config check`. Stands on the modes of the files alone.
#pragma once

#include "configuration.hpp"

namespace yagura {

// Errors where everybody may change what decides which programs run or what banks read; warnings
// where a group may, or where everybody may read a secret. Each names the file and the `chmod` that
// mends it, at the place where the file is named. What cannot be looked at is passed over: who uses
// it says why.
Problems problems_of_modes(const Configuration& configuration);

}  // namespace yagura
