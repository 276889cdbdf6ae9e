// Copies of the record: made while the daemon runs, looked at, and put in the record's place while
// it does not. A copy is one file, a whole database of one moment, and opens without anything
// beside it. What was in the place before is set aside (aside.hpp), never deleted.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "instant.hpp"
#include "reader.hpp"
#include "result.hpp"
#include "store.hpp"

namespace yagura {

// Where the daemon makes a copy before it is handed out. What a crash left there is removed by the
// next start.
std::string unfinished_copy(const std::string& folder);
void remove_unfinished_copies(const std::string& folder);

// Copies the record of the folder to the new file TO (mode 0600), and gives the copy's last row.
// May be called from any thread while a Store writes; the writer does not wait. `go_on` is asked
// every 256 KiB. Refused where the copy would take the room that the record needs to grow.
Result<Store::Head> copy_record(const std::string& folder, const std::string& to,
                                const std::function<bool()>& go_on);

struct RecordCopy {
  Store::Head head;
  std::optional<Instant> last_at;         // nothing: no row
  std::optional<Store::Mismatch> broken;  // where its chain does not hold
};

// Reads the whole copy: every page, and the chain from its first row. Error: damaged, or no record.
Result<RecordCopy> check_copy(const std::string& file);

struct Replacement {
  std::string folder;
  std::string source;  // a copy, or a record that was set aside; empty: a new record
  std::string who;     // for the record
  Instant now{};
  bool broken_chain = false;  // a source whose chain does not hold is taken all the same
  // Looks at the checked source before anything is changed. An error stops it all.
  std::function<Result<void>(RecordReader&)> look;
};

struct Replaced {
  RecordCopy copy;        // as it was before the row that says what was done
  std::string set_aside;  // the record that was there; empty: none
};

// Puts a copy of the source, or a new record, in the place of FOLDER/yagura.db, sets aside what is
// there, and appends a row to it that says so (record.restored, record.begun). Takes the folder's
// lock: refused while a daemon runs on it. Either all of it happens, or nothing.
//
// The record gets another random id: the numbers of notices that were made after the copy will be
// given again, and must not make Message-IDs that were used. Notices in the copy keep theirs.
Result<Replaced> replace_record(const Replacement& wanted);

}  // namespace yagura
