#include "mail_template.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace yagura;

namespace {

const Vocabulary vocabulary{{"NAME", "TEXT"},
                            {{"LIST", {{"ITEM"}, {{"DEEP", {{"DEPTH"}, {}}}}}}, {"FLAG", {}}}};

const std::map<std::string, TemplateSource, std::less<>> parts{
    {"greeting", {"_greeting.txt", "hello {{NAME}}\nand again\n"}},
    {"broken", {"_broken.txt", "fine\n{{NONSENSE}}\n"}},
    {"endless", {"_endless.txt", "{{>endless}}\n"}},
};

Result<MailTemplate> parse(const std::string& text) {
  return MailTemplate::parse(
      {"own/a.txt", text},
      [](std::string_view name) -> const TemplateSource* {
        auto found = parts.find(name);
        return found == parts.end() ? nullptr : &found->second;
      },
      vocabulary);
}

std::string body(const std::string& text, const View& view) {
  auto made = parse("Subject: s\n\n" + text);
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
  std::vector<std::string> missing;
  std::string out = made->body(view, missing);
  CHECK(missing.empty());
  return out;
}

std::string error(const std::string& text) {
  auto made = parse(text);
  return made ? "accepted" : made.error().message;
}

View view() {
  View made;
  made.set("NAME", "bob");
  made.set("TEXT", "one\ntwo");
  for (const char* item : {"a", "b"}) {
    View inside;
    inside.set("ITEM", item);
    made.add("LIST", inside);
  }
  return made;
}

}  // namespace

TEST_CASE("values, sections and their absence are filled in") {
  CHECK(body("{{NAME}}!\n", view()) == "bob!\n");
  CHECK(body("[{{#LIST}}{{ITEM}},{{/LIST}}]\n", view()) == "[a,b,]\n");
  CHECK(body("x{{#FLAG}}yes{{/FLAG}}{{^FLAG}}no{{/FLAG}}\n", view()) == "xno\n");
  View flagged = view();
  flagged.show("FLAG");
  CHECK(body("x{{#FLAG}}yes{{/FLAG}}{{^FLAG}}no{{/FLAG}}\n", flagged) == "xyes\n");
  CHECK(body("x{{#LIST}}{{NAME}}{{/LIST}}\n", view()) == "xbobbob\n");
}

TEST_CASE("a mark alone on its line leaves no empty line") {
  CHECK(body("a\n{{#LIST}}\n- {{ITEM}}\n{{/LIST}}\nb\n", view()) == "a\n- a\n- b\nb\n");
  CHECK(body("a\n{{! says nothing }}\nb\n", view()) == "a\nb\n");
  CHECK(body("{{>greeting}}\nb\n", view()) == "hello bob\nand again\nb\n");
}

TEST_CASE("a value of several lines keeps the indentation of its place") {
  CHECK(body("  {{TEXT}}\n", view()) == "  one\n  two\n");
  CHECK(body("　{{TEXT}}\n", view()) == "　one\n　two\n");
  CHECK(body("x {{TEXT}}\n", view()) == "x one\ntwo\n");
}

TEST_CASE("what is filled in is not read as a template") {
  View sly = view();
  sly.set("NAME", "{{TEXT}} {{#LIST}}");
  CHECK(body("{{NAME}}\n", sly) == "{{TEXT}} {{#LIST}}\n");
}

