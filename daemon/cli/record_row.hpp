// Rows of the record as the daemon hands them out, page by page.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <string>

#include "ask.hpp"
#include "store.hpp"

namespace yagura::cli {

// Calls `take` for every page that has rows, in order, from after that row on, until it returns
// false. Gives the exit status. `target` has a query already.
int each_page(const Arguments& given, const Terminal& terminal, const std::string& target,
              std::int64_t after, const std::function<bool(const Answered&)>& take);

// Of a row of /v1/record/raw, byte by byte: an export is for programs.
RecordRow record_row_of(const boost::json::value& value);

}  // namespace yagura::cli
