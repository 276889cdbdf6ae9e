// yagurad from start to end: options, configuration, record, engine, listeners, signals, systemd.
#pragma once

namespace yagura {

// Exit status: 0 ended by a signal, 1 could not run, 2 wrong usage or bad configuration.
int run_daemon(int argc, char** argv);

}  // namespace yagura
