#include "message.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>

#include "support.hpp"
#include "text.hpp"

using namespace yagura;

namespace {

Message sample() {
  Message message;
  message.from = {"運用監視", "kanshi@example.jp"};
  message.to = {{"山田 太郎", "yamada@aozora.example"}, {"", "mori@midori.example"}};
  message.subject = "【重大障害】【第1報】会員企業サイトのサービス停止について [F-12]";
  message.date = *parse_instant("2026-12-28T16:58:30.123+09:00");
  message.message_id = "<n1@example.jp>";
  message.headers = {{"X-Yagura-Notice", "bank.first"}};
  message.body = "平素より大変お世話になっております。\n発生日時: 12/28\n";
  return message;
}

Zone tokyo() {
  return *Zone::named("Asia/Tokyo");
}

std::string encoded(const Message& message) {
  auto bytes = encode(message, tokyo());
  REQUIRE_MESSAGE(bytes, (bytes ? "" : bytes.error().message));
  return *bytes;
}

std::vector<std::string> lines_of(const std::string& bytes) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t end = bytes.find("\r\n", at);
    REQUIRE(end != std::string::npos);
    lines.push_back(bytes.substr(at, end - at));
    at = end + 2;
  }
  return lines;
}

// The header's value, unfolded.
std::string field(const std::string& bytes, const std::string& name) {
  std::string value;
  bool inside = false;
  for (const std::string& line : lines_of(bytes)) {
    if (line.empty()) break;
    if (inside && line[0] == ' ') {
      value += line;
    } else {
      inside = line.rfind(name + ":", 0) == 0;
      if (inside) value = line.substr(name.size() + 1);
    }
  }
  return value.substr(std::min<std::size_t>(value.size(), 1));
}

std::string from_base64(const std::string& text) {
  std::string bytes(text.size(), 0);
  int count = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                              reinterpret_cast<const unsigned char*>(text.data()),
                              static_cast<int>(text.size()));
  REQUIRE(count >= 0);
  bytes.resize(static_cast<std::size_t>(count - std::count(text.begin(), text.end(), '=')));
  return bytes;
}

// A small decoder of RFC 2047 for a whole field, independent of the encoder.
std::string decode_words(const std::string& text) {
  std::string result, spaces;
  bool after_word = false;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      spaces += text[at++];
      continue;
    }
    std::size_t end = std::min(text.find(' ', at), text.size());
    std::string token = text.substr(at, end - at);
    at = end;
    bool word = token.size() > 12 && token.rfind("=?UTF-8?B?", 0) == 0 &&
                token.substr(token.size() - 2) == "?=";
    if (!(word && after_word)) result += spaces;
    spaces.clear();
    if (word) {
      CHECK(token.size() <= 75);
      std::string part = from_base64(token.substr(10, token.size() - 12));
      CHECK_MESSAGE(is_utf8(part), "a character is split between words");
      result += part;
    } else {
      result += token;
    }
    after_word = word;
  }
  return result + spaces;
}

// The display name of a single mailbox.
std::string name_of(const std::string& mailbox) {
  std::size_t address = mailbox.rfind(" <");
  std::string name = mailbox.substr(0, address == std::string::npos ? 0 : address);
  if (name.empty() || name[0] != '"') return decode_words(name);
  std::string unquoted;
  for (std::size_t at = 1; at + 1 < name.size(); ++at) {
    if (name[at] == '\\') ++at;
    unquoted += name[at];
  }
  return unquoted;
}

std::string body_of(const std::string& bytes) {
  std::string joined;
  std::size_t begin = bytes.find("\r\n\r\n");
  REQUIRE(begin != std::string::npos);
  for (const std::string& line : lines_of(bytes.substr(begin + 4))) {
    CHECK(line.size() <= 76);
    joined += line;
  }
  return from_base64(joined);
}

