#include "message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base64.hpp"
#include "header_field.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t subject_most = 1'000;
constexpr std::size_t body_most = 200'000;
constexpr std::size_t identifier_most = 250;
constexpr std::size_t recipients_most = 1'000;
constexpr std::size_t field_name_most = 60;
constexpr std::size_t field_value_most = 1'000;
// Relays cut a header that is too long (Postfix at 100 kB): a thread longer than this keeps its
// first mail and the newest ones (RFC 5537, 3.4.4, does the same).
constexpr std::size_t references_most = 60'000;

// What encode() writes by itself; X-… and Auto-Submitted are free.
constexpr std::array<std::string_view, 16> own_fields{"date",         "from",
                                                      "sender",       "reply-to",
                                                      "to",           "cc",
                                                      "bcc",          "subject",
                                                      "message-id",   "in-reply-to",
                                                      "references",   "mime-version",
                                                      "content-type", "content-transfer-encoding",
                                                      "return-path",  "received"};

Result<void> check_line(std::string_view what, std::string_view text) {
  if (text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos) return {};
  return failure_of(fmt::format("{} of the mail has a line break or NUL in it: \"{}\"", what,
                                one_line(text, 100)));
}

Result<void> check_mailbox(std::string_view what, const Mailbox& mailbox) {
  if (auto good = check_line(what, mailbox.name); !good) return good;
  if (auto good = check_address(mailbox.address); !good) {
    return failure_of(fmt::format("{} of the mail: {}", what, good.error().message));
  }
  return {};
}

Result<void> check_identifier(std::string_view what, std::string_view identifier) {
  bool framed = identifier.size() >= 5 && identifier.size() <= identifier_most &&
                identifier.front() == '<' && identifier.back() == '>';
  std::string_view inside =
      framed ? identifier.substr(1, identifier.size() - 2) : std::string_view();
  bool clean = std::all_of(inside.begin(), inside.end(),
                           [](char c) { return c > ' ' && c <= '~' && c != '<' && c != '>'; });
  std::size_t at = inside.find('@');
  if (framed && clean && at != 0 && at != std::string_view::npos && at + 1 != inside.size() &&
      inside.find('@', at + 1) == std::string_view::npos) {
    return {};
  }
  return failure_of(fmt::format("{} of the mail is not of the form <left@right>: \"{}\"", what,
                                one_line(identifier, 100)));
}

Result<void> check_field(const std::string& name, const std::string& value) {
  bool well_named =
      !name.empty() && name.size() <= field_name_most &&
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~' && c != ':'; });
  if (!well_named)
    return failure_of(fmt::format("\"{}\" cannot be a header's name", one_line(name, 100)));
  if (std::find(own_fields.begin(), own_fields.end(), lower(name)) != own_fields.end()) {
    return failure_of(fmt::format("the header {} is written by the mail itself", name));
  }
  return check_line(fmt::format("the header {}", name), value);
}

Result<void> check(const Message& message) {
  if (auto good = check_mailbox("the sender", message.from); !good) return good;
  if (message.to.empty()) return failure_of("the mail has no recipient");
  if (message.to.size() > recipients_most) {
    return failure_of(fmt::format("the mail has more than {} recipients", recipients_most));
  }
  for (const Mailbox& mailbox : message.to) {
    if (auto good = check_mailbox("a recipient", mailbox); !good) return good;
  }
  if (auto good = check_line("the subject", message.subject); !good) return good;
  if (auto good = check_identifier("the Message-ID", message.message_id); !good) return good;
  if (!message.in_reply_to.empty()) {
    if (auto good = check_identifier("In-Reply-To", message.in_reply_to); !good) return good;
  }
  for (const std::string& reference : message.references) {
    if (auto good = check_identifier("a reference", reference); !good) return good;
  }
  for (const auto& [name, value] : message.headers) {
    if (auto good = check_field(name, value); !good) return good;
  }
  return {};
}

// "Mon, 28 Dec 2026 16:58:30 +0900", in English whatever the locale.
std::string format_mail_date(Instant instant, const Zone& zone) {
  static constexpr std::array<std::string_view, 7> weekdays{"Sun", "Mon", "Tue", "Wed",
                                                            "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> months{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::chrono::minutes offset = zone.offset_at(instant);
  LocalTime local{instant.time_since_epoch() + offset};
  Date day = std::chrono::floor<std::chrono::days>(local);
  auto date = civil(day);
  std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(local - day)};
  auto minutes = std::chrono::abs(offset).count();
  return fmt::format(
      "{}, {} {} {} {:02}:{:02}:{:02} {}{:02}{:02}",
      weekdays.at(std::chrono::weekday{day}.c_encoding()), static_cast<unsigned>(date.day()),
      months.at(static_cast<unsigned>(date.month()) - 1), static_cast<int>(date.year()),
      time.hours().count(), time.minutes().count(), time.seconds().count(),
      offset.count() < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::vector<std::string> thread_of(const Message& message) {
  std::vector<std::string> all = message.references;
  if (!message.in_reply_to.empty() && (all.empty() || all.back() != message.in_reply_to)) {
    all.push_back(message.in_reply_to);
  }
  std::size_t size = 0;
  for (const std::string& identifier : all)
    size += identifier.size() + 3;
  std::size_t drop_until = 1;
  while (size > references_most && drop_until + 1 < all.size())
    size -= all[drop_until++].size() + 3;
  all.erase(all.begin() + (all.empty() ? 0 : 1),
            all.begin() + (all.empty() ? 0 : static_cast<long>(drop_until)));
  return all;
}

std::string with_crlf(std::string_view text) {
  std::string result;
  result.reserve(text.size() + text.size() / 20);
  for (char c : text) {
    if (c == '\n') result += '\r';
    result += c;
  }
  if (!text.empty() && text.back() != '\n') result += "\r\n";
  return result;
}

}  // namespace

Result<std::string> encode(const Message& message, const Zone& zone) {
  if (auto good = check(message); !good) return tl::unexpected(good.error());

  const auto safe = [](const Mailbox& mailbox) {
    return Mailbox{one_line(mailbox.name), mailbox.address};
  };
  std::vector<Mailbox> to;
  std::transform(message.to.begin(), message.to.end(), std::back_inserter(to), safe);

  std::string bytes = text_field("Date", format_mail_date(message.date, zone));
  bytes += mailbox_field("From", {safe(message.from)});
  bytes += mailbox_field("To", to);
  bytes += text_field("Subject", one_line(message.subject, subject_most));
  bytes += identifier_field("Message-ID", {message.message_id});
  if (!message.in_reply_to.empty()) bytes += identifier_field("In-Reply-To", {message.in_reply_to});
  if (auto thread = thread_of(message); !thread.empty())
    bytes += identifier_field("References", thread);
  bool says_automatic = false;
  for (const auto& [name, value] : message.headers) {
    says_automatic = says_automatic || lower(name) == "auto-submitted";
    if (!value.empty()) bytes += text_field(name, one_line(value, field_value_most));
  }
  if (!says_automatic) bytes += text_field("Auto-Submitted", "auto-generated");
  bytes += "MIME-Version: 1.0\r\n";
  bytes += "Content-Type: text/plain; charset=UTF-8\r\n";
  bytes += "Content-Transfer-Encoding: base64\r\n";
  bytes += "\r\n";
  bytes += base64_lines(with_crlf(many_lines(message.body, body_most)));
  return bytes;
}

}  // namespace yagura
