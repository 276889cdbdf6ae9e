// The version of both programs, as CMake's project() says.
#pragma once

namespace yagura {

extern const char* const version;

}  // namespace yagura
