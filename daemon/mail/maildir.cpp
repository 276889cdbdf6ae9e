#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#include "descriptor.hpp"
#include "runtime.hpp"
#include "text.hpp"
#include "transport.hpp"

namespace yagura {
namespace {

namespace asio = boost::asio;

constexpr std::size_t file_name_most =
    200;  // Of the 255 bytes that file systems allow; a suffix may come.

// What a file's name may not hold is written as =XX; a very long name ends in a digest of the rest.
std::string file_name(const std::string& name) {
  std::string result;
  for (char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_' || c == '@' || (c == '.' && !result.empty());
    result += plain ? std::string(1, c) : fmt::format("={:02X}", static_cast<unsigned char>(c));
  }
  if (result.empty()) return "mail";
  if (result.size() <= file_name_most) return result;
  std::uint64_t digest = 14695981039346656037U;  // FNV-1a
  for (char c : name)
    digest = (digest ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return fmt::format("{}={:016x}", result.substr(0, file_name_most - 17), digest);
}

std::string in_words(int error, const std::string& path) {
  std::string where = one_line(path, 200);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return fmt::format("no space is left for {}: make room on that disk", where);
    case EACCES:
    case EPERM:
      return fmt::format("{} may not be written: give the folder to the daemon's user", where);
    case EROFS:
      return fmt::format("{} is on a file system mounted read-only", where);
    case ENOTDIR:
    case EEXIST:
      return fmt::format("{} is not a folder, or lies under what is not one", where);
    default:
      return fmt::format("{} cannot be written: {}", where, std::strerror(error));  // NOLINT
  }
}

struct Problem {
  std::string words;
  bool may_be_there = false;  // The file is in its place, only not surely on the disk.
};

int sync_folder(const std::string& path) {
  io::Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return errno;
  return 0;
}

// Makes the folder and what is missing above it; 0 or the error.
int make_folder(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0) return S_ISDIR(about.st_mode) ? 0 : ENOTDIR;
  if (errno != ENOENT) return errno;
  std::size_t slash = path.find_last_of('/');
  std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (int error = make_folder(parent); error != 0) return error;
  if (::mkdir(path.c_str(), 0700) != 0) return errno == EEXIST ? 0 : errno;
  return sync_folder(parent);
}

int write_file(const std::string& path, const std::string& bytes) {
  io::Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return errno;
  for (std::size_t at = 0; at < bytes.size();) {
    ssize_t written = ::write(file.get(), bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    at += static_cast<std::size_t>(written);
  }
  if (::fsync(file.get()) != 0) return errno;
  return file.close() == 0 ? 0 : errno;
}

// The whole way, on a thread aside.
Problem keep(const std::string& folder, const std::string& name, std::uint64_t attempt,
             const std::string& bytes) {
  for (const char* part : {"/tmp", "/new", "/cur"}) {
    if (int error = make_folder(folder + part); error != 0) return {in_words(error, folder + part)};
  }
  // A name of its own for each attempt: an earlier one may still hang in the kernel over its file.
  std::string unfinished = fmt::format("{}/tmp/{}.{}", folder, name, attempt);
  std::string finished = fmt::format("{}/new/{}", folder, name);
  int error = write_file(unfinished, bytes);
  if (error == 0 && ::rename(unfinished.c_str(), finished.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(unfinished.c_str());
    return {in_words(error, finished)};
  }
  if (error = sync_folder(folder + "/new"); error != 0) return {in_words(error, finished), true};
  return {};
}

class Maildir : public Transport {
 public:
  Maildir(io::Runtime& runtime, std::string folder, Duration attempt_timeout)
      : runtime_(runtime), folder_(std::move(folder)), attempt_timeout_(attempt_timeout) {
    while (folder_.size() > 1 && folder_.back() == '/')
      folder_.pop_back();
  }

  void deliver(Envelope envelope, std::function<void(Delivery)> done) override {
    std::uint64_t number = ++last_number_;
    std::string name = file_name(envelope.name);
    auto running = std::make_unique<Running>(runtime_.loop());
    running->to = std::move(envelope.to);
    running->done = std::move(done);
    running->limit.expires_after(attempt_timeout_);
    running->limit.async_wait([this, alive = std::weak_ptr(alive_),
                               number](boost::system::error_code error) {
      if (error || alive.expired()) return;
      finish(
          number,
          {fmt::format("{} does not answer: look for a dead mount", one_line(folder_, 200)), true});
    });
    running_.emplace(number, std::move(running));

    auto problem = std::make_shared<Problem>();
    auto started = runtime_.run_aside(
        [problem, folder = folder_, name, number, bytes = std::move(envelope.bytes)] {
          *problem = keep(folder, name, number, bytes);
        },
        [this, alive = std::weak_ptr(alive_), problem, number] {
          if (!alive.expired()) finish(number, *problem);
        });
    if (started) return;
    *problem = {started.error().message};
    asio::post(runtime_.loop(), [this, alive = std::weak_ptr(alive_), problem, number] {
      if (!alive.expired()) finish(number, *problem);
    });
  }

 private:
  struct Running {
    explicit Running(asio::io_context& loop) : limit(loop) {}
    std::vector<std::string> to;
    std::function<void(Delivery)> done;
    asio::steady_timer limit;
  };

  void finish(std::uint64_t number, const Problem& problem) {
    auto found = running_.find(number);
    if (found == running_.end()) return;
    auto running = std::move(found->second);
    running_.erase(found);
    Delivery delivery;
    delivery.relay = "maildir";
    delivery.reply = one_line(problem.words.empty() ? "kept in the Maildir" : problem.words);
    if (problem.words.empty()) {
      delivery.accepted = std::move(running->to);
    } else if (problem.may_be_there) {
      delivery.unknown = true;
    } else {
      for (std::string& address : running->to) {
        delivery.deferred.push_back({std::move(address), delivery.reply});
      }
    }
    running->done(std::move(delivery));
  }

  io::Runtime& runtime_;
  std::string folder_;
  Duration attempt_timeout_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Running>> running_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // Last: callbacks look at it.
};

}  // namespace

std::unique_ptr<Transport> make_maildir_transport(io::Runtime& runtime, std::string folder,
                                                  Duration attempt_timeout) {
  return std::make_unique<Maildir>(runtime, std::move(folder), attempt_timeout);
}

}  // namespace yagura
