#include "child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "text.hpp"

namespace yagura::io {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr Duration grace = 2s;  // Between TERM and KILL.
constexpr std::size_t chunk = 16 * 1024;
// After the end of the program what it wrote is in the pipe: never more than a pipe can hold. What
// others go on writing into it is none of ours.
constexpr std::size_t most_drained = 1024 * 1024;

constexpr std::size_t most_errors_kept = 4 * 1024;

// By its number: the header of glibc 2.36 declares the function for C only.
int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

}  // namespace

struct Child::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& given, ChildCommand wanted, std::function<void(ChildResult)> callback)
      : loop(given),
        command(std::move(wanted)),
        done(std::move(callback)),
        ended(given),
        pipe(given),
        deadline(given) {}

  // The loop is going away before the program ended: it must not stay.
  ~Impl() {
    if (pid == 0) return;
    ::kill(-pid, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
  }

  void start() {
    auto spawned = spawn(command);
    if (!spawned) return fail_to_start(spawned.error().message);
    watch(std::move(*spawned));
  }

  void watch(Spawned spawned) {
    pid = spawned.take();
    errors = std::move(spawned.errors);
    error_code error;
    pipe.assign(spawned.output.get(), error);
    if (!error) spawned.output.release();
    int descriptor = error ? -1 : open_pidfd(pid);
    if (descriptor >= 0) ended.assign(descriptor, error);
    if (descriptor < 0 || error) {
      std::string reason = fmt::format("cannot watch the program: {}",
                                       error ? error.message() : std::strerror(errno));
      if (descriptor >= 0) ::close(descriptor);
      ::kill(-pid, SIGKILL);
      siginfo_t info{};
      ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED);
      pid = 0;
      return fail_to_start(std::move(reason));
    }
    ended.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](error_code) { self->on_end(); });
    read();
    deadline.expires_after(command.timeout);
    deadline.async_wait([self = shared_from_this()](error_code failed) {
      if (!failed) self->on_deadline();
    });
  }

  void fail_to_start(std::string reason) {
    result.how = ChildResult::How::not_started;
    result.reason = one_line(reason);
    asio::post(loop, [self = shared_from_this()] { self->report(); });
  }

  // Only waits on the loop, and reads when called: bytes that the loop had read ahead would be lost
  // where the end of the program is noticed before they are handed over.
  void read() {
    pipe.async_wait(asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](error_code error) {
                      if (error || self->finished) return;
                      self->read_once();
                      if (self->pipe_closed) return self->finish_if_complete();
                      self->read();
                    });
  }

  // How much there was; nothing where there is none now, or the pipe was closed.
  std::size_t read_once() {
    ssize_t size = 0;
    do {
      size = ::read(pipe.native_handle(), buffer.data(), buffer.size());
    } while (size < 0 && errno == EINTR);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    if (size <= 0) {
      pipe_closed = true;
      return 0;
    }
    keep(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
    return static_cast<std::size_t>(size);
  }

  void keep(std::string_view bytes) {
    if (command.keep == ChildCommand::Keep::beginning)
      bytes = bytes.substr(0, command.output_limit - result.output.size());
    result.output += bytes;
    if (result.output.size() > 2 * command.output_limit + chunk) trim();
  }

  void trim() {
    if (result.output.size() > command.output_limit) {
      result.output.erase(0, result.output.size() - command.output_limit);
    }
  }

  void on_deadline() {
    if (finished || leader_ended) return;
    timed_out = true;
    ::kill(-pid, SIGTERM);
    deadline.expires_after(grace);
    deadline.async_wait([self = shared_from_this()](error_code failed) {
      if (failed || self->finished) return;
      self->killed = true;
      ::kill(-self->pid, SIGKILL);
      self->finish_if_complete();
    });
  }

  // The program ended; it is still unreaped, so that its number cannot be another's when the group
  // is killed.
  void on_end() {
    leader_ended = true;
    if (abandoned) return reap();
    finish_if_complete();
  }

  // Who ends by itself is done at once, even where others in its group (a service that it started)
  // go on and hold its pipe. Where the time is up, the others get their two seconds too, unless
  // they let the pipe go.
  void finish_if_complete() {
    if (finished || !leader_ended) return;
    if (timed_out && !killed && !pipe_closed) return;
    if (timed_out || !command.group_may_outlive) ::kill(-pid, SIGKILL);
    reap();
    drain();
    read_errors();
    finished = true;
    deadline.cancel();
    pipe.close();
    report();
  }

  void reap() {
    siginfo_t info{};
    const std::string limit = format_duration(command.timeout);
    int waited = 0;
    do {
      waited =
          ::waitid(P_PIDFD, static_cast<id_t>(ended.native_handle()), &info, WEXITED | WNOHANG);
    } while (waited < 0 && errno == EINTR);
    pid = 0;
    ended.close();
    result.status = info.si_status;
    bool exited = waited == 0 && info.si_code == CLD_EXITED;
    if (timed_out) {
      result.how = ChildResult::How::timed_out;
      result.reason = fmt::format("ran longer than {} and was killed", limit);
    } else if (waited < 0) {
      // Somebody else took its status: SIGCHLD is ignored, or another waits for all children.
      result.how = ChildResult::How::signalled;
      result.status = 0;
      result.reason = "ended, and how is not known";
    } else if (exited) {
      result.how = ChildResult::How::exited;
      result.reason = fmt::format("exited with status {}", result.status);
    } else {
      result.how = ChildResult::How::signalled;
      result.reason = fmt::format("was ended by {}", signal_name(result.status));
    }
  }

  void drain() {
    std::size_t drained = 0;
    while (!pipe_closed && drained < most_drained) {
      std::size_t size = read_once();
      if (size == 0) break;
      drained += size;
    }
  }

  void read_errors() {
    if (!errors) return;
    result.errors.resize(most_errors_kept);
    ssize_t size = 0;
    do {
      size = ::read(errors.get(), result.errors.data(), result.errors.size());
    } while (size < 0 && errno == EINTR);
    result.errors.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    errors.close();
  }

  void report() {
    finished = true;
    if (abandoned || !done) return;
    trim();
    auto callback = std::exchange(done, nullptr);
    callback(std::move(result));
  }

  // The owner is gone: the group dies now; the wait for its end stays on the loop, to reap it.
  void abandon() {
    abandoned = true;
    finished =
        true;  // Handlers that are queued already do nothing: the number may soon be another's.
    done = nullptr;
    deadline.cancel();
    if (pid != 0) ::kill(-pid, SIGKILL);
    if (pipe.is_open()) pipe.close();
    errors.close();
  }

  asio::io_context& loop;
  ChildCommand command;
  std::function<void(ChildResult)> done;
  asio::posix::stream_descriptor ended;  // A pidfd: readable when the program ended.
  asio::posix::stream_descriptor pipe;
  asio::steady_timer deadline;
  Descriptor errors;
  std::array<char, chunk> buffer{};
  ChildResult result;
  pid_t pid = 0;
  bool leader_ended = false;
  bool pipe_closed = false;
  bool timed_out = false;
  bool killed = false;
  bool finished = false;
  bool abandoned = false;
};

Child::Child(asio::io_context& loop, ChildCommand command, std::function<void(ChildResult)> done)
    : impl_(std::make_shared<Impl>(loop, std::move(command), std::move(done))) {
  impl_->start();
}

Child::Child(asio::io_context& loop, ChildCommand command, Spawned started,
             std::function<void(ChildResult)> done)
    : impl_(std::make_shared<Impl>(loop, std::move(command), std::move(done))) {
  impl_->watch(std::move(started));
}

Child::~Child() {
  impl_->abandon();
}

std::string Child::written() {
  if (impl_->pipe.is_open()) impl_->drain();
  impl_->trim();
  return impl_->result.output;
}

int Child::pid() const {
  return impl_->pid;
}

}  // namespace yagura::io
