// A file that holds one secret: a line, read anew whenever it is needed, so that it can be changed
// at any time. What the file holds is in no word of what is said about it.
#pragma once

#include <string>
#include <string_view>

#include "result.hpp"

namespace yagura::io {

struct SecretFile {
  std::string secret;            // without its line break, never empty, at most 1,000 bytes
  bool open_to_everybody = false;  // anybody on the machine may read or change the file
};

// A short read of a small regular file, on the caller's thread. `what` names the file in errors:
// "the password file".
Result<SecretFile> read_secret_file(const std::string& path, std::string_view what);

}  // namespace yagura::io
