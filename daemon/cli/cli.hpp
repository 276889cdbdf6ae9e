// The operators' command `yagura` (INTERFACE.md §7): reads its options, asks the daemon over the
// control socket (docs/api.md), and prints what comes back, for people or as JSON. It decides
// nothing; who may do what is the daemon's to say.
#pragma once

namespace yagura {

// Exit status: 0 done; 1 refused, the reason on standard error; 2 wrong usage or a bad
// configuration; 3 the daemon cannot be reached. `job run` gives that of its program.
int run_command(int argc, char** argv);

}  // namespace yagura
