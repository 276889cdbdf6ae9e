// What /proc/sys/fs/file-nr says. Pure: the probe in files.cpp reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "result.hpp"

namespace yagura {

struct OpenFiles {
  std::uint64_t open = 0;
  // Nothing where the limit is so high that it is none: systemd takes it away at the start.
  std::optional<std::uint64_t> limit;
};
Result<OpenFiles> parse_file_nr(std::string_view text);

}  // namespace yagura
