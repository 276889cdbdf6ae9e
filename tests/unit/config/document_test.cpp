// Files as they come: broken, hostile, in several pieces; and the way to the socket out of them.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "document.hpp"
#include "written.hpp"
#include "yaml.hpp"

using namespace yagura;

namespace {

std::string problems_of(std::string_view text, const YamlLimits& limits = {}) {
  Problems problems;
  parse_yaml(text, "c.yaml", problems, limits);
  return yagura::text(problems);
}

std::string times(std::string_view piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += piece;
  return text;
}

std::string socket_in(const std::string& text) {
  WrittenFolder folder;
  auto socket = control_socket_of(folder.write("c.yaml", text));
  if (!socket) return "error: " + socket.error().message;
  return socket->starts_with(folder.path()) ? socket->substr(folder.path().size()) : *socket;
}

}  // namespace

TEST_CASE("places are lines and columns from one") {
  Problems problems;
  const YamlDocument document = parse_yaml("a: 1\nb:\n  - x\n  - {c: y}\n", "f", problems);
  CHECK(problems.empty());
  CHECK(document.complete);
  const Node& item = document.root.find("b")->items[1];
  CHECK(item.place.line == 4);
  CHECK(item.place.column == 5);
  CHECK(item.find("c")->place.column == 9);
}

TEST_CASE("a syntax error is reported where it is, and nothing that follows from it") {
  const std::string said = said_of("mail: {from: k@example.jp\nservices: [\n");
  CHECK(said.find("this is not YAML") != std::string::npos);
  CHECK(said.find("needs `mail`") == std::string::npos);
  CHECK(said.find('\n') + 1 == said.size());
}

TEST_CASE("a key given twice names both places") {
  CHECK(problems_of("a: 1\nb: 2\na: 3\n") ==
        "c.yaml:3:1: `a` is given twice: first at c.yaml:1:1\n");
}

TEST_CASE("what a configuration has no use for is refused in words") {
  CHECK(problems_of("a: !!binary aGVsbG8=\n").find("tags are not used here") != std::string::npos);
  CHECK(problems_of("a: !!str 5\n") == "");
  CHECK(problems_of("a: 1\n---\nb: 2\n").find("a second document begins here") !=
        std::string::npos);
  CHECK(problems_of("? [a]\n: 1\n").find("a key must be a text") != std::string::npos);
  CHECK(problems_of("b: &b {x: 1}\na: {<<: *b}\n").find("`<<` is not supported") !=
        std::string::npos);
}

TEST_CASE("an alias stands for what it names") {
  Problems problems;
  const YamlDocument document = parse_yaml("a: &x [1, 2]\nb: *x\n", "f", problems);
  CHECK(problems.empty());
  CHECK(document.root.find("b")->items.size() == 2);
}

TEST_CASE("an alias bomb is refused") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 30; ++level) {
    const std::string before = "*a" + std::to_string(level - 1);
    bomb += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" +
            times(before + ", ", 8) + before + "]\n";
  }
  const std::string said = said_of(bomb);
  CHECK(said.find("more than 500000 values, aliases counted as what they stand for") !=
        std::string::npos);
  CHECK(problems_of("a: &a [*a]\n") != "");
}

