#include "disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <set>
#include <vector>

namespace yagura::sim {

namespace {

constexpr std::size_t sector = 4096;
constexpr std::size_t tear = 512;  // what a disk writes at once

Disk* current = nullptr;

}  // namespace

struct Disk::File {
  std::string now, synced;
  bool on_disk = false;         // its name is durable
  std::set<std::size_t> dirty;  // sectors written and not synced
  // The locks of a database file (SQLite's five levels), and its shared memory.
  int shared = 0;
  const void *reserved = nullptr, *pending = nullptr, *exclusive = nullptr;
  std::vector<std::unique_ptr<char[]>> memory;
  int mapped = 0;
  std::array<int, SQLITE_SHM_NLOCK> readers{};
  std::array<const void*, SQLITE_SHM_NLOCK> writer{};

  void mark(std::size_t from, std::size_t until) {
    for (std::size_t at = from / sector; at * sector < until; ++at)
      dirty.insert(at);
  }
};

struct Disk::Vfs {
  struct Handle {
    sqlite3_file base;
    std::shared_ptr<File> file;
    int level;
    unsigned reads, writes;  // shared memory locks held
    bool mapped;
  };
  static Handle& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static bool fails(double rate) { return rate > 0 && current->random_.chance(rate); }

  static int close(sqlite3_file* raw) {
    Handle& handle = of(raw);
    unlock(raw, SQLITE_LOCK_NONE);
    unmap(raw, 0);
    handle.file.~shared_ptr();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* raw, void* into, int amount, sqlite3_int64 offset) {
    if (fails(current->faults.read_error)) return SQLITE_IOERR_READ;
    const std::string& now = of(raw).file->now;
    const auto from = std::min(static_cast<std::size_t>(offset), now.size());
    const auto there = std::min(static_cast<std::size_t>(amount), now.size() - from);
    std::memcpy(into, now.data() + from, there);
    std::memset(static_cast<char*>(into) + there, 0, static_cast<std::size_t>(amount) - there);
    return there == static_cast<std::size_t>(amount) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* raw, const void* from, int amount, sqlite3_int64 offset) {
    if (ended) return SQLITE_IOERR_WRITE;
    File& file = *of(raw).file;
    auto size = static_cast<std::size_t>(amount);
    const auto at = static_cast<std::size_t>(offset);
    int answer = SQLITE_OK;
    if (!change()) {
      answer = SQLITE_IOERR_WRITE;
    } else if (current->full && at + size > file.now.size()) {
      answer = SQLITE_FULL;
    } else if (fails(current->faults.write_error)) {
      answer = current->random_.one_in(2) ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    // What fails, or ends, in the middle has written its beginning.
    if (answer != SQLITE_OK) size = partial(size);
    if (size == 0) return answer;
    if (file.now.size() < at + size) file.now.resize(at + size);
    std::memcpy(file.now.data() + at, from, size);
    file.mark(at, at + size);
    return answer;
  }
  static std::size_t partial(std::size_t size) {
    return static_cast<std::size_t>(current->random_.below(static_cast<int>(size / tear) + 1)) *
           tear;
  }

  static int truncate(sqlite3_file* raw, sqlite3_int64 size) {
    if (!change()) return SQLITE_IOERR_TRUNCATE;
    if (fails(current->faults.write_error)) return SQLITE_IOERR_TRUNCATE;
    File& file = *of(raw).file;
    const auto until = static_cast<std::size_t>(size);
    file.mark(std::min(until, file.now.size()), std::max(until, file.now.size()));
    file.now.resize(until);
    return SQLITE_OK;
  }

  static int sync(sqlite3_file* raw, int) {
    File& file = *of(raw).file;
    if (!change()) return SQLITE_IOERR_FSYNC;
    if (fails(current->faults.sync_error)) {
      if (current->random_.one_in(2)) file.dirty.clear();  // The kernel takes them for written.
      return SQLITE_IOERR_FSYNC;
    }
    // Only what is dirty is written: what a failed sync took for clean stays as it was.
    file.synced.resize(file.now.size());
    for (std::size_t at : file.dirty) {
      const std::size_t from = at * sector;
      if (from >= file.now.size()) continue;
      const std::size_t size = std::min(sector, file.now.size() - from);
      std::memcpy(file.synced.data() + from, file.now.data() + from, size);
    }
    file.dirty.clear();
    // SQLite syncs the folder with the first sync of a file that it made.
    if (!file.on_disk) current->sync_folder();
    return SQLITE_OK;
  }

  static int size(sqlite3_file* raw, sqlite3_int64* size) {
    *size = static_cast<sqlite3_int64>(of(raw).file->now.size());
    return SQLITE_OK;
  }

  // ---- Locks ----

  static int lock(sqlite3_file* raw, int level) {
    Handle& handle = of(raw);
    File& file = *handle.file;
    if (level <= handle.level) return SQLITE_OK;
    if (fails(current->faults.busy)) return SQLITE_BUSY;
    auto others = [&](const void* who) { return who != nullptr && who != raw; };
    if (level == SQLITE_LOCK_SHARED) {
      if (others(file.pending) || others(file.exclusive)) return SQLITE_BUSY;
      ++file.shared;
      handle.level = level;
      return SQLITE_OK;
    }
    if (level == SQLITE_LOCK_RESERVED) {
      if (others(file.reserved) || others(file.pending) || others(file.exclusive))
        return SQLITE_BUSY;
      file.reserved = raw;
      handle.level = level;
      return SQLITE_OK;
    }
    if (others(file.pending) || others(file.exclusive) || others(file.reserved)) return SQLITE_BUSY;
    file.pending = raw;
    handle.level = SQLITE_LOCK_PENDING;
    if (file.shared > 1) return SQLITE_BUSY;
    file.exclusive = raw;
    handle.level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
  }
  static int unlock(sqlite3_file* raw, int level) {
    Handle& handle = of(raw);
    File& file = *handle.file;
    for (const void** held : {&file.reserved, &file.pending, &file.exclusive}) {
      if (*held == raw) *held = nullptr;
    }
    if (level == SQLITE_LOCK_NONE && handle.level >= SQLITE_LOCK_SHARED) --file.shared;
    handle.level = std::min(handle.level, level);
    return SQLITE_OK;
  }
  static int is_reserved(sqlite3_file* raw, int* answer) {
    *answer = of(raw).file->reserved != nullptr;
    return SQLITE_OK;
  }

  // ---- Shared memory: of the processes that live, not of the disk ----

  static int map(sqlite3_file* raw, int region, int size, int extend, void volatile** into) {
    Handle& handle = of(raw);
    File& file = *handle.file;
    if (!handle.mapped) ++file.mapped;
    handle.mapped = true;
    while (extend != 0 && file.memory.size() <= static_cast<std::size_t>(region)) {
      file.memory.push_back(std::make_unique<char[]>(static_cast<std::size_t>(size)));
    }
    *into = file.memory.size() <= static_cast<std::size_t>(region)
                ? nullptr
                : file.memory[static_cast<std::size_t>(region)].get();
    return SQLITE_OK;
  }
  static int memory_lock(sqlite3_file* raw, int from, int count, int flags) {
    Handle& handle = of(raw);
    File& file = *handle.file;
    const bool shared = (flags & SQLITE_SHM_SHARED) != 0;
    if ((flags & SQLITE_SHM_LOCK) != 0 && fails(current->faults.busy)) return SQLITE_BUSY;
    if ((flags & SQLITE_SHM_LOCK) != 0) {
      for (int at = from; at < from + count; ++at) {
        const auto slot = static_cast<std::size_t>(at);
        if (file.writer[slot] != nullptr && file.writer[slot] != raw) return SQLITE_BUSY;
        if (!shared && file.readers[slot] > ((handle.reads >> at) & 1U ? 1 : 0)) return SQLITE_BUSY;
      }
    }
    for (int at = from; at < from + count; ++at) {
      const auto slot = static_cast<std::size_t>(at);
      const unsigned bit = 1U << at;
      if ((flags & SQLITE_SHM_LOCK) != 0) {
        if (shared && (handle.reads & bit) == 0) ++file.readers[slot], handle.reads |= bit;
        if (!shared) file.writer[slot] = raw, handle.writes |= bit;
      } else {
        if (shared && (handle.reads & bit) != 0) --file.readers[slot], handle.reads &= ~bit;
        if (!shared && (handle.writes & bit) != 0)
          file.writer[slot] = nullptr, handle.writes &= ~bit;
      }
    }
    return SQLITE_OK;
  }
  static void barrier(sqlite3_file*) {}
  static int unmap(sqlite3_file* raw, int) {
    Handle& handle = of(raw);
    if (!handle.mapped) return SQLITE_OK;
    memory_lock(raw, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
    memory_lock(raw, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    handle.mapped = false;
    if (--handle.file->mapped == 0) handle.file->memory.clear();
    return SQLITE_OK;
  }

  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return sector; }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static inline const sqlite3_io_methods methods{
      2,      close,       read,    write,       truncate,        sync, size,        lock,
      unlock, is_reserved, control, sector_size, characteristics, map,  memory_lock, barrier,
      unmap,  nullptr,     nullptr};

  // ---- Files by name ----

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* raw, int flags, int* given) {
    raw->pMethods = nullptr;
    static int nameless = 0;
    const std::string path =
        name == nullptr ? "temporary " + std::to_string(++nameless) : std::string(name);
    auto& files = current->files_;
    auto found = files.find(path);
    if (found == files.end()) {
      const bool makes = (flags & SQLITE_OPEN_CREATE) != 0 || (flags & SQLITE_OPEN_MAIN_DB) != 0;
      if (!makes || !change()) return SQLITE_CANTOPEN;
      found = files.emplace(path, std::make_shared<File>()).first;
      current->removed_.erase(path);
      // The database file itself is made before SQLite sees it (daemon/store/folder).
      if ((flags & SQLITE_OPEN_MAIN_DB) != 0) found->second->on_disk = true;
    }
    Handle& handle = of(raw);
    new (&handle.file) std::shared_ptr<File>(found->second);
    handle.level = SQLITE_LOCK_NONE;
    handle.reads = handle.writes = 0;
    handle.mapped = false;
    handle.base.pMethods = &methods;
    if (given != nullptr) *given = flags;
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs*, const char* name, int durable) {
    auto found = current->files_.find(name);
    if (found == current->files_.end()) return SQLITE_IOERR_DELETE_NOENT;
    if (!change()) return SQLITE_IOERR_DELETE;
    if (durable == 0 && found->second->on_disk) current->removed_[name] = found->second;
    current->files_.erase(found);
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs*, const char* name, int, int* answer) {
    *answer = current->files_.contains(name);
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* name, int size, char* into) {
    sqlite3_snprintf(size, into, "%s", name);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs*, int size, char* into) {
    for (int i = 0; i < size; ++i)
      into[i] = static_cast<char>(current->random_.next());
    return size;
  }
  static int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int time(sqlite3_vfs*, double* now) {
    *now = 2461000.5;
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }

  // False: the process ends here, or has ended.
  static bool change() {
    ended = ended || !current->may_go_on_();
    return !ended;
  }
  static inline bool ended = false;  // the process that uses the disk now
};

namespace {

sqlite3_vfs vfs_of_the_simulation() {
  sqlite3_vfs vfs{};
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(Disk::Vfs::Handle);
  vfs.mxPathname = 512;
  vfs.zName = "yagura-simulation";
  vfs.xOpen = Disk::Vfs::open;
  vfs.xDelete = Disk::Vfs::remove;
  vfs.xAccess = Disk::Vfs::access;
  vfs.xFullPathname = Disk::Vfs::full_path;
  vfs.xRandomness = Disk::Vfs::randomness;
  vfs.xSleep = Disk::Vfs::sleep;
  vfs.xCurrentTime = Disk::Vfs::time;
  vfs.xGetLastError = Disk::Vfs::last_error;
  return vfs;
}

sqlite3_vfs registered = vfs_of_the_simulation();

}  // namespace

Disk::Disk(std::uint64_t seed, std::function<bool()> may_go_on)
    : random_(seed, "disk"), may_go_on_(std::move(may_go_on)) {
  current = this;
  Vfs::ended = false;
  sqlite3_vfs_register(&registered, 1);
  sqlite3_randomness(0, nullptr);  // SQLite's own numbers begin anew, from our seed
}

Disk::~Disk() {
  sqlite3_vfs_unregister(&registered);
  current = nullptr;
}

void Disk::sync_folder() {
  removed_.clear();
  for (auto& [name, file] : files_)
    file->on_disk = true;
}

void Disk::crash(bool power_cut) {
  Vfs::ended = false;
  if (!power_cut) return;
  for (auto& [name, file] : removed_) {
    if (random_.one_in(2)) files_.try_emplace(name, file);
  }
  removed_.clear();
  for (auto entry = files_.begin(); entry != files_.end();) {
    File& file = *entry->second;
    if (!file.on_disk && random_.one_in(2)) {
      entry = files_.erase(entry);
      continue;
    }
    std::string left = file.synced;
    if (file.now.size() < left.size() && random_.one_in(2)) left.resize(file.now.size());
    for (std::size_t at : file.dirty) {
      const std::size_t from = at * sector;
      if (from >= file.now.size()) continue;
      std::size_t size = std::min(sector, file.now.size() - from);
      switch (random_.below(3)) {
        case 0:
          continue;
        case 1:
          size = std::min(size, Vfs::partial(size));
          break;
        default:
          break;
      }
      if (size == 0) continue;
      if (left.size() < from + size) left.resize(from + size);
      std::memcpy(left.data() + from, file.now.data() + from, size);
    }
    file.now = file.synced = std::move(left);
    file.dirty.clear();
    file.on_disk = true;
    ++entry;
  }
}

}  // namespace yagura::sim
