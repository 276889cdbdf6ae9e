#include "mail_spool.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>

#include "descriptor.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::string_view suffix = ".mail";
constexpr std::size_t longest_sender = 320;
constexpr std::time_t abandoned_after = 24 * 3600;  // seconds since it last grew
constexpr std::int64_t most_discarded = std::int64_t{8} * 1024 * 1024 * 1024;

std::string in_words(const std::string& path, int error) {
  return fmt::format("{}: {}", one_line(path, 300), std::strerror(error));  // NOLINT(concurrency-mt-unsafe)
}

std::string folder_of(const std::string& state, std::string_view which) { return fmt::format("{}/inquiries/{}", state, which); }

int sync_folder(const std::string& path) {
  io::Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return !folder || ::fsync(folder.get()) != 0 ? errno : 0;
}

// The state's own folder has to be there: a wrong one must not be made by a mail.
int make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) return errno == EEXIST ? 0 : errno;
  return sync_folder(path.substr(0, path.find_last_of('/')));
}

Result<std::string> made_folder(const std::string& state, std::string_view which) {
  for (const std::string& path : {state + "/inquiries", folder_of(state, which)}) {
    if (int error = make_folder(path); error != 0) return failure_of(in_words(path, error));
  }
  return folder_of(state, which);
}

int write_all(int file, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(file, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

ssize_t read_some(int source, char* into, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::read(source, into, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

// In the order in which they came, and no two alike.
std::string new_name() {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) random = static_cast<std::uint64_t>(::getpid());
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
  return fmt::format("{:017}-{}-{:016x}", now.count(), ::getpid(), random);
}

std::optional<WaitingMail> mail_in(std::string_view file) {
  const std::size_t end = file.find(suffix);
  if (end == std::string_view::npos || file.front() == '.') return std::nullopt;
  WaitingMail mail{std::string(file.substr(0, end)), std::string(file), 0};
  std::string_view rest = file.substr(end + suffix.size());
  if (rest.empty()) return mail;
  if (rest.front() != '.') return std::nullopt;
  rest.remove_prefix(1);
  auto [last, error] = std::from_chars(rest.data(), rest.data() + rest.size(), mail.tries);
  if (error != std::errc{} || last != rest.data() + rest.size()) return std::nullopt;
  return mail;
}

struct Closing {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// A name that leads out of the folder was never ours.
bool is_below(std::string_view name) {
  return !name.empty() && name.front() != '/' && name.front() != '.' && name.find("/.") == std::string_view::npos;
}

SpoolOutcome not_now(std::string words) { return {Spooled::not_now, std::move(words), {}}; }

// Who wrote it was killed, and told its mail server nothing: the server has the mail still.
void remove_if_abandoned(int folder, const char* name, std::time_t now) {
  struct stat about {};
  if (name[0] != '.' || ::fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode)) return;
  if (about.st_mtime < now - abandoned_after) ::unlinkat(folder, name, 0);
}

// How much waits, and in how many files.
Result<std::pair<std::size_t, std::int64_t>> load_of(const std::string& folder) {
  std::unique_ptr<DIR, Closing> open(::opendir(folder.c_str()));
  if (!open) return failure_of(in_words(folder, errno));
  std::pair<std::size_t, std::int64_t> load{0, 0};
  while (const dirent* entry = ::readdir(open.get())) {  // NOLINT(concurrency-mt-unsafe)
    struct stat about {};
    if (::fstatat(::dirfd(open.get()), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode)) continue;
    ++load.first;
    load.second += about.st_size;
  }
  return load;
}

}  // namespace

SpoolOutcome spool_mail(const std::string& state_folder, int source, std::string_view sender, const SpoolLimits& limits) {
  auto folder = made_folder(state_folder, "spool");
  if (!folder) return not_now(folder.error().message + "; does this run as the user of the daemon?");
  auto load = load_of(*folder);
  if (!load) return not_now(load.error().message);
  if (load->first >= limits.files || load->second >= limits.bytes) {
    return not_now(fmt::format("{} mails wait in {} already: does the daemon run?", load->first, *folder));
  }
  SpoolOutcome outcome;
  outcome.name = new_name();
  const std::string unfinished = fmt::format("{}/.{}", *folder, outcome.name);
  const std::string finished = fmt::format("{}/{}{}", *folder, outcome.name, suffix);
  io::Descriptor file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return not_now(in_words(unfinished, errno));
  const std::string head = fmt::format("sender {}\n", one_line(sender, longest_sender));
  int error = write_all(file.get(), head.data(), head.size());
  std::array<char, 65536> piece{};
  std::int64_t size = 0;
  while (error == 0) {
    const ssize_t got = read_some(source, piece.data(), piece.size());
    if (got < 0) error = errno;
    if (got <= 0) break;
    size += got;
    if (size > most_discarded) break;
    if (size <= limits.message) error = write_all(file.get(), piece.data(), static_cast<std::size_t>(got));
  }
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  if (file.close() != 0 && error == 0) error = errno;
  if (error == 0 && size > 0 && size <= limits.message) {
    if (::rename(unfinished.c_str(), finished.c_str()) != 0) error = errno;
    if (error == 0) error = sync_folder(*folder);
    if (error == 0) {
      outcome.how = Spooled::kept;
      return outcome;
    }
  }
  ::unlink(unfinished.c_str());
  if (error != 0) return not_now(in_words(unfinished, error));
  outcome.name.clear();
  outcome.how = Spooled::too_large;
  outcome.words = size == 0 ? "the message is empty"
                            : fmt::format("the message is larger than {} MB", limits.message / (1024 * 1024));
  return outcome;
}

Result<std::vector<WaitingMail>> waiting_mails(const std::string& state_folder) {
  auto folder = made_folder(state_folder, "spool");
  if (!folder) return tl::unexpected(folder.error());
  std::unique_ptr<DIR, Closing> open(::opendir(folder->c_str()));
  if (!open) return failure_of(in_words(*folder, errno));
  std::vector<WaitingMail> mails;
  const std::time_t now = std::time(nullptr);
  while (const dirent* entry = ::readdir(open.get())) {  // NOLINT(concurrency-mt-unsafe)
    if (auto mail = mail_in(static_cast<const char*>(entry->d_name))) mails.push_back(std::move(*mail));
    remove_if_abandoned(::dirfd(open.get()), static_cast<const char*>(entry->d_name), now);
  }
  std::sort(mails.begin(), mails.end(), [](const WaitingMail& a, const WaitingMail& b) { return a.name < b.name; });
  return mails;
}

Result<WaitingMail> begin_try(const std::string& state_folder, const WaitingMail& mail) {
  const std::string folder = folder_of(state_folder, "spool");
  WaitingMail next{mail.name, fmt::format("{}{}.{}", mail.name, suffix, mail.tries + 1), mail.tries + 1};
  if (::rename((folder + "/" + mail.file).c_str(), (folder + "/" + next.file).c_str()) != 0) {
    return failure_of(in_words(folder + "/" + mail.file, errno));
  }
  return next;
}

Result<ReadMail> read_mail(const std::string& state_folder, const WaitingMail& mail, const SpoolLimits& limits) {
  const std::string path = folder_of(state_folder, "spool") + "/" + mail.file;
  io::Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0) return failure_of(in_words(path, errno));
  const auto most = limits.message + static_cast<std::int64_t>(2 * longest_sender);
  if (!S_ISREG(about.st_mode) || about.st_size > most) return failure_of(path + ": this is no spooled mail");
  ReadMail read;
  std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t got = read_some(file.get(), bytes.data() + at, bytes.size() - at);
    if (got < 0) return failure_of(in_words(path, errno));
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  bytes.resize(at);
  const std::size_t line = bytes.find('\n');
  if (!bytes.starts_with("sender ") || line == std::string::npos) return failure_of(path + ": this is no spooled mail");
  read.sender = bytes.substr(7, line - 7);
  read.bytes = bytes.substr(line + 1);
  return read;
}

Result<std::string> keep_file(const std::string& state_folder, const std::string& mail, std::size_t number, std::string_view name,
                              std::string_view bytes) {
  auto folder = made_folder(state_folder, "files");
  if (!folder) return tl::unexpected(folder.error());
  const std::string own = *folder + "/" + mail, kept = fmt::format("{}/{}-{}", mail, number, name);
  const std::string path = *folder + "/" + kept;
  if (!is_below(kept) || name.find('/') != std::string_view::npos) return failure_of("a file may not be called so");
  int error = make_folder(own);
  if (error == 0) {
    io::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    error = file ? write_all(file.get(), bytes.data(), bytes.size()) : errno;
    if (error == 0 && ::fsync(file.get()) != 0) error = errno;
    if (file.close() != 0 && error == 0) error = errno;
  }
  if (error == 0) error = sync_folder(own);
  if (error != 0) return failure_of(in_words(path, error));
  return kept;
}

void remove_file(const std::string& state_folder, const std::string& name) {
  if (!is_below(name)) return;
  const std::string path = folder_of(state_folder, "files") + "/" + name;
  ::unlink(path.c_str());
  ::rmdir(path.substr(0, path.find_last_of('/')).c_str());  // once it is empty
}

void remove_mail(const std::string& state_folder, const std::string& name) {
  auto waiting = waiting_mails(state_folder);
  if (!waiting) return;
  for (const WaitingMail& mail : *waiting) {
    if (mail.name == name) ::unlink((folder_of(state_folder, "spool") + "/" + mail.file).c_str());
  }
}

Result<void> put_with_unreadable(const std::string& state_folder, const WaitingMail& mail) {
  auto folder = made_folder(state_folder, "unreadable");
  if (!folder) return tl::unexpected(folder.error());
  const std::string from = folder_of(state_folder, "spool") + "/" + mail.file;
  const std::string to = *folder + "/" + mail.name + std::string(suffix);
  if (::rename(from.c_str(), to.c_str()) != 0) return failure_of(in_words(from, errno));
  if (int error = sync_folder(*folder); error != 0) return failure_of(in_words(*folder, error));
  return {};
}

}  // namespace yagura
