// Records that are no longer in use: set aside under a name that says why and when, never deleted,
// never replaced in silence. A folder in which there was a record and is none now is no place to
// begin a new one without being told to: what was held, open or owed would be forgotten, and the
// daemon would look well.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "folder.hpp"
#include "instant.hpp"
#include "result.hpp"

namespace yagura {

// FOLDER/yagura.db.WORD-20261127T035500Z, a name that nothing has yet.
std::string aside_name(const std::string& folder, std::string_view word, Instant now);

// Gives yagura.db and what belongs to it (-wal, -shm, -journal) the name `aside`, with the same
// endings, so that it can be opened there as it was. Whoever is killed in between leaves a whole
// set under one of the names. False: there was nothing.
Result<bool> set_aside(const std::string& folder, const std::string& aside);

// The records that were set aside in the folder, by time.
std::vector<std::string> records_aside(const std::string& folder);

// What yagura.db is before anybody opens it.
enum class Presence {
  nothing,     // none, and there never was one: a first start
  unfinished,  // an empty file that a first start left, when it was broken off
  database,    // something that has to be looked into
  lost,        // none, or an empty file, although there was a record here
};
Presence presence_of_record(const std::string& folder, const OwnedFile& lock);

// What to do about a record that is lost or damaged, for whoever reads the log.
std::string way_back();

}  // namespace yagura
