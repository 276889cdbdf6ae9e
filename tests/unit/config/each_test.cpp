// `each`: many components that are alike, written once.
#include <doctest/doctest.h>

#include "written.hpp"

using namespace yagura;

namespace {

// A list for `each` to take from a file: h1, h2, …
std::string hosts(int count) {
  std::string list;
  for (int i = 1; i <= count; ++i)
    list += "- h" + std::to_string(i) + "\n";
  return list;
}

// The platform of a configuration without a problem; else the problems are the test's failure.
PlatformPtr platform_of(const std::vector<std::string>& sections, const WrittenFolder& folder) {
  Loaded loaded = load_configuration(folder.write("c.yaml", with(sections)), december());
  REQUIRE_MESSAGE(loaded.configuration, folder.problems(loaded));
  return loaded.configuration->platform;
}

std::string names(const std::vector<ComponentName>& list) {
  std::string text;
  for (const ComponentName& name : list) text += name + " ";
  return text;
}

}  // namespace

TEST_CASE("a block with `each` is a component for each of its items, and its name stands for all of them in lists") {
  WrittenFolder folder;
  auto platform = platform_of({R"(components:
  db: {owner: infra-ops, probes: [{kind: tcp, host: db, port: 5432}]}
  web:
    each: [web-1, web-2]
    owner: ap-ops
    depends_on: db
    probes: [{kind: http, url: "http://${each}/healthz"}]
  front: {owner: ap-ops, depends_on: web, probes: [{kind: http, url: "http://front/"}]})",
                               R"(services:
  site: {name: サイト, needs: [front, {at_least: 1, of: [web, db]}]})"},
                              folder);
  CHECK(platform->components.size() == 4);
  CHECK(names(platform->components.at("web-2").depends_on) == "db ");
  CHECK(names(platform->components.at("front").depends_on) == "web-1 web-2 ");
  const Need& some = platform->services.at("site").needs.at(1);
  REQUIRE(some.of.size() == 3);
  CHECK(some.of[0].name == "web-1");
  CHECK(some.of[1].name == "web-2");
  CHECK(some.of[2].name == "db");
}

TEST_CASE("items of `each` may have fields, and come from a file of their own; a key with ${each} names the components") {
  WrittenFolder folder;
  folder.write("hosts.yaml", "- {name: a, address: 10.0.0.1, port: 5432}\n- {name: b, address: \"::1\", port: 5433}\n");
  auto platform = platform_of({R"(components:
  db-${each}:
    each: {from: hosts.yaml}
    owner: infra-ops
    probes: [{kind: tcp, host: "${each.address}", port: "${each.port}"}])",
                               "services: {site: {needs: [db-a, db-b]}}"},
                              folder);
  CHECK(platform->components.size() == 2);
  CHECK(platform->components.contains("db-b"));
}

TEST_CASE("what is wrong with `each` is said where it is written") {
  const auto said = [](const std::string& components, const char* needed = "x") {
    return said_at_mark({"components:\n  x: {owner: ap-ops}\n" + components,
                         std::string("services: {site: {needs: [x, ") + (needed[0] == 'x' ? "" : needed) + "]}}"});
  };
  CHECK(said("  w: {each: «web, owner: ap-ops}") ==
        "`each` takes a list of names, of {name: …, address: …}, or {from: FILE} with such a list in it");
  CHECK(said("  w: {each: «[], owner: ap-ops}") == "`each` is empty: write the names of the components");
  CHECK(said("  w: {each: {from: «none.yaml}, owner: ap-ops}").find("cannot read ") == 0);
  CHECK(said("  w: {each: [a, «{address: x}], owner: ap-ops}", "w") ==
        "an item of `each` is a name, or a mapping with `name` in it: {name: web-1, address: 10.0.1.21}");
  CHECK(said("  w: {each: [a], owner: ap-ops, probes: [{kind: tcp, host: «\"${each.adress}\", port: 1}]}", "w") ==
        "`${each.adress}`: the item `a` of `each` has no such field; write the item as {name: a, …}");
  CHECK(said("  w: {each: [a, «a], owner: ap-ops}", "w").find("`a` is given twice: first at ") == 0);
  CHECK(said("  w: {owner: ap-ops}\n  «w: {each: [a, b], owner: ap-ops}", "w").find("`w` is given twice") == 0);
}

TEST_CASE("a mistake in a block with `each` is said once, not for each of its items") {
  CHECK(said_at_mark({"components:\n  w: {each: [a, b, c], «ownr: ap-ops, owner: ap-ops}", "services: {site: {needs: [w]}}"}) ==
        "unknown key `ownr` in component a; did you mean `owner`?");
}

TEST_CASE("a group of very many components can be needed, any number of them, and depended on") {
  WrittenFolder folder;
  folder.write("hosts.yaml", hosts(10'001));
  auto platform = platform_of(
      {R"(components:
  all: {each: {from: hosts.yaml}, owner: ap-ops, probes: [{kind: tcp, host: "${each}", port: 80}]}
  front: {owner: ap-ops, depends_on: all, probes: [{kind: tcp, host: front, port: 80}]})",
       "services: {site: {needs: [all]}, some: {needs: [{at_least: 10001, of: [all]}]}}"},
      folder);
  CHECK(platform->services.at("site").needs.size() == 10'001);
  CHECK(platform->services.at("some").needs.at(0).at_least == 10'001);
  CHECK(platform->components.at("front").depends_on.size() == 10'001);
}

TEST_CASE("more components than there may be are refused, each block small enough by itself") {
  WrittenFolder folder;
  folder.write("hosts.yaml", hosts(50'000));
  const Loaded loaded = load_configuration(
      folder.write("c.yaml", with({"components:\n  all: {each: {from: hosts.yaml}, owner: ap-ops}\n  last: {owner: ap-ops}",
                                   "services: {site: {needs: [last]}}"})),
      december());
  CHECK_FALSE(loaded.configuration);
  CHECK(folder.problems(loaded).find("c.yaml:") != std::string::npos);
  CHECK(folder.problems(loaded).find("more than 50000 components: this and what follows is too much") != std::string::npos);
}
