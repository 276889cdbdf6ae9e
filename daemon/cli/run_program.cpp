#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <limits>
#include <optional>

#include "descriptor.hpp"
#include "job_run.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

constexpr std::array<int, 6> passed_on{SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// Takes the signals as data for as long as it lives, and a broken pipe as an error.
class SignalsAsData {
 public:
  SignalsAsData() {
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    for (int signal : passed_on)
      sigaddset(&taken, signal);
    sigprocmask(SIG_BLOCK, &taken, &mask_before_);
    struct sigaction ignore {
    }, usual{};
    ignore.sa_handler = SIG_IGN;
    usual.sa_handler = SIG_DFL;
    sigaction(SIGPIPE, &ignore, &pipe_before_);
    sigaction(SIGCHLD, &usual, &child_before_);  // ignored, there would be no status to wait for
    descriptor_ = io::Descriptor(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~SignalsAsData() {
    sigaction(SIGPIPE, &pipe_before_, nullptr);
    sigaction(SIGCHLD, &child_before_, nullptr);
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  int get() const { return descriptor_.get(); }
  const sigset_t& mask_before() const { return mask_before_; }
  bool pipe_was_ignored() const { return pipe_before_.sa_handler == SIG_IGN; }

 private:
  io::Descriptor descriptor_;
  sigset_t mask_before_{};
  struct sigaction pipe_before_ {
  }, child_before_{};
};

struct Stream {
  io::Descriptor from;
  int to = -1;  // -1: cannot be written any more; what comes is only kept
};

int spawn(const std::vector<std::string>& command, int out, int err, const SignalsAsData& signals,
          pid_t& child) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t usual;
  sigemptyset(&usual);
  if (!signals.pipe_was_ignored()) sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&how, &usual);
  posix_spawnattr_setsigmask(&how, &signals.mask_before());
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  std::vector<char*> words;
  for (const std::string& word : command)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int error = posix_spawnp(&child, words[0], &files, &how, words.data(), environ);
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

bool write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(to, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd room{to, POLLOUT, 0};
      poll(&room, 1, 1000);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void pass(Stream& stream, Tail& tail) {
  std::array<char, 16 * 1024> buffer{};
  const ssize_t count = read(stream.from.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    stream.from.close();
    return;
  }
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  tail.add(bytes);
  if (stream.to < 0 || write_all(stream.to, bytes)) return;
  // Nobody reads it any more: the program hears of that as it would without us. Where its output
  // has failed for another reason (a full disk), what it says is still worth being kept.
  if (errno == EPIPE) stream.from.close();
  stream.to = -1;
}

// Nothing is passed on to a program that has ended: its number may be another's by now.
void pass_signals(int from, pid_t child, bool ended) {
  signalfd_siginfo signal{};
  while (read(from, &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
    const int number = static_cast<int>(signal.ssi_signo);
    // The kernel's own (a terminal's Ctrl-C) reached the program as it reached us.
    if (number != SIGCHLD && signal.ssi_code <= 0 && !ended) kill(child, number);
  }
}

std::optional<int> exit_of(pid_t child) {
  int status = 0;
  const pid_t found = waitpid(child, &status, WNOHANG);
  if (found == 0 || (found < 0 && errno == EINTR)) return std::nullopt;
  if (found < 0) return 126;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

void Tail::add(std::string_view bytes) {
  bytes_ += bytes;
  if (bytes_.size() > 2 * limit_) bytes_.erase(0, bytes_.size() - limit_);
}

std::string Tail::text() const {
  return end_of(many_lines(bytes_, std::numeric_limits<std::size_t>::max()), limit_);
}

Ended run_program(const std::vector<std::string>& command, int out, int err, Tail& tail,
                  Duration linger) {
  using Clock = std::chrono::steady_clock;
  SignalsAsData signals;
  std::array<Stream, 2> streams;
  pid_t child = -1;
  {
    std::array<io::Descriptor, 2> ends;
    for (std::size_t i = 0; i < 2; ++i) {
      std::array<int, 2> both{};
      if (pipe2(both.data(), O_CLOEXEC) != 0) return {126, std::strerror(errno)};
      streams[i].from = io::Descriptor(both[0]);
      streams[i].to = i == 0 ? out : err;
      ends[i] = io::Descriptor(both[1]);
    }
    if (signals.get() < 0) return {126, std::strerror(errno)};
    if (int error = spawn(command, ends[0].get(), ends[1].get(), signals, child); error != 0) {
      return {error == ENOENT ? 127 : 126, std::strerror(error)};
    }
  }
  std::optional<int> exit;
  Clock::time_point leave{};
  while (true) {
    if (!exit && (exit = exit_of(child))) leave = Clock::now() + linger;
    const bool drained = streams[0].from.get() < 0 && streams[1].from.get() < 0;
    if (exit && (drained || Clock::now() >= leave)) return {*exit, {}};
    // A closed descriptor, -1, is passed over.
    std::array<pollfd, 3> watched{{{signals.get(), POLLIN, 0},
                                   {streams[0].from.get(), POLLIN, 0},
                                   {streams[1].from.get(), POLLIN, 0}}};
    int wait = -1;
    if (exit) {
      wait = static_cast<int>(
          std::chrono::ceil<std::chrono::milliseconds>(leave - Clock::now()).count());
    }
    if (poll(watched.data(), watched.size(), exit ? std::max(0, wait) : -1) < 0) continue;
    if (watched[0].revents != 0) pass_signals(signals.get(), child, exit.has_value());
    for (std::size_t i = 0; i < 2; ++i) {
      if (watched[i + 1].revents != 0) pass(streams[i], tail);
    }
  }
}

}  // namespace yagura::cli
