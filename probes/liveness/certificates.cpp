#include "certificates.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "text.hpp"

namespace yagura {
namespace {

constexpr int most_certificates = 16;
constexpr std::size_t most_faults = 4;
constexpr std::size_t most_names = 5;  // Shown, of those that a certificate is for.

std::string text_of(const ASN1_STRING* string) {
  unsigned char* bytes = nullptr;
  int size = string == nullptr ? -1 : ASN1_STRING_to_UTF8(&bytes, string);
  if (size < 0) return {};
  std::string text =
      one_line({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)}, 80);
  OPENSSL_free(bytes);
  return text;
}

// Its common name, else the last part that it has: organisations come after countries.
std::string text_of(const X509_NAME* name) {
  int parts = X509_NAME_entry_count(name);
  int common = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, common >= 0 ? common : parts - 1);
  return entry == nullptr ? "" : text_of(X509_NAME_ENTRY_get_data(entry));
}

// What a certificate is for: its alternative names.
std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> all(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int at = 0; at < sk_GENERAL_NAME_num(all.get()); ++at) {
    if (names.size() == most_names) {
      names.emplace_back("…");
      break;
    }
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), at);
    if (name->type == GEN_DNS) {
      names.push_back(text_of(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      char text[INET6_ADDRSTRLEN] = "";
      int size = ASN1_STRING_length(name->d.iPAddress);
      if (size == 4 || size == 16) {
        ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), text,
                    sizeof text);
        names.emplace_back(text);
      }
    }
  }
  if (names.empty()) names.push_back(text_of(X509_get_subject_name(certificate)));
  return names;
}

std::string words_for(const X509* certificate, int depth) {
  std::string name = text_of(X509_get_subject_name(certificate));
  if (depth == 0 && name.empty()) name = names_of(certificate).front();
  if (name.empty()) name = "without a name";
  return depth == 0 ? fmt::format("the server's certificate ({})", name)
                    : fmt::format("certificate {} of its chain ({})", depth + 1, name);
}

Instant instant_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  // Not by timegm: a year has four digits here, and is never out of its range.
  return std::chrono::sys_days{date_of(parts.tm_year + 1900,
                                       static_cast<unsigned>(parts.tm_mon + 1),
                                       static_cast<unsigned>(parts.tm_mday))
                                   .time_since_epoch()} +
         std::chrono::hours(parts.tm_hour) + std::chrono::minutes(parts.tm_min) +
         std::chrono::seconds(parts.tm_sec);
}

bool was_presented(X509_STORE_CTX* verification, const X509* certificate) {
  STACK_OF(X509)* presented = X509_STORE_CTX_get0_untrusted(verification);
  for (int at = 0; at < sk_X509_num(presented); ++at) {
    if (X509_cmp(sk_X509_value(presented, at), certificate) == 0) return true;
  }
  return X509_STORE_CTX_get0_cert(verification) == certificate;
}

}  // namespace

std::vector<Certificate> presented_certificates(ssl_st* session) {
  std::vector<Certificate> chain;
  STACK_OF(X509)* presented = SSL_get_peer_cert_chain(session);
  for (int at = 0; at < std::min(sk_X509_num(presented), most_certificates); ++at) {
    const X509* one = sk_X509_value(presented, at);
    chain.push_back({words_for(one, at), instant_of(X509_get0_notBefore(one)),
                     instant_of(X509_get0_notAfter(one))});
  }
  return chain;
}

void Distrust::note(bool good, x509_store_ctx_st* verification) {
  const X509* at = X509_STORE_CTX_get_current_cert(verification);
  if (good || at == nullptr || faults_.size() == most_faults) return;
  int error = X509_STORE_CTX_get_error(verification);
  std::string which = words_for(at, X509_STORE_CTX_get_error_depth(verification));
  std::string issuer = text_of(X509_get_issuer_name(at));
  std::string fault;
  switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      fault = fmt::format(
          "{} is self-signed and not trusted here; where it is meant to be, name it as `ca_file`",
          which);
      break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      fault = fmt::format(
          "the authority '{}' that it goes back to is not trusted here; where it should be, name "
          "its certificate as `ca_file`",
          issuer);
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      fault = fmt::format(
          "the issuer '{}' of {} is neither sent nor trusted here: the server's chain is not "
          "complete, or `ca_file` is needed",
          issuer, which);
      break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      faults_.push_back(fmt::format("{} is for {}, not for {}", which,
                                    fmt::join(names_of(at), ", "), one_line(expected_, 100)));
      return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
      if (was_presented(verification, at)) return;
      faults_.push_back(fmt::format("{}: {}", which, X509_verify_cert_error_string(error)));
      return;
    default:  // OpenSSL has nearly a hundred, with words of its own.
      faults_.push_back(fmt::format("{}: {}", which, X509_verify_cert_error_string(error)));
      return;
  }
  if (no_trust_) return;
  no_trust_ = true;
  faults_.push_back(std::move(fault));
}

}  // namespace yagura
