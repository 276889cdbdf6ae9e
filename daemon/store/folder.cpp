#include "folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "text.hpp"

namespace yagura {
namespace {

// Others may pass through, to a control socket in it, and see nothing: what is in it is closed by its own mode.
constexpr mode_t folder_mode = 0711;
constexpr mode_t file_mode = 0600;

constexpr std::string_view record_line = "record";

std::string text_of(int descriptor) {
  std::array<char, 64> buffer{};
  ssize_t size = pread(descriptor, buffer.data(), buffer.size() - 1, 0);
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
}

// The number in the lock file, as text that is safe to show; "?" when there is none.
std::string holder_of(int descriptor) {
  std::string text = text_of(descriptor);
  text = text.substr(0, text.find_first_not_of("0123456789"));
  return text.empty() ? "?" : text;
}

// Written over what is there and cut after: whoever is killed in between leaves the first lines as
// they are to be.
Result<void> write_lock(int descriptor, const std::string& path, bool recorded) {
  std::string text = fmt::format("{}\n", getpid());
  if (recorded) text.append(record_line).append("\n");
  if (pwrite(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ftruncate(descriptor, static_cast<off_t>(text.size())) != 0) {
    return tl::unexpected(system_error(path, "write", errno));
  }
  return {};
}

}  // namespace

OwnedFile::OwnedFile(OwnedFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

OwnedFile& OwnedFile::operator=(OwnedFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

OwnedFile::~OwnedFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Error system_error(const std::string& path, const std::string& action, int number) {
  std::string_view advice;
  switch (number) {
    case EACCES:
    case EPERM:
      advice = "; folder and files have to belong to the user that yagurad runs as";
      break;
    case EROFS:
      advice = "; the file system is mounted for reading only";
      break;
    case ENOSPC:
    case EDQUOT:
      advice = "; free some space";
      break;
    default:
      break;
  }
  return Error{fmt::format("{}: cannot {}: {}{}", path, action, std::strerror(number), advice)};
}

Result<void> make_folder(const std::string& folder) {
  for (std::size_t at = folder.find('/', 1);; at = folder.find('/', at + 1)) {
    std::string part = folder.substr(0, at);
    struct stat status {};
    if (stat(part.c_str(), &status) != 0) {
      if (errno != ENOENT) return tl::unexpected(system_error(part, "look at the folder", errno));
      if (mkdir(part.c_str(), folder_mode) != 0) {
        if (errno != EEXIST) return tl::unexpected(system_error(part, "make the folder", errno));
      } else if (chmod(part.c_str(), folder_mode) != 0) {  // whatever the umask has taken away
        return tl::unexpected(system_error(part, "set the mode of the folder", errno));
      }
    } else if (!S_ISDIR(status.st_mode)) {
      return failure_of(fmt::format("{}: is not a folder", part));
    }
    if (at == std::string::npos) return {};
  }
}

bool is_writable_by_others(const std::string& folder) {
  struct stat status {};
  return stat(folder.c_str(), &status) == 0 && (status.st_mode & 0022) != 0;
}

Result<OwnedFile> lock_folder(const std::string& folder) {
  std::string path = folder + "/yagura.lock";
  OwnedFile file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, file_mode));
  if (file.get() < 0) return tl::unexpected(system_error(path, "write", errno));
  int locked = -1;
  do {
    locked = flock(file.get(), LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0 && errno == EWOULDBLOCK) {
    return failure_of(fmt::format(
        "{}: another yagurad (process {}) is running on this folder; stop it first, or give this "
        "one a folder of its own",
        folder, holder_of(file.get())));
  }
  if (locked != 0) return tl::unexpected(system_error(path, "lock", errno));

  Result<void> written = write_lock(file.get(), path, record_was_noted(file));
  if (!written) return tl::unexpected(written.error());
  return file;
}

bool record_was_noted(const OwnedFile& lock) {
  const std::string text = text_of(lock.get());
  const std::size_t second = text.find('\n') + 1;  // 0 where there is no line at all
  return second != 0 && std::string_view(text).substr(second, record_line.size() + 1) == "record\n";
}

Result<void> note_record(const OwnedFile& lock, const std::string& folder) {
  if (record_was_noted(lock)) return {};
  const std::string path = folder + "/yagura.lock";
  Result<void> written = write_lock(lock.get(), path, true);
  if (!written) return written;
  if (fsync(lock.get()) != 0) return tl::unexpected(system_error(path, "write", errno));
  return {};
}

Result<void> give_to_owner_of_folder(const std::string& file, const std::string& folder) {
  struct stat status {};
  if (stat(folder.c_str(), &status) != 0) {
    return tl::unexpected(system_error(folder, "look at the folder", errno));
  }
  if (geteuid() != 0 || status.st_uid == 0) return {};
  if (lchown(file.c_str(), status.st_uid, status.st_gid) != 0 && errno != ENOENT) {
    return tl::unexpected(system_error(file, "give to the folder's owner", errno));
  }
  return {};
}

Result<void> make_private_file(const std::string& file) {
  OwnedFile made(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, file_mode));
  if (made.get() < 0) {
    if (errno == ELOOP) return failure_of(fmt::format("{}: is a link; it has to be a file", file));
    return tl::unexpected(system_error(file, "open for writing", errno));
  }
  struct stat status {};
  if (fstat(made.get(), &status) != 0) return tl::unexpected(system_error(file, "look at", errno));
  if (!S_ISREG(status.st_mode)) return failure_of(fmt::format("{}: is not a file", file));
  if ((status.st_mode & 07077) != 0 && fchmod(made.get(), file_mode) != 0) {
    return tl::unexpected(system_error(file, "take other users' access to", errno));
  }
  return {};
}

Result<void> sync_folder(const std::string& folder) {
  OwnedFile handle(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() < 0 || fsync(handle.get()) != 0) {
    return tl::unexpected(system_error(folder, "make the folder durable", errno));
  }
  return {};
}

}  // namespace yagura
