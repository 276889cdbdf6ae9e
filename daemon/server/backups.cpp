#include "backups.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>

namespace yagura {

namespace {

constexpr std::size_t piece_bytes = std::size_t{1024} * 1024;
constexpr auto fetched_within = std::chrono::minutes(1);

std::string random_name() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

// On the helper thread. The file keeps no name: its room is free as soon as the daemon lets it go, however it ends.
template <class Kept>
Result<Kept> make_copy(const std::string& folder, const std::atomic<bool>& stopped) {
  const std::string path = unfinished_copy(folder);
  remove_unfinished_copies(folder);
  auto head = copy_record(folder, path, [&stopped] { return !stopped.load(); });
  if (!head) return tl::unexpected(head.error());
  OwnedFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) {
    return tl::unexpected(system_error(path, "read", errno));
  }
  remove_unfinished_copies(folder);
  return Kept{{random_name(), status.st_size, *head}, std::move(file)};
}

Result<std::string> read_piece(int descriptor, std::int64_t from) {
  std::string bytes(piece_bytes, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    ssize_t got = pread(descriptor, bytes.data() + filled, bytes.size() - filled,
                        static_cast<off_t>(from) + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(system_error("the copy of the record", "read", errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace

Backups::Backups(io::Runtime& runtime, std::string state_folder)
    : runtime_(runtime), folder_(std::move(state_folder)), timer_(runtime.loop()) {}

Backups::~Backups() { *stopped_ = true; }

void Backups::make(std::function<void(Result<Copy>)> done) {
  if (making_ || kept_) {
    return done(failure_of("another backup is being made: wait for its end; one that was broken off is forgotten "
                           "within a minute"));
  }
  auto made = std::make_shared<Result<Kept>>(failure_of("the copy was not made"));
  auto started = runtime_.run_aside(
      [made, folder = folder_, stopped = stopped_] { *made = make_copy<Kept>(folder, *stopped); },
      [this, made, done, stopped = stopped_] {
        if (!*stopped) take(std::move(*made), done);
      });
  if (!started) return done(tl::unexpected(started.error()));
  making_ = true;
}

void Backups::take(Result<Kept> made, const std::function<void(Result<Copy>)>& done) {
  making_ = false;
  if (!made) return done(tl::unexpected(made.error()));
  kept_ = std::make_shared<Kept>(std::move(*made));
  forget_later();
  done(kept_->copy);
}

void Backups::forget_later() {
  timer_.expires_after(fetched_within);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) kept_.reset();
  });
}

void Backups::piece(const std::string& id, std::int64_t from, std::function<void(Result<std::string>)> done) {
  if (!kept_ || kept_->copy.id != id) return done(failure_of("the copy is no longer there: begin again"));
  auto bytes = std::make_shared<Result<std::string>>(failure_of("the piece was not read"));
  auto started = runtime_.run_aside(
      [bytes, from, kept = kept_] { *bytes = read_piece(kept->file.get(), from); },
      [this, bytes, from, done, kept = kept_, stopped = stopped_] {
        if (*stopped) return;
        if (kept_ == kept) {
          bool last = *bytes && from + static_cast<std::int64_t>((*bytes)->size()) >= kept->copy.bytes;
          if (last) {
            kept_.reset();
            timer_.cancel();
          } else {
            forget_later();
          }
        }
        done(std::move(*bytes));
      });
  if (!started) done(tl::unexpected(started.error()));
}

}  // namespace yagura
