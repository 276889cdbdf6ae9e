#include "version.hpp"

namespace yagura {

const char* const version = YAGURA_VERSION;

}  // namespace yagura