TEST_CASE("every mistake is told with file, line and name") {
  CHECK(error("Subject: s\n\nfine\n{{NAMEE}}\n") ==
        "own/a.txt:4: {{NAMEE}} is not known here: did you mean NAME?");
  CHECK(error("Subject: {{COMPONENT}}\n\nbody\n") ==
        "own/a.txt:1: {{COMPONENT}} is not known here: known here are NAME, TEXT, LIST, FLAG");
  CHECK(error("Subject: s\n\nfine\n\n{{ITEM}}\n") ==
        "own/a.txt:5: {{ITEM}} is not known here: it is known only within {{#LIST}}");
  CHECK(error("Subject: s\n\n{{#LIST}}\n{{#DEEP}}\n{{DEPHT}}{{/DEEP}}\n{{/LIST}}\n")
            .find("own/a.txt:5: {{DEPHT}}") == 0);
  CHECK(error("Subject: s\n\n{{#NOTHING}}x{{/NOTHING}}\n")
            .find("own/a.txt:3: {{#NOTHING}} is not known") == 0);
  CHECK(error("Subject: s\n\n{{>greting}}\n").find("own/a.txt:3: there is no part \"greting\"") ==
        0);
  CHECK(error("Subject: s\n\n{{>broken}}\n").find("_broken.txt:2: {{NONSENSE}}") == 0);
  CHECK(error("Subject: s\n\nx\n{{#LIST}}\n") == "own/a.txt:4: {{#LIST}} has no {{/LIST}}");
  CHECK(error("Subject: s\n\nx {{/LIST}}\n") ==
        "own/a.txt:3: {{/LIST}} ends a section that was not begun");
  CHECK(error("Subject: s\n\n{{#LIST}}\n{{/FLAG}}\n")
            .find("{{/FLAG}} stands where {{/LIST}} is due") != std::string::npos);
  CHECK(error("Subject: s\n\nx {{NAME\n") == "own/a.txt:3: \"{{\" without \"}}\" on its line");
  CHECK(error("Subject: s\n\n{{ NAME }}\n").find("own/a.txt:3:") == 0);
  CHECK(error("Subject: s\n\n{{>endless}}\n").find("within each other") != std::string::npos);
}

TEST_CASE("all mistakes of a template are told at once") {
  CHECK(error("Subject: s\n\n{{ONE}}\n{{TWO}}\n").find("\nown/a.txt:4: {{TWO}}") !=
        std::string::npos);
}

TEST_CASE("a template of nothing but broken marks is refused, however many they are") {
  std::string text = "Subject: s\n\n";
  while (text.size() < 64'000) text += "{{\n";
  CHECK(error(text).find("own/a.txt:21000: \"{{\" without") != std::string::npos);
}

TEST_CASE("a template has a subject and a body") {
  CHECK(error("body\n").find("own/a.txt:1: the first line must be") == 0);
  CHECK(error("Subject: \n\nbody\n").find("own/a.txt:1:") == 0);
  CHECK(error("Subject: s\nbody\n").find("own/a.txt:2:") == 0);
  CHECK(error("Subject: s\n\n\n").find("own/a.txt:2:") == 0);
  CHECK(error("Subject: s\n\n{{#FLAG}}\nonly at times\n{{/FLAG}}\n") ==
        "own/a.txt:3: the body is empty");
  CHECK(error("Subject: {{#FLAG}}s{{/FLAG}}\n\nbody\n") == "own/a.txt:1: the subject is empty");
  CHECK(error("Subject: s\n\nab\xff\n") == "own/a.txt: is not UTF-8: save it as UTF-8");
  CHECK(error("Subject: s\n\n" + std::string(70'000, 'x')).find("larger than") !=
        std::string::npos);
  CHECK(parse("Subject: s\r\n\r\n{{NAME}}\r\n").has_value());
}

TEST_CASE("a value is never empty, and one that is not there is noted") {
  View made = view();
  made.set("NAME", "");
  CHECK(*made.value("NAME") == "-");
  auto read = parse("Subject: s\n\n{{NAME}}\n");
  std::vector<std::string> missing;
  CHECK(read->body(View{}, missing) == "{{NAME}}\n");
  CHECK(missing == std::vector<std::string>{"own/a.txt:3: {{NAME}} has no value"});
}

TEST_CASE("a view is compared with its vocabulary") {
  CHECK(View::sample(vocabulary, true).differs_from(vocabulary) == std::nullopt);
  CHECK(View::sample(vocabulary, false).differs_from(vocabulary) == std::nullopt);
  View made = view();
  CHECK(made.differs_from(vocabulary) == std::nullopt);
  made.add("LIST", View{});
  CHECK(made.differs_from(vocabulary) == "#LIST: ITEM has no value");
  View more = view();
  more.set("SECRET", "x");
  CHECK(more.differs_from(vocabulary) == "SECRET is not in the vocabulary");
}
