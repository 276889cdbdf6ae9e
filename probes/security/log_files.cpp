#include "security/log_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <system_error>

#include "text.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

constexpr int most_names = 10'000;  // of a folder; further ones are not looked at
constexpr std::array<std::string_view, 6> compressed{".gz", ".xz", ".bz2", ".zst", ".zip", ".Z"};
// As of one file: a larger one that is there anew is another file, and no new log.
constexpr std::int64_t largest_new_file = 64 * 1024 * 1024;

struct Found {
  std::string name;
  std::int64_t written = 0, born = 0;  // nanoseconds since 1970; born 0: not known
  std::int64_t size = 0;
  std::uint64_t inode = 0;
};

// What was reached in each file, and when the youngest of them came to be: a file that nobody knows
// is new where none of those that were there is younger.
struct Reached {
  std::map<std::string, TailPosition> files;
  std::int64_t born = 0;
};

std::int64_t nanoseconds(const statx_timestamp& at) {
  return at.tv_sec * 1'000'000'000 + at.tv_nsec;
}

std::optional<Reached> parse(const std::string& text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* files = object == nullptr ? nullptr : object->if_contains("files");
  if (files == nullptr || !files->is_object()) return std::nullopt;
  Reached reached;
  if (const json::value* born = object->if_contains("born"); born != nullptr && born->is_int64())
    reached.born = born->get_int64();
  for (const auto& [name, position] : files->get_object()) {
    const json::string* place = position.if_string();
    if (place == nullptr) continue;
    if (const auto at = TailPosition::parse({place->data(), place->size()}))
      reached.files.emplace(std::string(name.data(), name.size()), *at);
  }
  if (reached.files.empty()) return std::nullopt;
  return reached;
}

std::string text_of(const Reached& reached) {
  json::object files;
  for (const auto& [name, position] : reached.files)
    files[name] = position.text();
  return json::serialize(json::object{{"born", reached.born}, {"files", std::move(files)}});
}

// All that fit, the one that was written last at the end.
Result<std::vector<Found>> find_files(const std::string& folder, const std::string& pattern) {
  struct Closer {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  std::unique_ptr<DIR, Closer> open(::opendir(folder.c_str()));
  if (!open)
    return failure_of(fmt::format("{} cannot be read: {}", one_line(folder, 200),
                                  std::generic_category().message(errno)));
  std::vector<Found> found;
  for (int seen = 0; seen < most_names; ++seen) {
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    const bool is_compressed =
        std::any_of(compressed.begin(), compressed.end(),
                    [&](std::string_view ending) { return name.ends_with(ending); });
    if (is_compressed || !is_utf8(name) ||
        ::fnmatch(pattern.c_str(), entry->d_name, FNM_PERIOD) != 0)
      continue;
    struct ::statx status {};
    if (::statx(::dirfd(open.get()), entry->d_name, AT_SYMLINK_NOFOLLOW,
                STATX_BASIC_STATS | STATX_BTIME, &status) != 0 ||
        !S_ISREG(status.stx_mode))
      continue;
    found.push_back({std::string(name), nanoseconds(status.stx_mtime),
                     (status.stx_mask & STATX_BTIME) != 0 ? nanoseconds(status.stx_btime) : 0,
                     static_cast<std::int64_t>(status.stx_size), status.stx_ino});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::pair(a.written, a.name) < std::pair(b.written, b.name);
  });
  return found;
}

class FilesReading {
 public:
  FilesReading(std::string folder, std::optional<Reached> kept, const TailLimits& limits)
      : folder_(std::move(folder)), kept_(std::move(kept)), limits_(limits) {}

