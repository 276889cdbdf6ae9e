#include "password_file.hpp"

#include <fmt/format.h>

#include "secret_file.hpp"
#include "text.hpp"

namespace yagura {

Result<PasswordFile> read_password_file(const std::string& path) {
  if (path.empty()) return failure_of("a user but no password_file is configured for the relay");
  auto file = io::read_secret_file(path, "the password file");
  if (!file) return tl::unexpected(std::move(file.error()));
  PasswordFile result;
  result.password = std::move(file->secret);
  // A file of root's that the daemon's group may read is the usual way; one that all may read is a
  // mistake.
  if (file->open_to_everybody) {
    result.warning = fmt::format("{} is open to everybody on this machine: chmod o= it",
                                 one_line(path, 200));
  }
  return result;
}

}  // namespace yagura
