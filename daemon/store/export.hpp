// Rows of the record as text, one at a time, for spreadsheets (CSV, RFC 4180) and programs (one
// JSON object a line). Used with Store::each, so that an export of any length needs no memory.
#pragma once

#include <string>

#include "store.hpp"
#include "zone.hpp"

namespace yagura {

enum class ExportFormat { csv, jsonl };

// What comes before the first row: CSV's line of names, nothing for JSONL.
std::string export_header(ExportFormat format);

// One row with its line end. Times are in the zone, RFC 3339.
//
// CSV: a value that a spreadsheet would take for a formula gets an apostrophe before it; failure
// and notice are empty where there is none. JSONL: failure and notice are null where there is none,
// the payload is the recorded object itself, or a string where what is stored is none, or null when
// erased.
std::string export_row(ExportFormat format, const Zone& zone, const RecordRow& row);

}  // namespace yagura
