#include "base64.hpp"

#include <openssl/evp.h>

namespace yagura {

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that it writes
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string base64_lines(std::string_view bytes) {
  static constexpr std::size_t bytes_per_line = 57;  // 76 characters
  std::string result;
  for (std::size_t at = 0; at < bytes.size(); at += bytes_per_line) {
    result += base64(bytes.substr(at, bytes_per_line));
    result += "\r\n";
  }
  return result;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  // It counts what fills the last four up as zeros.
  for (auto at = text.rbegin(); at != text.rend() && *at == '=' && !bytes.empty(); ++at) bytes.pop_back();
  return bytes;
}

}  // namespace yagura
