// Makes the disk of this process fail. The test program defines pwrite64, fdatasync and
// ftruncate64, through which SQLite reaches its files, so that a test can watch each call and
// answer it with an error: the code under test is the real one down to the system call.
#pragma once

#include <functional>
#include <string>

namespace yagura {

enum class DiskCall { write, sync, truncate };

// What becomes of a call.
struct DiskAnswer {
  int error = 0;      // errno; 0: the call is made
  bool torn = false;  // with an error: half of the bytes are written all the same
};

// While it lives, every call on a file whose name begins with "yagura.db" is put to `answer`, which
// is called from the thread that calls, one at a time, with the file's name.
class DiskFaults {
 public:
  explicit DiskFaults(std::function<DiskAnswer(DiskCall, const std::string& file)> answer);
  DiskFaults(const DiskFaults&) = delete;
  DiskFaults& operator=(const DiskFaults&) = delete;
  ~DiskFaults();
};

}  // namespace yagura
