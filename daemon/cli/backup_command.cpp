// `yagura backup`: fetches a copy of the record from the daemon, writes it with the caller's own
// rights, and reads it through before it gets its name.
#include "backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "folder.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

std::string folder_of(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

// The file while it is written, beside its place: FILE.XXXXXX, mode 0600. Removed at the end.
class Unnamed {
 public:
  static Result<Unnamed> beside(const std::string& file) {
    std::string path = file + ".XXXXXX";
    OwnedFile made(mkostemp(path.data(), O_CLOEXEC));
    if (made.get() < 0) return tl::unexpected(system_error(file, "make", errno));
    return Unnamed(std::move(path), std::move(made));
  }
  Unnamed(Unnamed&& other) noexcept : path_(std::move(other.path_)), file_(std::move(other.file_)) {
    other.path_.clear();
  }
  Unnamed& operator=(Unnamed&&) = delete;
  ~Unnamed() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }

  Result<void> append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = write(file_.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return tl::unexpected(system_error(path_, "write", errno));
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }
  Result<void> make_durable() {
    if (fsync(file_.get()) != 0) return tl::unexpected(system_error(path_, "write", errno));
    return {};
  }
  // Gives it its name, which nothing may have yet.
  Result<void> name(const std::string& file) {
    int named = renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE);
    if (named != 0 && (errno == EINVAL || errno == ENOSYS)) {  // not on this file system
      named = link(path_.c_str(), file.c_str());
      if (named == 0) unlink(path_.c_str());
    }
    if (named != 0) return tl::unexpected(system_error(file, "make", errno));
    path_.clear();
    return sync_folder(folder_of(file));
  }

 private:
  Unnamed(std::string path, OwnedFile file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  OwnedFile file_;
};

// Fetches the daemon's copy, piece by piece.
Result<void> fetch(const Client& client, const std::string& id, std::int64_t bytes, Unnamed& into) {
  for (std::int64_t from = 0; from < bytes;) {
    auto piece = client.get(fmt::format("/v1/backup/{}?from={}", escaped(id), from));
    if (!piece) return tl::unexpected(piece.error());
    if (piece->status != 200 || piece->body.empty()) {
      const auto answer = read_json(piece->body);
      const std::string why = answer ? long_text(*answer, "error") : "";
      return failure_of(why.empty() ? "the daemon's copy breaks off" : why);
    }
    from += static_cast<std::int64_t>(piece->body.size());
    if (auto written = into.append(piece->body); !written) return written;
  }
  return into.make_durable();
}

int refused(const Terminal& terminal, const std::string& why) {
  complain(terminal, why);
  return exit_refused;
}

}  // namespace

int backup(const Arguments& given, const Terminal& terminal) {
  const std::string file = given.text("FILE");
  struct stat status {};
  if (lstat(file.c_str(), &status) == 0) {
    return refused(terminal,
                   file + " is there already: a backup never overwrites; name another file");
  }
  // Before the daemon has to work.
  auto unnamed = Unnamed::beside(file);
  if (!unnamed) return refused(terminal, unnamed.error().message);

  const Answered made = ask(given, terminal, "/v1/backup", json::value(json::object()));
  if (made.exit != exit_done) return made.exit;
  auto client = client_for(given, terminal);
  if (!client) return exit_usage;
  const std::int64_t bytes = number(made.value, "bytes"), rows = number(made.value, "rows");
  const std::string chain = text(made.value, "chain");
  auto fetched = fetch(*client, text(made.value, "id"), bytes, *unnamed);
  if (!fetched) return refused(terminal, fetched.error().message + "; no backup was made");

  auto copy = check_copy(unnamed->path());
  if (!copy) return refused(terminal, copy.error().message + "; no backup was made");
  if (copy->head.id != rows || copy->head.chain != chain) {
    return refused(terminal, "what arrived is not what the daemon copied; no backup was made");
  }
  if (auto named = unnamed->name(file); !named) return refused(terminal, named.error().message);
  if (copy->broken) {
    return refused(terminal,
                   fmt::format("{} is a faithful copy, but the chain of the record itself is "
                               "broken at row {}: {}; `yagura restore` takes it only with "
                               "--broken-chain",
                               file, copy->broken->row, copy->broken->why));
  }
  if (given.json) {
    terminal.out << json::serialize(json::object{
                        {"file", file}, {"bytes", bytes}, {"rows", rows}, {"chain", chain}})
                 << "\n";
  } else {
    terminal.out << fmt::format(
        "{}: {} rows, {} KiB, read through again and whole\n"
        "The last row is {}, its chain {}\n",
        one_line(file), rows, (bytes + 1023) / 1024, rows, chain);
  }
  return exit_done;
}

}  // namespace yagura::cli
