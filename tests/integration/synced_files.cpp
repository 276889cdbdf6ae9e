// Knows what a power cut would leave: loaded into a daemon (LD_PRELOAD), it keeps beside each file
// of the record a copy of what that file held when it was last made durable, in the folder
// YAGURA_SYNCED. What was written since is what a power cut may take, in whole or in part.
//
// It is a slow disk, so that a cut mostly falls into a write. The copy takes its place by a rename
// before the call that made it durable returns: whoever stops the daemon in between finds the one
// before, and nothing was promised of the newer one yet.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

using Sync = int (*)(int);

std::string name_of(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  char path[4096];
  const ssize_t size = readlink(link.c_str(), path, sizeof path - 1);
  if (size <= 0) return {};
  path[size] = '\0';
  const char* slash = strrchr(path, '/');
  return slash == nullptr ? "" : slash + 1;
}

void keep(int descriptor) {
  const char* folder = getenv("YAGURA_SYNCED");
  const std::string name = name_of(descriptor);
  if (folder == nullptr ||
      (name != "yagura.db" && name != "yagura.db-wal" && name != "yagura.lock"))
    return;
  const std::string kept = std::string(folder) + "/" + name;
  const std::string unfinished = kept + ".unfinished";
  const int copy = open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool whole = copy >= 0;
  char buffer[65536];
  for (off_t at = 0; whole;) {
    const ssize_t size = pread(descriptor, buffer, sizeof buffer, at);
    if (size == 0) break;
    whole = size > 0 && write(copy, buffer, static_cast<size_t>(size)) == size;
    at += size;
  }
  if (copy >= 0) close(copy);
  if (!whole || rename(unfinished.c_str(), kept.c_str()) != 0)
    abort();  // A test that proves nothing.
}

int sync_and_keep(const char* call, int descriptor) {
  usleep(10'000);
  const Sync real = reinterpret_cast<Sync>(dlsym(RTLD_NEXT, call));
  const int result = real(descriptor);
  if (result == 0) keep(descriptor);
  return result;
}

}  // namespace

extern "C" int fsync(int descriptor) {
  return sync_and_keep("fsync", descriptor);
}
extern "C" int fdatasync(int descriptor) {
  return sync_and_keep("fdatasync", descriptor);
}
