#include "kept_runs.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "fields.hpp"
#include "new_file.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view ending = ".json";
constexpr std::string_view unfinished = ".json.";  // as NewFile names it
constexpr auto unfinished_for = 1h;
constexpr std::size_t largest = 200'000;  // bytes: 10,000 of output, each written as \u00XX at worst
constexpr std::size_t most_looked_at = 4 * KeptRuns::most;

// "001798448310000-RUN.json": in the order of the ends.
std::string file_name(Instant ended, std::string_view run) {
  std::string name = fmt::format("{:015}-", std::max<std::int64_t>(ended.time_since_epoch().count(), 0));
  for (char c : run.substr(0, 100)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    name += plain ? c : '_';
  }
  return name + std::string(ending);
}

// "settlement/cron, ended 2026-12-28T02:10:00.000Z"
std::string words_for(const json::object& ping) {
  const std::string probe = text(ping, "probe");
  return fmt::format("{}{}{}, ended {}", text(ping, "component"), probe.empty() ? "" : "/", probe, text(ping, "ended_at"));
}

}  // namespace

bool is_to_be_asked_again(const Result<std::pair<int, std::string>>& answer) {
  return !answer || answer->first >= 500 || answer->first == 429 || answer->first == 408;
}

Result<std::string> KeptRuns::usual_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return std::string(state) + "/yagura/jobs";
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') {
    const passwd* user = getpwuid(geteuid());
    home = user != nullptr ? user->pw_dir : nullptr;
  }
  if (home == nullptr || home[0] != '/')
    return failure_of("you have no home folder: set XDG_STATE_HOME");
  return std::string(home) + "/.local/state/yagura/jobs";
}

Result<KeptRuns> KeptRuns::open(const std::string& folder, bool make) {
  if (make) {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), error);
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return tl::unexpected(system_error(folder, "make", errno));
  }
  OwnedFile opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (opened.get() < 0 || fstat(opened.get(), &status) != 0)
    return tl::unexpected(system_error(folder, "open", errno));
  if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return failure_of(fmt::format("{} has to be yours, and nobody else's to read or write: chmod 700 it",
                                  one_line(folder)));
  }
  return KeptRuns(folder, std::move(opened));
}

// Sorted, those that are not whole yet too; no more than anybody would look at.
std::vector<std::string> KeptRuns::entries() const {
  std::vector<std::string> found;
  const int again = openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = again < 0 ? nullptr : fdopendir(again);
  if (entries == nullptr) {
    if (again >= 0) close(again);
    return found;
  }
  while (const dirent* entry = readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (name.front() == '.') continue;
    found.emplace_back(name);
    if (found.size() >= most_looked_at) break;
  }
  closedir(entries);
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> KeptRuns::names() const {
  auto found = entries();
  std::erase_if(found, [](const std::string& name) { return !name.ends_with(ending); });
  return found;
}

// What a command that was killed as it wrote has left.
void KeptRuns::remove_unfinished() const {
  const auto now = std::chrono::system_clock::now();
  for (const std::string& name : entries()) {
    if (name.find(unfinished) == std::string::npos) continue;
    struct stat status {};
    if (fstatat(folder_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (now - std::chrono::system_clock::from_time_t(status.st_mtime) > unfinished_for)
      remove(name);
  }
}

void KeptRuns::remove(const std::string& name) const {
  unlinkat(folder_.get(), name.c_str(), 0);
}

Result<std::size_t> KeptRuns::keep(const KeptRun& run, Instant ended) {
  const std::string bytes = json::serialize(json::object{{"socket", run.socket}, {"ping", run.ping}});
  if (bytes.size() > largest) return failure_of("it is too long to be kept");
  const std::string file = path_ + "/" + file_name(ended, text(run.ping, "run_id"));
  auto made = NewFile::beside(file);
  auto done = made ? made->append(bytes) : tl::unexpected(made.error());
  if (done) done = made->make_durable();
  if (done) done = made->name(file);
  if (!done) return tl::unexpected(done.error());
  remove_unfinished();
  return make_room();
}

// How many had to go.
std::size_t KeptRuns::make_room() const {
  const auto all = names();
  std::uintmax_t bytes = 0;
  std::size_t fit = 0;
  for (; fit < std::min(all.size(), most); ++fit) {
    struct stat status {};
    const std::string& name = all[all.size() - 1 - fit];  // the newest first
    if (fstatat(folder_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
      bytes += static_cast<std::uintmax_t>(std::max<off_t>(status.st_size, 0));
    if (fit > 0 && bytes > most_bytes) break;
  }
  for (std::size_t i = 0; i + fit < all.size(); ++i)
    remove(all[i]);
  return all.size() - fit;
}

Result<std::optional<KeptRun>> KeptRuns::read(const std::string& name) const {
  OwnedFile file(openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0 && errno == ELOOP) return failure_of("it is a link");
  struct stat status{};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return std::optional<KeptRun>();
  if (status.st_uid != geteuid() || !S_ISREG(status.st_mode) || status.st_size > static_cast<off_t>(largest))
    return failure_of("it is no kept run");
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t part = ::read(file.get(), bytes.data() + got, bytes.size() - got);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return std::optional<KeptRun>();
    if (part == 0) break;
    got += static_cast<std::size_t>(part);
  }
  bytes.resize(got);
  const auto value = read_json(bytes);
  const json::value* ping = value ? member(*value, "ping") : nullptr;
  if (ping == nullptr || !ping->is_object()) return failure_of("it is no kept run");
  const json::value* socket = member(*value, "socket");
  if (socket == nullptr || !socket->is_string()) return failure_of("it is no kept run");
  return std::optional(KeptRun{std::string(socket->get_string()), ping->get_object()});
}

KeptRuns::Told KeptRuns::deliver(const std::string& socket, const Post& post, Instant now, std::size_t at_most,
                                 Duration within) {
  Told told;
  if (flock(folder_.get(), LOCK_EX | LOCK_NB) != 0) {
    told.elsewhere = true;
    return told;
  }
  const auto end = std::chrono::steady_clock::now() + within;
  std::size_t asked = 0;
  bool stopped = false;
  for (const std::string& name : names()) {
    auto read_one = read(name);
    if (!read_one) {
      told.dropped.push_back(fmt::format("{}: {}", one_line(name), read_one.error().message));
      remove(name);
      continue;
    }
    const auto& run = *read_one;
    if (!run || run->socket != socket) continue;
    const std::string words = words_for(run->ping);
    const auto ended = parse_instant(text(run->ping, "ended_at"));
    if (!ended || *ended < now - oldest) {
      told.dropped.push_back(words + ": more than 7 days ago, which the daemon does not take");
      remove(name);
      continue;
    }
    if (stopped || asked == at_most || std::chrono::steady_clock::now() >= end) {
      ++told.left;
      continue;
    }
    ++asked;
    const auto answer = post(json::serialize(run->ping));
    if (answer && answer->first == 200) {
      told.delivered.push_back(words);
      remove(name);
    } else if (!is_to_be_asked_again(answer)) {
      told.dropped.push_back(fmt::format("{}: {}", words, answer->second));
      remove(name);
    } else {
      told.why_left = answer ? answer->second : answer.error().message;
      stopped = true;
      ++told.left;
    }
  }
  flock(folder_.get(), LOCK_UN);
  return told;
}

}  // namespace yagura::cli
