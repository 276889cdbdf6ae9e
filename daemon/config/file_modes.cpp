#include "file_modes.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <utility>

#include "text.hpp"

namespace yagura {
namespace {

using Kind = GuardedFile::Kind;

// For a shell, where the path has what a shell would read otherwise.
std::string shell_word(const std::string& path) {
  std::string safe = one_line(path, 400);
  if (safe.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:") ==
      std::string::npos) {
    return safe;
  }
  std::string word = "'";
  for (char letter : safe)
    word += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return word + "'";
}

std::string_view effect_of(Kind kind) {
  switch (kind) {
    case Kind::configuration:
      return "and with it what the daemon runs and whom it mails";
    case Kind::state:
      return "and so remove or replace the record";
    case Kind::templates:
      return "and with it what banks read";
    case Kind::program:
      return "and with it what the daemon runs";
    case Kind::secret:
      return "and so which password is used";
  }
  return {};
}

// Of /tmp and its like.
bool in_sticky_folder(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  struct stat status {};
  return !error && stat(whole.parent_path().c_str(), &status) == 0 && (status.st_mode & S_ISVTX) != 0;
}

struct Modes {
  Problems problems;
  std::set<std::pair<std::string, bool>> seen;  // one problem is told once; a secret is one more

  void look_at(const GuardedFile& file, const std::string& path) {
    struct stat status {};
    if (!seen.insert({path, file.kind == Kind::secret}).second) return;
    if (stat(path.c_str(), &status) != 0) return;
    const bool folder = S_ISDIR(status.st_mode);
    // In a folder such as /tmp nobody removes or replaces what is another's.
    const bool sticky = folder && (status.st_mode & S_ISVTX) != 0;
    const std::string word = shell_word(path);
    const auto say = [&](bool warning, std::string_view who, std::string_view mend) {
      problems.push_back(
          {file.place,
           fmt::format("{} may {} {}, {}: chmod {} {}", who, folder ? "write in" : "change",
                       one_line(path, 400), effect_of(file.kind), mend, word),
           warning});
    };
    if (file.kind == Kind::secret) {
      if ((status.st_mode & S_IRWXO) != 0) {
        problems.push_back(
            {file.place,
             fmt::format("everybody on this machine may {} the secret in {}: chmod o= {}",
                         (status.st_mode & S_IWOTH) != 0 ? "change" : "read", one_line(path, 400),
                         word),
             true});
      }
      return;
    }
    if (sticky) return;
    // There whoever was first has the name.
    if (!folder && in_sticky_folder(path) && status.st_uid != 0 && status.st_uid != geteuid()) {
      problems.push_back({file.place,
                          fmt::format("{} belongs to user {}, in a folder in which everybody may make files: "
                                      "that user may change it, {}",
                                      one_line(path, 400), status.st_uid, effect_of(file.kind)),
                          true});
    }
    if ((status.st_mode & S_IWOTH) != 0) {
      say(false, "everybody on this machine", "o-w");
    } else if ((status.st_mode & S_IWGRP) != 0 && status.st_gid != 0) {
      say(true, fmt::format("group {}", status.st_gid), "g-w");
    }
  }
};

}  // namespace

Problems problems_of_modes(const Configuration& configuration) {
  namespace fs = std::filesystem;
  Modes modes;
  for (const std::string& file : configuration.files) {
    const GuardedFile guarded{file, {file, 1, 1}, Kind::configuration};
    modes.look_at(guarded, file);
    std::error_code error;
    const fs::path whole = fs::absolute(file, error);
    if (!error) modes.look_at(guarded, whole.parent_path().string());
  }
  for (const GuardedFile& guarded : configuration.guarded) {
    modes.look_at(guarded, guarded.path);
    if (guarded.kind != Kind::templates) continue;
    std::error_code error;
    std::size_t left = 1'000;
    for (fs::directory_iterator at(guarded.path, error), end; !error && at != end && left > 0;
         at.increment(error), --left) {
      modes.look_at(guarded, at->path().string());
    }
  }
  return std::move(modes.problems);
}

}  // namespace yagura
