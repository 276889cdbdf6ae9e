#include "migrations.hpp"

#include <fmt/format.h>

#include <array>

namespace yagura {
namespace {

// Columns that searches look at come before the payload, so that skipping a row does not read a
// long payload's further pages. AUTOINCREMENT keeps the highest number ever given, so that rows
// missing at the end show. The triggers stop mistakes, not an attacker; the chain is for those.
constexpr const char* version_1 = R"sql(
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('instance', lower(hex(randomblob(8))));

CREATE TABLE record (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  what TEXT NOT NULL,
  failure INTEGER NOT NULL,
  notice INTEGER NOT NULL,
  who TEXT NOT NULL,
  subject TEXT NOT NULL,
  digest TEXT NOT NULL,
  chain TEXT NOT NULL,
  erased INTEGER NOT NULL DEFAULT 0,
  payload TEXT NOT NULL
) STRICT;
CREATE INDEX record_at ON record (at_ms);
CREATE INDEX record_failure ON record (failure) WHERE failure <> 0;
CREATE INDEX record_subject ON record (subject) WHERE subject <> '';

CREATE TRIGGER record_keeps_rows BEFORE DELETE ON record BEGIN
  SELECT RAISE(ABORT, 'rows of the record are never deleted');
END;
CREATE TRIGGER record_keeps_values BEFORE UPDATE ON record
WHEN NOT (new.erased = 1 AND new.payload = '' AND new.id = old.id AND new.at_ms = old.at_ms AND
          new.what = old.what AND new.failure = old.failure AND new.notice = old.notice AND
          new.who = old.who AND new.subject = old.subject AND new.digest = old.digest AND
          new.chain = old.chain)
BEGIN
  SELECT RAISE(ABORT, 'rows of the record are never changed, only payloads erased');
END;

CREATE TABLE mail (
  notice INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE job (
  component TEXT NOT NULL,
  probe TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (component, probe)
) STRICT, WITHOUT ROWID;
)sql";

// Searches by name and by person have indexes; the daemon's own rows are most of the record, and are
// found without one. Rows may be deleted up to the one that was archived last (archive.hpp).
constexpr const char* version_2 = R"sql(
CREATE INDEX record_what ON record (what);
CREATE INDEX record_who ON record (who) WHERE who <> 'daemon';

DROP TRIGGER record_keeps_rows;
CREATE TRIGGER record_keeps_rows BEFORE DELETE ON record
WHEN old.id > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'archived_to'), 0)
BEGIN
  SELECT RAISE(ABORT, 'rows of the record are deleted only when they are archived');
END;
)sql";

constexpr std::array all_steps{version_1, version_2};

Result<void> apply(sqlite::Connection& connection, const char* sql, std::size_t version) {
  Result<sqlite::TransactionScope> scope = sqlite::TransactionScope::begin(connection);
  if (!scope) return tl::unexpected(scope.error());
  Result<void> done = connection.run(sql);
  if (done) done = connection.run(fmt::format("PRAGMA user_version = {}", version));
  if (done) done = connection.run(fmt::format("PRAGMA application_id = {}", record_application_id));
  if (done) done = scope->commit();
  if (done) return {};
  return failure_of(fmt::format("the database could not be brought to version {}: {}", version,
                                done.error().message));
}

}  // namespace

std::span<const char* const> record_migrations() {
  return all_steps;
}

Result<std::optional<std::string>> foreign(sqlite::Connection& connection,
                                           std::span<const char* const> steps) {
  Result<std::int64_t> version = connection.integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  Result<std::int64_t> application = connection.integer("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  Result<std::int64_t> things = connection.integer("SELECT count(*) FROM sqlite_schema");
  if (!things) return tl::unexpected(things.error());

  bool fresh = *version == 0 && *application == 0 && *things == 0;
  if (!fresh && (*application != record_application_id || *version < 1)) {
    return fmt::format("{}: was made by another program; it was left as it is", connection.path());
  }
  if (*version > static_cast<std::int64_t>(steps.size())) {
    return fmt::format(
        "{}: was made by a newer yagurad (its version is {}, this program knows {}): install that "
        "release again, or restore the backup made before it",
        connection.path(), *version, steps.size());
  }
  return std::optional<std::string>();
}

Result<void> migrate(sqlite::Connection& connection, std::span<const char* const> steps) {
  Result<std::optional<std::string>> refused = foreign(connection, steps);
  if (!refused) return tl::unexpected(refused.error());
  if (*refused) return failure_of(**refused);
  Result<std::int64_t> version = connection.integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  for (std::size_t at = static_cast<std::size_t>(*version); at < steps.size(); ++at) {
    Result<void> done = apply(connection, steps[at], at + 1);
    if (!done) return done;
  }
  return {};
}

}  // namespace yagura
