#include "text.hpp"

#include <doctest/doctest.h>

using namespace yagura;

TEST_CASE("text from outside becomes one safe line") {
  CHECK(one_line("a\r\nBcc: x\tb") == "a  Bcc: x b");
  CHECK(one_line("\x1b[31mred") == "\\x1b[31mred");
  CHECK(one_line("ok\xff\xfe") == "ok\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(one_line("\xE2\x80\xAEoops") == "\\u202eoops");
  CHECK(one_line("接続が拒否されました") == "接続が拒否されました");
  CHECK(one_line(std::string(3, '\0')) == "\\x00\\x00\\x00");
}

TEST_CASE("long text is cut at a character") {
  CHECK(one_line("あいうえお", 12) == "あいう…");
  CHECK(one_line("あいうえ", 12) == "あいうえ");
  for (std::size_t limit = 0; limit < 40; ++limit) {
    std::string cut = one_line("あa\x1bいbう\xffうcえおあああああああ", limit);
    CHECK(cut.size() <= limit);
    CHECK(is_utf8(cut));
  }
}

TEST_CASE("texts of people keep their line breaks") {
  CHECK(many_lines("着手\r\n確認中\rok\x07") == "着手\n確認中\nok\\x07");
}

TEST_CASE("UTF-8 is checked as RFC 3629 has it") {
  CHECK(is_utf8("日本語 ①髙"));
  CHECK_FALSE(is_utf8("\xC0\x80"));
  CHECK_FALSE(is_utf8("\xED\xA0\x80"));
  CHECK_FALSE(is_utf8("\xF5\x80\x80\x80"));
  CHECK_FALSE(is_utf8("\xE3\x81"));
}

TEST_CASE("width counts wide characters twice and combining ones not at all") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("障害") == 4);
  CHECK(display_width("ア") == 2);
  CHECK(display_width("か\xE3\x82\x99") == 2);
}

TEST_CASE("the nearest known word is offered, a far one is not") {
  std::vector<std::string> known{"interval", "timeout", "confirm"};
  CHECK(nearest("intervall", known) == "interval");
  CHECK(nearest("timout", known) == "timeout");
  CHECK(nearest("colour", known).empty());
}
