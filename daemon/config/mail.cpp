// mail: how mail leaves.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "compose.hpp"
#include "draft.hpp"
#include "text.hpp"

namespace yagura {
namespace {

constexpr std::size_t most_relays = 10;

struct RelayUrl {
  bool tls = false;
  std::string host;  // an IPv6 address in brackets
  int port = 0;
};
std::optional<RelayUrl> parse_relay_url(std::string_view text) {
  RelayUrl url;
  if (text.starts_with("smtps://")) {
    url = {true, {}, 465};
  } else if (text.starts_with("smtp://")) {
    url = {false, {}, 25};
  } else {
    return std::nullopt;
  }
  text.remove_prefix(text.find("//") + 2);
  if (text.ends_with('/')) text.remove_suffix(1);
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return std::nullopt;
  const std::size_t colon = text.find(':', bracket);
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (error != std::errc{} || rest != digits.data() + digits.size()) return std::nullopt;
  }
  url.host = text.substr(0, colon);
  const bool in_brackets = bracket > 1 && bracket + 1 == url.host.size();
  const std::string_view allowed =
      in_brackets ? "0123456789abcdefABCDEF:.[]"
                  : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
  if (url.host.empty() || url.host.size() > 253 ||
      url.host.find_first_not_of(allowed) != std::string::npos || url.port < 1 ||
      url.port > 65535) {
    return std::nullopt;
  }
  return url;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

// A password is in a file, or handed over by systemd, which keeps it in a file too; never in the
// configuration.
const Node* read_password(Draft& draft, Reader& reader, SmtpRelay& relay) {
  const Node* file = reader.find("password_file");
  const Node* credential = reader.find("password_credential");
  if (const Node* itself = reader.find("password")) {
    reader.problem(*itself,
                   "a password is not written into the configuration: write it into a file that "
                   "only the daemon may "
                   "read, and the file's name here, as `password_file`");
    return itself;
  }
  relay.password_file = path_of(reader, "password_file");
  if (file != nullptr) draft.guard(relay.password_file, *file, GuardedFile::Kind::secret);
  if (credential == nullptr) return file;
  if (file != nullptr) {
    reader.problem(*credential,
                   "the password is in a `password_file` or in a `password_credential`: keep one");
  } else if (!credential->is_scalar() || !is_identifier(credential->scalar)) {
    reader.problem(*credential,
                   "`password_credential` is the name of a credential of systemd, such as relay: "
                   "write LoadCredential=relay:PATH into a drop-in of the unit");
  } else {
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    relay.password_file =
        fmt::format("{}/{}", folder == nullptr ? "/run/credentials/yagurad.service" : folder,
                    credential->scalar);
    draft.guard(relay.password_file, *credential, GuardedFile::Kind::secret);
  }
  return credential;
}

SmtpRelay read_relay(Draft& draft, const Node& node) {
  using Starttls = SmtpRelay::Starttls;
  SmtpRelay relay;
  Reader reader(node, draft.problems, "a relay of mail.smtp");
  if (!node.is_map()) return relay;
  std::optional<RelayUrl> url;
  reader.required("url");
  if (auto text = reader.text("url")) {
    url = parse_relay_url(*text);
    if (url) {
      relay.url = fmt::format("{}://{}:{}", url->tls ? "smtps" : "smtp", url->host, url->port);
    } else {
      reader.problem(*reader.find("url"),
                     "`url` must be smtp://HOST:PORT or smtps://HOST:PORT and nothing more: user "
                     "and password have keys of their own");
    }
  }
  const auto starttls = choice_of<Starttls>(reader, "starttls",
                                            {{"required", Starttls::required},
                                             {"opportunistic", Starttls::opportunistic},
                                             {"off", Starttls::off}});
  if (starttls && url && url->tls) {
    reader.problem(*reader.find("starttls"),
                   "smtps:// is encrypted from its first byte: remove `starttls`");
  }
  relay.starttls = starttls.value_or(Starttls::required);
  const Node* user = reader.find("user");
  if (user != nullptr && check_text(reader, *user, "user", 256)) relay.user = user->scalar;
  const Node* password = read_password(draft, reader, relay);
  relay.ca_file = path_of(reader, "ca_file");
  if ((user != nullptr) != (password != nullptr)) {
    reader.problem(user != nullptr ? *user : *password,
                   "`user` and `password_file` (or `password_credential`) belong together: write "
                   "both, or neither");
  } else if (user != nullptr && url && !url->tls && relay.starttls != Starttls::required &&
             !is_loopback(url->host)) {
    draft.warning(*user,
                  fmt::format("with this `starttls` the password can cross the network to {} in "
                              "clear: write starttls: required",
                              url->host));
  }
  reader.finish();
  return relay;
}

void read_from(Draft& draft, Reader& reader) {
  reader.required("from");
  const auto from = reader.text("from");
  if (!from) return;
  auto mailbox = parse_mailbox(*from);
  if (!mailbox) {
    reader.problem(*reader.find("from"), fmt::format("`from`: {}", mailbox.error().message));
    return;
  }
  draft.platform.mail.from_domain = mailbox->address.substr(mailbox->address.rfind('@') + 1);
  draft.configuration.mail.from = std::move(*mailbox);
}

void read_way_out(Draft& draft, Reader& reader) {
  MailSettings& mail = draft.configuration.mail;
  const bool both = reader.has("maildir") && reader.has("smtp");
  if (both) {
    reader.problem(*reader.find("smtp"),
                   "there is a `maildir` and there are `smtp` relays: keep the one that mail is to "
                   "leave by");
  } else if (!reader.has("maildir") && !reader.has("smtp")) {
    draft.problem(draft.section_key("mail"),
                  "mail has no way out: write `maildir` (a folder) or `smtp` (a list of relays)");
  }
  mail.maildir = path_of(reader, "maildir");
  const auto* relays =
      list_of(reader, "smtp", "a list of relays (- url: smtp://relay.example.jp:25)", most_relays);
  if (relays == nullptr) return;
  if (relays->empty())
    reader.problem(*reader.find("smtp"),
                   "`smtp` is empty: write a relay (- url: …), or use `maildir`");
  for (const Node& relay : *relays)
    mail.relays.push_back(read_relay(draft, relay));
}

void read_retry(Draft& draft, Reader& mail) {
  const Node* node = mail.find("retry");
  if (node == nullptr) return;
  MailPolicy& policy = draft.platform.mail;
  Reader reader(*node, draft.problems, "mail.retry");
  policy.retry_first = duration_within(reader, "first", policy.retry_first, 1s, 1h);
  policy.retry_most = duration_within(reader, "most", policy.retry_most, 1s, 24h);
  if (policy.retry_most < policy.retry_first) {
    const Node* at = reader.find("most");
    reader.problem(
        at == nullptr ? *node : *at,
        fmt::format("`most`, {}, is shorter than `first`, {}: the time between tries only grows",
                    format_duration(policy.retry_most), format_duration(policy.retry_first)));
  }
  reader.finish();
}

// What `|` writes ends in a line break, which says nothing.
std::optional<std::string> many_lines_of(Reader& reader, Node node, std::string_view key) {
  while (node.scalar.ends_with('\n'))
    node.scalar.pop_back();
  if (!check_text(reader, node, key, 1000, Lines::many)) return std::nullopt;
  return node.scalar;
}

// One text for all languages, or one for each. What a language has none of says what its templates
// say.
std::map<Language, std::string> texts_by_language(Draft& draft, Reader& reader, const char* key) {
  std::map<Language, std::string> by_language;
  const Node* node = reader.find(key);
  if (node == nullptr) return by_language;
  if (!node->is_map()) {
    const auto text = many_lines_of(reader, *node, key);
    for (Language language : all_languages) {
      if (text) by_language[language] = *text;
    }
    return by_language;
  }
  Reader texts(*node, draft.problems, fmt::format("mail.{}", key));
  for (Language language : all_languages) {
    const Node* one = texts.find(code_of(language));
    if (one == nullptr) continue;
    if (const auto text = many_lines_of(texts, *one, code_of(language))) by_language[language] = *text;
  }
  texts.finish();
  return by_language;
}

// Own templates are rendered once, so that a hole in one shows here and not in a mail.
void read_templates(Draft& draft, Reader& reader) {
  Writing& writing = draft.configuration.mail.writing;
  std::string& folder = writing.folder;
  folder = path_of(reader, "templates");
  draft.configuration.places.templates = draft.section_key("mail").place;
  if (folder.empty()) return;
  const Node& at = *reader.find("templates");
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return reader.problem(
        at, fmt::format("there is no folder {}: make it, or remove `templates`", folder));
  }
  draft.guard(folder, at, GuardedFile::Kind::templates);
  for (Language language : all_languages) {
    const auto of_language = std::filesystem::path(folder) / code_of(language);
    if (std::filesystem::is_directory(of_language, error))
      draft.guard(of_language.string(), at, GuardedFile::Kind::templates);
  }
  const auto composer = Composer::load(writing);
  if (composer) return;
  std::string_view lines = composer.error().message;
  for (std::size_t count = 0; !lines.empty() && count < 100; ++count) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    reader.problem(at, fmt::format("`templates`: {}", line));
  }
}

