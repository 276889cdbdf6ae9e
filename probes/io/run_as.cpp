#include "run_as.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "text.hpp"

namespace yagura::io {
namespace {

constexpr int most_groups = 65'536;  // NGROUPS_MAX of the kernel

// By the system call: libcap would be another library for this one question.
std::uint32_t effective_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return 0;
  return data[0].effective;
}

}  // namespace

Result<RunAs> find_user(const std::string& name) {
  std::vector<char> buffer(16 * 1024);
  passwd entry{}, *found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return failure_of(fmt::format("this machine has no user \"{}\"", one_line(name, 100)));
  }
  if (found->pw_uid == 0) {
    return failure_of(
        fmt::format("\"{}\" is root: name a user that may do what is needed, and no more",
                    one_line(name, 100)));
  }
  RunAs user{name, found->pw_dir, found->pw_uid, found->pw_gid, {}};
  int count = 64;
  user.groups.resize(static_cast<std::size_t>(count));
  while (::getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0) {
    if (count > most_groups) return failure_of(fmt::format("\"{}\" is in too many groups", name));
    user.groups.resize(static_cast<std::size_t>(count));
  }
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

Result<void> may_run_as(const RunAs& user) {
  if (user.uid == ::geteuid()) return {};
  const std::uint32_t has = effective_capabilities();
  std::string lacking;
  for (auto [bit, name] : {std::pair{CAP_SETUID, "CAP_SETUID"}, std::pair{CAP_SETGID, "CAP_SETGID"},
                           std::pair{CAP_KILL, "CAP_KILL"}}) {
    if ((has & (1U << static_cast<unsigned>(bit))) != 0) continue;
    lacking += lacking.empty() ? name : std::string(", ") + name;
  }
  if (lacking.empty()) return {};
  return failure_of(
      fmt::format("to run programs as {} the daemon needs {}", one_line(user.user, 100), lacking));
}

}  // namespace yagura::io
