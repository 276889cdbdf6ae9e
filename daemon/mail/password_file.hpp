// The file that holds a relay's password: one line, read anew for each attempt, so that it can be
// changed at any time.
#pragma once

#include <string>

#include "result.hpp"

namespace yagura {

struct PasswordFile {
  std::string password;
  std::string warning;  // Words, where everybody on the machine may read or change the file.
};

// A short read of a small regular file, on the caller's thread. Error: says what to do, never what
// the file holds.
Result<PasswordFile> read_password_file(const std::string& path);

}  // namespace yagura
