#include "archive_file.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cerrno>
#include <fstream>

#include "chain.hpp"
#include "folder.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

// No row comes near it: a reader of a file that is something else must not eat the memory.
constexpr std::size_t longest_line = std::size_t{64} * 1024 * 1024;

// Lines of a file, with a digest of all that was read.
class Lines {
 public:
  explicit Lines(const std::string& file) : file_(file, std::ios::binary) {}
  bool open() const { return file_.is_open(); }

  // False: no more. Error: a line without an end.
  Result<bool> next(std::string& line) {
    line.clear();
    while (true) {
      const std::size_t end = buffer_.find('\n', at_);
      if (end != std::string::npos) {
        line.append(buffer_, at_, end - at_);
        at_ = end + 1;
        return true;
      }
      line.append(buffer_, at_);
      if (line.size() > longest_line) return failure_of("a line is longer than any row");
      buffer_.resize(64 * 1024);
      at_ = 0;
      file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
      buffer_.resize(static_cast<std::size_t>(file_.gcount()));
      digest_.add(buffer_);
      if (buffer_.empty()) return !line.empty();
    }
  }
  std::string digest() { return digest_.hex(); }

 private:
  std::ifstream file_;
  std::string buffer_;
  std::size_t at_ = 0;
  Sha256 digest_;
};

std::string text_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
std::int64_t number_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

// The payload's bytes as they were recorded: an object stands in the line as it is. Quotes within
// texts are escaped, so that what is looked for can be the names only.
std::string payload_of(const json::object& object, const std::string& line) {
  const json::value* payload = object.if_contains("payload");
  if (payload == nullptr || payload->is_null()) return {};
  if (payload->is_string()) return std::string(payload->get_string());
  constexpr std::string_view before = ",\"payload\":", after = ",\"digest\":\"";
  const std::size_t begin = line.find(before), end = line.rfind(after);
  if (begin == std::string::npos || end == std::string::npos || end < begin + before.size()) return {};
  return line.substr(begin + before.size(), end - begin - before.size());
}

Result<RecordRow> row_in(const std::string& line) {
  json::error_code error;
  const json::value value = json::parse(line, error);
  if (error || !value.is_object() || !value.get_object().contains("chain")) {
    return failure_of("is no row of the record");
  }
  const json::object& object = value.get_object();
  auto at = parse_instant(text_of(object, "at"));
  if (!at) return failure_of("has no time that can be read");
  RecordRow row;
  row.id = number_of(object, "id");
  row.at = *at;
  row.what = text_of(object, "what");
  row.failure = number_of(object, "failure");
  row.notice = number_of(object, "notice");
  row.who = text_of(object, "who");
  row.subject = text_of(object, "subject");
  row.digest = text_of(object, "digest");
  row.chain = text_of(object, "chain");
  const json::value* erased = object.if_contains("erased");
  row.erased = erased != nullptr && erased->is_bool() && erased->get_bool();
  row.payload = payload_of(object, line);
  return row;
}

class Walk {
 public:
  ArchiveCheck check;

  void take(const RecordRow& row) {
    if (!check.broken.empty()) return;
    if (row.what == end_of_part_name && row.id == 0) return end(row);
    if (check.whole) return broken(row.id, "it stands after the line that ends the file");
    if (!row.erased && sha256_hex(row.payload) != row.digest) {
      return broken(row.id, "its payload is not the one that was recorded");
    }
    if (check.rows > 0 && row.id <= check.last) return broken(row.id, "it is out of order");
    const bool follows = row.id == 1 || (check.rows > 0 && row.id == check.last + 1);
    if (follows && !fits(row, row.id == 1 ? chain_genesis() : check.chain)) return;
    if (check.rows++ == 0) {
      check.first = row.id;
      if (!follows) first_ = row;
    }
    check.last = row.id;
    check.chain = row.chain;
  }

 private:
  void broken(std::int64_t row, std::string_view why) { check.broken = fmt::format("row {}: {}", row, why); }

  bool fits(const RecordRow& row, const std::string& before) {
    if (chain_link(before, row) != row.chain) {
      broken(row.id, "its fields, or the row before it, are not those that were recorded");
      return false;
    }
    ++check.linked;
    return true;
  }

  void end(const RecordRow& row) {
    json::error_code error;
    const json::value value = json::parse(row.payload, error);
    if (error || !value.is_object() || sha256_hex(row.payload) != row.digest) {
      check.broken = "the last line was changed";
      return;
    }
    const json::object& part = value.get_object();
    if (number_of(part, "rows") != check.rows || number_of(part, "first") != check.first ||
        number_of(part, "last") != check.last) {
      check.broken = fmt::format("rows are missing: the last line says {}, from {} to {}", number_of(part, "rows"),
                                 number_of(part, "first"), number_of(part, "last"));
      return;
    }
    if (!text_of(part, "chain").empty() && text_of(part, "chain") != check.chain) {
      check.broken = "the last row is not the one that the last line names";
      return;
    }
    if (first_ && !text_of(part, "before").empty() && !fits(*first_, text_of(part, "before"))) return;
    check.whole = true;
  }

  std::optional<RecordRow> first_;  // where the row before it is not in the file
};

}  // namespace

Result<ArchiveCheck> check_archive(const std::string& file) {
  Lines lines(file);
  if (!lines.open()) return tl::unexpected(system_error(file, "read", errno));
  Walk walk;
  std::string line;
  std::size_t number = 0;
  while (true) {
    Result<bool> more = lines.next(line);
    if (more && !*more) break;
    ++number;
    Result<RecordRow> row = more ? row_in(line) : tl::unexpected(more.error());
    if (!row) {
      return failure_of(fmt::format("{}: line {} {}; an export as CSV is checked with the script in docs/record.md",
                                    file, number, row.error().message));
    }
    walk.take(*row);
  }
  walk.check.digest = lines.digest();
  return walk.check;
}

Result<bool> is_database(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream.is_open()) return tl::unexpected(system_error(file, "read", errno));
  std::string magic(16, '\0');
  stream.read(magic.data(), static_cast<std::streamsize>(magic.size()));
  return magic.starts_with("SQLite format 3");
}

}  // namespace yagura
