#include "spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "descriptor.hpp"
#include "text.hpp"

namespace yagura::io {
namespace {

// How systemd speaks with the daemon: its children must not speak in the daemon's name.
// Nor do they need to know where its secrets are.
constexpr std::array<std::string_view, 7> not_inherited = {
    "NOTIFY_SOCKET", "WATCHDOG_USEC",  "WATCHDOG_PID",         "LISTEN_FDS",
    "LISTEN_PID",    "LISTEN_FDNAMES", "CREDENTIALS_DIRECTORY"};

// posix_spawn's two tables, freed in any case.
struct Plan {
  Plan() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
  }
  ~Plan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // The first error, 0 where all is well.
  int fill(int output, int errors) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (error == 0) error = posix_spawnattr_setpgroup(&attributes, 0);
    if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (error == 0) error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, errors, 2);
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    return error;
  }

  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
};

std::vector<std::string> environment_of(const Program& program) {
  const auto& extra = program.extra_environment;
  std::vector<std::string> environment;
  char** ours = program.own_environment_only ? nullptr : environ;
  for (char** entry = ours; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text(*entry);
    std::string_view name = text.substr(0, text.find('='));
    bool dropped =
        std::find(not_inherited.begin(), not_inherited.end(), name) != not_inherited.end();
    if (!dropped && !extra.contains(std::string(name))) environment.emplace_back(text);
  }
  for (const auto& [name, value] : extra)
    environment.push_back(name + "=" + value);
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

// What posix_spawn cannot do: become somebody else in between. All is prepared before fork(), since
// after it only system calls are allowed, and by their numbers where glibc would tell its other
// threads, which are not there.
class OtherUser {
 public:
  OtherUser(std::vector<char*> argv, std::vector<char*> environment, const RunAs& as, int output,
            int errors)
      : argv_(std::move(argv)),
        environment_(std::move(environment)),
        as_(as),
        output_(output),
        errors_(errors) {}

  // 0, or the errno of the step that failed.
  int start(pid_t& pid) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
    Descriptor reading(ends[0]);
    Descriptor low(ends[1]);
    Descriptor telling(::fcntl(low.get(), F_DUPFD_CLOEXEC, 3));
    if (telling.get() < 0) return errno;
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    pid = ::fork();
    if (pid == 0) become(telling.get());
    const int forked = pid < 0 ? errno : 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (forked != 0) return forked;
    ::close(telling.release());
    ::close(low.release());
    int error = 0;
    ssize_t size = 0;
    do {
      size = ::read(reading.get(), &error, sizeof error);
    } while (size < 0 && errno == EINTR);
    if (size == 0) return 0;  // Closed by exec.
    ::waitpid(pid, nullptr, 0);
    return size == sizeof error && error != 0 ? error : EIO;
  }

 private:
  [[noreturn]] void become(int telling) {
    ::setpgid(0, 0);
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
      ::sigaction(number, &usual, nullptr);
    const int nothing = ::open("/dev/null", O_RDONLY);
    bool good = nothing >= 0 && ::dup2(nothing, 0) == 0 && ::dup2(output_, 1) == 1 &&
                ::dup2(errors_, 2) == 2;
    // Onto 3, so that one call closes all of the others.
    const int last = telling == 3 ? 3 : ::dup3(telling, 3, O_CLOEXEC);
    good = good && last == 3 && ::syscall(SYS_close_range, 4U, ~0U, 0U) == 0;
    good = good && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
           ::syscall(SYS_setgroups, as_.groups.size(), as_.groups.data()) == 0 &&
           ::syscall(SYS_setresgid, as_.gid, as_.gid, as_.gid) == 0 &&
           ::syscall(SYS_setresuid, as_.uid, as_.uid, as_.uid) == 0;
    if (good) {
      sigset_t none;
      sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      ::execve(argv_.front(), argv_.data(), environment_.data());
    }
    const int error = errno;
    (void)!::write(last == 3 ? 3 : telling, &error, sizeof error);
    ::_exit(127);
  }

  std::vector<char*> argv_, environment_;
  const RunAs& as_;
  int output_, errors_;
};

// A pipe for what a program writes: its reading end never blocks, its writing end lies above 2, so
// that no step of the plan overwrites it, even where the daemon runs without 0, 1 and 2.
struct Pipe {
  Descriptor reading, writing;

  // 0, or an errno.
  int open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
    reading = Descriptor(ends[0]);
    Descriptor low(ends[1]);
    writing = Descriptor(::fcntl(low.get(), F_DUPFD_CLOEXEC, 3));
    if (writing.get() < 0 || ::fcntl(reading.get(), F_SETFL, O_NONBLOCK) != 0) return errno;
    return 0;
  }
};

}  // namespace

Spawned::~Spawned() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Spawned> spawn(const Program& program) {
  const auto& argv = program.argv;
  if (argv.empty() || argv.front().empty()) return failure_of("no program is named");
  bool nul =
      std::any_of(argv.begin(), argv.end(), has_nul) ||
      std::any_of(program.extra_environment.begin(), program.extra_environment.end(),
                  [](const auto& entry) { return has_nul(entry.first) || has_nul(entry.second); });
  if (nul) return failure_of("an argument holds a NUL character");
  std::string name = one_line(argv.front(), 200);
  const auto cannot = [&](int error) {
    return failure_of(fmt::format("cannot start {}: {}", name, std::strerror(error)));
  };

  Pipe output, errors;
  if (int error = output.open(); error != 0) return cannot(error);
  if (program.errors_apart) {
    if (int error = errors.open(); error != 0) return cannot(error);
    // Full it takes no more, and holds nobody up.
    if (::fcntl(errors.writing.get(), F_SETFL, O_NONBLOCK) != 0) return cannot(errno);
  }
  const int to_output = output.writing.get();
  const int to_errors = errors.writing ? errors.writing.get() : to_output;

  std::vector<std::string> arguments = argv;
  std::vector<std::string> environment = environment_of(program);
  pid_t pid = 0;
  if (program.as) {
    OtherUser other(pointers(arguments), pointers(environment), *program.as, to_output, to_errors);
    if (int error = other.start(pid); error != 0) {
      return failure_of(fmt::format("cannot start {} as {}: {}", name,
                                    one_line(program.as->user, 100), std::strerror(error)));
    }
  } else {
    Plan plan;
    if (int error = plan.fill(to_output, to_errors); error != 0) return cannot(error);
    int error = posix_spawnp(&pid, argv.front().c_str(), &plan.actions, &plan.attributes,
                             pointers(arguments).data(), pointers(environment).data());
    if (error != 0) return cannot(error);
  }
  return Spawned(pid, std::move(output.reading), std::move(errors.reading));
}

}  // namespace yagura::io
