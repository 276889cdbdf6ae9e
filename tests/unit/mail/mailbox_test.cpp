#include <doctest/doctest.h>

#include "message.hpp"

using namespace yagura;

TEST_CASE("a mailbox is read with its name, in quotes, without one, or in angle brackets only") {
  struct Row {
    const char *text, *name, *address;
  };
  for (const Row& row :
       {Row{"運用監視 <kanshi@example.jp>", "運用監視", "kanshi@example.jp"},
        Row{"\"A, B\" <a@b.example>", "A, B", "a@b.example"},
        Row{"kanshi@example.jp", "", "kanshi@example.jp"},
        Row{"  <kanshi@example.jp> ", "", "kanshi@example.jp"},
        Row{R"("say \"hi\" \\" <a@b.example>)", R"(say "hi" \)", "a@b.example"},
        Row{R"("a..b"@docomo.example)", "", R"("a..b"@docomo.example)"},
        Row{"当直 <\"odd <mark>\"@b.example>", "当直", "\"odd <mark>\"@b.example"},
        Row{"root@localhost", "", "root@localhost"}, Row{"a+b@[192.0.2.1]", "", "a+b@[192.0.2.1]"},
        Row{"a@[IPv6:2001:db8::1]", "", "a@[IPv6:2001:db8::1]"}}) {
    CAPTURE(row.text);
    auto mailbox = parse_mailbox(row.text);
    REQUIRE_MESSAGE(mailbox, (mailbox ? "" : mailbox.error().message));
    CHECK(mailbox->name == row.name);
    CHECK(mailbox->address == row.address);
  }
}

TEST_CASE("what is not one address, or cannot be sent to, is refused with words") {
  struct Row {
    std::string text, words;
  };
  for (const Row& row : {Row{"", "missing"},
                         Row{"kanshi", "no domain"},
                         Row{"運用 <kanshi>", "no domain"},
                         Row{"kanshi@", "no domain"},
                         Row{"@example.jp", "nothing before"},
                         Row{"a@b.example, c@d.example", "not one address"},
                         Row{"A, B <a@b.example>", "not one address"},
                         Row{"a@b.example\r\nBcc: x@y.example", "line break"},
                         Row{std::string("a\0@b.example", 12), "control character"},
                         Row{"a\t<a@b.example>", "control character"},
                         Row{"\"open <a@b.example>", "never closed"},
                         Row{"A <a@b.example> B", "not one address"},
                         Row{"A <a@b.example", "not one address"},
                         Row{"山田@example.jp", "outside ASCII"},
                         Row{"a@例え.jp", "xn--"},
                         Row{"a b@example.jp", "not well-formed"},
                         Row{"a..b@example.jp", "not well-formed"},
                         Row{".a@example.jp", "not well-formed"},
                         Row{"a@b@c.example", "not well-formed"},
                         Row{"a@-b.example", "not well-formed"},
                         Row{"a@b..example", "not well-formed"},
                         Row{"a@b.example.", "not well-formed"},
                         Row{"a@[192.0.2]", "not well-formed"},
                         Row{"a@b>c", "not well-formed"},
                         Row{"\xff <a@b.example>", "UTF-8"},
                         Row{"a\xe2\x80\xae"
                             "b <a@b.example>",
                             "invisible"}}) {
    CAPTURE(row.text);
    auto mailbox = parse_mailbox(row.text);
    REQUIRE_FALSE(mailbox);
    CHECK_MESSAGE(mailbox.error().message.find(row.words) != std::string::npos,
                  mailbox.error().message);
    CHECK(mailbox.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("64 characters before the @ and 254 in all are allowed, one more is not") {
  std::string domain =
      std::string(61, 'd') + "." + std::string(61, 'd') + "." + std::string(61, 'd') + ".jp";
  CHECK(check_address(std::string(64, 'a') + "@" + domain).has_value());
  CHECK_FALSE(check_address(std::string(65, 'a') + "@" + domain));
  std::string label(63, 'e');
  std::string longest = label + "." + label + "." + label;  // 191
  CHECK(check_address(std::string(62, 'a') + "@" + longest).has_value());
  CHECK(check_address(std::string(60, 'a') + "@e." + longest).has_value());  // 254
  CHECK_FALSE(check_address(std::string(61, 'a') + "@e." + longest));
  CHECK_FALSE(check_address("a@e" + label + ".jp"));
}