// Texts of all that subjects and names are made of, and of what could be mistaken for an encoded
// word.
class Texts {
 public:
  explicit Texts(unsigned seed) : random_(seed) {}
  std::string next(std::size_t most_pieces) {
    static const std::vector<std::string> pieces{
        "障",      "害",
        "①",       "髙",
        "ｶﾅ",      "é",
        "😀",       "葛\xf3\xa0\x84\x80",
        "Service", "web-1",
        "ok.",     " ",
        "  ",      "=?",
        "?=",      "=?UTF-8?B?5pel?=",
        "\"",      "\\",
        ",",       "<a@b.example>",
        "(x)",     ":",
        ";",       "[F-1]",
        "が",      "か\xe3\x82\x99",
        "=",       "averyveryveryveryveryverylongwordthatisnotbrokenanywhereandgoesonandonandon"};
    // Some are plain ASCII throughout, so that folding at spaces is met as well.
    bool ascii = number(3) == 0;
    std::string text;
    for (std::size_t left = number(most_pieces + 1); left > 0; --left) {
      const std::string& piece = pieces[number(pieces.size())];
      if (!ascii || static_cast<unsigned char>(piece[0]) < 0x80) text += piece;
      if (ascii && number(2) == 0) text += ' ';
    }
    return text;
  }
  std::size_t number(std::size_t below) { return random_() % below; }

 private:
  std::mt19937 random_;
};

void check_form(const std::string& bytes) {
  CHECK(std::all_of(bytes.begin(), bytes.end(),
                    [](char c) { return c == '\r' || c == '\n' || (c >= ' ' && c <= '~'); }));
  bool in_header = true;
  for (const std::string& line : lines_of(bytes)) {
    CHECK(line.find_first_of("\r\n") == std::string::npos);
    CHECK(line.size() <= (line.find("=?UTF-8") == std::string::npos ? 78 : 76));
    in_header = in_header && !line.empty();
    if (in_header) CHECK(line.find_first_not_of(' ') != std::string::npos);
  }
}

}  // namespace

TEST_CASE("a mail to a bank, byte for byte") {
  CHECK(encoded(sample()) ==
        "Date: Mon, 28 Dec 2026 16:58:30 +0900\r\n"
        "From: =?UTF-8?B?6YGL55So55uj6KaW?= <kanshi@example.jp>\r\n"
        "To: =?UTF-8?B?5bGx55SwIOWkqumDjg==?= <yamada@aozora.example>,\r\n"
        " mori@midori.example\r\n"
        "Subject: =?UTF-8?B?44CQ6YeN5aSn6Zqc5a6z44CR44CQ56ysMeWgseOAkeS8muWToQ==?=\r\n"
        " =?UTF-8?B?5LyB5qWt44K144Kk44OI44Gu44K144O844OT44K55YGc5q2i44Gr44Gk44GE?=\r\n"
        " =?UTF-8?B?44GmIFtGLTEyXQ==?=\r\n"
        "Message-ID: <n1@example.jp>\r\n"
        "X-Yagura-Notice: bank.first\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "\r\n"
        "5bmz57Sg44KI44KK5aSn5aSJ44GK5LiW6Kmx44Gr44Gq44Gj44Gm44GK44KK44G+44GZ44CCDQrn\r\n"
        "mbrnlJ/ml6XmmYI6IDEyLzI4DQo=\r\n");
}

TEST_CASE("whatever the subject and names, they decode to themselves and no line is too long") {
  Texts texts(20261228);
  for (int round = 0; round < 3'000; ++round) {
    Message message = sample();
    message.subject = texts.next(40);
    message.from.name = texts.next(12);
    message.to[1].name = texts.next(30);
    CAPTURE(round);
    CAPTURE(message.subject);
    std::string bytes = encoded(message);
    check_form(bytes);
    REQUIRE(decode_words(field(bytes, "Subject")) == message.subject);
    REQUIRE(name_of(field(bytes, "From")) == message.from.name);
  }
}

TEST_CASE("the body is base64 of the text with CRLF, in lines of at most 76") {
  Message message = sample();
  for (std::size_t length = 0; length < 200; ++length) {
    message.body = std::string(length, 'x');
    CHECK(body_of(encoded(message)) == (length == 0 ? "" : message.body + "\r\n"));
  }
  message.body = "一行目\r\n二行目\r三行目\n\n";
  CHECK(body_of(encoded(message)) == "一行目\r\n二行目\r\n三行目\r\n\r\n");
  message.body = "\xff\x1b[31m";
  CHECK(body_of(encoded(message)) == "\xEF\xBF\xBD\\x1b[31m\r\n");
}