// A window that closes before an attempt could end lets no mail to a bank out, ever.
void check_windows(Draft& draft) {
  const Duration timeout = draft.platform.mail.attempt_timeout;
  const auto& windows = draft.platform.windows;
  const auto found = windows.find("bank_mail");
  if (!draft.calendar_holds || found == windows.end()) return;
  const Window& window = found->second;
  const bool opens =
      window.next_open(draft.now, draft.platform.context()).has_value();  // else it is reported
  if (!opens || window.next_open(draft.now, timeout, draft.platform.context())) return;
  const Node* written = draft.windows.at("bank_mail");
  draft.problem(
      written == nullptr ? draft.section_key("mail") : *written,
      fmt::format("window bank_mail is never open for {}, the longest that an attempt may take "
                  "(mail.timeout): "
                  "no mail to a bank could ever leave; write longer hours or a shorter timeout",
                  format_duration(timeout)));
}

}  // namespace

void read_mail(Draft& draft) {
  const Node* section = draft.root.required("mail");
  if (section == nullptr) return;
  Reader reader(*section, draft.problems, "mail");
  if (!section->is_map()) return;
  read_from(draft, reader);
  read_way_out(draft, reader);
  MailPolicy& policy = draft.platform.mail;
  policy.attempt_timeout =
      duration_within(reader, "timeout", reader.has("smtp") ? 2min : Duration(10s), 1s, 10min);
  read_retry(draft, reader);
  policy.parallel = static_cast<int>(reader.integer_or("parallel", 2, 1, 16));
  draft.configuration.mail.writing.language = language_or(reader, Language::ja);
  Writing& writing = draft.configuration.mail.writing;
  writing.contact = texts_by_language(draft, reader, "contact");
  writing.signature = texts_by_language(draft, reader, "signature");
  read_templates(draft, reader);
  reader.finish();
  check_windows(draft);
}

}  // namespace yagura
