// What a file system holds, as df computes it. Pure: the probe in disk.cpp asks the kernel.
#pragma once

#include <sys/statvfs.h>

#include <optional>

namespace yagura {

struct DiskUse {
  double used_percent =
      0;  // of what users other than root can have: used / (used + available to them)
  double free_bytes = 0;  // available to users other than root
  double total_bytes = 0;
  std::optional<double> inodes_used_percent;  // none where the file system has no fixed inodes
};

// Nothing where there is no space to measure, as in /proc.
std::optional<DiskUse> disk_use(const struct statvfs& answer);

}  // namespace yagura
