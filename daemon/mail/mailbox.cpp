#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "message.hpp"
#include "text.hpp"

namespace yagura {
namespace {

// RFC 5321, 4.5.3.1, and RFC 1035 for the labels.
constexpr std::size_t local_most = 64;
constexpr std::size_t domain_most = 253;
constexpr std::size_t label_most = 63;
constexpr std::size_t address_most = 254;
constexpr std::size_t name_most = 250;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The text as an error may show it.
std::string shown(std::string_view text) {
  return fmt::format("\"{}\"", one_line(text, 100));
}

bool is_quoted_string(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') return false;
    if (text[at] == '\\' && ++at == text.size()) return false;
  }
  return true;
}

bool is_dot_atom(std::string_view text) {
  static constexpr std::string_view marks = "!#$%&'*+-/=?^_`{|}~";
  bool after_dot = true;
  for (char c : text) {
    if (c == '.' && after_dot) return false;
    if (c != '.' && !is_alphanumeric(c) && marks.find(c) == std::string_view::npos) return false;
    after_dot = c == '.';
  }
  return !after_dot;
}

bool is_host_name(std::string_view domain) {
  while (true) {
    std::size_t dot = domain.find('.');
    std::string_view label = domain.substr(0, dot);
    if (label.empty() || label.size() > label_most || label.front() == '-' || label.back() == '-')
      return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    domain.remove_prefix(dot + 1);
  }
}

// "[192.0.2.1]" or "[IPv6:2001:db8::1]"
bool is_address_literal(std::string_view domain) {
  if (domain.size() < 2 || domain.front() != '[' || domain.back() != ']') return false;
  std::string inside(domain.substr(1, domain.size() - 2));
  bool six = inside.rfind("IPv6:", 0) == 0;
  std::array<unsigned char, 16> bytes{};
  return inet_pton(six ? AF_INET6 : AF_INET, inside.c_str() + (six ? 5 : 0), bytes.data()) == 1;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

// Reads the display name off the front, up to the "<" or the end. Quotes and their backslashes are
// taken off.
Result<std::string> take_name(std::string_view& text, std::string_view whole) {
  std::string name;
  while (!text.empty() && text.front() != '<') {
    char c = text.front();
    text.remove_prefix(1);
    if (c == ',' || c == ';') {
      return failure_of(
          fmt::format("{} is not one address: give each its own entry, and put a name with \"{}\" "
                      "in double quotes",
                      shown(whole), c));
    }
    if (c != '"') {
      name += c;
      continue;
    }
    bool closed = false;
    while (!text.empty() && !closed) {
      c = text.front();
      text.remove_prefix(1);
      if (c == '"') {
        closed = true;
      } else if (c == '\\' && !text.empty()) {
        name += text.front();
        text.remove_prefix(1);
      } else {
        name += c;
      }
    }
    if (!closed)
      return failure_of(fmt::format("{} has a double quote that is never closed", shown(whole)));
  }
  return std::string(trimmed(name));
}

}  // namespace

Result<void> check_address(std::string_view address) {
  if (std::any_of(address.begin(), address.end(), is_control)) {
    return failure_of(
        fmt::format("the address {} has a control character or line break in it", shown(address)));
  }
  std::size_t at = address.rfind('@');
  if (at == std::string_view::npos || at + 1 == address.size()) {
    return failure_of(
        fmt::format("the address {} has no domain: write name@example.jp", shown(address)));
  }
  std::string_view local = address.substr(0, at);
  std::string_view domain = address.substr(at + 1);
  if (local.empty())
    return failure_of(fmt::format("the address {} has nothing before the @", shown(address)));
  if (!is_ascii(local)) {
    return failure_of(
        fmt::format("the address {} has characters outside ASCII before the @, which few relays "
                    "accept: use an ASCII address",
                    shown(address)));
  }
  if (!is_ascii(domain)) {
    return failure_of(
        fmt::format("the domain of {} is not ASCII: write it in its xn-- form", shown(address)));
  }
  if (local.size() > local_most || domain.size() > domain_most || address.size() > address_most) {
    return failure_of(fmt::format(
        "the address {} is too long: {} characters before the @ and {} in all are allowed",
        shown(address), local_most, address_most));
  }
  if (!is_dot_atom(local) && !is_quoted_string(local)) {
    return failure_of(
        fmt::format("the address {} is not well-formed before the @: put the part with unusual "
                    "dots, spaces or marks in double "
                    "quotes",
                    shown(address)));
  }
  if (!is_host_name(domain) && !is_address_literal(domain)) {
    return failure_of(
        fmt::format("the domain of {} is not well-formed: write name@example.jp", shown(address)));
  }
  return {};
}

Result<Mailbox> parse_mailbox(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return failure_of(fmt::format("{} has a control character or line break in it", shown(text)));
  }
  if (!is_utf8(text)) return failure_of(fmt::format("{} is not valid UTF-8", shown(text)));
  std::string_view whole = trimmed(text);
  if (whole.empty()) return failure_of("an address is missing: write name@example.jp");
  std::string_view rest = whole;
  auto name = take_name(rest, whole);
  if (!name) return tl::unexpected(name.error());
  Mailbox mailbox;
  if (rest.empty()) {
    mailbox.address = whole;
  } else if (rest.back() != '>') {
    return failure_of(
        fmt::format("{} is not one address: write NAME <name@example.jp>", shown(whole)));
  } else {
    mailbox.name = std::move(*name);
    mailbox.address = trimmed(rest.substr(1, rest.size() - 2));
  }
  if (mailbox.name.size() > name_most) {
    return failure_of(
        fmt::format("the name in {} is longer than {} bytes", shown(whole), name_most));
  }
  if (one_line(mailbox.name) != mailbox.name) {
    return failure_of(fmt::format("the name in {} has invisible characters in it", shown(whole)));
  }
  if (auto good = check_address(mailbox.address); !good) return tl::unexpected(good.error());
  return mailbox;
}

}  // namespace yagura
