#include "erasure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstdint>
#include <cstdlib>

namespace yagura {
namespace {

namespace json = boost::json;

constexpr std::string_view erased_text = "(erased)";
// Shorter names would be found within other words.
constexpr std::size_t shortest_text = 4;

// As it stands within a JSON text.
std::string in_json(const std::string& text) {
  std::string quoted = json::serialize(json::string_view(text));
  return quoted.substr(1, quoted.size() - 2);
}

// The text of a mail as it was written: its body is base64 (daemon/mail/message.cpp).
std::string body_of(const std::string& mail) {
  const std::size_t begin = mail.find("\r\n\r\n");
  if (begin == std::string::npos) return {};
  std::string body;
  std::uint32_t bits = 0;
  int held = 0;
  for (std::size_t at = begin; at < mail.size(); ++at) {
    const char c = mail[at];
    int value = 0;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    else if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    else if (c >= '0' && c <= '9') value = c - '0' + 52;
    else if (c == '+') value = 62;
    else if (c == '/') value = 63;
    else continue;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    body += static_cast<char>(bits >> held & 0xFF);
  }
  return body;
}

// The notices whose mail names somebody, whoever it went to.
Result<void> find_mails(RecordReader& reader, const std::set<std::string>& texts, std::set<std::int64_t>& found) {
  Result<sqlite::Statement> mails = reader.connection().prepare("SELECT notice, bytes FROM mail WHERE length(bytes) > 0");
  if (!mails) return tl::unexpected(mails.error());
  Result<bool> more = mails->step();
  for (; more && *more; more = mails->step()) {
    const std::string bytes = mails->text(1), body = body_of(bytes);
    for (const std::string& text : texts) {
      if (bytes.find(text) != std::string::npos || body.find(text) != std::string::npos) found.insert(mails->integer(0));
    }
  }
  if (!more) return tl::unexpected(more.error());
  return {};
}

void take_text(std::set<std::string>& texts, const json::value* value) {
  if (value == nullptr || !value->is_string()) return;
  std::string text(value->get_string());
  if (text.size() >= shortest_text && text != erased_text) texts.insert(std::move(text));
}

}  // namespace

namespace {

// Of each row of a kind, the payload.
template <class Take>
Result<void> each_payload(RecordReader& reader, const char* what, Take take) {
  Store::Query query;
  query.what = what;
  return reader.each(query, [&](const RecordRow& row) {
    if (row.erased) return true;
    json::error_code error;
    const json::value value = json::parse(row.payload, error);
    if (!error && value.is_object()) take(row, value.get_object());
    return true;
  });
}

bool says(const json::object& object, const char* key, std::string_view wanted) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() && std::string_view(value->get_string()) == wanted;
}
std::int64_t number_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

// A fact names its inquiry by a text.
std::int64_t inquiry_of(const RecordRow& row) {
  json::error_code error;
  const json::value value = json::parse(row.payload, error);
  if (error || !value.is_object()) return 0;
  const json::value* named = value.get_object().if_contains("inquiry");
  if (named == nullptr || !named->is_string()) return 0;
  const std::string text(named->get_string());
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<PersonalData> personal_data_of(RecordReader& reader, const std::string& bank) {
  PersonalData data;
  auto read = each_payload(reader, "state.inquiry", [&](const RecordRow&, const json::object& inquiry) {
    if (!says(inquiry, "bank", bank)) return;
    data.inquiries.insert(number_of(inquiry, "id"));
    // A name without an address is whatever the desk wrote: it may be a word that stands everywhere.
    const json::value* address = inquiry.if_contains("address");
    if (address == nullptr || !address->is_string() || address->get_string().empty()) return;
    take_text(data.texts, address);
    take_text(data.texts, inquiry.if_contains("from"));
  });
  if (!read) return tl::unexpected(read.error());
  const std::string audience = "bank:" + bank;
  read = each_payload(reader, "state.notice", [&](const RecordRow& row, const json::object& notice) {
    if (data.inquiries.contains(number_of(notice, "inquiry"))) data.notices_of_inquiries.insert(row.notice);
    if (!says(notice, "audience", audience)) return;
    data.notices.insert(row.notice);
    const json::value* to = notice.if_contains("to");
    if (to == nullptr || !to->is_array()) return;
    for (const json::value& one : to->get_array()) {
      if (!one.is_object()) continue;
      take_text(data.texts, one.get_object().if_contains("name"));
      take_text(data.texts, one.get_object().if_contains("mail"));
    }
  });
  if (!read) return tl::unexpected(read.error());
  return data;
}

bool redact(std::string& json_text, const std::set<std::string>& texts) {
  bool found = false;
  for (const std::string& text : texts) {
    const std::string part = in_json(text);
    for (std::size_t at = 0; (at = json_text.find(part, at)) != std::string::npos; at += erased_text.size()) {
      json_text.replace(at, part.size(), erased_text);
      found = true;
    }
  }
  return found;
}

Result<ErasableRows> erasable_rows(RecordReader& reader, const PersonalData& data) {
  std::vector<std::string> parts;
  for (const std::string& text : data.texts)
    parts.push_back(in_json(text));
  const auto names_somebody = [&](const RecordRow& row) {
    return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
      return row.payload.find(part) != std::string::npos;
    });
  };
  const auto is_written_for_the_bank = [&](const RecordRow& row) {
    if (row.what == "state.inquiry") {
      return row.subject.starts_with("inquiry:") && data.inquiries.contains(std::atoll(row.subject.c_str() + 8));
    }
    if (row.what.starts_with("inquiry.")) return data.inquiries.contains(inquiry_of(row));
    if (row.what == "state.notice" && data.notices_of_inquiries.contains(row.notice)) return true;
    return data.notices.contains(row.notice) &&
           (row.what == "notice.edited" ||
            (row.what == "state.notice" && row.payload.find("\"edited\":{") != std::string::npos));
  };
  std::set<std::int64_t> last;
  Result<void> read = reader.last_states([&](const RecordRow& row) { last.insert(row.id); });
  if (!read) return tl::unexpected(read.error());
  ErasableRows found;
  std::set<std::int64_t> mails = data.notices;
  mails.insert(data.notices_of_inquiries.begin(), data.notices_of_inquiries.end());
  read = reader.each({}, [&](const RecordRow& row) {
    if (row.erased || row.what == "record.erased" || row.what == "record.archived") return true;
    const bool names = names_somebody(row);
    if (!names && !is_written_for_the_bank(row)) return true;
    if (!last.contains(row.id)) {
      found.rows.push_back(row.id);
    } else if (names) {
      ++found.left;
    }
    if (row.notice != 0) mails.insert(row.notice);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  read = find_mails(reader, data.texts, mails);
  if (!read) return tl::unexpected(read.error());
  found.mails.assign(mails.begin(), mails.end());
  return found;
}

std::vector<std::string> ranges_of(const std::vector<std::int64_t>& rows, std::size_t most_ranges_each) {
  std::vector<std::string> texts;
  std::size_t ranges = most_ranges_each;
  for (std::size_t at = 0; at < rows.size();) {
    std::size_t end = at;
    while (end + 1 < rows.size() && rows[end + 1] == rows[end] + 1) ++end;
    if (ranges == most_ranges_each) {
      texts.emplace_back();
      ranges = 0;
    }
    texts.back() += fmt::format("{}{}", ranges == 0 ? "" : ",", rows[at]);
    if (end > at) texts.back() += fmt::format("-{}", rows[end]);
    ++ranges;
    at = end + 1;
  }
  return texts;
}

std::vector<ErasedRange> read_ranges(std::string_view text) {
  std::vector<ErasedRange> ranges;
  while (!text.empty()) {
    std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    ErasedRange range;
    const char* end = one.data() + one.size();
    auto [rest, error] = std::from_chars(one.data(), end, range.from);
    range.until = range.from;
    if (error == std::errc{} && rest != end && *rest == '-') {
      auto [last, second] = std::from_chars(rest + 1, end, range.until);
      rest = last;
      error = second;
    }
    if (error == std::errc{} && rest == end) ranges.push_back(range);
  }
  return ranges;
}

}  // namespace yagura
