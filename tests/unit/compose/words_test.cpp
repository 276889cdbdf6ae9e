// Times, lengths, lists, line breaks and words of the Japanese mails.
#include <doctest/doctest.h>

#include "embedded.hpp"
#include "english.hpp"
#include "japanese.hpp"
#include "text.hpp"
#include "words.hpp"
#include "wrap_lines.hpp"

using namespace yagura;

namespace {

Instant at(const char* text) {
  return parse_instant(text).value();
}

TemplateSource built_in() {
  for (const auto& one : embedded_templates()) {
    if (one.language == Language::ja && one.name == "words.txt")
      return {"words.txt", std::string(one.text)};
  }
  return {};
}

}  // namespace

TEST_CASE("times are written with year, weekday and 24 hours, in the zone") {
  Zone tokyo = Zone::named("Asia/Tokyo").value();
  CHECK(japanese::time(at("2026-12-28T16:58:59+09:00"), tokyo) == "2026年12月28日(月) 16:58");
  CHECK(japanese::time(at("2026-12-31T15:00:00Z"), tokyo) == "2027年1月1日(金) 00:00");
  CHECK(japanese::time(at("2026-12-31T15:00:00Z"), Zone::named("Europe/Berlin").value()) ==
        "2026年12月31日(木) 16:00");
}

TEST_CASE("lengths of time are written with their two largest units") {
  CHECK(japanese::length(0ms) == "1秒未満");
  CHECK(japanese::length(45s) == "45秒");
  CHECK(japanese::length(90s) == "1分30秒");
  CHECK(japanese::length(90min) == "1時間30分");
  CHECK(japanese::length(5min) == "5分");
  CHECK(japanese::length(51h + 59min) == "2日3時間");
  CHECK(japanese::length(-2min) == "2分");
}

TEST_CASE("the hours of a window are named") {
  const auto window = [](std::vector<std::string> days, std::vector<std::string> hours) {
    Window::Part part{parse_days(days).value(), {}};
    for (const std::string& one : hours)
      part.hours.push_back(parse_hours(one).value());
    return Window({part});
  };
  CHECK(japanese::hours(window({"business"}, {"10:00-17:00"})) == "平日10:00〜17:00");
  CHECK(japanese::hours(window({"all"}, {"00:00-24:00"})) == "毎日00:00〜24:00");
  CHECK(japanese::hours(window({"mon", "fri"}, {"09:00-12:00", "13:00-17:30"})) ==
        "月・金曜日 09:00〜12:00・13:00〜17:30");
  CHECK(japanese::hours(Window{}).empty());
}

TEST_CASE("in English times name the day, the weekday and the zone") {
  Zone tokyo = Zone::named("Asia/Tokyo").value();
  CHECK(english::time(at("2026-12-28T16:58:59+09:00"), tokyo) == "Mon, 28 Dec 2026, 16:58 JST");
  CHECK(english::time(at("2026-12-31T15:00:00Z"), tokyo) == "Fri, 1 Jan 2027, 00:00 JST");
  CHECK(english::time(at("2026-12-31T15:00:00Z"), Zone::named("Europe/Berlin").value()) ==
        "Thu, 31 Dec 2026, 16:00 UTC+01:00");
  CHECK(english::time(at("2026-12-31T15:00:00Z"), Zone::named("America/St_Johns").value()) ==
        "Thu, 31 Dec 2026, 11:30 UTC-03:30");
  CHECK(english::time(at("2026-12-31T15:00:00Z"), Zone()) == "Thu, 31 Dec 2026, 15:00 UTC");
}

TEST_CASE("in English lengths, lists, ordinals and hours are words") {
  CHECK(english::length(0ms) == "less than a second");
  CHECK(english::length(1s) == "1 second");
  CHECK(english::length(90min) == "1 hour 30 minutes");
  CHECK(english::length(51h + 59min) == "2 days 3 hours");
  CHECK(english::length(-2min) == "2 minutes");
  CHECK(english::list({}).empty());
  CHECK(english::list({"a"}) == "a");
  CHECK(english::list({"a", "b"}) == "a and b");
  CHECK(english::list({"a", "b", "c"}) == "a, b and c");
  const std::vector<std::pair<int, std::string>> ordinals{
      {1, "1st"},   {2, "2nd"},   {3, "3rd"},   {4, "4th"},   {10, "10th"},   {11, "11th"},
      {12, "12th"}, {13, "13th"}, {21, "21st"}, {22, "22nd"}, {103, "103rd"}, {111, "111th"}};
  for (const auto& [number, word] : ordinals)
    CHECK(english::ordinal(number) == word);
  const auto window = [](std::vector<std::string> days, std::vector<std::string> hours) {
    Window::Part part{parse_days(days).value(), {}};
    for (const std::string& one : hours)
      part.hours.push_back(parse_hours(one).value());
    return Window({part});
  };
  CHECK(english::hours(window({"business"}, {"10:00-17:00"})) == "business days 10:00-17:00");
  CHECK(english::hours(window({"all"}, {"00:00-24:00"})) == "every day 00:00-24:00");
  CHECK(english::hours(window({"mon", "fri"}, {"09:00-12:00", "13:00-17:30"})) ==
        "Mon and Fri 09:00-12:00 and 13:00-17:30");
  CHECK(english::hours(Window{}).empty());
}

