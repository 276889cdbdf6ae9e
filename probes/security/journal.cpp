// systemd's journal, through libsystemd, opened anew for each call: what a call holds it gives
// back, and a journal that is rotated, emptied or only just begun needs no care.
#include <dirent.h>
#include <fmt/format.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <system_error>

#include "security/log_source.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_entries = 50'000;         // of one call
constexpr std::size_t most_bytes = 4 * 1024 * 1024;  // likewise
constexpr std::size_t longest_line = 8192;           // of an entry as it is given

struct Close {
  void operator()(sd_journal* journal) const { sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, Close>;

tl::unexpected<Error> cannot(std::string_view what, int error) {
  return failure_of(
      fmt::format("{} cannot be read: {}", what, std::generic_category().message(-error)));
}

bool is_journal(std::string_view name) {
  return name.ends_with(".journal") || name.ends_with(".journal~");
}

// libsystemd passes over files that it may not read, and then says that there is nothing. What of
// `folder` is there, and may be read.
struct Files {
  int there = 0;
  int readable = 0;
  bool denied = false;
};

void look(const std::string& folder, Files& files) {
  struct Closer {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  std::unique_ptr<DIR, Closer> open(::opendir(folder.c_str()));
  if (!open) {
    files.denied |= errno == EACCES;
    return;
  }
  while (const dirent* entry = ::readdir(open.get())) {
    if (!is_journal(entry->d_name)) continue;
    ++files.there;
    // A user's own journal may always be read by the user, and says nothing about the others.
    const bool of_a_user = std::string_view(entry->d_name).starts_with("user-");
    if (of_a_user) continue;
    if (::access((folder + "/" + entry->d_name).c_str(), R_OK) == 0) {
      ++files.readable;
    } else {
      files.denied = true;
    }
  }
}

Result<void> may_be_read(const LogSource& source) {
  Files files;
  if (!source.journal.empty()) {
    look(source.journal, files);
  } else {
    sd_id128_t id{};
    if (int error = sd_id128_get_machine(&id); error < 0) return cannot("/etc/machine-id", error);
    std::array<char, SD_ID128_STRING_MAX> text{};
    const std::string machine = sd_id128_to_string(id, text.data());
    for (const char* root : {"/var/log/journal/", "/run/log/journal/"})
      look(root + machine, files);
  }
  if (files.denied && files.readable == 0) {
    return failure_of(fmt::format(
        "{} cannot be read: permission denied; who runs the daemon has to be in the group "
        "systemd-journal",
        source.name()));
  }
  if (files.there == 0)
    return failure_of(fmt::format("{} has no files: does systemd-journald run?", source.name()));
  return {};
}

bool is_cursor(const std::string& text) {
  return text.starts_with("s=") && text.find(";i=") != text.npos;
}

// A field of the entry; empty where it has none.
std::string_view field_of(sd_journal* journal, const char* name) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (sd_journal_get_data(journal, name, &data, &size) < 0) return {};
  std::string_view field(static_cast<const char*>(data), size);
  const auto equals = field.find('=');
  return equals == field.npos ? std::string_view{} : field.substr(equals + 1, longest_line);
}

Result<void> choose(sd_journal* journal, const LogSource& source) {
  for (const auto& [name, values] :
       {std::pair<std::string_view, const std::vector<std::string>&>{"_SYSTEMD_UNIT", source.units},
        {"SYSLOG_IDENTIFIER", source.identifiers}}) {
    for (const std::string& value : values) {
      const std::string match = fmt::format("{}={}", name, value);
      if (int error = sd_journal_add_match(journal, match.data(), match.size()); error < 0)
        return cannot(source.name(), error);
    }
  }
  return {};
}

// Anybody may log in the name of any program; journald knows who it was. Where the program was gone
// before journald could look, the kernel's word on its user is left: root's are believed, and su's
// and sudo's, which whoever calls them may log as himself.
bool is_of_the_program(sd_journal* journal, std::string_view identifier) {
  const std::string_view program = field_of(journal, "_EXE");
  if (program.empty())
    return identifier == "su" || identifier == "sudo" || field_of(journal, "_UID") == "0";
  const auto slash = program.rfind('/');
  const std::string_view folder = program.substr(0, slash), name = program.substr(slash + 1);
  return name == identifier &&
         (folder == "/usr/sbin" || folder == "/usr/bin" || folder == "/sbin" || folder == "/bin" ||
          folder.starts_with("/usr/lib/"));
}

Result<std::string> cursor_of(sd_journal* journal, const LogSource& source) {
  char* text = nullptr;
  if (int error = sd_journal_get_cursor(journal, &text); error < 0)
    return cannot(source.name(), error);
  std::string cursor = text;
  std::free(text);
  return cursor;
}

// Before the first entry that is new. False where the place reached is not there any more.
Result<bool> go_to(sd_journal* journal, const LogSource& source, const std::string& cursor) {
  if (int error = sd_journal_seek_cursor(journal, cursor.c_str()); error < 0)
    return cannot(source.name(), error);
  int stepped = sd_journal_next(journal);
  if (stepped < 0) return cannot(source.name(), stepped);
  if (stepped == 0) return true;  // nothing from there on
  if (sd_journal_test_cursor(journal, cursor.c_str()) > 0) return true;
  // The next one stands on an entry that was not read yet.
  stepped = sd_journal_previous(journal);
  if (stepped < 0) return cannot(source.name(), stepped);
  if (stepped == 0 && sd_journal_seek_head(journal) < 0) return cannot(source.name(), -EIO);
  return false;
}

}  // namespace

Result<LogReading> read_journal(const LogSource& source, const std::string& cursor,
                                Duration limit) {
  if (auto may = may_be_read(source); !may) return tl::unexpected(may.error());
  sd_journal* opened = nullptr;
  const int error = source.journal.empty()
                        ? sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY)
                        : sd_journal_open_directory(&opened, source.journal.c_str(), 0);
  if (error < 0) return cannot(source.name(), error);
  const Journal owner(opened);
  sd_journal_set_data_threshold(opened, longest_line + 64);
  if (auto chosen = choose(opened, source); !chosen) return tl::unexpected(chosen.error());

