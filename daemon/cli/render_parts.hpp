// What several renderings share.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "sheet.hpp"

namespace yagura::cli {

// "16:58 (14m ago)"; "-" where there is no such time.
std::string time_and_ago(const boost::json::value& object, std::string_view key,
                         const Screen& screen);
// "14m ago", "in 3h"; "-" where there is no such time.
std::string only_ago(const boost::json::value& object, std::string_view key, const Screen& screen);
// "major" is written large.
Cell state_cell(const std::string& state);
std::string plural(std::int64_t count, std::string_view one, std::string_view more);
// The stops as `status` and `stops` show them.
std::vector<Row> stop_rows(const boost::json::array& stops, const Screen& screen);

}  // namespace yagura::cli
