#include "descriptors.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

TEST_CASE("the limit of open descriptors is raised as far as the system grants it, and never lowered") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(before.rlim_max >= 512);
  rlimit low = before;
  low.rlim_cur = 256;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  const std::uint64_t raised = raise_descriptor_limit();
  rlimit now{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &now) == 0);
  CHECK(now.rlim_cur == std::min<rlim_t>(before.rlim_max, 1'048'576));
  CHECK(now.rlim_max == before.rlim_max);
  CHECK(raised == now.rlim_cur);
  CHECK(raise_descriptor_limit() == raised);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("what a configuration may need grows with its probes, jobs apart") {
  Gate gate;
  Folder folder;
  const std::uint64_t one = descriptors_needed(configured(folder.path, "", gate, gate));
  CHECK(one > 256);  // people at the control socket
  const std::string two = "  other: {owner: ap-ops, probes: [{kind: load}, {kind: memory}]}\n";
  CHECK(descriptors_needed(configured(folder.path, two, gate, gate)) >= one + 2);
  const std::string job = "  batch: {owner: ap-ops, probes: [{kind: job, every: 6h}]}\n";
  CHECK(descriptors_needed(configured(folder.path, job, gate, gate)) == one);
}
