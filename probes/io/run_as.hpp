// Another user under whom a program runs, and whether this process may start programs as somebody
// else: for that it has to be root, or to have CAP_SETUID and CAP_SETGID, and CAP_KILL to end them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "result.hpp"

namespace yagura::io {

struct RunAs {
  std::string user;
  std::string home;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // all of the user's, `gid` among them
};

// A user of this machine by name. Error: there is none, or it is root.
Result<RunAs> find_user(const std::string& name);

// Error: what this process lacks, in words.
Result<void> may_run_as(const RunAs& user);

}  // namespace yagura::io
