// Runs a probe that keeps something, as the daemon does: what it kept is given back to it, also to
// the next one.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "local_run.hpp"
#include "zone.hpp"

namespace yagura::local {

struct Keeper {
  std::string kept;

  Finding run(Probe& probe, bool was_failing = false) {
    boost::asio::io_context loop;
    io::Runtime runtime(loop);
    std::optional<Finding> finding;
    const Zone zone = Zone::named("Asia/Tokyo").value();
    ProbeRun asked{Instant{}, 2min, was_failing};
    asked.kept = kept.empty() ? nullptr : &kept;
    asked.zone = &zone;
    probe.start(runtime, asked, [&](Finding found) {
      finding = std::move(found);
      loop.stop();
    });
    loop.run_for(150s);
    REQUIRE(finding);
    if (finding->keep) kept = *finding->keep;
    return *finding;
  }
};

inline void append(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(file >= 0);
  REQUIRE(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  ::close(file);
}

inline Node list(std::vector<std::string> texts) {
  Node node;
  node.kind = Node::Kind::list;
  for (std::string& text : texts)
    node.items.push_back(scalar(std::move(text)));
  return node;
}

}  // namespace yagura::local
