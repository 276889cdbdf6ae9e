#include "secret_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "text.hpp"

namespace yagura::io {
namespace {

constexpr std::size_t secret_most = 1'000;

// By statfs(2) and the kernel's magic.h. A server of FUSE's is a program, which may hang as well.
constexpr std::pair<long, std::string_view> served[] = {
    {0x6969, "NFS"},       {0xFF534D42, "SMB"},  {0xFE534D42, "SMB"},    {0x517B, "SMB"},
    {0x65735546, "FUSE"},  {0x01021997, "9P"},   {0x00C36400, "Ceph"},   {0x5346414F, "AFS"},
    {0x6B414653, "AFS"},   {0x73757245, "Coda"}, {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},
    {0x19830326, "BeeGFS"}};

// Empty for all others.
std::string_view server_of(long type) {
  for (const auto& [number, name] : served) {
    // The type is 32 bits wide, in a word that is so too on some machines.
    if (static_cast<std::uint32_t>(type) == static_cast<std::uint32_t>(number)) return name;
  }
  return {};
}

}  // namespace

long file_system_of(int file) {
  struct statfs system {};
  struct stat about {
  }, root{};
  if (::fstatfs(file, &system) != 0 || ::fstat(file, &about) != 0) return 0;
  if (::stat("/", &root) == 0 && root.st_dev == about.st_dev) return 0;
  return static_cast<long>(system.f_type);
}

Result<SecretFile> read_secret_file(const std::string& path, std::string_view what,
                                    long (*type_of)(int file)) {
  const std::string where = fmt::format("{} {}", what, one_line(path, 200));
  // Not blocking, because the path may lead to a pipe that nobody writes to.
  int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) {
    return failure_of(fmt::format("{} cannot be read: {}", where, std::strerror(errno)));  // NOLINT
  }
  if (const auto server = server_of(type_of(file)); !server.empty()) {
    ::close(file);
    return failure_of(fmt::format(
        "{} lies on {}, for whose server everything would wait: copy it to a disk of this machine, "
        "and name the copy",
        where, server));
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
