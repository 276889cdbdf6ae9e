// Programs under another user. Only root can be somebody else.
#include "run_as.hpp"

#include <doctest/doctest.h>
#include <pwd.h>
#include <unistd.h>

#include <optional>

#include "child.hpp"

using namespace yagura;

namespace {

io::ChildResult run_as_nobody(std::vector<std::string> argv) {
  boost::asio::io_context loop;
  std::optional<io::ChildResult> result;
  io::ChildCommand command;
  command.argv = std::move(argv);
  command.timeout = 20s;
  command.as = *io::find_user("nobody");
  io::Child child(loop, std::move(command),
                  [&](io::ChildResult given) { result = std::move(given); });
  loop.run_for(30s);
  return result.value_or(io::ChildResult{});
}

}  // namespace

TEST_CASE("another user's program has that user's rights, groups, and nothing of ours" *
          doctest::skip(geteuid() != 0)) {
  setenv("CREDENTIALS_DIRECTORY", "/run/credentials/yagurad.service", 1);
  const io::ChildResult result = run_as_nobody(
      {"/bin/sh", "-c",
       "id -un; id -u; id -G; grep -E '^(CapPrm|CapEff|CapAmb|SigBlk|SigIgn):' /proc/self/status | "
       "tr -d '\\t'; "
       "ls /proc/self/fd | tr '\\n' ' '; ps -o pgid= -p $$ | tr -d ' ' | grep -qx $$ && echo own "
       "group; "
       "echo credentials ${CREDENTIALS_DIRECTORY:-none}; cat; echo complaint >&2; exit 3"});
  unsetenv("CREDENTIALS_DIRECTORY");
  const passwd* nobody = getpwnam("nobody");
  CHECK(result.output ==
        "nobody\n" + std::to_string(nobody->pw_uid) + "\n" + std::to_string(nobody->pw_gid) +
            "\nSigBlk:0000000000000000\nSigIgn:0000000000000000\nCapPrm:0000000000000000\nCapEff:"
            "0000000000000000\n"
            "CapAmb:0000000000000000\n0 1 2 3 own group\ncredentials none\ncomplaint\n");
  CHECK(result.how == io::ChildResult::How::exited);
  CHECK(result.status == 3);
}

TEST_CASE("what cannot be started as another user is said at once" *
          doctest::skip(geteuid() != 0)) {
  CHECK(run_as_nobody({"/no/such/program"}).reason ==
        "cannot start /no/such/program as nobody: No such file or directory");
  CHECK(run_as_nobody({"/etc/passwd"}).reason ==
        "cannot start /etc/passwd as nobody: Permission denied");
}

TEST_CASE("who may not become another user is told what is lacking") {
  const io::RunAs other{"other", "/", geteuid() + 1, 1, {}};
  const auto may = io::may_run_as(other);
  CHECK(may.has_value() == (geteuid() == 0));
  if (!may)
    CHECK(may.error().message ==
          "to run programs as other the daemon needs CAP_SETUID, CAP_SETGID, CAP_KILL");
  CHECK(io::may_run_as({"we", "/", geteuid(), 1, {}}).has_value());
  CHECK(io::find_user("no-such-user").error().message ==
        "this machine has no user \"no-such-user\"");
  CHECK_FALSE(io::find_user("root").has_value());
}
