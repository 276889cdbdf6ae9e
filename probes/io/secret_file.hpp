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

// The type of the file system that an open file lies on, as statfs(2) has it; 0 where it is
// unknown, or that of `/`, without which this machine does nothing anyhow.
long file_system_of(int file);

// A short read of a small regular file, on the caller's thread: so one is refused that lies on a
// file system whose server may leave us waiting (NFS, SMB, FUSE, …). `what` names the file in
// errors: "the password file".
Result<SecretFile> read_secret_file(const std::string& path, std::string_view what,
                                    long (*type_of)(int file) = file_system_of);

}  // namespace yagura::io
