#include "secret_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "text.hpp"

namespace yagura::io {
namespace {

constexpr std::size_t secret_most = 1'000;

}  // namespace

Result<SecretFile> read_secret_file(const std::string& path, std::string_view what) {
  const std::string where = fmt::format("{} {}", what, one_line(path, 200));
  // Not blocking, because the path may lead to a pipe that nobody writes to.
  int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) {
    return failure_of(fmt::format("{} cannot be read: {}", where, std::strerror(errno)));  // NOLINT
  }
  struct stat about {};
  std::array<char, secret_most + 1> buffer{};
  bool regular = ::fstat(file, &about) == 0 && S_ISREG(about.st_mode);
  ssize_t count = regular ? ::read(file, buffer.data(), buffer.size()) : 0;
  ::close(file);
  if (!regular) return failure_of(fmt::format("{} is not a regular file", where));
  if (count < 0) return failure_of(fmt::format("{} cannot be read", where));

  SecretFile result;
  result.secret.assign(buffer.data(), static_cast<std::size_t>(count));
  if (result.secret.size() > secret_most) {
    return failure_of(fmt::format("{} is longer than {} bytes", where, secret_most));
  }
  while (!result.secret.empty() &&
         (result.secret.back() == '\n' || result.secret.back() == '\r')) {
    result.secret.pop_back();
  }
  if (result.secret.empty()) return failure_of(fmt::format("{} is empty", where));
  if (result.secret.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return failure_of(fmt::format("{} has more than one line, or NUL in it", where));
  }
  result.open_to_everybody = (about.st_mode & S_IRWXO) != 0;
  return result;
}

}  // namespace yagura::io
