// The daemon's program: reads its options and hands over to daemon/server.
#include "daemon.hpp"

int main(int argc, char** argv) { return yagura::run_daemon(argc, argv); }
