// The schema of the database, as numbered steps that are only ever added to: step n brings a
// database of version n-1 to version n, in one transaction. PRAGMA user_version holds the version.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "result.hpp"
#include "sqlite.hpp"

namespace yagura {

// "Ygra": tells this program's databases from others (PRAGMA application_id).
inline constexpr std::int64_t record_application_id = 0x59677261;

// The SQL texts, from version 1 on.
std::span<const char* const> record_migrations();

// Why this program must not touch the database: another program made it, or a newer release.
// Nothing where it is new, or of a version that the steps lead to or start from.
Result<std::optional<std::string>> foreign(sqlite::Connection& connection,
                                           std::span<const char* const> steps);

// Brings the database to the newest version. Refuses a foreign one; such a database is not written
// to.
Result<void> migrate(sqlite::Connection& connection, std::span<const char* const> steps);

}  // namespace yagura
