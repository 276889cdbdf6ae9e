#include "sample_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include "folder.hpp"
#include "sqlite.hpp"

namespace yagura {
namespace {

using sqlite::Connection;
using sqlite::Statement;

constexpr std::int64_t application_id = 0x59677273;  // "Ygrs"
constexpr std::int64_t version = 1;
constexpr Duration check_at_most = 2s;
constexpr std::int64_t span_seconds = 300, hour_seconds = 3600;
// What one write takes away at most. An hour has twelve spans, and a few more where the daemon was
// started again within it.
constexpr int most_thinned = 24, most_removed = 24;

constexpr const char* schema = R"sql(
CREATE TABLE layout (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE span (
  id      INTEGER PRIMARY KEY,
  from_s  INTEGER NOT NULL,  -- seconds since 1970
  seconds INTEGER NOT NULL,  -- 300, or 3600 once thinned
  layout  INTEGER NOT NULL,
  bytes   BLOB NOT NULL
) STRICT;
CREATE INDEX span_from ON span (from_s);
CREATE INDEX span_seconds ON span (seconds, from_s);
CREATE INDEX span_layout ON span (layout);
)sql";

std::int64_t seconds_of(Instant at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}
Instant instant_of(std::int64_t seconds) {
  return Instant{} + std::chrono::seconds(seconds);
}

std::string path_in(const std::string& folder) {
  return folder + "/samples.db";
}

// Whose file it is; `nobody`: it was begun, and is still empty.
enum class Owner { nobody, us, others };
Result<Owner> owner_of(Connection& connection) {
  auto things = connection.integer("SELECT count(*) FROM sqlite_schema");
  if (!things) return tl::unexpected(things.error());
  auto application = connection.integer("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  auto known = connection.integer("PRAGMA user_version");
  if (!known) return tl::unexpected(known.error());
  if (*things == 0 && *application == 0 && *known == 0) return Owner::nobody;
  return *application == application_id && *known == version ? Owner::us : Owner::others;
}
tl::unexpected<Error> made_by_others(Connection& connection) {
  return failure_of(fmt::format("{}: was made by another program, or another release of this one",
                                connection.path()));
}

class SampleFile {
 public:
  // `unusable` is set where another try would not help: the file has to go.
  static Result<SampleFile> open(const std::string& path, bool check, bool& unusable) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) {
      if (auto made = make_private_file(path); !made) return tl::unexpected(made.error());
    } else if (!S_ISREG(status.st_mode)) {
      unusable = true;
      return failure_of(path + ": is not a file");
    } else if (access(path.c_str(), R_OK | W_OK) != 0 && errno == EACCES) {
      unusable = true;
      return tl::unexpected(system_error(path, "read and write", EACCES));
    }
    auto connection = Connection::open(path, Connection::Access::write);
    if (!connection) return tl::unexpected(connection.error());
    // As it was opened: later on SQLite says so of a disk in trouble, too.
    unusable = connection->is_read_only();
    SampleFile file(std::move(*connection));
    auto ready = file.prepare(check, unusable);
    unusable = unusable || file.found_damage();
    if (!ready) return tl::unexpected(ready.error());
    return file;
  }

  bool found_damage() const { return connection_.found_damage(); }

  Result<std::int64_t> write(const SpanToWrite& span, const WriteOptions& options) {
    auto scope = sqlite::TransactionScope::begin(connection_);
    if (!scope) return tl::unexpected(scope.error());
    auto layout = layout_row(span);
    if (!layout) return layout;
    auto done = insert(seconds_of(span.from), span_seconds, *layout, span.bytes);
    if (done) done = thin(options.now);
    if (done) done = remove(options.now - options.keep);
    if (done) done = scope->commit();
    if (!done) return tl::unexpected(done.error());
    return *layout;
  }

 private:
  explicit SampleFile(Connection connection) : connection_(std::move(connection)) {}

  Result<void> prepare(bool check, bool& unusable) {
    if (check) {
      if (auto sound = connection_.check_for_damage(check_at_most); !sound)
        return tl::unexpected(sound.error());
    }
    auto owner = owner_of(connection_);
    if (!owner) return tl::unexpected(owner.error());
    if (*owner == Owner::others) {
      unusable = true;
      return made_by_others(connection_);
    }
    auto set = connection_.run(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY");
    if (!set || *owner == Owner::us) return set;
    auto scope = sqlite::TransactionScope::begin(connection_);
    if (!scope) return tl::unexpected(scope.error());
    auto made = connection_.run(schema);
    if (made) {
      made = connection_.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                         application_id, version));
    }
    return made ? scope->commit() : made;
  }

