#include "dns_records.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <memory>

#include "text.hpp"

namespace yagura {

using Texts = std::vector<std::string>;
using Bytes = const unsigned char*;
using boost::asio::ip::address;

struct DnsType {
  std::string_view name;
  int number;
  int (*read)(Bytes bytes, int size, Texts& into);  // c-ares' word for how it went.
  Result<std::string> (*expect)(std::string_view text);
};

namespace {

std::string canonical_name(std::string_view name) {
  std::string small = lower(name);
  if (small.empty()) return ".";
  if (small.size() > 1 && small.ends_with('.')) small.pop_back();
  return small;
}

std::string text_of(Bytes bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

using Host = std::unique_ptr<hostent, void (*)(hostent*)>;

// ---- what an answer has

void add_addresses(hostent* found, Texts& into) {
  Host host(found, ares_free_hostent);
  for (char** at = found == nullptr ? nullptr : found->h_addr_list; at != nullptr && *at != nullptr;
       ++at) {
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(found->h_addrtype, *at, text, sizeof text);
    into.emplace_back(text);
  }
}
int read_a(Bytes bytes, int size, Texts& into) {
  hostent* found = nullptr;
  int status = ares_parse_a_reply(bytes, size, &found, nullptr, nullptr);
  add_addresses(found, into);
  return status;
}
int read_aaaa(Bytes bytes, int size, Texts& into) {
  hostent* found = nullptr;
  int status = ares_parse_aaaa_reply(bytes, size, &found, nullptr, nullptr);
  add_addresses(found, into);
  return status;
}

// c-ares has no parser of its own for these: where the name asked for is another's alias, the one
// for addresses gives the other as the host's name.
int read_cname(Bytes bytes, int size, Texts& into) {
  hostent* found = nullptr;
  int status = ares_parse_a_reply(bytes, size, &found, nullptr, nullptr);
  Host host(found, ares_free_hostent);
  if (found != nullptr && found->h_aliases != nullptr && found->h_aliases[0] != nullptr)
    into.push_back(canonical_name(found->h_name));
  return status;
}

int read_aliases(int status, hostent* found, Texts& into) {
  Host host(found, ares_free_hostent);
  for (char** at = found == nullptr ? nullptr : found->h_aliases; at != nullptr && *at != nullptr;
       ++at)
    into.push_back(canonical_name(*at));
  return status;
}
int read_ns(Bytes bytes, int size, Texts& into) {
  hostent* found = nullptr;
  int status = ares_parse_ns_reply(bytes, size, &found);
  return read_aliases(status, found, into);
}
int read_ptr(Bytes bytes, int size, Texts& into) {
  hostent* found = nullptr;
  int status = ares_parse_ptr_reply(bytes, size, nullptr, 0, AF_INET, &found);
  return read_aliases(status, found, into);
}

template <class Reply, int (*parse)(Bytes, int, Reply**), std::string (*text)(const Reply&)>
int read_list(Bytes bytes, int size, Texts& into) {
  Reply* first = nullptr;
  int status = parse(bytes, size, &first);
  if (status != ARES_SUCCESS) return status;
  for (const Reply* one = first; one != nullptr; one = one->next)
    into.push_back(text(*one));
  if (first != nullptr) ares_free_data(first);
  return status;
}
std::string mx_text(const ares_mx_reply& one) {
  return fmt::format("{} {}", one.priority, canonical_name(one.host));
}
std::string srv_text(const ares_srv_reply& one) {
  return fmt::format("{} {} {} {}", one.priority, one.weight, one.port, canonical_name(one.host));
}
std::string caa_text(const ares_caa_reply& one) {
  return fmt::format("{} {} {}", one.critical, lower(text_of(one.property, one.plength)),
                     text_of(one.value, one.length));
}

int read_txt(Bytes bytes, int size, Texts& into) {
  ares_txt_ext* first = nullptr;
  int status = ares_parse_txt_reply_ext(bytes, size, &first);
  if (status != ARES_SUCCESS) return status;
  for (const ares_txt_ext* one = first; one != nullptr; one = one->next) {
    if (one->record_start != 0 || into.empty()) into.emplace_back();
    into.back() += text_of(one->txt, one->length);
  }
  if (first != nullptr) ares_free_data(first);
  return status;
}

int read_soa(Bytes bytes, int size, Texts& into) {
  ares_soa_reply* soa = nullptr;
  int status = ares_parse_soa_reply(bytes, size, &soa);
  if (status != ARES_SUCCESS) return status;
  into.push_back(fmt::format("{} {} {} {} {} {} {}", canonical_name(soa->nsname),
                             canonical_name(soa->hostmaster), soa->serial, soa->refresh, soa->retry,
                             soa->expire, soa->minttl));
  ares_free_data(soa);
  return status;
}

// ---- what is expected

Texts words_of(std::string_view text) {
  Texts words;
  while (true) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
    if (text.empty()) return words;
    std::size_t end = std::min(text.size(), text.find(' '));
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

bool is_number(std::string_view text, unsigned long most) {
  unsigned long number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number <= most;
}

template <bool v4>
Result<std::string> expect_address(std::string_view text) {
  boost::system::error_code error;
  address literal = boost::asio::ip::make_address(std::string(text), error);
  if (error || literal.is_v4() != v4)
    return failure_of(fmt::format("is no {} address", v4 ? "IPv4" : "IPv6"));
  return literal.to_string();
}

Result<std::string> expect_name(std::string_view text) {
  Texts words = words_of(text);
  if (words.size() != 1) return failure_of("is no name");
  return canonical_name(words.front());
}

// Numbers, and a name.
Result<std::string> expect_numbered(std::string_view text, std::size_t numbers, const char* form) {
  Texts words = words_of(text);
  if (words.size() != numbers + 1) return failure_of(fmt::format("is written as \"{}\"", form));
  for (std::size_t at = 0; at < numbers; ++at) {
    if (!is_number(words[at], 65535)) return failure_of(fmt::format("is written as \"{}\"", form));
  }
  words.back() = canonical_name(words.back());
  return fmt::format("{}", fmt::join(words, " "));
}
Result<std::string> expect_mx(std::string_view text) {
  return expect_numbered(text, words_of(text).size() == 1 ? 0 : 1,
                         "10 mx.example.jp, or the name alone");
}
Result<std::string> expect_srv(std::string_view text) {
  return expect_numbered(text, 3, "0 5 5060 sip.example.jp");
}

Result<std::string> expect_txt(std::string_view text) {
  return std::string(text);
}

Result<std::string> expect_soa(std::string_view text) {
  Texts words = words_of(text);
  if (words.empty() || words.size() > 7)
    return failure_of("is written as \"ns1.example.jp\", or with more of its fields");
  for (std::size_t at = 0; at < std::min<std::size_t>(2, words.size()); ++at)
    words[at] = canonical_name(words[at]);
  return fmt::format("{}", fmt::join(words, " "));
}

// The value may stand in quotes, as in a zone file.
Result<std::string> expect_caa(std::string_view text) {
  Texts words = words_of(text);
  if (words.size() < 3 || !is_number(words[0], 255))
    return failure_of("is written as \"0 issue ca.example\"");
  words[1] = lower(words[1]);
  std::string& value = words[2];
  std::string& end = words.back();
  if (value.starts_with('"') && end.ends_with('"') && (words.size() > 3 || value.size() > 1)) {
    end.pop_back();
    value.erase(0, 1);
  }
  return fmt::format("{}", fmt::join(words, " "));
}

constexpr std::array<DnsType, 10> types{{
    {"A", 1, read_a, expect_address<true>},
    {"AAAA", 28, read_aaaa, expect_address<false>},
    {"CNAME", 5, read_cname, expect_name},
    {"MX", 15, read_list<ares_mx_reply, ares_parse_mx_reply, mx_text>, expect_mx},
    {"NS", 2, read_ns, expect_name},
    {"TXT", 16, read_txt, expect_txt},
    {"SOA", 6, read_soa, expect_soa},
    {"PTR", 12, read_ptr, expect_name},
    {"SRV", 33, read_list<ares_srv_reply, ares_parse_srv_reply, srv_text>, expect_srv},
    {"CAA", 257, read_list<ares_caa_reply, ares_parse_caa_reply, caa_text>, expect_caa},
}};

}  // namespace

const DnsType* dns_type(std::string_view name) {
  const auto* found = std::find_if(types.begin(), types.end(),
                                   [&](const DnsType& type) { return type.name == name; });
  return found == types.end() ? nullptr : found;
}

std::vector<std::string> dns_type_names() {
  Texts names;
  for (const DnsType& type : types)
    names.emplace_back(type.name);
  return names;
}

std::string_view name_of(const DnsType& type) {
  return type.name;
}
int number_of(const DnsType& type) {
  return type.number;
}

Result<std::vector<std::string>> dns_records(const DnsType& type, std::string_view message) {
  Texts records;
  int status =
      type.read(reinterpret_cast<Bytes>(message.data()), static_cast<int>(message.size()), records);
  if (status != ARES_SUCCESS && status != ARES_ENODATA) return failure_of(ares_strerror(status));
  return records;
}

Result<std::string> dns_expectation(const DnsType& type, std::string_view text) {
  return type.expect(text);
}

bool meets(const DnsType& type, std::string_view record, std::string_view expectation) {
  if (record == expectation) return true;
  if (type.name == "MX" && expectation.find(' ') == std::string_view::npos)
    return record.substr(record.find(' ') + 1) == expectation;
  return type.name == "SOA" && record.starts_with(expectation) && record[expectation.size()] == ' ';
}

std::string reverse_name(const address& address) {
  std::string name;
  if (address.is_v4()) {
    for (unsigned char byte : address.to_v4().to_bytes())
      name = fmt::format("{}.{}", byte, name);
    return name + "in-addr.arpa";
  }
  for (unsigned char byte : address.to_v6().to_bytes())
    name = fmt::format("{:x}.{:x}.{}", byte & 15, byte >> 4, name);
  return name + "ip6.arpa";
}

}  // namespace yagura
