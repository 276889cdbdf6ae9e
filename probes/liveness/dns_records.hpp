// The records of a DNS answer as texts, and what a configuration expects in the same form: by the
// parsers of c-ares, of every type that the kind dns can ask for. Owned by liveness/; dns.cpp
// judges.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"

namespace yagura {

// One form for all spellings: addresses as they are usually written; names in small letters without
// the last dot; MX "10 mx.example.jp", SRV "0 5 5060 sip.example.jp", CAA "0 issue ca.example"; SOA
// its seven fields; TXT its strings as one.
struct DnsType;
// Null: the kind knows none of this name.
const DnsType* dns_type(std::string_view name);
std::vector<std::string> dns_type_names();
std::string_view name_of(const DnsType& type);
int number_of(const DnsType& type);

// Those of the type, in the answer's order; none is no error. Error: the message is broken.
Result<std::vector<std::string>> dns_records(const DnsType& type, std::string_view message);

// Error: how it is written instead.
Result<std::string> dns_expectation(const DnsType& type, std::string_view text);
// Of an MX the name alone may be expected, of a SOA its first fields.
bool meets(const DnsType& type, std::string_view record, std::string_view expectation);

// "21.1.0.10.in-addr.arpa": what a PTR is asked for.
std::string reverse_name(const boost::asio::ip::address& address);

}  // namespace yagura
