#include "base64.hpp"

#include <cstdint>

namespace yagura {

std::string base64(std::string_view bytes) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group <<= 8;
      if (at + i < bytes.size()) group |= static_cast<unsigned char>(bytes[at + i]);
    }
    std::size_t left = bytes.size() - at;
    result += digits[group >> 18];
    result += digits[(group >> 12) & 63];
    result += left > 1 ? digits[(group >> 6) & 63] : '=';
    result += left > 2 ? digits[group & 63] : '=';
  }
  return result;
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

}  // namespace yagura