TEST_CASE("Date has the offset of the zone at that instant") {
  Message message = sample();
  CHECK(field(encoded(message), "Date") == "Mon, 28 Dec 2026 16:58:30 +0900");
  CHECK(field(*encode(message, Zone()), "Date") == "Mon, 28 Dec 2026 07:58:30 +0000");
  CHECK(field(*encode(message, *Zone::named("America/St_Johns")), "Date") ==
        "Mon, 28 Dec 2026 04:28:30 -0330");
  message.date = *parse_instant("2026-07-01T00:00:00Z");
  CHECK(field(*encode(message, *Zone::named("America/New_York")), "Date") ==
        "Tue, 30 Jun 2026 20:00:00 -0400");
}

TEST_CASE("display names are encoded, quoted or left as they are") {
  Message message = sample();
  const auto from = [&](const std::string& name) {
    message.from.name = name;
    return field(encoded(message), "From");
  };
  CHECK(from("Watch Tower") == "Watch Tower <kanshi@example.jp>");
  CHECK(from("Tower, 2nd.") == "\"Tower, 2nd.\" <kanshi@example.jp>");
  CHECK(from("a \"b\" \\c") == "\"a \\\"b\\\" \\\\c\" <kanshi@example.jp>");
  CHECK(from("=?UTF-8?B?eA==?=") == "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?= <kanshi@example.jp>");
  CHECK(from("") == "kanshi@example.jp");
}

