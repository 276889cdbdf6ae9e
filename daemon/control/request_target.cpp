#include "request_target.hpp"

#include <charconv>

namespace yagura {
namespace {

std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      unsigned value = 0;
      if (i + 2 >= text.size()) return std::nullopt;
      auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      if (error != std::errc{} || end != text.data() + i + 3) return std::nullopt;
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::optional<RequestTarget> read_target(std::string_view target) {
  RequestTarget read;
  auto question = target.find('?');
  auto path = decoded(target.substr(0, question), false);
  if (!path || !path->starts_with('/')) return std::nullopt;
  read.path = *path;
  while (question != std::string_view::npos) {
    auto end = target.find('&', question + 1);
    std::string_view pair = target.substr(
        question + 1, end == std::string_view::npos ? end : end - question - 1);
    auto equals = pair.find('=');
    auto key = decoded(pair.substr(0, equals), true);
    auto value =
        decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
    if (!key || !value) return std::nullopt;
    if (!key->empty()) read.query[*key] = *value;
    question = end;
  }
  return read;
}

}  // namespace yagura
