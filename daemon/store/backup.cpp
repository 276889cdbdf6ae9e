#include "backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "aside.hpp"
#include "folder.hpp"
#include "migrations.hpp"
#include "writer.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

// The record grows while it is copied, and must not be kept from it by its own copy.
constexpr std::uint64_t room_for_the_record = std::uint64_t{32} * 1024 * 1024;
// A backup is looked at to its end; this only keeps a dead disk from holding a person for ever.
constexpr Duration whole_check_at_most = 6h;

constexpr std::array<const char*, 4> endings{"", "-wal", "-journal", "-shm"};

void remove_database(const std::string& path) {
  for (const char* ending : endings)
    unlink((path + ending).c_str());
}

// Removes what was half made, unless it was kept.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!kept_) remove_database(path_);
  }
  void keep() { kept_ = true; }

 private:
  std::string path_;
  bool kept_ = false;
};

Result<OwnedFile> make_file(const std::string& path) {
  OwnedFile made(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (made.get() < 0) return tl::unexpected(system_error(path, "make", errno));
  return made;
}

Result<void> check_room(const std::string& folder, std::uint64_t bytes) {
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) {
    return tl::unexpected(system_error(folder, "look at the file system of", errno));
  }
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (room >= bytes + room_for_the_record) return {};
  return failure_of(fmt::format(
      "{}: {} MiB are free, and a copy of the record needs {} there for a while, with {} left for "
      "the record itself: free some space",
      folder, room >> 20, (bytes >> 20) + 1, room_for_the_record >> 20));
}

Result<void> copy_file(const std::string& from, const std::string& to) {
  OwnedFile source(open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (source.get() < 0) return tl::unexpected(system_error(from, "read", errno));
  struct stat status {};
  if (fstat(source.get(), &status) != 0)
    return tl::unexpected(system_error(from, "look at", errno));
  if (!S_ISREG(status.st_mode)) return failure_of(from + ": is not a file");
  Result<OwnedFile> target = make_file(to);
  if (!target) return tl::unexpected(target.error());
  std::vector<char> buffer(std::size_t{1024} * 1024);
  while (true) {
    const ssize_t got = read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(system_error(from, "read", errno));
    if (got == 0) return {};
    for (ssize_t put = 0; put < got;) {
      const ssize_t some =
          write(target->get(), buffer.data() + put, static_cast<std::size_t>(got - put));
      if (some < 0 && errno == EINTR) continue;
      if (some < 0) return tl::unexpected(system_error(to, "write", errno));
      put += some;
    }
  }
}

// Every page sound, and a record of a release that this program knows.
Result<void> check_pages(const std::string& file, sqlite::Connection::Access access) {
  Result<sqlite::Connection> connection = sqlite::Connection::open(file, access);
  if (!connection) return tl::unexpected(connection.error());
  Result<bool> sound = connection->check_for_damage(whole_check_at_most);
  if (!sound) return tl::unexpected(sound.error());
  if (!*sound) return failure_of(file + ": could not be looked at to its end in time");
  Result<std::int64_t> application = connection->integer("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  if (*application != record_application_id)
    return failure_of(file + ": holds no record of yagurad");
  Result<std::optional<std::string>> strange = foreign(*connection, record_migrations());
  if (!strange) return tl::unexpected(strange.error());
  if (*strange) return failure_of(**strange);
  return {};
}

Result<RecordCopy> walk(RecordReader& reader) {
  RecordCopy copy;
  Result<Store::Head> head = reader.head();
  if (!head) return tl::unexpected(head.error());
  Result<std::optional<Instant>> last_at = reader.last_at();
  if (!last_at) return tl::unexpected(last_at.error());
  Result<std::optional<Store::Mismatch>> broken = reader.verify(*head);
  if (!broken) return tl::unexpected(broken.error());
  return RecordCopy{*head, *last_at, *broken};
}

// The row that says what the record is from here on.
Transaction row_of(const Replacement& wanted, const Replaced& done, const std::string& aside) {
  RecordEntry entry;
  entry.at = wanted.now;
  entry.what = wanted.source.empty() ? "record.begun" : "record.restored";
  entry.who = wanted.who;
  json::object payload;
  if (!wanted.source.empty()) {
    payload["from"] = wanted.source;
    payload["rows"] = done.copy.head.id;
    payload["chain"] = done.copy.head.chain;
    if (done.copy.broken) payload["broken_at"] = done.copy.broken->row;
  }
  if (!aside.empty()) payload["set_aside"] = aside;
  entry.payload = json::serialize(payload);
  Transaction transaction;
  transaction.entries.push_back(std::move(entry));
  return transaction;
}

// Brings the source to FRESH, checked.
Result<void> fetch(const std::string& source, const std::string& fresh) {
  // A record that was set aside has its newest rows in the log beside it.
  for (const char* ending : {"", "-wal", "-journal"}) {
    if (*ending != '\0' && access((source + ending).c_str(), F_OK) != 0) continue;
    Result<void> copied = copy_file(source + ending, fresh + ending);
    if (!copied) return copied;
  }
  Result<void> sound = check_pages(fresh, sqlite::Connection::Access::write);
  if (sound) return {};
  // The person knows the file by its own name.
  std::string why = sound.error().message;
  if (why.starts_with(fresh)) why.replace(0, fresh.size(), source);
  return failure_of(why + "; nothing was changed");
}

Result<void> prepare(const Replacement& wanted, const std::string& fresh, const std::string& aside,
                     Replaced& done) {
  Opening opening;
  Result<Writer> writer = Writer::open(fresh, opening);
  if (!writer) return tl::unexpected(writer.error());
  if (!wanted.source.empty()) {
    Result<RecordReader> reader = RecordReader::open(fresh);
    if (!reader) return tl::unexpected(reader.error());
    Result<RecordCopy> copy = walk(*reader);
    if (!copy) return tl::unexpected(copy.error());
    done.copy = *copy;
    if (copy->broken && !wanted.broken_chain) {
      return failure_of(
          fmt::format("{}: its chain is broken at row {}: {}; nothing was changed. Take another "
                      "backup, or this "
                      "one as it is with --broken-chain",
                      wanted.source, copy->broken->row, copy->broken->why));
    }
    // Asked again, since the walk keeps its reader in one view of the file.
    Result<RecordReader> looked_at = RecordReader::open(fresh);
    if (!looked_at) return tl::unexpected(looked_at.error());
    Result<void> fine = wanted.look ? wanted.look(*looked_at) : Result<void>();
    if (!fine) return fine;
    Result<void> renewed = writer->renew_instance();
    if (!renewed) return renewed;
  }
  const Transaction row = row_of(wanted, done, aside);
  const std::array<const Transaction*, 1> rows{&row};
  return writer->write(rows, [](const MailBytes&) {});
}

Result<void> sync_file(const std::string& path) {
  OwnedFile file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0 || fsync(file.get()) != 0) {
    return tl::unexpected(system_error(path, "make durable", errno));
  }
  return {};
}

}  // namespace

