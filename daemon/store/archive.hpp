// Archiving: the oldest whole month leaves the record once it was exported. What goes is a run of
// rows without a gap; what live state still needs of them stays, and one row (record.archived) says
// who signed it off, what went, and the chain at its end, so that the rest can be verified from
// there (docs/record.md). Removing is the writer's (writer.cpp), in one transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reader.hpp"
#include "result.hpp"
#include "sqlite.hpp"
#include "store.hpp"
#include "zone.hpp"

namespace yagura {

// The subject of rows that say what was archived: the last of them is where the chain begins now.
inline constexpr const char* archive_subject = "archive";

// Where the rows begin that were never archived.
struct ArchiveEnd {
  std::int64_t last = 0;  // the last row archived; 0: none
  std::string chain;      // its chain; the genesis where none is
  std::int64_t kept = 0;  // rows up to it that stay
  std::string kept_digest;
};
Result<ArchiveEnd> end_of_archive(sqlite::Connection& connection);

// A digest over rows that stay without their neighbours: start with an empty one, add each in order.
std::string kept_link(const std::string& digest_before, const RecordRow& row);

// Within the writer's transaction: finds what has to stay, and gives the row that says what goes, to
// be appended before remove_archived(). Nothing: the record does not begin with these rows.
Result<std::optional<RecordEntry>> prepare_archive(sqlite::Connection& connection,
                                                   const ArchiveOrder& order);
Result<void> remove_archived(sqlite::Connection& connection, const ArchiveOrder& order);

// The whole months of which no row is younger than `until`, the oldest first; at most 120.
Result<std::vector<ArchiveSpan>> months_to_archive(RecordReader& reader, const Zone& zone,
                                                   Instant until);

// The first instant after a month, "2026-01". Error: no month.
Result<Instant> end_of_month(const Zone& zone, const std::string& month);

// The line that ends an archive. `at`: the time of its last row.
std::string archive_end_line(const Zone& zone, const ArchiveSpan& span, Instant at);

// SHA-256 of the bytes that an archive of these rows has to have.
Result<std::string> archive_digest(RecordReader& reader, const Zone& zone, const ArchiveSpan& span);

}  // namespace yagura
