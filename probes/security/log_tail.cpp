#include "security/log_tail.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <system_error>

#include "io/descriptor.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_hashed = 512;
// Beside a log lie some rotated ones; a folder with more names than this is not searched further.
constexpr int most_names = 10'000;
constexpr std::size_t most_opened = 16;
// A file that is there anew is read from its start; one that is larger is no new log, but another
// file.
constexpr std::int64_t largest_new_file = 64 * 1024 * 1024;

struct Opened {
  io::Descriptor file;
  struct ::stat status {};
};

Result<Opened> open_log(const std::string& path) {
  const std::string shown = one_line(path, 200);
  Opened opened;
  // Not blocking: a pipe that nobody writes to would otherwise be waited for.
  opened.file = io::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!opened.file && errno == EACCES) {
    return failure_of(fmt::format(
        "{} cannot be read: permission denied; who runs the daemon has to be in the group "
        "that may (adm, for most of /var/log)",
        shown));
  }
  if (!opened.file)
    return failure_of(
        fmt::format("{} cannot be read: {}", shown, std::generic_category().message(errno)));
  if (::fstat(opened.file.get(), &opened.status) != 0)
    return failure_of(
        fmt::format("{} cannot be looked at: {}", shown, std::generic_category().message(errno)));
  if (!S_ISREG(opened.status.st_mode))
    return failure_of(fmt::format("{} is no file: name the log itself", shown));
  return opened;
}