  LogReading reading;
  reading.position = cursor;
  if (cursor != "start" && !is_cursor(cursor)) {
    reading.note = "it is read from its present end on";
    // The last of what is looked for; where there is none yet, the first that comes is new.
    if (int sought = sd_journal_seek_tail(opened); sought < 0) return cannot(source.name(), sought);
    const int stepped = sd_journal_previous(opened);
    if (stepped < 0) return cannot(source.name(), stepped);
    if (stepped == 0) {
      reading.position = "start";
      return reading;
    }
    auto here = cursor_of(opened, source);
    if (!here) return tl::unexpected(here.error());
    reading.position = std::move(*here);
    return reading;
  }
  if (cursor == "start") {
    if (int sought = sd_journal_seek_head(opened); sought < 0) return cannot(source.name(), sought);
  } else {
    auto there = go_to(opened, source, cursor);
    if (!there) return tl::unexpected(there.error());
    if (!*there)
      reading.note = "the place reached is not in it any more: what came between may be lost";
  }

  const auto until = std::chrono::steady_clock::now() + limit / 2;
  std::size_t bytes = 0;
  bool moved = false;
  for (std::size_t count = 0;; ++count) {
    if (count == most_entries || bytes >= most_bytes || std::chrono::steady_clock::now() > until) {
      reading.unread = 1;
      break;
    }
    const int stepped = sd_journal_next(opened);
    if (stepped < 0) return cannot(source.name(), stepped);
    if (stepped == 0) break;
    moved = true;
    std::string line(field_of(opened, "SYSLOG_IDENTIFIER"));
    if (!source.identifiers.empty() && !is_of_the_program(opened, line)) continue;
    if (const auto process = field_of(opened, "_PID"); !process.empty())
      line += fmt::format("[{}]", process);
    line += ": ";
    line += field_of(opened, "MESSAGE");
    line.resize(std::min(line.size(), longest_line));
    std::uint64_t microseconds = 0;
    if (sd_journal_get_realtime_usec(opened, &microseconds) < 0) continue;
    bytes += line.size();
    reading.lines.push_back({std::move(line), Instant{std::chrono::duration_cast<Duration>(
                                                  std::chrono::microseconds(microseconds))}});
  }
  if (moved) {
    auto here = cursor_of(opened, source);
    if (!here) return tl::unexpected(here.error());
    reading.position = std::move(*here);
  }
  return reading;
}

}  // namespace yagura
