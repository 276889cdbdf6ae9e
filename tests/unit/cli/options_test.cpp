#include "options.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "support.hpp"
#include "text.hpp"

using namespace yagura;
using namespace yagura::cli;

namespace {

Arguments read(const std::vector<std::string>& words) {
  Reading reading = read_options(words);
  INFO(reading.text);
  REQUIRE(reading.arguments.has_value());
  return *reading.arguments;
}

std::string refusal(const std::vector<std::string>& words) {
  Reading reading = read_options(words);
  CHECK_FALSE(reading.arguments.has_value());
  CHECK(reading.exit == exit_usage);
  return reading.text;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("options common to all commands stand before or after the command's name") {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--json", "--socket", "/s", "notice", "show", "31"},
                                             {"notice", "show", "31", "--json", "--socket=/s"},
                                             {"notice", "--json", "--socket", "/s", "show", "31"},
                                             {"--socket=/s", "notice", "show", "--json", "31"}}) {
    const Arguments given = read(words);
    CHECK(given.command == "notice show");
    CHECK(given.json);
    CHECK(given.socket == "/s");
    CHECK(*given.number("ID") == 31);
  }
}

TEST_CASE("texts are taken as they are") {
  for (const char* text : {"着手", "[a,b]", "{}", "two\nlines", "%%", "a=b", ""}) {
    CHECK(read({"ack", "12", "-m", text}).text("message") == text);
  }
  CHECK(read({"ack", "12", "--message=-x"}).text("message") == "-x");
  CHECK(*read({"ack", "#12"}).number("N") == 12);
  for (const char* number : {"0", "x", "12x", "99999999999999999999"}) {
    CHECK_FALSE(read({"ack", number}).number("N").has_value());
  }
}

TEST_CASE("an option that may be given several times keeps all of them") {
  const Arguments given =
      read({"open", "--component", "a", "--service", "s", "--component", "b", "-m", "x"});
  CHECK(given.texts("component") == std::vector<std::string>{"a", "b"});
  CHECK(given.texts("service") == std::vector<std::string>{"s"});
  CHECK_FALSE(given.has("from-desk"));
  CHECK(contains(refusal({"ack", "1", "-m", "a", "-m", "b"}), "usage: yagura ack"));
}

TEST_CASE("a time may leave the seconds out") {
  const auto time = [](const char* words) { return read({"record", "--since", words}).instant("since"); };
  REQUIRE(time("2026-12-28T16:58+09:00"));
  CHECK(*time("2026-12-28T16:58+09:00") == *time("2026-12-28T16:58:00+09:00"));
  CHECK(*time("2026-12-28T07:58Z") == *time("2026-12-28T16:58:00+09:00"));
  for (const char* wrong : {"2026-12-28T16:58", "2026-12-28T16", "16:58+09:00", "2026-12-28 16:58+09:00", ""}) {
    CHECK_FALSE(time(wrong));
  }
}

TEST_CASE("what stands after -- is the program's, whatever it looks like") {
  const Arguments given =
      read({"job", "run", "settlement/cron", "--", "ls", "--json", "--", "-m", "--help"});
  CHECK(given.command == "job run");
  CHECK(given.text("COMPONENT") == "settlement/cron");
  CHECK_FALSE(given.json);
  CHECK(given.after_dashes == std::vector<std::string>{"ls", "--json", "--", "-m", "--help"});
  CHECK(contains(refusal({"ack", "12", "--", "x"}), "too much"));
}

TEST_CASE("wrong usage is told in words that help") {
  CHECK(contains(refusal({"stauts"}), "did you mean `status`?"));
  CHECK(contains(refusal({"failures", "--al"}), "did you mean `--all`?"));
  CHECK(contains(refusal({"confirm", "12"}), "usage: yagura confirm N -m TEXT [--job-ok]"));
  CHECK(contains(refusal({"ack"}), "usage: yagura ack"));
  CHECK(contains(refusal({"ack", "12", "13"}), "`13` is too much"));
  CHECK(contains(refusal({"notice"}), "`show`, `preview`, `hold`, `release`, `withdraw`, `edit`, `security`"));
  CHECK(contains(refusal({"notice", "shwo", "1"}), "there is no `notice shwo`"));
  CHECK(contains(refusal({"stop", "plan"}), "--from"));
  CHECK(contains(refusal({"stop"}), "`plan`, `change`, `extend`, `end`, `cancel`"));
  CHECK(contains(refusal({"inquiry"}), "`show`, `open`, `reply`, `close`, `link`"));
  CHECK(contains(refusal({"-m", "x", "ack", "1"}), "before a command's name"));
  CHECK(contains(refusal({}), "a command is missing"));
  CHECK(contains(refusal({"\x1b[2J"}), "\\x1b[2J"));
}

TEST_CASE("every command has help that fits 80 columns, with its usage") {
  std::vector<std::string> pages{help_overview()};
  for (const CommandRow& row : command_table()) {
    pages.push_back(help_of(row));
    CHECK(contains(pages.back(), "usage: yagura " + std::string(row.name)));
    CHECK(contains(help_overview(), "  " + std::string(row.name) + "  "));
    CHECK(display_width(row.summary) <= 50);
    std::istringstream name{std::string(row.name)};
    std::vector<std::string> words;
    for (std::string word; name >> word;)
      words.push_back(word);
    words.emplace_back("--help");
    CHECK(read_options(words).text == pages.back());
    words.back() = "--json";
    words.insert(words.begin(), "help");
    CHECK(read_options(words).text == pages.back());
  }
  for (const std::string& page : pages) {
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
      CHECK_MESSAGE(display_width(line) <= 80, line);
    }
  }
  CHECK(read_options({"--help"}).text == help_overview());
  CHECK(read_options({"help"}).text == help_overview());
  CHECK(contains(read_options({"help", "notice"}).text, "usage: yagura notice withdraw ID"));
  CHECK(read_options({"--socket", "/s", "help", "--config", "/c"}).text == help_overview());
  CHECK(read_options({"--version"}).text.starts_with("yagura "));
}
