#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "descriptor.hpp"
#include "yaml.hpp"

namespace yagura {

Result<std::string> read_small_file(const std::string& path, std::size_t limit, bool wait) {
  if (path.find('\0') != std::string::npos) return failure_of("the path holds the character NUL");
  io::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | (wait ? 0 : O_NONBLOCK)));
  if (!file) return failure_of(std::strerror(errno));
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return failure_of(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return failure_of("it is a folder, not a file");
  if (!S_ISREG(status.st_mode) && !(wait && S_ISFIFO(status.st_mode))) {
    return failure_of("it is not a regular file");
  }
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t count = read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure_of(std::strerror(errno));
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > limit) return failure_of(fmt::format("longer than {} bytes", limit));
  }
}

}  // namespace yagura