std::string unfinished_copy(const std::string& folder) {
  return folder + "/yagura.db.copy";
}

void remove_unfinished_copies(const std::string& folder) {
  remove_database(unfinished_copy(folder));
}

Result<Store::Head> copy_record(const std::string& folder, const std::string& to,
                                const std::function<bool()>& go_on) {
  Result<sqlite::Connection> source =
      sqlite::Connection::open(folder + "/yagura.db", sqlite::Connection::Access::read);
  if (!source) return tl::unexpected(source.error());
  Result<std::int64_t> pages = source->integer("PRAGMA page_count");
  if (!pages) return tl::unexpected(pages.error());
  Result<std::int64_t> page = source->integer("PRAGMA page_size");
  if (!page) return tl::unexpected(page.error());
  Result<void> room = check_room(folder, static_cast<std::uint64_t>(*pages * *page));
  if (!room) return tl::unexpected(room.error());

  if (Result<OwnedFile> made = make_file(to); !made) return tl::unexpected(made.error());
  Unfinished unfinished(to);
  {
    Result<sqlite::Connection> target =
        sqlite::Connection::open(to, sqlite::Connection::Access::write);
    if (!target) return tl::unexpected(target.error());
    // Whoever takes the copy makes it durable where it is to stay.
    Result<void> done = target->run("PRAGMA synchronous=OFF");
    if (done) done = source->copy_to(*target, go_on);
    if (done) done = target->make_single_file();
    if (!done) return tl::unexpected(done.error());
  }
  Result<Store::Head> head =
      RecordReader::open(to).and_then([](RecordReader&& reader) { return reader.head(); });
  if (head) unfinished.keep();
  return head;
}

Result<RecordCopy> check_copy(const std::string& file) {
  Result<void> sound = check_pages(file, sqlite::Connection::Access::read);
  if (!sound) return tl::unexpected(sound.error());
  return RecordReader::open(file).and_then([](RecordReader&& reader) { return walk(reader); });
}

Result<Replaced> replace_record(const Replacement& wanted) {
  const std::string& folder = wanted.folder;
  const std::string path = folder + "/yagura.db", fresh = folder + "/yagura.db.restoring";
  Result<void> done = make_folder(folder);
  if (!done) return tl::unexpected(done.error());
  Result<OwnedFile> lock = lock_folder(folder);
  if (!lock) return tl::unexpected(lock.error());
  done = give_to_owner_of_folder(folder + "/yagura.lock", folder);
  if (!done) return tl::unexpected(done.error());

  remove_database(fresh);
  Unfinished unfinished(fresh);
  const std::string aside = aside_name(folder, "replaced", wanted.now);
  const bool something_there =
      access(path.c_str(), F_OK) == 0 || access((path + "-wal").c_str(), F_OK) == 0;
  Replaced replaced;
  done = wanted.source.empty() ? make_private_file(fresh) : fetch(wanted.source, fresh);
  if (done) done = prepare(wanted, fresh, something_there ? aside : "", replaced);
  if (done) done = sync_file(fresh);
  if (done) done = give_to_owner_of_folder(fresh, folder);
  // From here on there is no way back but forward: a folder without a record, but with one set
  // aside, is no place where a daemon begins a new one.
  if (done) done = note_record(*lock, folder);
  if (!done) return tl::unexpected(done.error());
  Result<bool> moved = set_aside(folder, aside);
  if (!moved) return tl::unexpected(moved.error());
  if (*moved) replaced.set_aside = aside;
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    return tl::unexpected(system_error(path, "put the record in place", errno));
  }
  unfinished.keep();
  done = sync_folder(folder);
  if (!done) return tl::unexpected(done.error());
  return replaced;
}

}  // namespace yagura
