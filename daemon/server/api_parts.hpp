// What the parts of the control API (api.cpp, record_api.cpp) have in common: refusals, numbers in paths and queries, rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reader.hpp"
#include "view.hpp"
#include "web_server.hpp"

namespace yagura {

WebResponse refusal(int status, const std::string& text);
WebResponse fine(std::string body);  // a JSON document, 200
// Decimal digits alone.
std::optional<std::int64_t> number_in(std::string_view text, std::int64_t least = 1);
// With `hashes` all columns, else what people read.
RecordLine line_of(const RecordRow& row, bool hashes);

}  // namespace yagura
