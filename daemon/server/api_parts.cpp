#include "api_parts.hpp"

#include <charconv>

namespace yagura {

WebResponse refusal(int status, const std::string& text) { return {status, "application/json", error_json(text)}; }
WebResponse fine(std::string body) { return {200, "application/json", std::move(body)}; }

std::optional<std::int64_t> number_in(std::string_view text, std::int64_t least) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least) return std::nullopt;
  return value;
}

RecordLine line_of(const RecordRow& row, bool hashes) {
  RecordLine line{row.id, row.at, row.what, row.failure, row.notice, row.who, row.payload, {}, {}, {}, false};
  if (hashes) {
    line.digest = row.digest;
    line.chain = row.chain;
    line.subject = row.subject;
    line.erased = row.erased;
  }
  return line;
}

}  // namespace yagura
