#include "http_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "resource/threshold.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_headers = 32;
constexpr std::size_t least_limit = 1024;

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

void read_url(Reader& reader, HttpRequest& request) {
  reader.required("url");
  auto text = reader.text("url");
  if (!text) return;
  if (auto url = parse_http_url(*text)) {
    request.url = *std::move(url);
  } else {
    reader.problem(*reader.find("url"), fmt::format("`url`: {}", url.error().message));
  }
}

void read_headers(Reader& reader, HttpExtras& extras) {
  const Node* node = reader.find("headers");
  if (node == nullptr) return;
  if (!node->is_map()) return reader.problem(*node, "`headers` must be a mapping (Name: value)");
  if (node->entries.size() > most_headers) {
    return reader.problem(*node, fmt::format("`headers` has more than {} entries", most_headers));
  }
  for (const auto& [name, value] : node->entries) {
    if (!is_token(name.scalar)) {
      reader.problem(name, fmt::format("\"{}\" is no header's name", one_line(name.scalar, 60)));
      continue;
    }
    bool printable =
        value.is_scalar() && std::all_of(value.scalar.begin(), value.scalar.end(), [](char c) {
          auto byte = static_cast<unsigned char>(c);
          return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
        });
    if (!printable) {
      reader.problem(value, fmt::format("the header {} must be one line of text", name.scalar));
      continue;
    }
    if (extras.auth && lower(name.scalar) == "authorization") {
      reader.problem(name, "`auth` makes the header Authorization: leave one of them out");
      continue;
    }
    // libcurl's way to send a header without a value ends in a semicolon.
    extras.headers.push_back(value.scalar.empty() ? name.scalar + ";"
                                                  : name.scalar + ": " + value.scalar);
  }
}

// The key's file; "" where it is absent.
std::string read_file_name(Reader& reader, std::string_view key) {
  std::string file = reader.text_or(key, "");
  if (const Node* node = reader.find(key); node != nullptr && !file.starts_with('/'))
    reader.problem(*node, fmt::format("`{}` must be an absolute path", key));
  return file;
}

void read_auth(Reader& reader, HttpExtras& extras) {
  const Node* node = reader.find("auth");
  if (node == nullptr) return;
  Reader auth(*node, reader.problems(), "auth");
  if (!node->is_map()) return;
  const std::string basic = read_file_name(auth, "basic");
  const std::string bearer = read_file_name(auth, "bearer");
  auth.finish();
  if (basic.empty() == bearer.empty()) {
    auth.problem(
        "`auth` is `basic: FILE`, whose line is user:password, or `bearer: FILE`, whose "
        "line is a token");
    return;
  }
  extras.auth = HttpAuth{basic.empty() ? HttpAuth::Kind::bearer : HttpAuth::Kind::basic,
                         basic.empty() ? bearer : basic};
}

void read_client_certificate(Reader& reader, HttpExtras& extras) {
  extras.client_certificate = read_file_name(reader, "client_certificate");
  extras.client_key = read_file_name(reader, "client_key");
  if (extras.client_certificate.empty() && !extras.client_key.empty()) {
    reader.problem(*reader.find("client_key"),
                   "`client_key` is the key of a `client_certificate`: write that too");
  }
}

void read_body_limit(Reader& reader, BodyLimits limits, HttpRequest& request) {
  request.body_limit = limits.otherwise;
  auto text = reader.text("body_limit");
  if (!text) return;
  auto level = parse_level(">= " + *text);
  if (!level || level->quantity != Quantity::bytes || level->value < least_limit ||
      level->value > static_cast<double>(limits.most)) {
    reader.problem(*reader.find("body_limit"),
                   fmt::format("`body_limit` must be a size from {} to {}, such as 2 MiB",
                               limit_words(least_limit), limit_words(limits.most)));
    return;
  }
  request.body_limit = static_cast<std::size_t>(level->value);
}

}  // namespace

std::string limit_words(std::size_t bytes) {
  std::string words = format_size(static_cast<double>(bytes));
  if (auto zero = words.find(".0 "); zero != std::string::npos) words.erase(zero, 2);
  return words;
}

HttpRequest read_http_request(Reader& reader, BodyLimits limits) {
  HttpRequest request;
  read_url(reader, request);
  HttpExtras extras;
  read_auth(reader, extras);
  read_headers(reader, extras);
  read_client_certificate(reader, extras);
  request.redirects = static_cast<int>(reader.integer_or("redirects", request.redirects, 0, 20));
  request.verify_tls = reader.boolean_or("verify_tls", true);
  extras.ca_file = read_file_name(reader, "ca_file");
  if (!extras.empty()) request.set(std::move(extras));
  read_body_limit(reader, limits, request);
  return request;
}

}  // namespace yagura
