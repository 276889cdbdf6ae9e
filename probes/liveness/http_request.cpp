#include "http_request.hpp"

namespace yagura {

const std::shared_ptr<const HttpExtras>& no_http_extras() {
  static const auto none = std::make_shared<const HttpExtras>();
  return none;
}

}  // namespace yagura
