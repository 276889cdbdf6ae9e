#include "liveness/process_search.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <pwd.h>
#include <re2/re2.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "instant.hpp"
#include "liveness/process_table.hpp"
#include "resource/local_probe.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_of_a_command_line = 64 * 1024;
constexpr std::size_t most_of_stat = 8 * 1024;
constexpr std::size_t most_of_status = 64 * 1024;  // A line for each group of the user's.
constexpr std::size_t most_of_machine_stat = 4 * 1024 * 1024;
constexpr std::size_t most_of_pid_file = 4 * 1024;
constexpr std::int64_t most_open_files = 4 * 1024 * 1024;
constexpr int most_processes = 4 * 1024 * 1024;  // The kernel's own limit (pid_max).

std::string words_of(int error) {
  return std::generic_category().message(error);
}
bool is_gone(int error) {
  return error == ENOENT || error == ESRCH;
}
bool is_refused(int error) {
  return error == EACCES || error == EPERM;
}

Result<uid_t> user_number(const std::string& user) {
  std::vector<char> buffer(64 * 1024);
  struct passwd entry {};
  struct passwd* found = nullptr;
  int error = ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return entry.pw_uid;
  uid_t number = 0;
  const char* end = user.data() + user.size();
  if (auto [rest, wrong] = std::from_chars(user.data(), end, number);
      wrong == std::errc{} && rest == end) {
    return number;
  }
  return failure_of(error != 0 && error != ENOENT
                        ? fmt::format("user {} cannot be looked up: {}", user, words_of(error))
                        : fmt::format("there is no user {} on this machine", user));
}

// Our own number as this /proc has it, which may be of an outer container.
int own_pid(const std::string& proc) {
  std::array<char, 32> target{};
  ssize_t length = ::readlink((proc + "/self").c_str(), target.data(), target.size());
  int pid = 0;
  if (length > 0) std::from_chars(target.data(), target.data() + length, pid);
  return pid > 0 ? pid : ::getpid();
}

struct Closer {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

class Search {
 public:
  Search(const std::string& proc, const ProcessQuery& query, std::optional<uid_t> user)
      : proc_(proc), query_(query), user_(user) {
    timespec since_boot{};
    ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
    found_.use.now_ticks =
        static_cast<std::uint64_t>(since_boot.tv_sec) * units_.ticks_per_second +
        static_cast<std::uint64_t>(since_boot.tv_nsec) * units_.ticks_per_second / 1'000'000'000;
    found_.use.at = std::chrono::steady_clock::now();
  }

  Result<ProcessesFound> all() {
    if (auto error = look_at_first(); !error.empty()) return failure_of(error);
    own_pid_ = own_pid(proc_);
    own_command_ = read(own_pid_, "cmdline", most_of_a_command_line).text;
    std::unique_ptr<DIR, Closer> folder(::opendir(proc_.c_str()));
    if (!folder) return failure_of(fmt::format("{} cannot be listed: {}", proc_, words_of(errno)));
    for (int seen = 0; seen < most_processes;) {
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr) break;
      std::string_view name = entry->d_name;
      int pid = 0;
      auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
      if (error != std::errc{} || rest != name.data() + name.size() || pid == own_pid_) continue;
      ++seen;
      if (auto stat = fitting(pid)) count(pid, *stat);
    }
    return found_;
  }

  Result<ProcessesFound> of_pid_file() {
    const std::string& path = query_.pid_file;
    FileStart file = read_file_start(path, most_of_pid_file);
    if (file.error == ENOENT) return lacking(fmt::format("{} does not exist", path));
    if (file.error == EINVAL) return failure_of(fmt::format("{} is not a readable file", path));
    if (file.error != 0)
      return failure_of(fmt::format("{} cannot be read: {}", path, words_of(file.error)));
    auto pid = parse_pid_file(file.text);
    if (!pid) return lacking(fmt::format("{} holds no process number", path));

    if (auto error = look_at_first(); !error.empty()) return failure_of(error);
    const std::string named = fmt::format("process {} of {}", *pid, path);
    FileStart line = read(*pid, "stat", most_of_stat);
    if (is_refused(line.error)) found_.hidden = true;
    if (is_refused(line.error) || is_gone(line.error)) return lacking(named + " does not run");
    auto stat = line.error == 0 ? parse_process_stat(line.text) : std::nullopt;
    if (!stat) return failure_of(fmt::format("{}/{}/stat cannot be understood", proc_, *pid));
    found_.hidden = false;  // This one is seen, whatever is not.
    if (stat->is_dead()) return lacking(named + " has ended");
    if (auto error = recycled(*stat); !error.empty()) return lacking(named + error);
    if (!has_user(*pid)) return lacking(fmt::format("{} is not {}'s", named, query_.user));
    count(*pid, *stat);
    return found_;
  }

