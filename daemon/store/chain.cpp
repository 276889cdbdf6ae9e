#include "chain.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "text.hpp"

namespace yagura {

struct Sha256::Context {
  EVP_MD_CTX* handle = EVP_MD_CTX_new();
};

namespace {

// Looked for once: EVP_sha256() is looked for at each use.
const EVP_MD* sha256() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return found;
}

}  // namespace

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  EVP_DigestInit_ex(context_->handle, sha256(), nullptr);
}
Sha256::~Sha256() {
  EVP_MD_CTX_free(context_->handle);
}
void Sha256::add(std::string_view bytes) {
  EVP_DigestUpdate(context_->handle, bytes.data(), bytes.size());
}

std::string Sha256::hex() {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->handle, digest.data(), &size);
  std::string hex;
  hex.reserve(std::size_t{size} * 2);
  for (unsigned int at = 0; at < size; ++at) {
    hex += digits[digest[at] >> 4];
    hex += digits[digest[at] & 0x0F];
  }
  return hex;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 digest;
  digest.add(bytes);
  return digest.hex();
}

const std::string& chain_genesis() {
  static const std::string zeros(64, '0');
  return zeros;
}

std::string chain_link(std::string_view link_before, const RecordRow& row) {
  std::string text = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", link_before, row.id,
                                 row.at.time_since_epoch().count(), row.what, row.failure,
                                 row.notice, row.who, row.subject, row.digest);
  return sha256_hex(text);
}

RecordEntry safe_entry(RecordEntry entry) {
  entry.what = one_line(entry.what, 200);
  entry.who = one_line(entry.who, 500);
  entry.subject = one_line(entry.subject, 1000);
  return entry;
}

}  // namespace yagura
