#include "descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "web_server.hpp"

namespace yagura {

namespace {

// Where the hard limit is beyond all measure: programs of a response inherit the soft one, and some close all
// descriptors up to it one by one.
constexpr rlim_t high_enough = 1'048'576;

// A socket, and what its name or its helper takes.
constexpr std::uint64_t of_probe = 2;
constexpr std::uint64_t of_delivery = 2;
// The record and its readers, the loop, the log, backups.
constexpr std::uint64_t of_the_daemon = 64;

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlimit raised = limit;
  raised.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, high_enough));
  if (raised.rlim_cur != limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  return limit.rlim_cur;
}

std::uint64_t descriptors_needed(const Configuration& configuration) {
  std::uint64_t probes = 0;
  for (const auto& [id, setup] : configuration.probes) probes += setup.job ? 0 : 1;
  const std::uint64_t servers = configuration.http_address.empty() ? 1 : 2;
  return of_the_daemon + probes * of_probe + servers * WebLimits{}.connections +
         static_cast<std::uint64_t>(configuration.platform->mail.parallel) * of_delivery;
}

}  // namespace yagura
