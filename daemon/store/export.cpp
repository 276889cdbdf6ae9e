#include "export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <limits>
#include <string_view>

#include "text.hpp"

namespace yagura {
namespace {

// What spreadsheets take for the start of a formula; the full-width forms too, which Japanese ones
// read like the narrow ones.
constexpr std::array<std::string_view, 11> formula_starts{"=",  "+",  "-",  "@",  "\t", "\r",
                                                          "\n", "＝", "＋", "－", "＠"};

bool looks_like_formula(std::string_view text) {
  std::size_t start = text.find_first_not_of(' ');
  if (start == std::string_view::npos) return false;
  text.remove_prefix(start);
  return std::any_of(formula_starts.begin(), formula_starts.end(),
                     [&](std::string_view sign) { return text.substr(0, sign.size()) == sign; });
}

std::string csv_text(std::string_view text) {
  std::string value = looks_like_formula(text) ? "'" : "";
  value += text;
  bool plain = value.find_first_of(",\"\r\n") == std::string::npos &&
               (value.empty() || (value.front() != ' ' && value.back() != ' '));
  if (plain) return value;
  std::string quoted = "\"";
  for (char c : value) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string csv_row(const Zone& zone, const RecordRow& row) {
  const auto number = [](std::int64_t n) { return n == 0 ? std::string() : std::to_string(n); };
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{}\r\n", row.id, zone.format(row.at),
                     csv_text(row.what), number(row.failure), number(row.notice), csv_text(row.who),
                     csv_text(row.subject), csv_text(row.payload), csv_text(row.digest),
                     csv_text(row.chain), row.erased ? 1 : 0);
}

std::string json_text(const std::string& text) {
  // The store keeps bytes as they are; a file of JSON has to be UTF-8 as a whole.
  if (is_utf8(text)) return boost::json::serialize(boost::json::string_view(text));
  return json_text(many_lines(text, std::numeric_limits<std::size_t>::max()));
}

std::string json_payload(const RecordRow& row) {
  if (row.erased) return "null";
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(row.payload, error);
  if (error || !value.is_object()) return json_text(row.payload);
  bool one_line = row.payload.find_first_of("\r\n") == std::string::npos;
  return one_line ? row.payload : boost::json::serialize(value);
}

std::string json_row(const Zone& zone, const RecordRow& row) {
  const auto number = [](std::int64_t n) {
    return n == 0 ? std::string("null") : std::to_string(n);
  };
  return fmt::format(
      R"({{"id":{},"at":"{}","what":{},"failure":{},"notice":{},"who":{},"subject":{},)"
      R"("payload":{},"digest":{},"chain":{},"erased":{}}})"
      "\n",
      row.id, zone.format(row.at), json_text(row.what), number(row.failure), number(row.notice),
      json_text(row.who), json_text(row.subject), json_payload(row), json_text(row.digest),
      json_text(row.chain), row.erased);
}

}  // namespace

std::string export_header(ExportFormat format) {
  switch (format) {
    case ExportFormat::csv:
      return "id,at,what,failure,notice,who,subject,payload,digest,chain,erased\r\n";
    case ExportFormat::jsonl:
      return {};
  }
  return {};
}

std::string export_row(ExportFormat format, const Zone& zone, const RecordRow& row) {
  switch (format) {
    case ExportFormat::csv:
      return csv_row(zone, row);
    case ExportFormat::jsonl:
      return json_row(zone, row);
  }
  return {};
}

}  // namespace yagura
