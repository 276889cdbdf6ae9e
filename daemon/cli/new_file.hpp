// A file that gets its name only when it is whole: until then it is FILE.XXXXXX beside its place,
// mode 0600, and is removed if the command ends before.
#pragma once

#include <string>
#include <string_view>

#include "folder.hpp"
#include "result.hpp"

namespace yagura::cli {

class NewFile {
 public:
  static Result<NewFile> beside(const std::string& file);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();
  const std::string& path() const { return path_; }

  Result<void> append(std::string_view bytes);
  Result<void> make_durable();
  // Gives it its name, which nothing may have yet.
  Result<void> name(const std::string& file);

 private:
  NewFile(std::string path, OwnedFile file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  OwnedFile file_;
};

}  // namespace yagura::cli