TEST_CASE("anchors within anchors are no way around the bound") {
  std::string nested;
  for (int i = 0; i < 60; ++i)
    nested += "&n" + std::to_string(i) + " [";
  nested += times("x, ", 30'000) + "x" + times("]", 60);
  CHECK(problems_of("a: " + nested + "\n").find("more than 500000 values") != std::string::npos);
}

TEST_CASE("deep nesting is refused") {
  const auto nested = [](std::string_view open, std::string_view close, std::size_t levels) {
    return problems_of("a: " + times(open, levels) + times(close, levels) + "\n");
  };
  CHECK(nested("[", "]", 63) == "");
  CHECK(nested("[", "]", 64).find("nested more than 64 levels deep") != std::string::npos);
  CHECK(nested("[", "]", 100'000).find("nested more than 64 levels deep") != std::string::npos);
  CHECK(nested("{a: ", "}", 100'000).find("nested more than 64 levels deep") != std::string::npos);
  CHECK(problems_of(times("- ", 100'000)).find("nested more than 64 levels deep") !=
        std::string::npos);
  CHECK(problems_of("a: " + times("[", 100'000)) != "");  // never closed
}

TEST_CASE("a giant file is refused before it is read as YAML") {
  CHECK(said_of("a: \"" + std::string(5 * 1024 * 1024, 'x') + "\"\n") ==
        "c.yaml:1:1: cannot read c.yaml: longer than 4194304 bytes\n");
}

TEST_CASE("binary files are refused with the place of the first bad byte") {
  CHECK(said_of(std::string("a: 1\nb: \0x\n", 11)) ==
        "c.yaml:2:4: a control character (\\x00): remove it\n");
  CHECK(said_of("a: 1\nb: \xff\xfe\n") ==
        "c.yaml:2:4: not valid UTF-8 (byte 0xff): save the file as UTF-8\n");
  CHECK(said_of("\x7f"
                "ELF\x02\x01\x01")
            .find("c.yaml:1:1: a control character") == 0);
  CHECK(said_of("a: \xe3\x81") != "");  // cut in the middle of a character
}

TEST_CASE("an empty file lacks all that is needed") {
  CHECK(said_of("") == "c.yaml:1:1: the configuration must be a mapping (key: value)\n");
  CHECK(said_of("- a\n") == "c.yaml:1:1: the configuration must be a mapping (key: value)\n");
}

TEST_CASE("files that are none are refused in words") {
  WrittenFolder folder;
  CHECK(folder.problems("none.yaml") ==
        "none.yaml:1:1: cannot read none.yaml: No such file or directory\n");
  folder.write("folder/x", "");
  CHECK(folder.problems("folder") ==
        "folder:1:1: cannot read folder: it is a folder, not a file\n");
  CHECK(folder.problems(load_configuration("/dev/zero", december())) ==
        "/dev/zero:1:1: cannot read /dev/zero: it is not a regular file\n");
}

TEST_CASE("included files are merged by key") {
  WrittenFolder folder;
  const std::string path = folder.write("c.yaml", with({"include: [conf.d/*.yaml]"}));
  folder.write("conf.d/20.yaml",
               "components:\n  cache: {owner: ap-ops}\nretention: {record: 500d}\n");
  folder.write("conf.d/10.yaml", "services:\n  admin: {needs: [cache]}\n");
  const Loaded loaded = load_configuration(path, december());
  CHECK(folder.problems(loaded) == "");
  REQUIRE(loaded.configuration);
  CHECK(loaded.configuration->platform->components.size() == 4);
  CHECK(loaded.configuration->platform->services.contains("admin"));
  CHECK(loaded.configuration->keep_record == 24h * 500);
  CHECK(loaded.configuration->files == std::vector<std::string>{path,
                                                                folder.path() + "/conf.d/10.yaml",
                                                                folder.path() + "/conf.d/20.yaml"});
}

TEST_CASE("a key defined in two files names both places, at the top and within a section") {
  WrittenFolder folder;
  folder.write("c.yaml", with({"include: more.yaml", "timezone: Asia/Tokyo"}));
  folder.write("more.yaml", "timezone: Asia/Tokyo\ncomponents:\n  web: {owner: ap-ops}\n");
  CHECK(folder.problems("c.yaml") ==
        "more.yaml:1:1: `timezone` is given twice: first at c.yaml:16:1\n"
        "more.yaml:3:3: `components.web` is given twice: first at c.yaml:12:3\n");
}

TEST_CASE("problems of an included file name that file") {
  WrittenFolder folder;
  folder.write("c.yaml", with({"include: more.yaml"}));
  folder.write("more.yaml", "retention: {records: 1d}\ninclude: other.yaml\n");
  CHECK(folder.problems("c.yaml") ==
        "more.yaml:1:13: unknown key `records` in retention; did you mean `record`?\n"
        "more.yaml:2:1: an included file cannot include further files: name them all in the "
        "configuration itself\n");
}

TEST_CASE(
    "a file that cannot be read hides the mistakes of no other, and is blamed for what is "
    "missing") {
  WrittenFolder folder;
  folder.write("c.yaml", with({"include: [conf.d/*.yaml]", "retention: {recrod: 1d}"}));
  folder.write("conf.d/10.yaml", "services:\n  admin: {needs: [cache], colour: red}\n");
  folder.write("conf.d/20.yaml", "components:\n  cache: {owner: ap-ops\n  queue: [\n");
  folder.write("conf.d/30.yaml/is-a-folder", "");
  const std::string said = folder.problems("c.yaml");
  CHECK(said.find("unknown key `recrod`") != std::string::npos);
  CHECK(said.find("conf.d/10.yaml:2:27: unknown key `colour`") != std::string::npos);
  CHECK(said.find("conf.d/20.yaml:") != std::string::npos);
  CHECK(said.find("cannot read conf.d/30.yaml: it is a folder") != std::string::npos);
  CHECK(said.find("there is no component") == std::string::npos);
  CHECK_FALSE(load_configuration(folder.path() + "/c.yaml", december()).configuration);
}

TEST_CASE("a file that is named has to be there, one that a pattern matches need not") {
  CHECK(said_of(with({"include: conf.d/*.yaml"})) == "");
  CHECK(said_at_mark({"include: «none.yaml"}) == "there is no file `none.yaml` to include");
}

TEST_CASE("a pattern that matches the configuration itself does not read it twice") {
  WrittenFolder folder;
  folder.write("c.yaml", with({"include: ./*.yaml"}));
  CHECK(folder.problems("c.yaml") == "");
}

TEST_CASE("a path in an included file is relative to that file") {
  WrittenFolder folder;
  const std::string path = folder.write("c.yaml", with({"include: conf.d/x.yaml"}));
  folder.write("conf.d/x.yaml", "state: here/../state/\n");
  const Loaded loaded = load_configuration(path, december());
  REQUIRE(loaded.configuration);
  CHECK(loaded.configuration->state_folder == folder.path() + "/conf.d/state");
}

TEST_CASE("the control socket is found whatever the rest is worth") {
  CHECK(socket_in("listen: {control: s.sock}\n") == "/s.sock");
  CHECK(socket_in("listen: {control: /run/x.sock, htp: 5}\nunknown: {}\n") == "/run/x.sock");
  CHECK(socket_in("timezone: UTC\n") == "/run/yagura/control.sock");
  CHECK(socket_in("listen: {http: 127.0.0.1:1}\n") == "/run/yagura/control.sock");
  CHECK(socket_in("") == "/run/yagura/control.sock");
  // A syntax error after it, and before it.
  CHECK(socket_in("listen:\n  control: s.sock\nmail: [}\n") == "/s.sock");
  CHECK(socket_in("mail: {from: [}\nlisten:   # where we are\n  control: s.sock  # here\n\n  http: "
                  "x\nstate: [\n") == "/s.sock");
  CHECK(socket_in("a: \xff\nlisten: {control: s.sock}\n") == "/s.sock");
  CHECK(socket_in(std::string("a: \0\nlisten: {control: s.sock}\n", 31)) == "/s.sock");
}

TEST_CASE("where the control socket cannot be known, the reason is given") {
  CHECK(socket_in("listen: {control: [a]}\n").find("c.yaml:1:19: `control` must be a text") !=
        std::string::npos);
  CHECK(socket_in("mail: [}\n").find("does not say where the control socket is") !=
        std::string::npos);
  CHECK(control_socket_of("/nonexistent/c.yaml").error().message ==
        "/nonexistent/c.yaml:1:1: cannot read /nonexistent/c.yaml: No such file or directory");
}

TEST_CASE("a big platform loads") {
  std::string components = "components:\n", needs;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "c" + std::to_string(i);
    components += "  " + name + ": {owner: ap-ops, " +
                  (i > 0 ? "depends_on: [c" + std::to_string(i - 1) + "], " : "") +
                  "probes: [{kind: tcp, host: h, port: 1}]}\n";
    needs += (i > 0 ? ", " : "") + name;
  }
  CHECK(said_of(with({components, "services:\n  site: {needs: [" + needs + "]}"})) == "");
}