  // Whose place is known goes first, so that nobody else is taken for it.
  void find_places(const std::vector<Found>& files) {
    if (!kept_) return;
    for (const Found& file : files) {
      const auto known = kept_->files.find(file.name);
      if (known != kept_->files.end() && log_continues(path_of(file), known->second))
        take_place(file, known);
    }
    for (const Found& file : files) {
      if (from_.contains(file.name)) continue;
      const auto same =
          std::find_if(kept_->files.begin(), kept_->files.end(), [&](const auto& one) {
            return !taken_.contains(one.first) && log_continues(path_of(file), one.second);
          });
      if (same != kept_->files.end()) take_place(file, same);
    }
    for (const Found& file : files) {
      if (from_.contains(file.name)) continue;
      const auto known = kept_->files.find(file.name);
      const bool is_new =
          file.size <= largest_new_file && (file.born == 0 || file.born >= kept_->born);
      if (known != kept_->files.end() && !taken_.contains(file.name)) {
        take_place(file, known);  // it was replaced: what that means is for read_tail()
      } else if (is_new || known != kept_->files.end() || was_watched(file)) {
        from_[file.name] = TailPosition{.inode = file.inode};
      }
    }
  }

  Result<void> read(const Found& file) {
    const auto place = from_.find(file.name);
    const auto from = place == from_.end() ? std::nullopt : std::optional(place->second);
    if (from && (limits_.bytes < limits_.line || limits_.lines == 0)) {
      reached_.files[file.name] = *from;
      // Of one that was replaced all is still to be read.
      const bool continues = log_continues(path_of(file), *from);
      read_.unread += std::max<std::int64_t>(continues ? file.size - from->offset : file.size, 0);
      return {};
    }
    auto tail = read_tail(path_of(file), from, limits_);
    if (!tail) {
      // Removed since it was found.
      if (::access(path_of(file).c_str(), F_OK) != 0 && errno == ENOENT) return {};
      return tl::unexpected(tail.error());
    }
    reached_.files[file.name] = tail->position;
    read_.unread += tail->unread;
    limits_.bytes -= std::min(limits_.bytes, tail->bytes);
    limits_.lines -= std::min(limits_.lines, tail->lines.size());
    if (!tail->note.empty() && kept_)
      read_.note = fmt::format("{}: {}", one_line(file.name, 60), tail->note);
    if (!tail->lines.empty()) read_.parts.push_back({file.name, std::move(tail->lines)});
    return {};
  }

  FilesRead take(std::int64_t born) {
    if (!kept_) read_.note = "they are read from their present ends on";
    reached_.born = std::max(born, kept_ ? kept_->born : 0);
    read_.position = text_of(reached_);
    return std::move(read_);
  }

 private:
  // By another name: it was emptied and written to, and renamed since. One that still has the place
  // reached is a second name of a file that is read already.
  bool was_watched(const Found& file) const {
    return std::any_of(kept_->files.begin(), kept_->files.end(), [&](const auto& one) {
      return one.second.inode == file.inode && !log_continues(path_of(file), one.second);
    });
  }
  std::string path_of(const Found& file) const { return folder_ + "/" + file.name; }
  void take_place(const Found& file, std::map<std::string, TailPosition>::const_iterator place) {
    from_[file.name] = place->second;
    taken_[place->first] = true;
  }

  std::string folder_;
  std::optional<Reached> kept_;
  TailLimits limits_;  // what is left of them
  std::map<std::string, TailPosition> from_;
  std::map<std::string, bool> taken_;  // places of kept_, by their names
  Reached reached_;
  FilesRead read_;
};

}  // namespace

bool is_log_pattern(std::string_view path) {
  return path.substr(path.rfind('/') + 1).find_first_of("*?") != std::string_view::npos;
}

Result<FilesRead> read_log_files(const std::string& pattern, const std::string& position,
                                 const TailLimits& limits, std::size_t most) {
  const auto slash = pattern.rfind('/');
  const std::string folder = slash == 0 ? "/" : pattern.substr(0, slash);
  auto files = find_files(folder, pattern.substr(slash + 1));
  if (!files) return tl::unexpected(files.error());
  if (files->empty())
    return failure_of(fmt::format("no file fits {}: look at its folder", one_line(pattern, 200)));
  std::int64_t born = 0;
  for (const Found& file : *files)
    born = std::max(born, file.born);
  if (files->size() > most)
    files->erase(files->begin(), files->end() - static_cast<std::ptrdiff_t>(most));
  FilesReading reading(folder, parse(position), limits);
  reading.find_places(*files);
  for (const Found& file : *files) {
    if (auto done = reading.read(file); !done) return tl::unexpected(done.error());
  }
  return reading.take(born);
}

}  // namespace yagura
