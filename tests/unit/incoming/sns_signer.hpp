// Signs messages as SNS does, with a certificate of the test's own.
#pragma once

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <string>

#include "sns.hpp"

namespace yagura::test {

// A key, and a certificate that it signed itself.
struct SnsSigner {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  std::string pem;
  SnsSigner() {
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, certificate);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    pem.assign(bytes, static_cast<std::size_t>(size));
    BIO_free(out);
    X509_free(certificate);
  }
  ~SnsSigner() { EVP_PKEY_free(key); }
  void sign(SnsMessage& message) const {
    const std::string text = text_to_sign(message);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    unsigned char raw[512];
    std::size_t size = sizeof raw;
    EVP_DigestSignInit(context, nullptr, message.digest == SnsMessage::Digest::sha1 ? EVP_sha1() : EVP_sha256(), nullptr, key);
    REQUIRE(EVP_DigestSign(context, raw, &size, reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    EVP_MD_CTX_free(context);
    unsigned char encoded[1024];
    const int length = EVP_EncodeBlock(encoded, raw, static_cast<int>(size));
    message.signature.assign(reinterpret_cast<char*>(encoded), static_cast<std::size_t>(length));
  }
};

}  // namespace yagura::test
