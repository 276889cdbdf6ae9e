#include "http_secret.hpp"

#include <fmt/format.h>

#include <string_view>

#include "base64.hpp"
#include "secret_file.hpp"
#include "text.hpp"

namespace yagura {

std::string HttpSecret::authorization() const {
  return kind == HttpAuth::Kind::bearer ? "Bearer " + password
                                        : "Basic " + base64(user + ":" + password);
}

Result<HttpSecret> read_http_secret(const HttpAuth& auth) {
  auto file = io::read_secret_file(auth.file, "the file of `auth`,");
  if (!file) return tl::unexpected(std::move(file.error()));
  HttpSecret secret;
  secret.kind = auth.kind;
  secret.password = file->secret;
  secret.forms = {file->secret};
  if (auth.kind == HttpAuth::Kind::basic) {
    const auto colon = file->secret.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == file->secret.size()) {
      return failure_of(fmt::format("the file of `auth`, {}, has to hold one line, user:password",
                                    one_line(auth.file, 200)));
    }
    secret.user = file->secret.substr(0, colon);
    secret.password = file->secret.substr(colon + 1);
    secret.forms = {file->secret, base64(file->secret), secret.password};
  }
  for (char c : file->secret) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return failure_of(fmt::format("the file of `auth`, {}, has control characters in it",
                                    one_line(auth.file, 200)));
    }
  }
  return secret;
}

void take_out_secrets(std::string& text, const std::vector<std::string>& secrets) {
  constexpr std::string_view instead = "[secret]";
  for (const std::string& secret : secrets) {
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;) {
      text.replace(at, secret.size(), instead);
      at += instead.size();
    }
  }
}

}  // namespace yagura
