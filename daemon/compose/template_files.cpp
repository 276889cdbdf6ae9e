#include "template_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "embedded.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_files = 200;
constexpr std::uintmax_t most_bytes = 64 * 1024;

Result<std::string> read_file(const std::filesystem::path& path) {
  std::error_code error;
  auto size = std::filesystem::file_size(path, error);
  if (error) return failure_of(fmt::format("{}: {}", path.string(), error.message()));
  if (size > most_bytes)
    return failure_of(fmt::format("{}: larger than {} bytes", path.string(), most_bytes));
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad() || !in.is_open()) return failure_of(path.string() + ": cannot be read");
  if (text.starts_with("\xEF\xBB\xBF"))
    text.erase(0, 3);  // A byte order mark, as some editors write it.
  return text;
}

}  // namespace

const TemplateSource* TemplateFiles::find(std::string_view name) const {
  if (auto found = own.find(name); found != own.end()) return &found->second;
  auto found = built_in.find(name);
  return found == built_in.end() ? nullptr : &found->second;
}

Result<TemplateFiles> read_template_files(const std::string& own_folder) {
  TemplateFiles files;
  std::vector<std::string> known;
  for (const EmbeddedTemplate& one : embedded_templates()) {
    std::string name(one.name);
    known.push_back(name);
    files.built_in[name] = {"templates/mail/ja/" + name, std::string(one.text)};
  }
  if (own_folder.empty()) return files;

  std::error_code error;
  std::filesystem::directory_iterator folder(own_folder, error);
  if (error) {
    return failure_of(
        fmt::format("{}: {}: name a folder with mail templates", own_folder, error.message()));
  }
  std::vector<std::filesystem::path> paths;
  for (; !error && folder != std::filesystem::directory_iterator(); folder.increment(error)) {
    if (folder->path().extension() == ".txt") paths.push_back(folder->path());
    if (paths.size() > most_files) {
      return failure_of(fmt::format("{}: more than {} .txt files", own_folder, most_files));
    }
  }
  if (error) return failure_of(fmt::format("{}: {}", own_folder, error.message()));
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> errors;
  for (const auto& path : paths) {
    std::string name = path.filename().string();
    if (!name.starts_with('_') && std::find(known.begin(), known.end(), name) == known.end()) {
      auto close = nearest(name, known);
      errors.push_back(fmt::format("{}: there is no template of this name{}", path.string(),
                                   close.empty() ? "" : fmt::format(": did you mean {}?", close)));
      continue;
    }
    auto text = read_file(path);
    if (!text)
      errors.push_back(text.error().message);
    else
      files.own[name] = {path.string(), *text};
  }
  if (!errors.empty()) return failure_of(fmt::format("{}", fmt::join(errors, "\n")));
  return files;
}

}  // namespace yagura
