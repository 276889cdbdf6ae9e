#include "local_probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace yagura {

FileStart read_file_start(const std::string& path, std::size_t limit) {
  FileStart start;
  // Not blocking: what was a file yesterday may be a pipe without a writer today.
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) {
    start.error = errno;
    return start;
  }
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};

  struct ::stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    start.error = EINVAL;
    return start;
  }
  std::array<char, 8192> buffer{};
  while (true) {
    ssize_t count = ::read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) start.error = errno;
    if (count <= 0) return start;
    std::size_t kept = std::min(static_cast<std::size_t>(count), limit - start.text.size());
    start.text.append(buffer.data(), kept);
    start.cut = kept < static_cast<std::size_t>(count);
    if (start.cut) return start;
  }
}

Result<std::string> read_whole_file(const std::string& path, std::size_t limit) {
  FileStart start = read_file_start(path, limit);
  if (start.error == EINVAL) return failure_of(fmt::format("{} is not a readable file", path));
  if (start.error != 0) {
    return failure_of(
        fmt::format("{} cannot be read: {}", path, std::generic_category().message(start.error)));
  }
  if (start.cut) return failure_of(fmt::format("{} is longer than {} bytes", path, limit));
  return std::move(start.text);
}

}  // namespace yagura