TEST_CASE("long lines are broken by display width") {
  CHECK(wrap_lines("短い行\n\n次の行\n", 20) == "短い行\n\n次の行\n");
  CHECK(wrap_lines("あいうえおかきくけこさしすせそ", 20) == "あいうえおかきくけこ\nさしすせそ");
  CHECK(wrap_lines("　あいうえおかきくけこさし", 20) == "　あいうえおかきくけ\n　こさし");
  CHECK(wrap_lines("　・あいうえおかきくけこさし", 20) == "　・あいうえおかきく\n　　けこさし");
}

TEST_CASE("no line begins with a closing mark or ends with an opening one") {
  CHECK(wrap_lines("あいうえおかきくけこ。さしす", 20) == "あいうえおかきくけ\nこ。さしす");
  CHECK(wrap_lines("あいうえおかきくけ「こさし」", 20) == "あいうえおかきくけ\n「こさし」");
  CHECK(wrap_lines("あいうえおかきくけサーバー", 20) == "あいうえおかきくけ\nサーバー");
}

TEST_CASE("words of other Latin letters stay whole too") {
  CHECK(wrap_lines("the branch of Société Générale", 24) == "the branch of Société\nGénérale");
}

TEST_CASE("words of ASCII stay whole, and commands are never broken") {
  CHECK(wrap_lines("接続先 database-primary.example へ", 24) ==
        "接続先\ndatabase-primary.example\nへ");
  std::string command = "    yagura report 12 -m \"" + std::string(80, 'x') + "\"";
  CHECK(wrap_lines(command, 40) == command);
  CHECK(wrap_lines(std::string(50, 'x'), 20) ==
        std::string(20, 'x') + "\n" + std::string(20, 'x') + "\n" + std::string(10, 'x'));
}

TEST_CASE("wrapping loses nothing and keeps to the width, whatever comes") {
  const std::string pieces[] = {"障害", "abc ", "、", "「", "」",    "か\xE3\x82\x99",
                                " ",    "　",   "-",  "①",  "x.y/z", "\n"};
  unsigned seed = 1;
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i) {
      seed = seed * 1'103'515'245 + 12'345;
      text += pieces[(seed >> 16) % std::size(pieces)];
    }
    std::string wrapped = wrap_lines(text, 30);
    CHECK(is_utf8(wrapped));
    const auto letters = [](std::string all) {
      std::erase(all, ' ');
      std::erase(all, '\n');
      for (std::size_t found; (found = all.find("　")) != std::string::npos;)
        all.erase(found, 3);
      return all;
    };
    CHECK(letters(wrapped) == letters(text));
  }
  CHECK(cut_to_width("障害が発生しました", 9) == "障害が発…");
  CHECK(cut_to_width("障害", 4) == "障害");
  CHECK(cut_to_width("Notice of planned stop", 14) == "Notice of…");
  CHECK(cut_to_width("Notice of planned stop", 18) == "Notice of planned…");
  CHECK(cut_to_width("Notice of planned stop", 19) == "Notice of planned…");
  CHECK(cut_to_width("an-address-that-is-long@example.jp", 20) == "an-address-that-is-…");
}

TEST_CASE("every word that the program asks for is there") {
  auto words = Words::parse(built_in(), nullptr);
  REQUIRE_MESSAGE(words.has_value(), (words ? "" : words.error().message));
  CHECK(words->of(FailureClass::major) == "重大障害");
  CHECK(words->of(NoticeKind::bank_occurred_and_recovered) == "重大障害の発生・復旧のお知らせ");
  CHECK(words->counted("services.more", 3) == "ほか3サービス");
}

TEST_CASE("a missing, unknown, empty or doubled word is an error with its place") {
  TemplateSource base = built_in();
  base.text.erase(
      base.text.find("class.major"),
      base.text.find('\n', base.text.find("class.major")) - base.text.find("class.major") + 1);
  CHECK(Words::parse(base, nullptr).error().message ==
        "words.txt: the word \"class.major\" is missing");
  TemplateSource own{"own/words.txt",
                     "# mine\nclass.majr = x\nrole.ap-ops =\nphase.closed = a\nphase.closed = b\n"};
  CHECK(Words::parse(built_in(), &own).error().message ==
        "own/words.txt:2: \"class.majr\" is not a word that mails use: did you mean class.major?\n"
        "own/words.txt:3: \"role.ap-ops\" has no word: write role.ap-ops = …\n"
        "own/words.txt:5: \"phase.closed\" stands twice");
  TemplateSource better{"own/words.txt", "role.ap-ops = アプリ担当\n"};
  CHECK(Words::parse(built_in(), &better)->of(Role::ap_ops) == "アプリ担当");
}
