#include "aside.hpp"

#include <date/date.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

namespace yagura {
namespace {

// In the order in which they go: without the first the others are no database, so that nobody
// takes the rest for one.
constexpr std::array<const char*, 4> endings{"", "-journal", "-wal", "-shm"};
constexpr std::array<std::string_view, 2> words{"yagura.db.damaged-", "yagura.db.replaced-"};

bool exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

}  // namespace

std::string aside_name(const std::string& folder, std::string_view word, Instant now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const std::string name =
      fmt::format("{}/yagura.db.{}-{}", folder, word, date::format("%Y%m%dT%H%M%SZ", second));
  std::string free = name;
  for (int n = 2; exists(free); ++n)
    free = fmt::format("{}.{}", name, n);
  return free;
}

Result<bool> set_aside(const std::string& folder, const std::string& aside) {
  const std::string path = folder + "/yagura.db";
  std::vector<std::string> present;
  for (const char* ending : endings) {
    if (exists(path + ending)) present.emplace_back(ending);
  }
  if (present.empty()) return false;
  // All have the new name before any loses the old one.
  for (const std::string& ending : present) {
    if (link((path + ending).c_str(), (aside + ending).c_str()) != 0) {
      Error error = system_error(path + ending, "set aside as " + aside + ending, errno);
      for (const std::string& made : present) {
        if (made == ending) break;
        unlink((aside + made).c_str());
      }
      return tl::unexpected(error);
    }
  }
  Result<void> durable = sync_folder(folder);
  if (!durable) return tl::unexpected(durable.error());
  for (const std::string& ending : present) {
    if (unlink((path + ending).c_str()) != 0) {
      return tl::unexpected(system_error(path + ending, "take away", errno));
    }
  }
  durable = sync_folder(folder);
  if (!durable) return tl::unexpected(durable.error());
  return true;
}

std::vector<std::string> records_aside(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    const std::string name = file->path().filename().string();
    const bool ours = std::any_of(words.begin(), words.end(),
                                  [&](std::string_view word) { return name.starts_with(word); });
    const bool part = std::any_of(endings.begin() + 1, endings.end(),
                                  [&](const char* ending) { return name.ends_with(ending); });
    if (ours && !part) found.push_back(file->path().string());
  }
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    const auto time = [](const std::string& name) { return name.substr(name.rfind('-') + 1); };
    return time(a) < time(b);
  });
  return found;
}

Presence presence_of_record(const std::string& folder, const OwnedFile& lock) {
  const std::string path = folder + "/yagura.db";
  struct stat status {};
  const bool there = lstat(path.c_str(), &status) == 0;
  if (there && status.st_size > 0) return Presence::database;
  // A write-ahead log is begun in a database, never before it.
  struct stat log {};
  const bool has_log = lstat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
  if (record_was_noted(lock) || has_log || !records_aside(folder).empty()) return Presence::lost;
  return there ? Presence::unfinished : Presence::nothing;
}

std::string way_back() {
  return "no new record was begun in its place, since it would know nothing of open failures and "
         "of "
         "notices that are still to go. With a backup: `yagura restore BACKUP`, then start again. "
         "Without one: `yagura restore --new-record`, then start again, and tell by hand who has "
         "to know";
}

}  // namespace yagura
