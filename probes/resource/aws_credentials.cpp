#include "resource/aws_credentials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "text.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_key = 256;
constexpr std::size_t longest_token = 16 * 1024;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto from = text.find_first_not_of(blanks);
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

// They go into headers, and libcurl takes them as C strings.
bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// `where` names the source: "the profile default of /etc/…".
Result<AwsCredentials> checked(AwsCredentials found, std::string_view where) {
  if (found.key_id.empty() || found.secret.empty()) {
    return failure_of(fmt::format("{} has no {}", where,
                                  found.key_id.empty() ? "access key" : "secret access key"));
  }
  if (!is_visible(found.key_id) || !is_visible(found.secret) || !is_visible(found.session_token) ||
      found.key_id.size() > longest_key || found.secret.size() > longest_key ||
      found.session_token.size() > longest_token) {
    return failure_of(
        fmt::format("{} has a key, secret or token with spaces or other characters "
                    "that none has, or one that is too long",
                    where));
  }
  return found;
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any
  return value == nullptr ? "" : value;
}

}  // namespace

Result<AwsCredentials> credentials_in(std::string_view file, std::string_view profile) {
  const std::string where = fmt::format("the profile {}", one_line(profile, 60));
  AwsCredentials found;
  bool in_profile = false, seen = false;
  while (!file.empty()) {
    const auto end = file.find('\n');
    const std::string_view line = trimmed(file.substr(0, end));
    file.remove_prefix(end == file.npos ? file.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      std::string_view name = trimmed(line.substr(1, line.find(']') - 1));
      if (name.starts_with("profile ")) name = trimmed(name.substr(8));
      in_profile = line.find(']') != line.npos && name == profile;
      seen = seen || in_profile;
      continue;
    }
    const auto equals = line.find('=');
    if (!in_profile || equals == line.npos) continue;
    const std::string key = lower(trimmed(line.substr(0, equals)));
    const std::string value(trimmed(line.substr(equals + 1)));
    if (key == "aws_access_key_id") found.key_id = value;
    if (key == "aws_secret_access_key") found.secret = value;
    if (key == "aws_session_token") found.session_token = value;
  }
  if (!seen)
    return failure_of(
        fmt::format("{} is not in it: write [{}] before its keys", where, one_line(profile, 60)));
  return checked(std::move(found), where);
}

Result<AwsCredentials> credentials_of_instance(std::string_view text) {
  json::parse_options options;
  options.max_depth = 8;
  json::error_code error;
  const json::value root = json::parse({text.data(), text.size()}, error, {}, options);
  const json::object* object = error ? nullptr : root.if_object();
  if (object == nullptr) return failure_of("what it says of its role's credentials is no JSON");
  if (const std::string code = text_of(*object, "Code"); !code.empty() && code != "Success") {
    return failure_of(
        fmt::format("it has no credentials of the instance's role: {}", one_line(code, 80)));
  }
  AwsCredentials found{text_of(*object, "AccessKeyId"), text_of(*object, "SecretAccessKey"),
                       text_of(*object, "Token"), std::nullopt};
  if (const std::string expires = text_of(*object, "Expiration"); !expires.empty()) {
    auto at = parse_instant(expires);
    if (!at) return failure_of("the role's credentials expire at no time that can be understood");
    found.expires = *at;
  }
  return checked(std::move(found), "the answer about the instance's role");
}

Result<std::optional<AwsCredentials>> credentials_of_environment() {
  AwsCredentials found{environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
                       environment("AWS_SESSION_TOKEN"), std::nullopt};
  if (found.key_id.empty() && found.secret.empty()) return std::nullopt;
  auto good =
      checked(std::move(found), "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)");
  if (!good) return tl::unexpected(std::move(good.error()));
  return *std::move(good);
}

bool is_role_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("+=,.@_-").find(c) != std::string_view::npos;
         });
}

}  // namespace yagura
