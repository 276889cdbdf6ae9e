// The mail templates as they were at the build (templates/embed.cmake makes the source file).
#pragma once

#include <string_view>
#include <vector>

#include "language.hpp"

namespace yagura {

struct EmbeddedTemplate {
  Language language;
  std::string_view name;  // "bank.first.txt"
  std::string_view text;
};
const std::vector<EmbeddedTemplate>& embedded_templates();

}  // namespace yagura