 private:
  ProcessesFound lacking(std::string why) {
    found_.lacking = std::move(why);
    return found_;
  }

  FileStart read(int pid, std::string_view file, std::size_t limit) const {
    return read_file_start(fmt::format("{}/{}/{}", proc_, pid, file), limit);
  }

  // The first process always is, and may be read by all: where not, /proc is restricted (hidepid).
  std::string look_at_first() {
    FileStart first = read(1, "stat", most_of_stat);
    if (first.error == 0) return {};
    struct ::stat self {};
    if (::lstat((proc_ + "/self").c_str(), &self) != 0) {
      return fmt::format("{} is not there: is it mounted?", proc_);
    }
    found_.hidden = true;
    return {};
  }

  void count(int pid, const ProcessStat& stat) {
    ++found_.count;
    found_.use.add(pid, stat, units_);
    if (query_.open_files) count_files(pid);
  }

  void count_files(int pid) {
    std::unique_ptr<DIR, Closer> folder(::opendir(fmt::format("{}/{}/fd", proc_, pid).c_str()));
    if (!folder) {
      found_.use.files_hidden = found_.use.files_hidden || !is_gone(errno);
      return;
    }
    while (const dirent* entry = ::readdir(folder.get())) {
      if (entry->d_name[0] == '.') continue;
      if (++found_.use.open_files >= most_open_files) return;
    }
  }

  // Its line where it counts.
  std::optional<ProcessStat> fitting(int pid) {
    FileStart line = read(pid, "stat", most_of_stat);
    if (is_refused(line.error)) found_.hidden = true;
    auto stat = line.error == 0 ? parse_process_stat(line.text) : std::nullopt;
    if (!stat || stat->is_dead()) return std::nullopt;
    bool by_comm = query_.match == nullptr && stat->comm == query_.program;
    if (!by_comm) {
      FileStart command = read(pid, "cmdline", most_of_a_command_line);
      if (is_refused(command.error)) found_.hidden = true;
      // A child that has not yet begun its own program still has our command line.
      if (stat->parent == own_pid_ && command.text == own_command_) return std::nullopt;
      if (command.text.empty()) return std::nullopt;
      if (query_.match != nullptr
              ? !re2::RE2::PartialMatch(command_line_words(command.text), *query_.match)
              : program_name(command.text) != query_.program) {
        return std::nullopt;
      }
    }
    return has_user(pid) ? stat : std::nullopt;
  }

  bool has_user(int pid) {
    if (!user_) return true;
    FileStart status = read(pid, "status", most_of_status);
    if (is_refused(status.error)) found_.hidden = true;
    return status.error == 0 && parse_effective_user(status.text) == *user_;
  }

  // " is another one: …" where a process cannot be the one that wrote the file.
  std::string recycled(const ProcessStat& stat) const {
    struct ::stat file {};
    struct ::statfs system {};
    if (::stat(query_.pid_file.c_str(), &file) != 0 ||
        ::statfs(query_.pid_file.c_str(), &system) != 0) {
      return {};
    }
    auto boot = parse_boot_time(read_file_start(proc_ + "/stat", most_of_machine_stat).text);
    if (!boot) return {};
    std::int64_t started =
        *boot + static_cast<std::int64_t>(stat.started_ticks / units_.ticks_per_second);
    bool in_memory = system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC;
    if (!is_recycled(started, file.st_mtim.tv_sec, *boot, in_memory)) return {};
    return fmt::format(" is another one: it began {} after the file was written",
                       format_duration(std::chrono::seconds(started - file.st_mtim.tv_sec)));
  }

  const std::string& proc_;
  const ProcessQuery& query_;
  std::optional<uid_t> user_;
  const KernelUnits units_ = kernel_units();
  int own_pid_ = 0;
  std::string own_command_;
  ProcessesFound found_;
};

}  // namespace

Result<ProcessesFound> find_processes(const std::string& proc, const ProcessQuery& query) {
  std::optional<uid_t> user;
  if (!query.user.empty()) {
    auto number = user_number(query.user);
    if (!number) return tl::unexpected<Error>(number.error());
    user = *number;
  }
  Search search(proc, query, user);
  return query.pid_file.empty() ? search.all() : search.of_pid_file();
}

}  // namespace yagura
