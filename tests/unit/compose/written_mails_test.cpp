// What holds of every mail in tests/data/mail, in each language: there is one of every kind, it
// keeps the rules of RFC 5322, 2047 and 3834 as bytes on the wire, and docs/mail shows it. The
// files are read, not made: golden_test.cpp and its like make them, and have to come before this
// one in the order of names, so that one run with YAGURA_UPDATE_GOLDEN=1 writes all.
#include <fmt/format.h>

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include "embedded.hpp"
#include "sample.hpp"
#include "text.hpp"

using namespace sample;

namespace {

const std::string source_folder = YAGURA_SOURCE;

std::string folder_of(Language language) {
  return source_folder + "/tests/data/mail" + (language == Language::ja ? "" : "/en");
}

// File names without ".txt", in order.
std::vector<std::string> written_in(Language language) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder_of(language))) {
    if (file.path().extension() == ".txt") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string text_of(Language language, const std::string& name) {
  return read_file(fmt::format("{}/{}.txt", folder_of(language), name));
}

// The message that dump() has written down.
Message message_of(const std::string& dumped) {
  Message message;
  message.from = from();
  message.date = at("12-21 17:01");
  message.message_id = "<notice-7.test@example.jp>";
  std::size_t place = 0;
  while (true) {
    const std::size_t end = dumped.find('\n', place);
    REQUIRE(end != std::string::npos);
    const std::string line = dumped.substr(place, end - place);
    place = end + 1;
    if (line.empty()) break;
    const std::size_t colon = line.find(": ");
    REQUIRE(colon != std::string::npos);
    const std::string name = line.substr(0, colon);
    const std::string value = line.substr(colon + 2);
    if (name == "To") {
      const std::size_t angle = value.rfind(" <");
      message.to.push_back(
          {value.substr(0, angle), value.substr(angle + 2, value.size() - angle - 3)});
    } else if (name == "Subject") {
      message.subject = value;
    } else if (name == "In-Reply-To") {
      message.in_reply_to = value;
    } else if (name == "References") {
      message.references.push_back(value);
    } else {
      message.headers.emplace_back(name, value);
    }
  }
  message.body = dumped.substr(place);
  return message;
}

std::string kind_in(const std::string& dumped) {
  for (const auto& [name, value] : message_of(dumped).headers) {
    if (name == "X-Yagura-Notice") return value;
  }
  return {};
}

std::string decoded_base64(const std::string& text) {
  static const std::string alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (char letter : text) {
    const std::size_t value = alphabet.find(letter);
    if (value == std::string::npos) continue;  // "=" and line breaks
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xFFFFFF;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 2;
  }
  return lines;
}

// A header's words put together; each encoded word has to be whole by itself.
std::string unfolded(const std::string& value) {
  std::string out;
  bool after_word = false;
  for (std::size_t at = 0; at < value.size();) {
    const bool is_word = value.compare(at, 10, "=?UTF-8?B?") == 0;
    if (!is_word) {
      const std::size_t next = std::min(value.find("=?UTF-8?B?", at), value.size());
      const std::string plain = value.substr(at, next - at);
      const bool between =
          after_word && next < value.size() && plain.find_first_not_of(' ') == std::string::npos;
      if (!between) out += plain;  // white space between two encoded words says nothing
      at = next;
      continue;
    }
    const std::size_t end = value.find("?=", at + 10);
    REQUIRE(end != std::string::npos);
    CHECK(end + 2 - at <= 75);
    const std::string word = decoded_base64(value.substr(at + 10, end - at - 10));
    CHECK_MESSAGE(is_utf8(word), "a character is split between two encoded words");
    out += word;
    at = end + 2;
    after_word = true;
  }
  return out;
}

bool has_japanese(const std::string& text) {
  for (std::size_t at = 0; at + 2 < text.size(); ++at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead >= 0xE3 && lead <= 0xEF) return true;  // from U+3000 on
  }
  return false;
}

// The mails of a kind as a page: each language, each case.
std::string page_of(NoticeKind kind) {
  std::string page = fmt::format(
      "# {}\n\nWritten by the tests from `tests/data/mail`: change the templates, not this page "
      "([how](../mail.md#tests)).\n",
      name_of(kind));
  for (Language language : all_languages) {
    page += fmt::format("\n## {}\n", name_of(language));
    for (const std::string& name : written_in(language)) {
      const std::string dumped = text_of(language, name);
      if (kind_in(dumped) != name_of(kind)) continue;
      const Message message = message_of(dumped);
      page += fmt::format("\n### {}\n\n```text\nSubject: {}\n\n{}```\n", name, message.subject,
                          message.body);
    }
  }
  return page;
}

}  // namespace

TEST_CASE("every kind has its template in every language, or is told by name") {
  std::size_t missing = 0;
  for (Language language : all_languages) {
    std::set<std::string> there;
    for (const EmbeddedTemplate& one : embedded_templates()) {
      if (one.language == language) there.insert(std::string(one.name));
    }
    for (NoticeKind kind : Composer::kinds()) {
      const std::string file = name_of(kind) + ".txt";
      CHECK_MESSAGE(there.contains(file),
                    fmt::format("the kind {} has no {} template: write templates/mail/{}/{}",
                                name_of(kind), name_of(language), code_of(language), file));
      missing += there.contains(file) ? 0 : 1;
    }
  }
  CHECK(missing == 0);
}