TEST_CASE(
    "a thread is named whole and ends in the mail before, folded; a very long one loses its "
    "middle") {
  Message message = sample();
  message.in_reply_to = "<n9@example.jp>";
  for (int i = 1; i <= 9; ++i)
    message.references.push_back(fmt::format("<n{}@example.jp>", i));
  std::string bytes = encoded(message);
  check_form(bytes);
  CHECK(field(bytes, "In-Reply-To") == "<n9@example.jp>");
  CHECK(field(bytes, "References") ==
        "<n1@example.jp> <n2@example.jp> <n3@example.jp> <n4@example.jp> <n5@example.jp> "
        "<n6@example.jp> "
        "<n7@example.jp> <n8@example.jp> <n9@example.jp>");
  message.references.pop_back();
  CHECK(encoded(message) == bytes);

  for (int i = 10; i <= 9'000; ++i)
    message.references.push_back(fmt::format("<n{}@example.jp>", i));
  message.in_reply_to = "<last@example.jp>";
  std::string thread = field(encoded(message), "References");
  CHECK(thread.size() <= 60'000);
  CHECK(thread.size() > 50'000);
  CHECK(thread.rfind("<n1@example.jp> <n", 0) == 0);
  CHECK(thread.find("<n9000@example.jp> <last@example.jp>") != std::string::npos);
  CHECK(thread.find("<n2@example.jp>") == std::string::npos);
}

TEST_CASE("nothing with a line break or NUL reaches a header") {
  for (const std::string& evil : {std::string("x\r\nBcc: y@z.example"), std::string("x\ny"),
                                  std::string("x\ry"), std::string("x\0y", 3)}) {
    CAPTURE(evil);
    const auto refused = [&](const std::function<void(Message&)>& spoil) {
      Message message = sample();
      spoil(message);
      auto bytes = encode(message, tokyo());
      return !bytes && bytes.error().message.find_first_of(std::string_view("\r\n\0", 3)) ==
                           std::string::npos;
    };
    CHECK(refused([&](Message& m) { m.subject = evil; }));
    CHECK(refused([&](Message& m) { m.from.name = evil; }));
    CHECK(refused([&](Message& m) { m.from.address = evil + "@b.example"; }));
    CHECK(refused([&](Message& m) { m.to[0].name = evil; }));
    CHECK(refused([&](Message& m) { m.to[1].address = "a@b.example" + evil; }));
    CHECK(refused([&](Message& m) { m.message_id = "<" + evil + "@b>"; }));
    CHECK(refused([&](Message& m) { m.in_reply_to = "<" + evil + "@b>"; }));
    CHECK(refused([&](Message& m) { m.references = {"<a@b>", "<" + evil + "@b>"}; }));
    CHECK(refused([&](Message& m) { m.headers = {{"X-A", evil}}; }));
    CHECK(refused([&](Message& m) { m.headers = {{"X-" + evil, "a"}}; }));
  }
  Message message = sample();
  message.subject = "a\x1b[31m\xff";
  CHECK(decode_words(field(encoded(message), "Subject")) == "a\\x1b[31m\xEF\xBF\xBD");
}

TEST_CASE("headers of one's own: no structural one, none empty, Auto-Submitted once") {
  Message message = sample();
  for (const char* name : {"To", "bcc", "Subject", "Content-Type", "X A", "X:A", ""}) {
    message.headers = {{name, "x"}};
    CHECK_FALSE(encode(message, tokyo()));
  }
  message.headers = {
      {"X-Empty", ""}, {"Auto-Submitted", "auto-replied"}, {"X-Yagura-Audience", "bank:青空"}};
  std::string bytes = encoded(message);
  CHECK(bytes.find("X-Empty") == std::string::npos);
  CHECK(bytes.find("auto-generated") == std::string::npos);
  CHECK(field(bytes, "Auto-Submitted") == "auto-replied");
  CHECK(decode_words(field(bytes, "X-Yagura-Audience")) == "bank:青空");
  message.to.clear();
  CHECK_FALSE(encode(message, tokyo()));
}

TEST_CASE("Python's mail package reads back what was written") {
  if (std::system("python3 -c 'import email.policy' >/dev/null 2>&1") != 0) {  // NOLINT
    MESSAGE("skipped: there is no python3 here");
    return;
  }
  test::TemporaryFolder folder;
  Texts texts(7);
  std::vector<Message> messages;
  for (int at = 0; at < 300; ++at) {
    Message message = sample();
    message.subject = texts.next(30);
    // Python puts spaces between the encoded words of a long name: short ones only.
    message.to[0].name = std::vector<std::string>{"山田 太郎", "Tower, 2nd.", "a \"b\" \\c", "髙①",
                                                  "林"}[texts.number(5)];
    message.body = texts.next(60) + "\n" + texts.next(9);
    test::write_file(folder / fmt::format("{:03}", at), encoded(message));
    messages.push_back(message);
  }
  test::write_file(folder / "read.py", R"(
import email, email.policy, os, sys
for at in range(300):
    with open('%s/%03d' % (sys.argv[1], at), 'rb') as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    assert not mail.defects, mail.defects
    to = mail['to'].addresses
    assert [a.addr_spec for a in to] == ['yamada@aozora.example', 'mori@midori.example'], to
    assert mail['date'].datetime.isoformat() == '2026-12-28T16:58:30+09:00'
    body = mail.get_content().replace('\r\n', '\n')
    for text in (mail['subject'], to[0].display_name, body):
        print(text.encode().hex() or '-')
)");
  std::string command = "python3 " + (folder / "read.py") + " " + folder.path() + " 2>&1";
  std::unique_ptr<FILE, int (*)(FILE*)> output(popen(command.c_str(), "r"), pclose);
  REQUIRE(output);
  const auto next_line = [&] {
    std::string hex;
    for (int c = 0; (c = std::getc(output.get())) != EOF && c != '\n';)
      hex += static_cast<char>(c);
    if (hex == "-") return std::string();
    std::string text;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
      text += static_cast<char>(std::strtol(hex.substr(at, 2).c_str(), nullptr, 16));
    }
    return hex.size() % 2 != 0 || hex.find_first_not_of("0123456789abcdef") != std::string::npos
               ? hex
               : text;
  };
  for (const Message& message : messages) {
    REQUIRE(next_line() == message.subject);
    REQUIRE(next_line() == message.to[0].name);
    REQUIRE(next_line() == (message.body.back() == '\n' ? message.body : message.body + "\n"));
  }
}