// As many of the bytes as there are.
Result<std::string> bytes_at(int file, std::int64_t offset, std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t got = ::pread(file, bytes.data() + filled, count - filled,
                                offset + static_cast<std::int64_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return failure_of("the log cannot be read: " + std::generic_category().message(errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

std::uint64_t hash_of(std::string_view bytes) {  // FNV-1a: equality is asked of it, not secrecy
  std::uint64_t hash = 14695981039346656037U;
  for (const char byte : bytes)
    hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  return hash;
}

std::size_t hashed_at(std::int64_t offset) {
  return static_cast<std::size_t>(std::min<std::int64_t>(offset, most_hashed));
}

Result<void> sign(const Opened& opened, TailPosition& position) {
  const std::size_t count = hashed_at(position.offset);
  auto head = bytes_at(opened.file.get(), 0, count);
  auto before =
      bytes_at(opened.file.get(), position.offset - static_cast<std::int64_t>(count), count);
  if (!head) return tl::unexpected(head.error());
  if (!before) return tl::unexpected(before.error());
  position.inode = opened.status.st_ino;
  position.head = hash_of(*head);
  position.before = hash_of(*before);
  return {};
}

enum class Likeness { continues, edited, another };

Likeness compare(const Opened& opened, const TailPosition& position) {
  if (opened.status.st_size < position.offset) return Likeness::another;
  if (position.offset == 0)
    return opened.status.st_ino == position.inode ? Likeness::continues : Likeness::another;
  TailPosition here = position;
  if (!sign(opened, here) || here.head != position.head) return Likeness::another;
  return here.before == position.before ? Likeness::continues : Likeness::edited;
}

// The rotated file that has the place reached: NAME.1, NAME-20261127, …
std::optional<Opened> rotated(const std::string& path, const TailPosition& position) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == 0 ? "/" : path.substr(0, slash),
                    name = path.substr(slash + 1);
  struct Closer {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  std::unique_ptr<DIR, Closer> open(::opendir(folder.c_str()));
  if (!open) return std::nullopt;
  struct Beside {
    timespec written;
    std::string path;
  };
  std::vector<Beside> found;
  for (int seen = 0; seen < most_names; ++seen) {
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view other = entry->d_name;
    if (other.size() <= name.size() || !other.starts_with(name) ||
        (other[name.size()] != '.' && other[name.size()] != '-'))
      continue;
    const std::string whole = folder + "/" + std::string(other);
    struct ::stat status {};
    if (::lstat(whole.c_str(), &status) == 0 && S_ISREG(status.st_mode))
      found.push_back({status.st_mtim, whole});
  }
  std::sort(found.begin(), found.end(), [](const Beside& a, const Beside& b) {
    return std::pair(a.written.tv_sec, a.written.tv_nsec) >
           std::pair(b.written.tv_sec, b.written.tv_nsec);
  });
  found.resize(std::min(found.size(), most_opened));
  for (const Beside& one : found) {
    auto opened = open_log(one.path);
    if (opened && compare(*opened, position) == Likeness::continues) return std::move(*opened);
  }
  return std::nullopt;
}

class Reading {
 public:
  explicit Reading(const TailLimits& limits) : limits_(limits) {
    limits_.line = std::min(limits_.line, limits_.bytes);
  }

  // From `position` on, to the end or the limits. `ended`: nothing is added to the file any more,
  // so that what stands behind its last line break is a line, too. Moves `position`, and gives what
  // is left.
  Result<std::int64_t> read(const Opened& opened, TailPosition& position, bool ended) {
    std::int64_t at = position.offset;
    std::string line;
    bool full = false;
    while (!full && bytes_ < limits_.bytes) {
      auto piece = bytes_at(opened.file.get(), at, std::min(piece_size, limits_.bytes - bytes_));
      if (!piece) return tl::unexpected(piece.error());
      if (piece->empty()) break;
      bytes_ += piece->size();
      std::string_view rest = *piece;
      while (!rest.empty() && !full) {
        const auto end = rest.find('\n');
        const std::string_view part = rest.substr(0, end);
        if (!position.within_line)
          line.append(part.substr(0, limits_.line - std::min(line.size(), limits_.line)));
        at += static_cast<std::int64_t>(part.size());
        if (end == rest.npos) break;
        ++at;
        rest.remove_prefix(end + 1);
        full = take(position, line);
        position.offset = at;
      }
    }
    // A line so long that it is given already; or the last of a file that grows no more.
    if (!full && (line.size() >= limits_.line || position.within_line)) {
      if (!position.within_line) take(position, line);
      position.within_line = true;
      position.offset = at;
    } else if (!full && ended && !line.empty()) {
      take(position, line);
      position.offset = at;
    }
    struct ::stat now {};
    if (::fstat(opened.file.get(), &now) != 0) return 0;
    const std::int64_t left = now.st_size - position.offset;
    return full || bytes_ >= limits_.bytes ? std::max<std::int64_t>(left, 0) : 0;
  }

  std::vector<std::string> lines;
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t piece_size = 64 * 1024;

  // True where no more lines are taken.
  bool take(TailPosition& position, std::string& line) {
    if (!position.within_line && !line.empty()) lines.push_back(line);
    position.within_line = false;
    line.clear();
    return lines.size() >= limits_.lines;
  }

  TailLimits limits_;
  std::size_t bytes_ = 0;
};

// The end of what is there: behind its last line break, so that a line that is being written is
// seen whole.
Result<TailPosition> end_of_file(const Opened& opened, std::size_t longest_line) {
  TailPosition position;
  const std::int64_t size = opened.status.st_size;
  const auto count = std::min<std::int64_t>(size, static_cast<std::int64_t>(longest_line));
  auto last = bytes_at(opened.file.get(), size - count, static_cast<std::size_t>(count));
  if (!last) return tl::unexpected(last.error());
  const auto line_break = last->rfind('\n');
  position.within_line = line_break == std::string::npos && count < size;
  position.offset = position.within_line ? size
                    : line_break == std::string::npos
                        ? 0
                        : size - count + static_cast<std::int64_t>(line_break) + 1;
  return position;
}

}  // namespace

std::string TailPosition::text() const {
  return fmt::format("{} {} {:x} {:x} {}", offset, inode, head, before, within_line ? 1 : 0);
}

std::optional<TailPosition> TailPosition::parse(std::string_view text) {
  TailPosition position;
  int within = 0;
  const auto number = [&](auto& value, int base) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return true;
    const bool more = text.size() > 1 && text.front() == ' ';
    text.remove_prefix(1);
    return more;
  };
  if (text.ends_with(' ') || !number(position.offset, 10) || !number(position.inode, 10) ||
      !number(position.head, 16) || !number(position.before, 16) || !number(within, 10) ||
      !text.empty() || position.offset < 0)
    return std::nullopt;
  position.within_line = within == 1;
  return position;
}

Result<TailRead> read_tail(const std::string& path, const std::optional<TailPosition>& from,
                           const TailLimits& limits) {
  auto current = open_log(path);
  if (!current) return tl::unexpected(current.error());
  TailRead read;
  Reading reading(limits);
  const auto begin_at_end = [&](std::string note) -> Result<void> {
    auto end = end_of_file(*current, limits.line);
    if (!end) return tl::unexpected(end.error());
    read.position = *end;
    read.note = std::move(note);
    return {};
  };

  if (!from) {
    if (auto begun = begin_at_end("it is read from its present end on"); !begun)
      return tl::unexpected(begun.error());
  } else if (compare(*current, *from) == Likeness::continues) {
    read.position = *from;
  } else {
    std::optional<Opened> before = rotated(path, *from);
    if (before) {
      read.position = *from;
      // Who writes may not have noticed yet: the new one is gone over to when somebody has written
      // to it.
      const bool ended = current->status.st_size > 0;
      auto left = reading.read(*before, read.position, ended);
      if (!left) return tl::unexpected(left.error());
      if (*left > 0 || !ended) {
        if (auto signed_there = sign(*before, read.position); !signed_there)
          return tl::unexpected(signed_there.error());
        read.unread = *left + current->status.st_size;
        read.lines = std::move(reading.lines);
        read.bytes = reading.bytes();
        return read;
      }
      read.position = {};
    } else if (compare(*current, *from) == Likeness::edited ||
               current->status.st_size > largest_new_file) {
      auto begun = begin_at_end(
          "the place reached is not in it any more: it is read from its present end on");
      if (!begun) return tl::unexpected(begun.error());
    } else {
      // An empty file had nothing to lose.
      if (from->offset > 0) {
        read.note =
            "it was replaced, and what was written to the one before since it was last read is not "
            "to be had";
      }
    }
  }
  auto left = reading.read(*current, read.position, false);
  if (!left) return tl::unexpected(left.error());
  if (auto signed_here = sign(*current, read.position); !signed_here)
    return tl::unexpected(signed_here.error());
  read.unread = *left;
  read.lines = std::move(reading.lines);
  read.bytes = reading.bytes();
  return read;
}

bool log_continues(const std::string& path, const TailPosition& position) {
  const auto opened = open_log(path);
  return opened && compare(*opened, position) == Likeness::continues;
}

}  // namespace yagura
