// A disk in memory, under SQLite as its virtual file system. It knows of every file what is written
// and what is synced. A killed process leaves what it had written; a power cut keeps, drops or
// tears each sector that was not synced, as the seed has it. Errors come at the rates that are set.
// While it lives it is SQLite's default; one at a time.
//
// As of a real disk, a failed sync may have cleaned the dirty pages without writing them: they are
// then only in memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "random.hpp"

namespace yagura::sim {

struct DiskFaults {
  double busy = 0;        // of taking a lock
  double read_error = 0;  // of each call of the kind
  double write_error = 0;
  double sync_error = 0;
};

class Disk {
 public:
  // `may_go_on` is asked before each change of a file: false ends the process there, and nothing
  // more is changed.
  Disk(std::uint64_t seed, std::function<bool()> may_go_on);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  DiskFaults faults;
  bool full = false;  // no file can grow

  // Names made and removed are durable from now on.
  void sync_folder();
  // The process is gone; its connections are closed already.
  void crash(bool power_cut);

  struct Vfs;
  struct File;

 private:
  friend struct Vfs;
  Random random_;
  std::function<bool()> may_go_on_;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::map<std::string, std::shared_ptr<File>> removed_;  // whose removal is not durable
};

}  // namespace yagura::sim