TEST_CASE("there is a mail to read of every kind in every language") {
  CHECK(written_in(Language::ja) == written_in(Language::en));
  for (Language language : all_languages) {
    std::set<std::string> kinds;
    for (const std::string& name : written_in(language))
      kinds.insert(kind_in(text_of(language, name)));
    for (NoticeKind kind : Composer::kinds()) {
      CHECK_MESSAGE(kinds.contains(name_of(kind)),
                    fmt::format("no mail of the kind {} is written down in {}: add one with "
                                "check_golden(), and run with YAGURA_UPDATE_GOLDEN=1",
                                name_of(kind), name_of(language)));
    }
  }
}

TEST_CASE("every mail keeps the rules of mail, byte by byte") {
  const Zone zone = platform().zone;
  for (Language language : all_languages) {
    for (const std::string& name : written_in(language)) {
      INFO(code_of(language) << " " << name);
      const Message message = message_of(text_of(language, name));
      auto encoded = encode(message, zone);
      REQUIRE_MESSAGE(encoded.has_value(), (encoded ? "" : encoded.error().message));
      const std::string& bytes = *encoded;
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        if (bytes[at] == '\n') REQUIRE((at > 0 && bytes[at - 1] == '\r'));
        if (bytes[at] == '\r') REQUIRE((at + 1 < bytes.size() && bytes[at + 1] == '\n'));
        REQUIRE(static_cast<unsigned char>(bytes[at]) < 0x80);
        REQUIRE(bytes[at] != '\0');
      }
      const std::size_t split = bytes.find("\r\n\r\n");
      REQUIRE(split != std::string::npos);
      std::vector<std::pair<std::string, std::string>> headers;
      for (const std::string& line : lines_of(bytes.substr(0, split))) {
        CHECK(line.size() <= 998);
        if (line.find("=?UTF-8?") != std::string::npos) CHECK(line.size() <= 76);
        if (line.starts_with(' ')) {
          REQUIRE_FALSE(headers.empty());
          headers.back().second += line;
        } else {
          const std::size_t colon = line.find(": ");
          REQUIRE(colon != std::string::npos);
          headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        }
      }
      const auto header = [&](const std::string& wanted) {
        std::string value;
        int count = 0;
        for (const auto& [key, one] : headers) {
          if (key != wanted) continue;
          value = one;
          ++count;
        }
        CHECK_MESSAGE(count <= 1, wanted << " stands twice");
        return value;
      };
      CHECK(unfolded(header("Subject")) == message.subject);
      CHECK(unfolded(header("To")).find(message.to.front().name) != std::string::npos);
      CHECK(header("To").find(message.to.front().address) != std::string::npos);
      CHECK(header("Bcc").empty());
      CHECK(header("Date") == "Mon, 21 Dec 2026 17:01:00 +0900");
      CHECK(header("Message-ID") == message.message_id);
      CHECK(header("Auto-Submitted") == "auto-generated");
      CHECK(header("MIME-Version") == "1.0");
      CHECK_FALSE(header("X-Yagura-Notice").empty());
      CHECK_FALSE(header("X-Yagura-Audience").empty());
      CHECK(header("In-Reply-To") == message.in_reply_to);
      CHECK(header("References").ends_with(message.in_reply_to));
      for (const std::string& id : message.references)
        CHECK(header("References").find(id) != std::string::npos);
      const std::string body = bytes.substr(split + 4);
      for (const std::string& line : lines_of(body))
        CHECK(line.size() <= 76);
      CHECK(header("Content-Transfer-Encoding") == "base64");
      std::string text = decoded_base64(body);
      std::erase(text, '\r');
      CHECK(text == message.body);
    }
  }
}

TEST_CASE("an English mail has no Japanese in it") {
  for (const std::string& name : written_in(Language::en)) {
    const std::string text = text_of(Language::en, name);
    INFO(name << "\n" << text);
    CHECK_MESSAGE(!has_japanese(text),
                  "the English template holds Japanese, or a text of the sample is not in "
                  "translate() of sample.cpp");
  }
}

TEST_CASE("docs/mail shows every kind as it is written") {
  const std::string overview = read_file(source_folder + "/docs/mail.md");
  std::set<std::string> pages;
  for (NoticeKind kind : Composer::kinds()) {
    const std::string file = name_of(kind) + ".md";
    const std::string path = source_folder + "/docs/mail/" + file;
    pages.insert(file);
    if (updates_golden())
      std::ofstream(path, std::ios::binary) << page_of(kind);
    else
      CHECK_MESSAGE(read_file(path) == page_of(kind),
                    path << " is not what is written: run with YAGURA_UPDATE_GOLDEN=1");
    CHECK_MESSAGE(overview.find("(mail/" + file + ")") != std::string::npos,
                  "docs/mail.md has no link to mail/" << file);
  }
  for (const auto& page : std::filesystem::directory_iterator(source_folder + "/docs/mail"))
    CHECK_MESSAGE(pages.contains(page.path().filename().string()),
                  page.path().string() << " shows a kind that there is not");
}
