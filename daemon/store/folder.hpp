// The folder of the database: made when missing, checked, and locked, so that two daemons never
// write one record.
#pragma once

#include <string>

#include "result.hpp"

namespace yagura {

// A file descriptor that closes itself.
class OwnedFile {
 public:
  explicit OwnedFile(int descriptor = -1) : descriptor_(descriptor) {}
  OwnedFile(OwnedFile&& other) noexcept;
  OwnedFile& operator=(OwnedFile&& other) noexcept;
  ~OwnedFile();
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// Makes the folder, and the folders above it where missing, mode 0711 whatever the umask: the
// control socket may lie in it. A folder that is there keeps its mode.
Result<void> make_folder(const std::string& folder);

// Group or others may remove and replace what is in the folder, the database included.
bool is_writable_by_others(const std::string& folder);

// Takes FOLDER/yagura.lock for as long as the returned file lives, and writes this process's number
// into its first line. The file stays behind: removing a lock file races with the next one who
// takes it.
Result<OwnedFile> lock_folder(const std::string& folder);

// The second line of the lock file: there was a record in this folder. What is missing later was
// lost, and is not the beginning of a new one. note_record() is durable.
bool record_was_noted(const OwnedFile& lock);
Result<void> note_record(const OwnedFile& lock, const std::string& folder);

// Makes what was created or renamed in the folder survive a power cut.
Result<void> sync_folder(const std::string& folder);

// Makes FILE, empty and mode 0600, where it is missing; takes everybody else's access to it away
// where it is there with more. Must not be called on a database that this process has open: closing
// any descriptor of the file would drop SQLite's locks.
Result<void> make_private_file(const std::string& file);

// Gives a file that root has made in a folder of another user to that user, who is to work with it.
Result<void> give_to_owner_of_folder(const std::string& file, const std::string& folder);

// "PATH: cannot write: Permission denied; …", from errno.
Error system_error(const std::string& path, const std::string& action, int number);

}  // namespace yagura
