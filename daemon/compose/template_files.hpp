// Where the texts of templates come from: built in, or a file in the user's own folder.
#pragma once

#include <map>
#include <string>

#include "mail_template.hpp"

namespace yagura {

struct TemplateFiles {
  std::map<std::string, TemplateSource, std::less<>> built_in;  // by file name, "bank.first.txt"
  std::map<std::string, TemplateSource, std::less<>> own;
  // The own one, else the built-in one; null: neither.
  const TemplateSource* find(std::string_view name) const;
};

// Error: the folder cannot be read, holds a .txt file of an unknown name, or one of more than 64
// KiB. Files whose name begins with
// "_" are parts, and may be new.
Result<TemplateFiles> read_template_files(const std::string& own_folder);

}  // namespace yagura