  Result<void> insert(std::int64_t from, std::int64_t seconds, std::int64_t layout,
                      const std::string& bytes) {
    auto statement = connection_.prepare(
        "INSERT INTO span (from_s, seconds, layout, bytes) VALUES (?1, ?2, ?3, ?4)");
    if (!statement) return tl::unexpected(statement.error());
    return statement->bind(1, from).bind(2, seconds).bind(3, layout).bind_bytes(4, bytes).run();
  }

  Result<std::int64_t> row_of_layout(const std::string& bytes) {
    // The length first, which is known without reading the others.
    auto known = connection_.prepare(
        "SELECT id FROM layout WHERE length(bytes) = length(?1) AND bytes = ?1");
    if (!known) return tl::unexpected(known.error());
    auto found = known->bind_bytes(1, bytes).step();
    if (!found) return tl::unexpected(found.error());
    if (*found) return known->integer(0);
    auto insert = connection_.prepare("INSERT INTO layout (bytes) VALUES (?1)");
    if (!insert) return tl::unexpected(insert.error());
    if (auto done = insert->bind_bytes(1, bytes).run(); !done) return tl::unexpected(done.error());
    return connection_.integer("SELECT max(id) FROM layout");
  }

  Result<std::int64_t> layout_row(const SpanToWrite& span) {
    if (span.layout) return row_of_layout(*span.layout);
    auto known = connection_.integer(
        fmt::format("SELECT count(*) FROM layout WHERE id = {}", span.layout_row));
    if (!known) return tl::unexpected(known.error());
    if (*known == 0) return failure_of(fmt::format("{}: was replaced", connection_.path()));
    return span.layout_row;
  }

  struct Row {
    std::int64_t id = 0, layout = 0;
    std::string bytes;
  };
  // The spans of the oldest hour that is to become one row.
  Result<std::vector<Row>> rows_to_thin(std::int64_t before, std::int64_t& hour) {
    auto oldest = connection_.integer(fmt::format(
        "SELECT coalesce(min(from_s), {0}) FROM span WHERE seconds = {1}", before, span_seconds));
    if (!oldest) return tl::unexpected(oldest.error());
    hour = *oldest - *oldest % hour_seconds;
    std::vector<Row> rows;
    if (hour + hour_seconds > before) return rows;
    auto statement = connection_.prepare(fmt::format(
        "SELECT id, layout, bytes FROM span WHERE seconds = {} AND from_s >= {} AND from_s < {} "
        "ORDER BY from_s, id LIMIT {}",
        span_seconds, hour, hour + hour_seconds, most_thinned));
    if (!statement) return tl::unexpected(statement.error());
    Result<bool> more = statement->step();
    for (; more && *more; more = statement->step()) {
      rows.push_back({statement->integer(0), statement->integer(1), statement->text(2)});
    }
    if (!more) return tl::unexpected(more.error());
    return rows;
  }

  Result<void> thin(Instant now) {
    std::int64_t hour = 0;
    auto rows = rows_to_thin(seconds_of(now - kept_in_full), hour);
    if (!rows) return tl::unexpected(rows.error());
    if (rows->empty()) return {};
    // Of most hours one layout.
    std::map<std::int64_t, Layout> layouts;
    std::vector<PackedSpan> spans;
    std::string ids;
    for (const Row& row : *rows) {
      ids += fmt::format("{}{}", ids.empty() ? "" : ",", row.id);
      auto known = layouts.find(row.layout);
      if (known == layouts.end()) {
        auto bytes =
            connection_.text(fmt::format("SELECT bytes FROM layout WHERE id = {}", row.layout));
        if (!bytes) return tl::unexpected(bytes.error());
        auto layout = unpacked_layout(*bytes);
        if (!layout) continue;  // nobody can read this row any more
        known = layouts.emplace(row.layout, std::move(*layout)).first;
      }
      spans.push_back({&known->second, row.bytes});
    }
    Result<void> done;
    if (layouts.size() == 1) {
      done = insert(hour, hour_seconds, layouts.begin()->first,
                    rolled_up(spans, layouts.begin()->second));
    } else if (!layouts.empty()) {
      std::vector<const Layout*> all;
      for (const auto& [id, layout] : layouts)
        all.push_back(&layout);
      const Layout both = joined(all);
      auto layout = row_of_layout(packed(both));
      if (!layout) return tl::unexpected(layout.error());
      done = insert(hour, hour_seconds, *layout, rolled_up(spans, both));
    }
    if (done) done = connection_.run(fmt::format("DELETE FROM span WHERE id IN ({})", ids));
    return done;
  }

  Result<void> remove(Instant before) {
    return connection_.run(
        fmt::format("DELETE FROM span WHERE id IN "
                    "(SELECT id FROM span WHERE from_s < {} ORDER BY from_s LIMIT {}); "
                    "DELETE FROM layout WHERE id NOT IN (SELECT layout FROM span)",
                    seconds_of(before), most_removed));
  }

  Connection connection_;
};

