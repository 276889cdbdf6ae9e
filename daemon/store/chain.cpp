#include "chain.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

#include "text.hpp"

namespace yagura {

std::string sha256_hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string hex;
  hex.reserve(digest.size() * 2);
  for (unsigned char byte : digest) {
    hex += digits[byte >> 4];
    hex += digits[byte & 0x0F];
  }
  return hex;
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
