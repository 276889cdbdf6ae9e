#include "password_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t password_most = 1'000;

}  // namespace

Result<PasswordFile> read_password_file(const std::string& path) {
  std::string where = one_line(path, 200);
  if (path.empty()) return failure_of("a user but no password_file is configured for the relay");
  // Not blocking, because the path may lead to a pipe that nobody writes to.
  int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) {
    return failure_of(fmt::format("the password file {} cannot be read: {}", where,
                                  std::strerror(errno)));  // NOLINT
  }
  struct stat about {};
  std::array<char, password_most + 1> buffer{};
  bool regular = ::fstat(file, &about) == 0 && S_ISREG(about.st_mode);
  ssize_t count = regular ? ::read(file, buffer.data(), buffer.size()) : 0;
  ::close(file);
  if (!regular) return failure_of(fmt::format("the password file {} is not a regular file", where));
  if (count < 0) return failure_of(fmt::format("the password file {} cannot be read", where));

  PasswordFile result;
  result.password.assign(buffer.data(), static_cast<std::size_t>(count));
  if (result.password.size() > password_most) {
    return failure_of(
        fmt::format("the password file {} is longer than {} bytes", where, password_most));
  }
  while (!result.password.empty() &&
         (result.password.back() == '\n' || result.password.back() == '\r')) {
    result.password.pop_back();
  }
  if (result.password.empty())
    return failure_of(fmt::format("the password file {} is empty", where));
  if (result.password.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return failure_of(
        fmt::format("the password file {} has more than one line, or NUL in it", where));
  }
  // A file of root's that the daemon's group may read is the usual way; one that all may read is a
  // mistake.
  if ((about.st_mode & S_IRWXO) != 0) {
    result.warning = fmt::format("{} is open to everybody on this machine: chmod o= it", where);
  }
  return result;
}

}  // namespace yagura
