// Where the texts of templates come from: built in, or a file in the user's own folder.
#pragma once

#include <map>
#include <string>

#include "language.hpp"
#include "mail_template.hpp"

namespace yagura {

struct TemplateFiles {
  std::map<std::string, TemplateSource, std::less<>> built_in;  // by file name, "bank.first.txt"
  std::map<std::string, TemplateSource, std::less<>> own;
  // The own one, else the built-in one; null: neither.
  const TemplateSource* find(std::string_view name) const;
};

// One for each language. Files in the folder itself are of `of_folder`, those in its subfolders
// "ja" and "en" of that language. Error: the folder cannot be read, holds a .txt file of an unknown
// name, one of more than 64 KiB, the same one twice, or a subfolder with .txt files that is no
// language. Files whose name begins with "_" are parts, and may be new.
using TemplatesByLanguage = std::map<Language, TemplateFiles>;
Result<TemplatesByLanguage> read_template_files(const std::string& own_folder, Language of_folder);

}  // namespace yagura
