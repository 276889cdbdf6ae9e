#include "new_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace yagura::cli {
namespace {

std::string folder_of(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

Result<NewFile> NewFile::beside(const std::string& file) {
  std::string path = file + ".XXXXXX";
  OwnedFile made(mkostemp(path.data(), O_CLOEXEC));
  if (made.get() < 0) return tl::unexpected(system_error(file, "make", errno));
  return NewFile(std::move(path), std::move(made));
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)), file_(std::move(other.file_)) {
  other.path_.clear();
}

NewFile::~NewFile() {
  if (!path_.empty()) unlink(path_.c_str());
}

Result<void> NewFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(file_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return tl::unexpected(system_error(path_, "write", errno));
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> NewFile::make_durable() {
  if (fsync(file_.get()) != 0) return tl::unexpected(system_error(path_, "write", errno));
  return {};
}

Result<void> NewFile::name(const std::string& file) {
  int named = renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE);
  if (named != 0 && (errno == EINVAL || errno == ENOSYS)) {  // not on this file system
    named = link(path_.c_str(), file.c_str());
    if (named == 0) unlink(path_.c_str());
  }
  if (named != 0) return tl::unexpected(system_error(file, "make", errno));
  path_.clear();
  return sync_folder(folder_of(file));
}

}  // namespace yagura::cli
