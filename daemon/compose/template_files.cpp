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

// The .txt files of a folder by name; `problem` where it cannot be read, or has too many.
std::vector<std::filesystem::path> texts_in(const std::filesystem::path& folder,
                                            std::string& problem) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error);
  if (error) {
    problem =
        fmt::format("{}: {}: name a folder with mail templates", folder.string(), error.message());
    return paths;
  }
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    if (at->path().extension() == ".txt") paths.push_back(at->path());
    if (paths.size() > most_files) {
      problem = fmt::format("{}: more than {} .txt files", folder.string(), most_files);
      return {};
    }
  }
  if (error) problem = fmt::format("{}: {}", folder.string(), error.message());
  std::sort(paths.begin(), paths.end());
  return paths;
}

void read_own(const std::filesystem::path& folder, TemplateFiles& files,
              std::vector<std::string>& errors) {
  std::vector<std::string> known;
  for (const auto& [name, source] : files.built_in)
    known.push_back(name);
  std::string problem;
  for (const auto& path : texts_in(folder, problem)) {
    std::string name = path.filename().string();
    if (!name.starts_with('_') && !files.built_in.contains(name)) {
      auto close = nearest(name, known);
      errors.push_back(fmt::format("{}: there is no template of this name{}", path.string(),
                                   close.empty() ? "" : fmt::format(": did you mean {}?", close)));
      continue;
    }
    auto text = read_file(path);
    if (!text) {
      errors.push_back(text.error().message);
    } else if (auto other = files.own.find(name); other != files.own.end()) {
      errors.push_back(fmt::format("{}: {} is the same template in the same language: keep one",
                                   path.string(), other->second.file));
    } else {
      files.own[name] = {path.string(), *text};
    }
  }
  if (!problem.empty()) errors.push_back(problem);
}

// A folder "english" would be passed over in silence.
void check_subfolders(const std::filesystem::path& folder, std::vector<std::string>& errors) {
  std::error_code error;
  std::size_t left = most_files;
  std::filesystem::directory_iterator at(folder, error);
  for (; !error && left > 0 && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!at->is_directory(error) || name.starts_with('.')) continue;
    --left;
    const bool is_language =
        std::any_of(all_languages.begin(), all_languages.end(),
                    [&](Language language) { return code_of(language) == name; });
    std::string problem;
    if (!is_language && !texts_in(at->path(), problem).empty()) {
      errors.push_back(fmt::format("{}: is not the folder of a language: name it ja or en",
                                   at->path().string()));
    }
  }
}

}  // namespace

const TemplateSource* TemplateFiles::find(std::string_view name) const {
  if (auto found = own.find(name); found != own.end()) return &found->second;
  auto found = built_in.find(name);
  return found == built_in.end() ? nullptr : &found->second;
}

Result<TemplatesByLanguage> read_template_files(const std::string& own_folder, Language of_folder) {
  TemplatesByLanguage all;
  for (const EmbeddedTemplate& one : embedded_templates()) {
    std::string name(one.name);
    all[one.language].built_in[name] = {
        fmt::format("templates/mail/{}/{}", code_of(one.language), name), std::string(one.text)};
  }
  if (own_folder.empty()) return all;
  const std::filesystem::path folder(own_folder);
  std::vector<std::string> errors;
  read_own(folder, all[of_folder], errors);
  for (Language language : all_languages) {
    std::error_code error;
    const auto of_language = folder / code_of(language);
    if (std::filesystem::is_directory(of_language, error))
      read_own(of_language, all[language], errors);
  }
  check_subfolders(folder, errors);
  if (!errors.empty()) return failure_of(fmt::format("{}", fmt::join(errors, "\n")));
  return all;
}

}  // namespace yagura
