// Makes probes of this machine from keys, as the configuration does, and runs them on a real loop.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/runtime.hpp"
#include "probe.hpp"

namespace yagura::local {

inline Node scalar(std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.scalar = std::move(text);
  return node;
}

struct Key {
  Key(std::string key, Node written) : name(std::move(key)), value(std::move(written)) {}
  Key(std::string key, std::string written) : Key(std::move(key), scalar(std::move(written))) {}
  std::string name;
  Node value;
};

// Keys are placed on lines 1, 2, …
inline Node map(std::vector<Key> keys) {
  Node node;
  node.kind = Node::Kind::map;
  node.place = {"y", 1, 1};
  int line = 0;
  for (Key& key : keys) {
    Node name = scalar(key.name);
    name.place = key.value.place = {"y", ++line, 1};
    node.entries.emplace_back(std::move(name), std::move(key.value));
  }
  return node;
}

using Maker = std::unique_ptr<Probe> (*)(Reader&);

// What was wrong with the keys, one problem a line; empty where a probe came of them.
inline std::string problems_of(Maker make, std::vector<Key> keys) {
  Node node = map(std::move(keys));
  Problems problems;
  Reader reader(node, problems, "probe");
  auto probe = make(reader);
  reader.find("name");  // Read by the caller, as for all kinds.
  reader.finish();
  std::string text;
  for (const Problem& problem : problems)
    text += problem.text() + "\n";
  CHECK_MESSAGE((probe == nullptr || problems.empty() || text.find("unknown key") != text.npos),
                text);
  CHECK((probe != nullptr || !problems.empty()));
  return text;
}

inline std::unique_ptr<Probe> made(Maker make, std::vector<Key> keys) {
  Node node = map(std::move(keys));
  Problems problems;
  Reader reader(node, problems, "probe");
  auto probe = make(reader);
  reader.find("name");  // Read by the caller, as for all kinds.
  reader.finish();
  for (const Problem& problem : problems)
    FAIL(problem.text());
  REQUIRE(probe != nullptr);
  return probe;
}

inline Finding run(Probe& probe, bool was_failing = false, Duration timeout = 5s) {
  boost::asio::io_context loop;
  io::Runtime runtime(loop);
  std::optional<Finding> finding;
  int calls = 0;
  probe.start(runtime, {Instant{}, timeout, was_failing}, [&](Finding found) {
    ++calls;
    finding = std::move(found);
    loop.stop();
  });
  CHECK(calls == 0);
  loop.run_for(timeout + 5s);
  REQUIRE(calls == 1);
  return *finding;
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace yagura::local
