// The certificates of a TLS connection in words and times: what the server presented, and why this
// machine does not trust it. The only file of liveness/ that reads certificates; tls.cpp judges.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"

// Of OpenSSL.
struct ssl_st;
struct x509_st;
struct x509_store_ctx_st;

namespace yagura {

struct Certificate {
  std::string words;  // "the server's certificate (www.example.jp)"
  Instant from{};     // notBefore
  Instant until{};    // notAfter
};

// What the server sent, its own first; at most 16. Times that are none are those of 1970.
std::vector<Certificate> presented_certificates(ssl_st* session);

// Takes down what the verification finds, each fault once, and lets it go on.
class Distrust {
 public:
  // `expected`: the name or address that the certificate has to be for.
  explicit Distrust(std::string expected) : expected_(std::move(expected)) {}

  // OpenSSL's callback of a verification, once for each certificate and each fault.
  void note(bool good, x509_store_ctx_st* verification);
  // In the order of their weight, at most 4. Dates of presented certificates are not among them.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  std::string expected_;
  bool no_trust_ = false;  // Said once: it is found on several ways.
  std::vector<std::string> faults_;
};

}  // namespace yagura
