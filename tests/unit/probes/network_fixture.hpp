// Makes a probe from keys as a configuration has them, runs it, and holds it to what probe.hpp
// promises. With YAGURA_SHOW_REASONS in the environment every reason is printed, to be read.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kinds.hpp"
#include "runtime.hpp"
#include "text.hpp"

namespace yagura::testing {

inline Node scalar(std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.scalar = std::move(text);
  return node;
}
inline Node list(const std::vector<std::string>& texts) {
  Node node;
  node.kind = Node::Kind::list;
  for (const std::string& text : texts)
    node.items.push_back(scalar(text));
  return node;
}

// map({{"url", scalar("…")}, …}); a plain text is a scalar.
struct Value : Node {
  Value(Node node) : Node(std::move(node)) {}
  Value(const char* text) : Node(testing::scalar(text)) {}
  Value(std::string text) : Node(testing::scalar(std::move(text))) {}
  Value(int number) : Node(testing::scalar(std::to_string(number))) {}
};
inline Node map(const std::vector<std::pair<std::string, Value>>& entries) {
  Node node;
  node.kind = Node::Kind::map;
  for (const auto& [key, value] : entries)
    node.entries.emplace_back(scalar(key), value);
  return node;
}

using Maker = std::unique_ptr<Probe> (*)(Reader&);

// All problems that these keys give, as one text; "" where there is a probe.
inline std::string problems_of(Maker make, const Node& keys) {
  Problems problems;
  Reader reader(keys, problems, "the probe");
  auto probe = make(reader);
  reader.finish();
  std::string texts;
  for (const Problem& problem : problems)
    texts += problem.message + "\n";
  // Nothing where a problem was reported (a key that nobody knows is found out later), else a
  // probe.
  if (texts.empty()) CHECK(probe != nullptr);
  return texts;
}

struct Network {
  explicit Network(const std::string& name_servers = {}) : runtime(loop, name_servers) {}

  std::unique_ptr<Probe> make(Maker maker, const Node& keys) {
    Problems problems;
    Reader reader(keys, problems, "the probe");
    auto probe = maker(reader);
    reader.finish();
    for (const Problem& problem : problems)
      FAIL_CHECK(problem.message);
    REQUIRE(probe != nullptr);
    return probe;
  }

  Finding run(Probe& probe, Duration timeout = 10s, bool was_failing = false) {
    std::optional<Finding> finding;
    int calls = 0;
    ProbeRun wanted{{}, timeout, was_failing};
    auto began = std::chrono::steady_clock::now();
    probe.start(runtime, wanted, [&](Finding given) {
      ++calls;
      took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
      finding = std::move(given);
    });
    CHECK(calls == 0);
    loop.restart();
    loop.run_for(timeout + 5s);
    REQUIRE(calls == 1);
    CHECK(loop.stopped());  // A finished run leaves nothing on the loop.
    CHECK(took < timeout + 1s);
    CHECK(is_utf8(finding->reason));
    CHECK(finding->reason.size() <= 500);
    CHECK(finding->reason.find_first_of("\r\n\x1b") == std::string::npos);
    CHECK_FALSE(finding->reason.empty());
    if (std::getenv("YAGURA_SHOW_REASONS") != nullptr) MESSAGE(finding->reason);
    return *finding;
  }
  Finding run(Maker maker, const Node& keys, Duration timeout = 10s) {
    return run(*make(maker, keys), timeout);
  }

  boost::asio::io_context loop;
  io::Runtime runtime;
  Duration took{};
};

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace yagura::testing