// What is there now is called samples.db.damaged from now on.
Result<std::string> put_aside(const std::string& path) {
  const std::string aside = path + ".damaged";
  struct stat status {};
  if (lstat(aside.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    return failure_of(fmt::format("{}: is in the way: remove it", aside));
  }
  if (std::rename(path.c_str(), aside.c_str()) != 0) {
    return tl::unexpected(system_error(path, "put aside as " + aside, errno));
  }
  // They belong to it, and would be taken for the new one's.
  for (const char* ending : {"-wal", "-shm", "-journal"})
    std::remove((path + ending).c_str());
  return aside;
}

}  // namespace

SampleWrite write_span(const std::string& folder, const SpanToWrite& span,
                       const WriteOptions& options) {
  const std::string path = path_in(folder);
  SampleWrite result;
  for (int attempt = 0; attempt < 2; ++attempt) {
    bool unusable = false;
    {
      auto file = SampleFile::open(path, options.check, unusable);
      result.layout_row = file ? file->write(span, options) : tl::unexpected(file.error());
      unusable = unusable || (file && file->found_damage());
    }
    if (result.layout_row || !unusable || attempt > 0) return result;
    result.why = result.layout_row.error().message;
    auto aside = put_aside(path);
    if (!aside) {
      result.layout_row = tl::unexpected(aside.error());
      return result;
    }
    result.aside = *aside;
  }
  return result;
}

// ---- Reading ----

namespace {

// Where the probes that are asked for stand in a layout.
struct Wanted {
  Layout layout;
  std::size_t end = 0;  // one after the last of them
  std::vector<bool> is;
};

Result<Wanted> wanted_of(Connection& connection, std::int64_t row, const SampleQuery& query) {
  auto bytes = connection.text(fmt::format("SELECT bytes FROM layout WHERE id = {}", row));
  if (!bytes) return tl::unexpected(bytes.error());
  Wanted wanted;
  auto layout = unpacked_layout(*bytes);
  if (!layout) return wanted;
  wanted.layout = std::move(*layout);
  wanted.is.resize(wanted.layout.probes.size());
  for (std::size_t i = 0; i < wanted.is.size(); ++i) {
    const ProbeId& id = wanted.layout.probes[i].id;
    wanted.is[i] =
        id.component == query.component && (query.probe.empty() || id.probe == query.probe);
    if (wanted.is[i]) wanted.end = i + 1;
  }
  return wanted;
}

// False: the caller has enough.
bool tell(const Wanted& wanted, std::string_view bytes, Instant from, const SampleRow& row) {
  Unpacker reader(bytes);
  Tally tally;
  for (std::size_t i = 0; i < wanted.end; ++i) {
    const Layout::Probe& probe = wanted.layout.probes[i];
    const ValueNames& names = wanted.layout.names[probe.names];
    reader.tally(names.size(), tally);
    if (reader.failed()) return true;  // what is left of it nobody can read
    if (!wanted.is[i] || tally.runs.all() == 0) continue;
    NamedTally named{tally.runs, {}};
    for (std::size_t n = 0; n < names.size(); ++n) {
      if (tally.values[n].runs != 0) named.values.emplace(names[n], tally.values[n]);
    }
    if (!row(from, probe.id, named)) return false;
  }
  return true;
}

}  // namespace

Result<void> read_spans(const std::string& folder, const SampleQuery& query, const SampleRow& row) {
  const std::string path = path_in(folder);
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 && errno == ENOENT) return {};
  auto connection = Connection::open(path, Connection::Access::read);
  if (!connection) return tl::unexpected(connection.error());
  auto owner = owner_of(*connection);
  if (!owner) return tl::unexpected(owner.error());
  if (*owner == Owner::others) return made_by_others(*connection);
  if (*owner == Owner::nobody) return {};
  // One view of it all.
  if (auto begun = connection->run("BEGIN"); !begun) return begun;
  auto statement = connection->prepare(
      "SELECT from_s, layout, bytes FROM span WHERE from_s >= ?1 AND from_s < ?2 ORDER BY from_s, "
      "id");
  if (!statement) return tl::unexpected(statement.error());
  statement->bind(1, seconds_of(query.since)).bind(2, seconds_of(query.until));
  std::int64_t layout = 0;  // of `wanted`
  Wanted wanted;
  Result<bool> more = statement->step();
  for (; more && *more; more = statement->step()) {
    if (statement->integer(1) != layout) {
      auto other = wanted_of(*connection, statement->integer(1), query);
      if (!other) return tl::unexpected(other.error());
      wanted = std::move(*other);
      layout = statement->integer(1);
    }
    if (!tell(wanted, statement->text(2), instant_of(statement->integer(0)), row)) return {};
  }
  if (!more) return tl::unexpected(more.error());
  return {};
}

}  // namespace yagura
