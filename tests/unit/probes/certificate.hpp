// Certificates made on the spot, and a server on loopback that shows them.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "hostile_server.hpp"

namespace yagura::testing {

// In a file of its own, for ca_file. Signed by `issuer`, or by itself; without
// names an authority. `from` and `until` are seconds from now.
class Certificate {
 public:
  Certificate(const char* names, long from, long until, const Certificate* issuer = nullptr,
              const char* common_name = "test")
      : key_(EVP_EC_gen("P-256")), cert_(X509_new()) {
    X509_set_version(cert_, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert_), issuer == nullptr ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(cert_), from);
    X509_gmtime_adj(X509_getm_notAfter(cert_), until);
    X509_NAME* name = X509_get_subject_name(cert_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    X509_set_issuer_name(cert_, issuer == nullptr ? name : X509_get_subject_name(issuer->cert_));
    X509_set_pubkey(cert_, key_);
    X509_EXTENSION* extension =
        *names == '\0'
            ? X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE")
            : X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
    X509_add_ext(cert_, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(cert_, issuer == nullptr ? key_ : issuer->key_, EVP_sha256());
    int file = ::mkstemp(path_);
    std::FILE* stream = ::fdopen(file, "w");
    PEM_write_X509(stream, cert_);
    std::fclose(stream);
  }
  ~Certificate() {
    ::unlink(path_);
    X509_free(cert_);
    EVP_PKEY_free(key_);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  std::string path() const { return path_; }
  X509* cert() const { return cert_; }
  EVP_PKEY* key() const { return key_; }

 private:
  char path_[64] = "/var/tmp/yagura-test-XXXXXX";
  EVP_PKEY* key_;
  X509* cert_;
};

using SslContext = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;
inline SslContext server_context(const Certificate& certificate,
                                 const std::vector<const Certificate*>& chain = {}) {
  SslContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), certificate.cert());
  SSL_CTX_use_PrivateKey(context.get(), certificate.key());
  for (const Certificate* one : chain)
    SSL_CTX_add1_chain_cert(context.get(), one->cert());
  return context;
}

constexpr long day = 86400;
constexpr const char* own_names = "DNS:localhost,IP:127.0.0.1";

}  // namespace yagura::testing
