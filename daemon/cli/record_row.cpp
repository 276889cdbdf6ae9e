#include "record_row.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "commands.hpp"
#include "fields.hpp"

namespace yagura::cli {

namespace json = boost::json;

namespace {

// The bytes of a text as they were recorded, not made safe.
std::string exact(const json::value& row, std::string_view key) {
  const json::value* found = member(row, key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

}  // namespace

int each_page(const Arguments& given, const Terminal& terminal, const std::string& target,
              std::int64_t after, const std::function<bool(const Answered&)>& take) {
  while (true) {
    const Answered page = ask(given, terminal, fmt::format("{}&after={}", target, after));
    if (page.exit != exit_done) return page.exit;
    const json::array& rows = list(page.value);
    if (rows.empty()) return exit_done;
    const std::int64_t last = number(rows.back(), "id");
    if (last <= after) {
      complain(terminal,
               "the daemon's pages of the record do not go on; what is printed breaks off");
      return exit_refused;
    }
    after = last;
    if (!take(page)) return exit_done;
    if (!terminal.out) return exit_done;  // nobody reads any more: told at the end
  }
}

RecordRow record_row_of(const json::value& value) {
  RecordRow row;
  row.id = number(value, "id");
  if (auto at = moment(value, "at")) row.at = at->at;
  row.what = exact(value, "what");
  row.failure = number(value, "failure");
  row.notice = number(value, "notice");
  row.who = exact(value, "who");
  row.subject = exact(value, "subject");
  row.payload = exact(value, "payload");
  row.digest = exact(value, "digest");
  row.chain = exact(value, "chain");
  row.erased = truth(value, "erased");
  return row;
}

}  // namespace yagura::cli
